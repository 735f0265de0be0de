"""What a fault is: a middleware between a conforming server and its clients.

It changes a request on the way in or a response on the way out. The server has no hook for it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

Message = MutableMapping[str, Any]
App = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]
Body = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"
_IMAGES = "/api/v1/images"
BUILD = f"{_IMAGES}/build"
DONE = ("COMPLETED", "FAILED")
# A later one goes before an earlier one.
_PLACES = {
    "image": re.compile(_IMAGES + r"/([^/]+)/([^/]+)"),
    "builds": re.compile(BUILD),
    "build": re.compile(BUILD + r"/([^/]+)"),
    "start": re.compile(BUILD + r"/([^/]+)/start"),
    "upload": re.compile(r"/uploads/([^/]+)"),
}
_OPERATIONS = {
    ("POST", "builds"): "initiate",
    ("GET", "build"): "status",
    ("POST", "start"): "start",
    ("PUT", "upload"): "upload",
    ("DELETE", "image"): "delete",
}


@dataclass
class ServerRequest:
    """A request, as a fault may change it.

    Attributes:
        operation: initiate, upload, start, status or delete; None for anything else.
        build_id: The id in the path; of an image its name and tag, with a slash between them.
        place: What the path names, whatever the method: builds, build, start, upload or image;
            or "".

    """

    operation: str | None
    build_id: str
    method: str
    headers: Headers
    content: bytes
    place: str
    path: bytes
    query: bytes
    server: Server = field(repr=False)

    @property
    def seen(self) -> Body:
        """The state that the fault keeps for this build."""
        return self.server.memory[self.build_id]

    @property
    def authorization(self) -> tuple[str, str]:
        """The scheme, in lower case, and the token; both empty without such a header."""
        authorization = self.header(b"authorization").decode("latin-1")
        scheme, _, token = authorization.partition(" ")
        return scheme.lower(), token

    @property
    def is_authorized(self) -> bool:
        """Whether it has the valid token."""
        return self.authorization == ("bearer", self.server.token)

    def header(self, name: bytes) -> bytes:
        """Return a header, or empty bytes."""
        return dict(self.headers).get(name, b"")

    def authorize(self) -> None:
        """Replace its credentials by the valid token."""
        set_header(self.headers, b"authorization", b"Bearer " + self.server.token.encode())

    def json(self) -> Any:
        """Return the JSON of the body, or ``...`` if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return ...


@dataclass
class ServerResponse:
    """A response, as a fault may change it."""

    status: int
    headers: Headers
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status <= 299


@dataclass
class Server:
    """The conforming server behind a fault.

    Attributes:
        memory: The state that the fault keeps, by build id or by another name.

    """

    app: App
    token: str
    scope: Any = None
    memory: dict[str, Body] = field(default_factory=lambda: defaultdict(dict))

    async def respond(self, request: ServerRequest) -> ServerResponse:
        """Return the response of the conforming server."""
        response = ServerResponse(500, [], b"")
        length = (b"content-length", str(len(request.content)).encode())
        scope = {
            **self.scope,
            "method": request.method,
            "path": _unquoted(request.path),
            "raw_path": request.path,
            "query_string": request.query,
            "headers": [*_without(request.headers, b"content-length"), length],
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": request.content, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                response.status, response.headers = message["status"], list(message["headers"])
            else:
                response.content += message.get("body", b"")

        await self.app(scope, receive, send)
        return response

    async def send(
        self,
        like: ServerRequest,
        method: str,
        url: str,
        content: bytes = b"",
        media_type: bytes = JSON,
    ) -> ServerResponse:
        """Send a request of the fault's own to the conforming server, with the token."""
        path, _, query = url.encode().partition(b"?")
        headers = [*like.headers]
        set_header(headers, b"content-type", media_type)
        request = replace(
            like, method=method, path=path, query=query, headers=headers, content=content
        )
        request.authorize()
        return await self.respond(request)


@dataclass(frozen=True)
class Fault:
    """One way to violate a rule.

    Attributes:
        rule: The id of the rule that it violates.
        summary: What the server does, in one line.
        also: The ids of other rules that it inevitably violates.
        request: Changes a request; may return a response to it.
        response: Changes a response.
        around: Returns the response to a request; may send requests to the conforming server.
        group: The kind of fault.

    """

    name: str
    rule: str
    summary: str
    also: frozenset[str] = frozenset()
    request: Callable[[ServerRequest], ServerResponse | None] | None = None
    response: Callable[[ServerRequest, ServerResponse], None] | None = None
    around: Callable[[ServerRequest, Server], Awaitable[ServerResponse]] | None = None
    group: str = ""

    def wrap(self, app: App, token: str) -> App:
        """Return a server with this fault. Its state starts empty."""
        memory: dict[str, Body] = defaultdict(dict)

        async def broken(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            response = await self._answer(
                await _read_request(Server(app, token, scope, memory), receive)
            )
            length = (b"content-length", str(len(response.content)).encode())
            headers = [*_without(response.headers, b"content-length"), length]
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await send({"type": "http.response.body", "body": response.content})

        return broken

    async def _answer(self, request: ServerRequest) -> ServerResponse:
        response = self.request(request) if self.request else None
        if response is not None:
            return response
        answer = self.around or _unchanged
        response = await answer(request, request.server)
        if self.response:
            self.response(request, response)
        return response


def fault(name: str, rule: str, summary: str, also: str = "", **changes: Any) -> Fault:
    """Make a fault; ``also`` has ids, separated by spaces."""
    return Fault(name, rule, summary, frozenset(also.split()), **changes)


async def _unchanged(request: ServerRequest, server: Server) -> ServerResponse:
    return await server.respond(request)


async def _read_request(server: Server, receive: Any) -> ServerRequest:
    scope, content = server.scope, b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    place, build_id = "", ""
    for name, path in _PLACES.items():
        if found := path.fullmatch(scope["path"]):
            place, build_id = name, "/".join(found.groups())
    return ServerRequest(
        operation=_OPERATIONS.get((scope["method"], place)),
        build_id=build_id,
        method=scope["method"],
        headers=list(scope["headers"]),
        content=content,
        place=place,
        path=(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0],
        query=scope.get("query_string", b""),
        server=server,
    )


def _unquoted(path: bytes) -> str:
    return unquote(path.decode("latin-1"))


def _without(headers: Headers, name: bytes) -> Headers:
    return [(key, value) for key, value in headers if key.lower() != name]


def set_header(headers: Headers, name: bytes, value: bytes) -> None:
    """Replace all headers of a name by one."""
    headers[:] = [*_without(headers, name), (name, value)]


def empty(group: Body) -> None:
    """Take all artifacts out of a build."""
    group["artifacts"] = []
