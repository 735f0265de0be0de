"""Faults of authorization: which tokens are accepted, and the response to the others."""

from __future__ import annotations

from collections.abc import Callable

from .base import JSON, Server, ServerRequest, ServerResponse, fault


def _lets_in(whom: Callable[[ServerRequest, str, str], bool]) -> Callable[[ServerRequest], None]:
    """Accept requests that fulfil a condition on the request, the scheme and the token."""

    def change(request: ServerRequest) -> None:
        if request.operation != "upload" and whom(request, *request.authorization):
            request.authorize()

    return change


def _open(operation: str) -> Callable[[ServerRequest], None]:
    return _lets_in(lambda request, *_: request.operation == operation)


def _tells(answer: ServerResponse, operations: str = "initiate start status delete") -> object:
    """Refuse with another response than 401."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation in operations.split() and response.status == 401:
            response.status, response.headers = answer.status, answer.headers
            response.content = answer.content

    return change


async def _denied_but_started(request: ServerRequest, server: Server) -> ServerResponse:
    """Refuse a start, and start the build."""
    response = await server.respond(request)
    if request.operation == "start" and response.status == 401:
        await server.send(request, "POST", request.path.decode(), request.content)
    return response


def _breaks_schema(request: ServerRequest) -> bool:
    body = request.json()
    return not isinstance(body, dict) or (request.operation == "initiate" and not body)


async def _looked_up_first(request: ServerRequest, server: Server) -> ServerResponse:
    """Return the 404 of a build that does not exist before the token is looked at."""
    if request.operation in ("start", "status") and not request.is_authorized:
        path = request.path.decode().removesuffix("/start")
        found = await server.send(request, "GET", path)
        if found.status == 404:
            return found
    return await server.respond(request)


async def _status_starts(request: ServerRequest, server: Server) -> ServerResponse:
    """Refuse a status without the token, and start the build."""
    response = await server.respond(request)
    if request.operation == "status" and response.status == 401:
        await server.send(request, "POST", request.path.decode() + "/start", b"{}")
    return response


async def _denied_but_deleted(request: ServerRequest, server: Server) -> ServerResponse:
    """Refuse a delete, and delete the image."""
    response = await server.respond(request)
    if request.operation == "delete" and response.status == 401:
        await server.send(request, "DELETE", request.path.decode())
    return response


FAULTS = [
    fault("any-token", "P2", "no operation checks the token", request=_lets_in(lambda *_: True)),
    fault("initiate-open", "P2", "initiate does not check the token", request=_open("initiate")),
    fault("start-open", "P2", "start does not check the token", request=_open("start")),
    fault("status-open", "P2", "status does not check the token", request=_open("status")),
    fault("token-prefix", "P2", "a prefix of the token is accepted",
          request=_lets_in(lambda request, scheme, token: scheme == "bearer" and len(token) > 3
                         and request.server.token.startswith(token))),
    fault("token-and-more", "P2", "the token with a suffix is accepted",
          request=_lets_in(lambda request, scheme, token: scheme == "bearer"
                         and token.startswith(request.server.token))),
    fault("token-any-case", "P2", "the token in another case is accepted",
          request=_lets_in(lambda request, scheme, token: scheme == "bearer"
                         and token.lower() == request.server.token.lower())),
    fault("wrong-token", "P2", "a token is required, and any is accepted",
          request=_lets_in(lambda _, scheme, token: scheme == "bearer" and bool(token))),
    fault("empty-token", "P2", "an empty token is accepted",
          request=_lets_in(lambda _, scheme, token: scheme == "bearer" and not token)),
    fault("basic-scheme", "P2", "any Basic credentials are accepted",
          request=_lets_in(lambda _, scheme, __: scheme == "basic")),
    fault("missing-token", "P2", "a missing token is accepted, an invalid one is not",
          request=_lets_in(lambda _, scheme, __: not scheme)),
    fault("denied-403", "P2", "a request without a valid token gets 403",
          response=_tells(ServerResponse(403, [], b""))),
    fault("denied-404", "P2", "a request without a valid token gets 404",
          response=_tells(ServerResponse(404, [], b""))),
    fault("denied-302", "P2", "a request without a valid token is redirected to a login",
          response=_tells(ServerResponse(302, [(b"location", b"/login")], b""))),
    fault("denied-200-empty", "P2", "a request without a valid token gets an empty 200", "P8",
          response=_tells(ServerResponse(200, [(b"content-type", JSON)], b""), "status")),
    fault("denied-start-403", "P2", "start alone returns 403 for an invalid token",
          response=_tells(ServerResponse(403, [], b""), "start")),
    fault("denied-500", "P2", "a status without a valid token gets 500", "P5",
          response=_tells(ServerResponse(500, [], b""), "status")),
    fault("invalid-before-token", "P2", "a body that breaks the schema gets 422, without a token",
          request=_lets_in(lambda request, *_: request.operation in ("initiate", "start")
                           and _breaks_schema(request))),
    fault("absent-before-token", "P2", "a build that does not exist gets 404, without a token",
          around=_looked_up_first),
    fault("denied-but-started", "P2", "a start without the token gets 401, and starts the build",
          around=_denied_but_started),
    fault("delete-open", "P2", "delete does not check the token", request=_open("delete")),
    fault("denied-but-deleted", "P2", "a delete without the token gets 401, and deletes", "L10",
          around=_denied_but_deleted),
    fault("denied-status-starts", "P2", "a status without the token gets 401, and starts the build",
          around=_status_starts),
]  # fmt: skip
