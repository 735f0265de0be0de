"""Single faults: each breaks a sound server in one way, and trips one rule.

The server has no hook for them. A fault stands between it and its clients, and changes a request
on the way in or a response on the way out.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

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


@dataclass
class Asked:
    """A request, as a fault may change it."""

    operation: str | None
    build_id: str
    method: str
    headers: list[tuple[bytes, bytes]]
    content: bytes


@dataclass
class Answered:
    """A response, as a fault may change it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes


@dataclass(frozen=True)
class Fault:
    """One way to be broken.

    Attributes:
        rule: The id of the rule that it trips.
        also: Ids of rules that it cannot but trip too.
        asked: Changes a request; may answer it at once.
        answered: Changes a response.

    """

    name: str
    rule: str
    says: str
    also: frozenset[str] = frozenset()
    asked: Callable[[Asked, str], Answered | None] | None = None
    answered: Callable[[Asked, Answered], None] | None = None

    def wrap(self, app: App, token: str) -> App:
        """Stand between a server and its clients."""

        async def broken(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            request = await _asked(scope, receive)
            response = self.asked(request, token) if self.asked else None
            if response is None:
                response = await _answer(app, scope, request)
                if self.answered:
                    self.answered(request, response)
            headers = [(k, v) for k, v in response.headers if k.lower() != b"content-length"]
            headers.append((b"content-length", str(len(response.content)).encode()))
            await send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await send({"type": "http.response.body", "body": response.content})

        return broken


FAULTS: dict[str, Fault] = {}


def apply(app: Any, name: str, token: str) -> App:
    """Break a server. Raises ``ValueError``, which names the nearest, for an unknown fault."""
    if name not in FAULTS:
        near = difflib.get_close_matches(name, FAULTS, n=3, cutoff=0.3) or list(FAULTS)
        raise ValueError(f"unknown fault {name}; use {', '.join(near)}")
    return FAULTS[name].wrap(app, token)


def _fault(name: str, rule: str, says: str, also: str = "", **changes: Any) -> None:
    FAULTS[name] = Fault(name, rule, says, frozenset(also.split()), **changes)


_PATHS = {
    ("POST", re.compile(r"/api/v1/images/build")): "initiate",
    ("GET", re.compile(r"/api/v1/images/build/([^/]+)")): "status",
    ("POST", re.compile(r"/api/v1/images/build/([^/]+)/start")): "start",
}


async def _asked(scope: Any, receive: Any) -> Asked:
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    operation, build_id = None, ""
    for (method, path), name in _PATHS.items():
        found = path.fullmatch(scope["path"])
        if method == scope["method"] and found:
            operation, build_id = name, "".join(found.groups())
    return Asked(operation, build_id, scope["method"], list(scope["headers"]), content)


async def _answer(app: App, scope: Any, request: Asked) -> Answered:
    response = Answered(500, [], b"")
    length = (b"content-length", str(len(request.content)).encode())
    headers = [(k, v) for k, v in request.headers if k.lower() != b"content-length"]
    scope = {**scope, "headers": [*headers, length]}

    async def receive() -> Message:
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status, response.headers = message["status"], list(message["headers"])
        else:
            response.content += message.get("body", b"")

    await app(scope, receive, send)
    return response


def _body(
    edit: Callable[[Body], None], operations: str = "start status"
) -> Callable[[Asked, Answered], None]:
    """Edit the JSON of each success of some operations."""

    def answered(request: Asked, response: Answered) -> None:
        if request.operation in operations.split() and 200 <= response.status <= 299:
            body = json.loads(response.content)
            edit(body)
            response.content = json.dumps(body).encode()

    return answered


def _put(key: str, value: Any, *, when: str = "", rows: str = "group") -> Callable[[Body], None]:
    """Put a value into the group or its artifacts, where the status is one of ``when``."""

    def edit(body: Body) -> None:
        for row in [body] if rows == "group" else body["artifacts"]:
            if not when or row["status"] in when.split():
                row[key] = value(row) if callable(value) else value

    return edit


def _drop(key: str, *, rows: str = "group") -> Callable[[Body], None]:
    def edit(body: Body) -> None:
        for row in [body] if rows == "group" else body["artifacts"]:
            row.pop(key)

    return edit


def _naive(key: str) -> Callable[[Body], Any]:
    return lambda row: row[key] and row[key].removesuffix("Z")


def _set_header(headers: list[tuple[bytes, bytes]], name: bytes, value: bytes) -> None:
    headers[:] = [(k, v) for k, v in headers if k.lower() != name] + [(name, value)]


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return True  # no JSON at all is another matter


def _bytes_of_pending(
    edit: Callable[[bytes], bytes],
) -> Callable[[Asked, Answered], None]:
    """Edit the bytes of each status that tells PENDING; the others stay readable."""

    def answered(request: Asked, response: Answered) -> None:
        if request.operation == "status" and b'"PENDING"' in response.content:
            response.content = edit(response.content)

    return answered


def _accepts_start_202(request: Asked, response: Answered) -> None:
    if request.operation == "start" and response.status == 200:
        response.status = 202


def _plain_text(request: Asked, response: Answered) -> None:
    if request.operation == "status" and response.status == 200:
        _set_header(response.headers, b"content-type", b"text/plain")


def _any_token(request: Asked, token: str) -> None:
    _set_header(request.headers, b"authorization", b"Bearer " + token.encode())


def _token_prefix(request: Asked, token: str) -> None:
    told = (
        dict(request.headers).get(b"authorization", b"").removeprefix(b"Bearer ").decode("latin-1")
    )
    if len(told) > 3 and token.startswith(told):
        _any_token(request, token)


def _denied_but_done(request: Asked, token: str) -> None:
    """Let the start through; that it must be refused is remembered for the answer."""
    valid = b"Bearer " + token.encode()
    if request.operation == "start" and dict(request.headers).get(b"authorization") != valid:
        _any_token(request, token)
        request.headers.append((b"x-denied", b"yes"))


def _deny(request: Asked, response: Answered) -> None:
    if (b"x-denied", b"yes") in request.headers:
        response.status, response.headers, response.content = 401, [], b""


def _any_start_body(request: Asked, _: str) -> None:
    if request.operation == "start" and request.content:
        request.content = b"{}"


def _any_tag(request: Asked, _: str) -> None:
    if request.operation != "initiate" or not _is_object(request.content):
        return
    try:
        body = json.loads(request.content)
    except ValueError:
        return
    if "image_tag" in body:
        request.content = json.dumps({**body, "image_tag": str(body["image_tag"])}).encode()


def _fails_on_long_ids(request: Asked, _: str) -> Answered | None:
    odd = request.operation == "status" and len(request.build_id) > 32
    return Answered(500, [], b"") if odd else None


def _fails_on_arrays(request: Asked, _: str) -> Answered | None:
    odd = request.operation == "start" and not _is_object(request.content)
    return Answered(500, [], b"") if odd else None


def _detail(_: Asked, response: Answered) -> None:
    if response.status == 422:
        response.content = b'{"detail": "is not valid"}'


def _bom(content: bytes) -> bytes:
    return b"\xef\xbb\xbf" + content


def _last_letter(row: Body) -> str:
    return str(row["id"])[:-1] + ("0" if row["id"][-1] != "0" else "1")


_fault("start-202", "P1", "start answers 202", answered=_accepts_start_202)
_fault("status-text-plain", "P1", "status answers as text/plain", answered=_plain_text)
_fault("any-token", "P2", "the token is not looked at", asked=_any_token)
_fault("token-prefix", "P2", "a prefix of the token will do", asked=_token_prefix)
_fault(
    "denied-but-started", "P2", "a start without the token gets 401, and starts",
    asked=_denied_but_done, answered=_deny,
)  # fmt: skip
_fault("any-start-body", "P3", "start takes any body for {}", asked=_any_start_body)
_fault("any-image-tag", "P3", "initiate takes any image_tag", asked=_any_tag)
_fault("long-id-500", "P5", "a long build id gets 500", asked=_fails_on_long_ids)
_fault("array-500", "P5", "a start body that is no object gets 500", "P3", asked=_fails_on_arrays)
_fault("no-image-tag", "P6", "imageTag is left out", answered=_body(_drop("imageTag")))
_fault("detail-422", "P6", "a 422 tells detail, not errors", answered=_detail)
_fault(
    "expires-in-string", "P6", "expires_in is a string",
    answered=_body(lambda body: body.update(expires_in="3600"), "initiate"),
)  # fmt: skip
_fault("json-bom", "P8", "a status starts with a BOM", answered=_bytes_of_pending(_bom))
_fault(
    "json-key-twice", "P8", "a status has a key twice",
    answered=_bytes_of_pending(lambda content: content.replace(b"{", b'{"status":"BUILDING",', 1)),
)  # fmt: skip
_fault(
    "json-more", "P8", "something stands after a status",
    answered=_bytes_of_pending(lambda content: content + b"\n{}"),
)  # fmt: skip
_fault(
    "status-running", "S1", "RUNNING stands for BUILDING", "P6",
    answered=_body(_put("status", "RUNNING", when="BUILDING")),
)  # fmt: skip
_fault(
    "status-lower-case", "S1", "statuses are in lower case", "P6",
    answered=_body(_put("status", lambda row: row["status"].lower())),
)  # fmt: skip
_fault(
    "artifact-queued", "S2", "an artifact is QUEUED", "P6",
    answered=_body(_put("status", "QUEUED", when="BUILDING", rows="artifacts")),
)  # fmt: skip
_fault(
    "artifact-type-oci", "S2", "an artifact is an OCI_IMAGE", "P6",
    answered=_body(_put("artifactType", "OCI_IMAGE", rows="artifacts")),
)  # fmt: skip
_fault("created-null", "T1", "createdAt is null", "P6", answered=_body(_put("createdAt", None)))
_fault(
    "created-naive", "T1", "createdAt has no offset", "P6",
    answered=_body(_put("createdAt", _naive("createdAt"))),
)  # fmt: skip
_fault(
    "artifact-created-missing", "T1", "an artifact has no createdAt", "P6",
    answered=_body(_drop("createdAt", rows="artifacts")),
)  # fmt: skip
_fault(
    "started-naive", "T2", "startedAt has no offset", "P6",
    answered=_body(_put("startedAt", _naive("startedAt"))),
)  # fmt: skip
_fault(
    "completed-epoch", "T2", "completedAt is a number", "P6",
    answered=_body(_put("completedAt", 1795510800, when="COMPLETED FAILED")),
)  # fmt: skip
_fault(
    "pending-started", "T3", "PENDING has startedAt", "P2 P3",
    answered=_body(_put("startedAt", lambda row: row["createdAt"], when="PENDING UPLOADING")),
)  # fmt: skip
_fault(
    "building-never-started", "T4", "BUILDING has no startedAt",
    answered=_body(_put("startedAt", None, when="BUILDING")),
)  # fmt: skip
_fault(
    "artifact-never-started", "T4", "a COMPLETED artifact has no startedAt",
    answered=_body(_put("startedAt", None, when="COMPLETED", rows="artifacts")),
)  # fmt: skip
_fault(
    "completed-null", "T5", "COMPLETED has completedAt null",
    answered=_body(_put("completedAt", None, when="COMPLETED")),
)  # fmt: skip
_fault(
    "building-completed", "T5", "BUILDING has completedAt",
    answered=_body(_put("completedAt", lambda row: row["startedAt"], when="BUILDING")),
)  # fmt: skip
_fault(
    "artifact-failed-null", "T5", "a FAILED artifact has completedAt null",
    answered=_body(_put("completedAt", None, when="FAILED", rows="artifacts")),
)  # fmt: skip
_fault(
    "other-id", "L5", "status tells another id", answered=_body(_put("id", _last_letter), "status")
)
