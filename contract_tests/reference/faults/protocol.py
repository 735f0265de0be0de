"""Faults of protocol: status codes, content types, methods, and requests that cause a 500."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .base import JSON, Body, Headers, Server, ServerRequest, ServerResponse, fault, set_header
from .edits import Change, count

_LONG_AGO = "2020-01-01T08:00:00Z"
Condition = Callable[[ServerRequest], bool]


def _code(operation: str, code: int) -> Change:
    """Return another status code for success."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == operation and response.is_success:
            response.status = code
            response.content = b"" if code == 204 else response.content

    return change


def _media_type(operation: str, media_type: bytes) -> Change:
    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == operation and response.is_success:
            set_header(response.headers, b"content-type", media_type)

    return change


def _takes(operation: str, repair: Callable[[Any], Any]) -> Callable[[ServerRequest], None]:
    """Accept an invalid body: ``repair`` returns a valid one for it, or None to leave it."""

    def change(request: ServerRequest) -> None:
        if request.operation == operation and request.json() is not ...:
            valid = repair(request.json())
            if valid is not None:
                request.content = json.dumps(valid).encode()

    return change


def _with(body: Any, key: str, value: Any) -> Body | None:
    return {**body, key: value} if isinstance(body, dict) else None


def _tag_as_string(body: Any) -> Body | None:
    return _with(body, "image_tag", str(body["image_tag"])) if _has(body, "image_tag") else None


def _latest(body: Any) -> Body | None:
    return None if _has(body, "image_tag") else _with(body, "image_tag", "latest")


def _nameless(body: Any) -> Body | None:
    is_null = _has(body, "image_name") and body["image_name"] is None
    return _with(body, "image_name", "null") if is_null else None


def _any_platform(body: Any) -> Body | None:
    return _with(body, "platform", "linux/amd64") if _has(body, "platform") else None


def _secret(body: Any) -> Body | None:
    is_secret = _has(body, "visibility") and body["visibility"] == "SECRET"
    return _with(body, "visibility", "PRIVATE") if is_secret else None


def _any_path(body: Any) -> Body | None:
    is_odd = _has(body, "dockerfile_path") and not isinstance(body["dockerfile_path"], str)
    return _with(body, "dockerfile_path", str(body["dockerfile_path"])) if is_odd else None


def _any_team(body: Any) -> Body | None:
    is_valid = not _has(body, "teamId") or isinstance(body["teamId"], str | None)
    return None if is_valid else _with(body, "teamId", str(body["teamId"]))


def _refuses(*keys: str, value: Any = ...) -> Callable[[ServerRequest], ServerResponse | None]:
    """Return 422 for an initiate with one of the keys, or for a value of it."""

    def answer(request: ServerRequest) -> ServerResponse | None:
        body = request.json() if request.operation == "initiate" and request.is_authorized else None
        for key in keys:
            if isinstance(body, dict) and key in body and value in (..., body[key]):
                errors = {"errors": [{"param": key, "details": "is not supported"}]}
                headers = [(b"content-type", JSON)]
                return ServerResponse(422, headers, json.dumps(errors).encode())
        return None

    return answer


def _has(body: Any, key: str) -> bool:
    return isinstance(body, dict) and key in body


def _breaks_start(body: Any) -> bool:
    return not isinstance(body, dict) or not isinstance(body.get("context_uploaded", True), bool)


def _invalid_400(_: ServerRequest, response: ServerResponse) -> None:
    if response.status == 422:
        response.status = 400


async def _invalid_but_started(request: ServerRequest, server: Server) -> ServerResponse:
    body = request.json()
    is_broken = request.operation == "start" and body is not ... and _breaks_start(body)
    if is_broken and request.is_authorized:
        await server.respond(replace(request, content=b"{}"))
    return await server.respond(request)


def _unknown(operation: str, answer: Callable[[str], ServerResponse]) -> Change:
    """Return another response than 404 for an unknown build."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == operation and response.status == 404:
            made = answer(request.build_id)
            response.status, response.headers = made.status, made.headers
            response.content = made.content

    return change


def _made_up(status: str, started: str | None) -> Callable[[str], ServerResponse]:
    def answer(build_id: str) -> ServerResponse:
        group: Body = {
            "id": build_id, "imageName": "web", "imageTag": "v1", "status": status,
            "createdAt": _LONG_AGO, "startedAt": started, "completedAt": None, "artifacts": [],
        }  # fmt: skip
        return ServerResponse(200, [(b"content-type", JSON)], json.dumps(group).encode())

    return answer


def _fails(condition: Condition) -> Callable[[ServerRequest], ServerResponse | None]:
    """Return 500 for requests that fulfil a condition."""
    return lambda request: ServerResponse(500, [], b"") if condition(request) else None


def _type(request: ServerRequest) -> bytes:
    return request.header(b"content-type").partition(b";")[0]


def _is_second_start(request: ServerRequest) -> bool:
    valid = request.operation == "start" and request.is_authorized
    return valid and not _breaks_start(request.json()) and bool(request.seen.get("started"))


def _note_start(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "start" and response.is_success:
        count(request.seen, "started")


def _early_start_500(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "upload" and response.is_success:
        request.seen["uploaded"] = True
    is_early = request.operation == "start" and response.status == 409
    if is_early and not request.seen.get("uploaded"):
        response.status, response.content = 500, b""


def _empty_start(code: int) -> Callable[[ServerRequest], ServerResponse | None]:
    """Refuse {} where the start is otherwise valid."""
    content = b'{"errors": [{"param": "context_uploaded", "details": "is required"}]}'

    def change(request: ServerRequest) -> ServerResponse | None:
        if request.operation == "start" and request.is_authorized and request.json() == {}:
            return ServerResponse(code, [(b"content-type", JSON)], content)
        return None

    return change


async def _empty_start_idle(request: ServerRequest, server: Server) -> ServerResponse:
    """Return the status for a start with {} or false, and start nothing."""
    if request.operation == "start" and request.json() in ({}, {"context_uploaded": False}):
        return await server.respond(replace(request, method="GET", path=request.path[:-6]))
    return await server.respond(request)


def _put_as(instead: str, place: str) -> Callable[[ServerRequest], None]:
    """Process PUT as another method."""

    def change(request: ServerRequest) -> None:
        if request.method == "PUT" and request.place == place:
            request.method = instead
            if instead == "POST" and not request.content:
                request.content = b"{}"
                set_header(request.headers, b"content-type", JSON)

    return change


def _delete_204(request: ServerRequest, response: ServerResponse) -> None:
    if request.method == "DELETE" and request.place == "builds":
        response.status, response.content = 204, b""


def _image_200(request: ServerRequest, response: ServerResponse) -> None:
    if request.method == "GET" and request.place == "image":
        response.status, response.content = 200, b"{}"


def _not_allowed_200(request: ServerRequest, response: ServerResponse) -> None:
    if request.method == "PATCH" and response.status == 405:
        response.status, response.content = 200, b"{}"


async def _refused_but_started(request: ServerRequest, server: Server) -> ServerResponse:
    if request.method == "PATCH" and request.place == "build" and request.is_authorized:
        await server.send(request, "POST", request.path.decode() + "/start", b"{}")
    return await server.respond(request)


def _headers(change: Callable[[ServerRequest, Headers], None], *codes: int) -> Change:
    """Change the headers of responses with some status codes."""

    def changed(request: ServerRequest, response: ServerResponse) -> None:
        if response.status in codes:
            change(request, response.headers)

    return changed


def _without(name: bytes) -> Callable[[ServerRequest, Headers], None]:
    def change(_: ServerRequest, headers: Headers) -> None:
        headers[:] = [one for one in headers if one[0].lower() != name]

    return change


def _with_header(name: bytes, value: bytes) -> Callable[[ServerRequest, Headers], None]:
    return lambda _, headers: set_header(headers, name, value)


def _allow_elsewhere(_: ServerRequest, headers: Headers) -> None:
    headers[:] = [(b"x-allow" if name == b"allow" else name, value) for name, value in headers]


def _cached(name: bytes, value: bytes) -> Change:
    """Let a status be cached."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "status" and response.is_success:
            set_header(response.headers, name, value)

    return change


def _busy(retry_after: bytes) -> Change:
    """Return 429 for the first status of each build."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        is_status = request.operation == "status" and response.is_success
        if is_status and count(request.seen, "statuses") == 1:
            response.status, response.content = 429, b""
            response.headers = [(b"retry-after", retry_after)]

    return change


FAULTS = [
    fault("initiate-200", "P1", "initiate returns 200", response=_code("initiate", 200)),
    fault("start-202", "P1", "start returns 202", response=_code("start", 202)),
    fault("start-204", "P1", "start returns 204 without a body", response=_code("start", 204)),
    fault("status-text-plain", "P1", "status returns text/plain",
          response=_media_type("status", b"text/plain")),
    fault("start-html", "P1", "start returns text/html",
          response=_media_type("start", b"text/html; charset=utf-8")),
    fault("initiate-problem-json", "P1", "initiate returns application/problem+json",
          response=_media_type("initiate", b"application/problem+json")),
    fault("delete-image-204", "P1", "delete returns 204", response=_code("delete", 204)),
    fault("delete-text", "P1", "delete returns text/plain",
          response=_media_type("delete", b"text/plain")),
    fault("any-start-body", "P3", "start accepts any body as {}",
          request=_takes("start", lambda body: {} if _breaks_start(body) else None)),
    fault("null-start-body", "P3", "start accepts null as {}",
          request=_takes("start", lambda body: {} if body is None else None)),
    fault("any-start-flag", "P3", "start accepts any context_uploaded as true", request=_takes(
        "start", lambda body: {} if isinstance(body, dict) and _breaks_start(body) else None)),
    fault("any-image-tag", "P3", "initiate accepts any image_tag",
          request=_takes("initiate", _tag_as_string)),
    fault("missing-tag-latest", "P3", "initiate uses latest for a missing image_tag",
          request=_takes("initiate", _latest)),
    fault("null-image-name", "P3", "initiate accepts null as a name",
          request=_takes("initiate", _nameless)),
    fault("any-platform", "P3", "initiate accepts any platform",
          request=_takes("initiate", _any_platform)),
    fault("secret-visibility", "P3", "initiate accepts an unknown visibility",
          request=_takes("initiate", _secret)),
    fault("any-dockerfile-path", "P3", "initiate accepts a number as dockerfile_path",
          request=_takes("initiate", _any_path)),
    fault("any-team", "P3", "initiate accepts a number as teamId",
          request=_takes("initiate", _any_team)),
    fault("invalid-400", "P3", "a body that breaks its schema gets 400", response=_invalid_400),
    fault("invalid-but-started", "P3", "an invalid start gets 422, and starts the build",
          around=_invalid_but_started),
    fault("unknown-status-200", "P4", "status returns a made-up build for an unknown id",
          response=_unknown("status", _made_up("PENDING", None))),
    fault("unknown-start-200", "P4", "start returns a made-up build for an unknown id",
          response=_unknown("start", _made_up("BUILDING", _LONG_AGO))),
    fault("unknown-start-pending", "P4", "start returns PENDING for an unknown build",
          response=_unknown("start", _made_up("PENDING", None))),
    fault("unknown-start-204", "P4", "the start of an unknown build gets 204", "P1",
          response=_unknown("start", lambda _: ServerResponse(204, [], b""))),
    fault("long-id-500", "P5", "a long build id gets 500",
          request=_fails(lambda r: r.operation == "status" and len(r.build_id) > 32)),
    fault("start-of-64-500", "P5", "start of a build id of 64 characters gets 500",
          request=_fails(lambda r: r.operation == "start" and len(r.build_id) == 64)),
    fault("status-of-256-500", "P5", "status of a build id of 256 characters gets 500",
          request=_fails(lambda r: r.operation == "status" and len(r.build_id) == 256)),
    fault("large-start-500", "P5", "a start body of more than 1 MiB gets 500", "P3",
          request=_fails(lambda r: r.place == "start" and len(r.content) > 2**20)),
    fault("dash-id-500", "P5", "a build id with a leading dash gets 500",
          request=_fails(lambda r: r.build_id.startswith("-"))),
    fault("dotted-id-500", "P5", "a build id with dots gets 500",
          request=_fails(lambda r: r.operation == "start" and "." in r.build_id)),
    fault("non-ascii-id-500", "P5", "a build id beyond ASCII gets 500",
          request=_fails(lambda r: not r.build_id.isascii())),
    fault("percent-id-500", "P5", "a percent sign in a build id gets 500",
          request=_fails(lambda r: "%" in r.build_id)),
    fault("nul-id-500", "P5", "a zero byte in a build id gets 500",
          request=_fails(lambda r: "\0" in r.build_id)),
    fault("array-500", "P5", "a start body that is not an object gets 500", "P3",
          request=_fails(lambda r: r.operation == "start" and r.json() is not ...
                       and not isinstance(r.json(), dict))),
    fault("no-json-500", "P5", "a body that is not JSON gets 500",
          request=_fails(lambda r: r.operation in ("initiate", "start") and _type(r) == JSON
                       and bool(r.content) and r.json() is ...)),
    fault("no-body-500", "P5", "a POST without a body gets 500",
          request=_fails(lambda r: r.operation in ("initiate", "start") and not r.content)),
    fault("no-type-500", "P5", "a POST without a content type gets 500",
          request=_fails(lambda r: r.operation in ("initiate", "start") and not _type(r))),
    fault("other-type-500", "P5", "a POST with another content type gets 500",
          request=_fails(lambda r: r.operation in ("initiate", "start")
                       and _type(r) not in (b"", JSON))),
    fault("large-body-500", "P5", "a body of more than 1 MiB gets 500", "P3",
          request=_fails(lambda r: r.place != "upload" and len(r.content) > 2**20)),
    fault("head-500", "P5", "HEAD of a build gets 500",
          request=_fails(lambda r: r.method == "HEAD" and r.place == "build")),
    fault("nul-500", "P5", "a NUL in a text gets 500",
          request=_fails(lambda r: r.operation == "initiate" and b"\\u0000" in r.content)),
    fault("options-500", "P5", "OPTIONS gets 500", request=_fails(lambda r: r.method == "OPTIONS")),
    fault("delete-500", "P5", "delete gets 500", request=_fails(lambda r: r.operation == "delete")),
    fault("second-start-500", "P5", "a second start gets 500",
          request=_fails(_is_second_start), response=_note_start),
    fault("early-start-500", "P5", "a start without an upload gets 500", response=_early_start_500),
    fault("empty-start-409", "P7", "start refuses {} with 409", request=_empty_start(409)),
    fault("empty-start-422", "P7", "start refuses {} with 422", request=_empty_start(422)),
    fault("empty-start-idle", "P7", "start returns 200 for {} and for false, and does nothing",
          around=_empty_start_idle),
    fault("arm64-refused", "P16", "the platform linux/arm64 gets 422",
          request=_refuses("platform", value="linux/arm64")),
    fault("null-team-refused", "P16", "a teamId that is null gets 422",
          request=_refuses("teamId", value=None)),
    fault("options-refused", "P16", "each key beside the name and the tag gets 422",
          request=_refuses("dockerfile_path", "platform", "teamId", "visibility")),
    fault("put-starts", "P9", "PUT starts a build", request=_put_as("POST", "start")),
    fault("put-status-200", "P9", "PUT of a build returns what GET does",
          request=_put_as("GET", "build")),
    fault("delete-204", "P9", "DELETE of all builds returns 204", response=_delete_204),
    fault("get-image-200", "P9", "GET of an image returns 200", response=_image_200),
    fault("patch-200", "P9", "PATCH returns 200", response=_not_allowed_200),
    fault("patch-405-but-started", "P9", "PATCH of a build gets 405, and starts it",
          around=_refused_but_started),
    fault("no-challenge", "P12", "a 401 has no WWW-Authenticate",
          response=_headers(_without(b"www-authenticate"), 401)),
    fault("empty-challenge", "P12", "the WWW-Authenticate of a 401 is empty",
          response=_headers(_with_header(b"www-authenticate", b""), 401)),
    fault("no-allow", "P13", "a 405 has no Allow", response=_headers(_without(b"allow"), 405)),
    fault("methods-elsewhere", "P13", "a 405 lists the methods in X-Allow",
          response=_headers(_allow_elsewhere, 405)),
    fault("retry-in-words", "P14", "the Retry-After of a 429 is a word", response=_busy(b"soon")),
    fault("retry-with-fraction", "P14", "the Retry-After of a 429 has a fraction",
          response=_busy(b"1.5")),
    fault("retry-at-iso-date", "P14", "the Retry-After of a 429 is an instant as in JSON",
          response=_busy(b"2026-11-24T09:00:00Z")),
    fault("status-cached", "P15", "a status may be cached for five minutes",
          response=_cached(b"cache-control", b"public, max-age=300")),
    fault("status-cached-by-proxies", "P15", "a status may be cached by proxies for a minute",
          response=_cached(b"cache-control", b"max-age=0, s-maxage=60")),
]  # fmt: skip
