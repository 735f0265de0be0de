"""A mock without memory: it answers each request from the contract's examples, as Prism does.

It checks tokens only by their scheme, bodies by their schema, and echoes no id.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx

from ...contract.api import IMAGES
from ...contract.openapi import contract
from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...drivers.http.sockets import SessionError
from ...drivers.http.transport import Answer, Endpoint, Transport
from ...reference.disruptions import Dropped

Edit = Callable[[str, Any], Any]
"""Changes the body of a success, by the name of its operation."""
Send = Callable[[dict[str, Any]], Awaitable[None]]
_ERRORS = {"errors": [{"param": "body", "details": "is invalid"}]}


@dataclass
class Mock:
    """An ASGI application.

    Attributes:
        edit: What is returned instead of an example.
        success: The status code of an operation, where it is another one.
        checks_token: Whether a request without a bearer token is a 401.
        checks_body: Whether a body that breaks its schema is a 422.
        invalid: The body of a 422.
        methods: What is returned for a method that the contract does not have.
        types: What is returned for a content type that is no JSON.
        deadly: A part of a path after which no connection is made any more.

    """

    edit: Edit = lambda _, body: body
    success: Callable[[str, int], int] = lambda _, status: status
    checks_token: bool = True
    checks_body: bool = True
    invalid: Any = None
    methods: int = 405
    types: int = 415
    deadly: str = "no such path"
    is_dead: bool = False

    def endpoint(self) -> Endpoint:
        """Return it in this process, on a clock of its own."""
        made = in_process(self, VirtualClock(), dropped=Dropped)
        return replace(made, transport=_Mortal(self, made.transport))

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        """Answer one request."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        self.is_dead = self.is_dead or self.deadly in path
        if self.is_dead:
            raise Dropped
        content = b""
        while True:
            message = await receive()
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, body = self._answer(scope["method"], path, headers, content)
        kind = [] if body is None else [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": kind})
        answer = b"" if body is None else body if isinstance(body, bytes) else _encoded(body)
        await send({"type": "http.response.body", "body": answer})

    def _answer(
        self, method: str, path: str, headers: dict[str, str], content: bytes
    ) -> tuple[int, Any]:
        to = IMAGES.address(method, path)
        if to.template is None:
            return 404, None
        if to.operation is None:
            return self.methods, None
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if self.checks_token and not (scheme.lower() == "bearer" and token):
            return 401, None
        operation = contract().operations[to.operation]
        if self.checks_body and operation.request_schema is not None:
            kind = headers.get("content-type", "")
            if kind.partition(";")[0] != "application/json" or "utf-16" in kind:
                return self.types, None
            try:
                sent = json.loads(content)
            except (ValueError, RecursionError):
                return 400, None
            if contract().request_errors(operation, sent):
                return 422, _ERRORS if self.invalid is None else self.invalid
        body = self.edit(operation.name, _example(operation, headers.get("prefer", "")))
        return self.success(operation.name, operation.success), body


class _Mortal:
    """A transport to a mock whose process may end: then nobody listens any more."""

    def __init__(self, mock: Mock, transport: Transport) -> None:
        self.limits = transport.limits
        self._mock, self._transport = mock, transport

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request. See ``Transport``."""
        if self._mock.is_dead:
            raise SessionError("connection refused")
        return self._transport.send(request, seconds)

    def close(self) -> None:
        """Close it."""
        self._transport.close()


def _example(operation: Any, prefer: str) -> Any:
    """Return the preferred example of a success, or the first."""
    examples = operation.responses[str(operation.success)]["content"]["application/json"][
        "examples"
    ]
    name = prefer.removeprefix("example=")
    at = name if name in examples else next(iter(examples))
    pointer = (
        f"{operation.pointer}/responses/{operation.success}/content/application~1json/examples/{at}"
    )
    return copy.deepcopy(contract().at(pointer)["value"])


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode()
