"""Sends requests to an ASGI application in this process: no socket, no thread, no wall clock.

The application gets what uvicorn would pass to it, and the result is what a client of uvicorn
would get. Its event loop never waits: where nothing is left to do, the clock moves on instead.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import h11
import httpx

from .client import decompressed, sent_headers
from .clock import Clock, VirtualClock
from .sockets import Overdue, SessionError, Severed, shortened
from .transport import BASE_URL, Answer, Endpoint, Limits

# Virtual seconds that a message takes each way.
TRIP = 0.02


def in_process(
    app: Any,
    clock: VirtualClock,
    limits: Limits | None = None,
    dropped: type[Exception] | tuple[()] = (),
) -> Endpoint:
    """Make the endpoint of an application, which should read the time from the same clock."""
    return Endpoint(BASE_URL, InProcess(app, clock, limits, dropped), clock)


class InProcess:
    """A transport to one application.

    Args:
        app: An ASGI application. What it hands to asyncio's executor is run at once.
        clock: Moves with each exchange, and where the application sleeps.
        limits: What bounds each exchange.
        dropped: What the application raises to close the connection without a response.

    """

    def __init__(
        self,
        app: Any,
        clock: Clock,
        limits: Limits | None = None,
        dropped: type[Exception] | tuple[()] = (),
    ) -> None:
        self.limits = limits or Limits()
        self._app, self._clock, self._dropped = app, clock, dropped
        self._loop: _Loop | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the event loop; a later request makes another."""
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request. See ``Transport``."""
        scope, content = _scope(request), request.read()
        with self._lock:
            self._loop = self._loop or _Loop(self._clock)
            self._clock.sleep(TRIP)
            try:
                return self._loop.run_until_complete(
                    self._answered(scope, content, seconds or self.limits.seconds)
                )
            except SessionError as error:
                error.is_sent = True
                raise
            finally:
                self._clock.sleep(TRIP)

    async def _answered(self, scope: dict[str, Any], content: bytes, seconds: float) -> Answer:
        exchange = _Exchange(content, self._date, is_head=scope["method"] == "HEAD")
        try:
            async with asyncio.timeout(seconds):
                await exchange.run(self._app, scope, self._dropped)
        except TimeoutError as error:
            what = "the response did not end" if exchange.status else "no response came"
            raise Overdue(f"{what} within {round(seconds, 2):g} s") from error
        headers = httpx.Headers(exchange.headers)
        coding = headers.get("content-encoding", "")
        content = decompressed(bytes(exchange.content), coding, self.limits.size)
        return Answer(exchange.status, headers, content)

    def _date(self) -> bytes:
        return format_datetime(self._clock.now(), usegmt=True).encode()


class _Exchange:
    """One request, and its response so far. It behaves as uvicorn does."""

    def __init__(self, content: bytes, date: Callable[[], bytes], *, is_head: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.content = bytearray()
        self._request: bytes | None = content
        self._date, self._is_head = date, is_head
        self._is_started = False
        self._is_over = asyncio.Event()

    async def run(self, app: Any, scope: dict[str, Any], dropped: Any) -> None:
        """Call the application. Raises ``SessionError`` for a missing or incomplete response."""
        try:
            await app(scope, self._receive, self._send)
        except dropped as error:
            if not self._is_started:
                raise Severed("the server closed the connection without a response") from error
        except Exception:  # noqa: S110 (checked below: the response is incomplete)
            pass
        if not self._is_started:
            await self._send({"type": "http.response.start", "status": 500, "headers": [
                (b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"),
            ]})  # fmt: skip
            await self._send({"type": "http.response.body", "body": b"Internal Server Error"})
        if not self.status:  # its header cannot be sent
            raise Severed("the server closed the connection without a response")
        if self._is_head or self.status in (204, 304):
            self.content.clear()
        elif not self._is_over.is_set() or not self._has_announced_length():
            raise SessionError("the connection was closed before the response ended")

    async def _receive(self) -> dict[str, Any]:
        if self._request is not None:
            content, self._request = self._request, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self._is_over.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        is_start = message["type"] == "http.response.start"
        if is_start is self._is_started or self._is_over.is_set():
            raise RuntimeError(f"unexpected message {message['type']}")
        self._is_started = True
        if is_start:
            headers = [(b"date", self._date()), *message.get("headers", ())]
            checked = h11.Response(status_code=message["status"], headers=headers)
            self.headers, self.status = list(checked.headers), message["status"]
            return
        self.content += message.get("body", b"")
        if not message.get("more_body", False):
            self._is_over.set()

    def _has_announced_length(self) -> bool:
        length = dict(self.headers).get(b"content-length")
        return length is None or int(length) == len(self.content)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop on a clock of its own: it never waits, and uses no thread."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Skipping(clock))
        self._virtual = clock

    def time(self) -> float:
        """Return the time that timers are kept by."""
        return self._virtual.monotonic()

    def run_in_executor(  # type: ignore[override]
        self, _: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run a function at once, whatever the executor."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # whoever awaits it gets it
            future.set_exception(error)
        return future


class _Skipping(selectors.DefaultSelector):
    """Lets the clock move on to the next timer."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready now."""
        ready = super().select(0)
        if not ready and timeout:
            self._clock.sleep(timeout)
        return ready


def _scope(request: httpx.Request) -> dict[str, Any]:
    """Read a request as a server does. Raises ``SessionError`` if it cannot be sent there."""
    url = request.url
    if url.scheme not in ("http", "https") or not url.host:
        raise SessionError("the URL is not an http(s) URL with a host")
    if f"{url.scheme}://{url.netloc.decode('ascii')}" != BASE_URL:
        raise SessionError(f"the name {shortened(url.host)} does not resolve")
    target = request.extensions.get("target", url.raw_path)
    try:
        sent = h11.Request(method=request.method, target=target, headers=sent_headers(request))
    except h11.LocalProtocolError as error:
        raise SessionError("the request cannot be sent, since it would not be HTTP") from error
    path, _, query = sent.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": url.scheme,
        "method": request.method,
        "root_path": "",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "headers": list(sent.headers),
        "server": (url.host, url.port or 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
