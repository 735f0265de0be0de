"""Serves an application over real sockets, to clients that may be hostile.

What uvicorn does not limit is limited here: open connections, and the time for a header and for
reading a response.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .disruptions import Dropped

try:
    import resource
except ImportError:  # a system without limits
    resource = None  # type: ignore[assignment]

# Connections beyond these are closed at once.
_MOST_CONNECTIONS = 512
# So many may wait to be accepted. asyncio accepts a part of them at a time, and some more before it
# has closed those; each takes a file, and it logs each failure.
_BACKLOG = 2048
_ACCEPTED = 64
_HEADER_SECONDS = 10.0
_UNREAD_SECONDS = 30.0
_GRACE = 10
_LINGER = 0.5


class Protocol(H11Protocol):
    """Refuses invalid HTTP with the documented error body; closes what is slow, or too much."""

    _refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a header; close the connection if too many are open."""
        super().connection_made(transport)
        if len(self.connections) > _most_open()[0]:
            transport.abort()
        else:
            self._abort_after(_HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._abort_after(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Wait for a whole header, and for nothing while a request is answered."""
        if self._refused:
            return
        super().data_received(data)
        if self.flow.write_paused:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._abort_after(None)
        elif self._deadline is None:
            self._abort_after(_HEADER_SECONDS)

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._abort_after(_UNREAD_SECONDS)

    def resume_writing(self) -> None:
        """Wait for nothing."""
        super().resume_writing()
        self._abort_after(None)

    def _abort_after(self, seconds: float | None) -> None:
        """Close the connection after some time, instead of any earlier deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
        abort = self.transport.abort
        self._deadline = None if seconds is None else self.loop.call_later(seconds, abort)

    def send_400_response(self, msg: str) -> None:
        """Respond with 400, and close later, so that a client that is still sending can read it."""
        self._refused = True
        body = _refusal(msg)
        headers = _refusal_headers(body)
        with contextlib.suppress(h11.LocalProtocolError):  # a response has begun
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.loop.call_later(_LINGER, self.transport.close)


def _refusal(details: str) -> bytes:
    return json.dumps({"errors": [{"param": "request", "details": details}]}).encode()


def _refusal_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]


async def _ambiguous(_: Any, __: Any, send: Any) -> None:
    """Refuse a request whose end a proxy may see elsewhere (RFC 9112, 6.1), and close."""
    body = _refusal("has both Content-Length and Transfer-Encoding")
    headers = _refusal_headers(body)
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def closing(app: Any) -> Any:
    """Close the connection when an application raises ``Dropped``; refuse ambiguous requests."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        names = {name for name, _ in scope["headers"]}
        is_ambiguous = {b"content-length", b"transfer-encoding"} <= names
        try:
            await (_ambiguous if is_ambiguous else app)(scope, receive, send)
        except Dropped:
            # uvicorn has no public way: the transport is that of its request cycle.
            send.__self__.transport.abort()
            async with asyncio.timeout(_GRACE):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except asyncio.CancelledError:  # the server stops, and the grace period is over
            send.__self__.transport.abort()
            send.__self__.disconnected = True

    return served


class SocketServer(uvicorn.Server):
    """Sets an event once it serves, so that nothing has to poll; calls a function once it stops."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._on_stop = on_stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and set the event."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, once open requests are answered."""
        self._on_stop()
        await super().shutdown(sockets)


def server(
    app: Any,
    log_level: str = "critical",
    on_stop: Callable[[], None] = lambda: None,
    *,
    names_itself: bool = True,
) -> SocketServer:
    """Make a server; it runs once it is given a socket. ``on_stop`` is called before it stops.

    It adds the headers Server and Date, unless it does not name itself.
    """
    config = uvicorn.Config(
        closing(app),
        http=Protocol,
        ws="none",
        log_level=log_level,
        access_log=False,
        lifespan="off",
        backlog=_most_open()[1],
        server_header=names_itself,
        date_header=names_itself,
        timeout_graceful_shutdown=_GRACE,
    )
    return SocketServer(config, on_stop)


def end_by_signals(serving: SocketServer) -> None:
    """Let a signal end a server: that is the normal end."""

    def stop(*_: object) -> None:
        serving.should_exit = True

    # uvicorn replaces the handlers while it runs, and raises the signal again afterwards.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)


@cache
def _most_open() -> tuple[int, int]:
    """Return how many connections may be open, and how many are accepted at a time."""
    files = -1 if resource is None else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files < 0:  # no limit
        return _MOST_CONNECTIONS, _ACCEPTED
    return min(_MOST_CONNECTIONS, files // 3), min(_ACCEPTED, files // 16)


def listening(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """Listen on a socket; port 0 is any free one. Raises ``OSError`` if the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm only if the protocol is given; otherwise 40 ms a request.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
