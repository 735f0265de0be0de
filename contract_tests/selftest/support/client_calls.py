"""Calls of the generated client in its four ways, answered by respx or by a socket."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient, errors
from prime_image_builds.api.images import (
    delete_image,
    get_build_status,
    initiate_image_build,
    start_image_build,
)
from prime_image_builds.models import BuildImageRequest, StartBuildRequest

from ...contract.api import DELETE, INITIATE, START, STATUS

TOKEN = "a-token-that-nobody-sees"  # noqa: S105 (not a secret: leaks are searched for it)
BASE = "https://images.test"
WEB = BuildImageRequest(image_name="web", image_tag="v1")
MODULES = {
    INITIATE: initiate_image_build, START: start_image_build, STATUS: get_build_status,
    DELETE: delete_image,
}  # fmt: skip
STATUS_PATH = "/api/v1/images/build/bld_1"


def call(
    client: AuthenticatedClient, operation: str, variant: str, build_id: str = "bld_1", **body: Any
) -> Any:
    """Call an operation in one of its four ways."""
    function = getattr(MODULES[operation], variant)
    arguments = {INITIATE: (), DELETE: ("web", "v1")}.get(operation, (build_id,))
    bodies: dict[str, Any] = {INITIATE: {"body": WEB}, START: {"body": StartBuildRequest()}}
    sent = {**bodies.get(operation, {}), **body}
    if not variant.startswith("asyncio"):
        with client:
            return function(*arguments, client=client, **sent)

    async def called() -> Any:
        async with client:
            return await function(*arguments, client=client, **sent)

    return asyncio.run(called())


variants = pytest.mark.parametrize(
    "variant", ["sync", "sync_detailed", "asyncio", "asyncio_detailed"]
)


class Peer:
    """A socket that answers each request by a script, and keeps the bytes that came."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.received: list[bytes] = []
        self.answer: Callable[[], bytes] = lambda: b""

    def serve(self) -> None:
        """Take one connection after another until closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.received.append(self._request(connection))
                connection.sendall(self.answer())

    def _request(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def respond(self, status: int, body: Any, *headers: str) -> None:
        """Answer from now on with a status, a JSON body and more headers."""
        content = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", "Connection: close"]
        lines += [f"Content-Length: {len(content)}", *headers]
        self.answer = lambda: "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def peer() -> Iterator[Peer]:
    """Run a peer as long as the context."""
    one = Peer()
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.listener.shutdown(socket.SHUT_RDWR)
        one.listener.close()
        thread.join(timeout=5)


def answered(status: int, **given: Any) -> httpx.Response:
    """Make an answer, as respx gives it."""
    return httpx.Response(status, **given)


def raised(response: httpx.Response, variant: str = "sync", operation: str = STATUS) -> Any:
    """Call an operation that is answered so; return what it raises."""
    with respx.mock() as router:
        router.route().mock(return_value=response)
        with pytest.raises(errors.ImageBuildsError) as caught:
            call(AuthenticatedClient(BASE, TOKEN), operation, variant)
    return caught.value


def leaking(error: BaseException | None, secret: str = TOKEN) -> list[str]:
    """List where an exception or its causes show a secret: text, repr, traceback, pickle."""
    found = []
    while error is not None:
        shown = {"str": str(error), "repr": repr(error)}
        if isinstance(error, errors.ApiError):
            shown["vars"] = repr(vars(error))
        shown["traceback"] = "".join(traceback.format_exception(error))
        shown["pickle"] = pickle.dumps(error).decode("latin-1")
        forms = (secret, json.dumps(secret)[1:-1])
        places = [where for where in shown if any(form in shown[where] for form in forms)]
        found += [f"{type(error).__name__}: {where}" for where in places]
        error = error.__cause__ or error.__context__
    return found
