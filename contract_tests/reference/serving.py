"""Serves an application over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .disruptions import Dropped

_BACKLOG = 2048
_GRACE = 10
_LINGER = 0.5


class Protocol(H11Protocol):
    """Refuses invalid HTTP with the documented error body."""

    _refused = False

    def data_received(self, data: bytes) -> None:
        """Ignore what follows a refusal."""
        if not self._refused:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Respond with 400, and close later, so that a client that is still sending can read it."""
        self._refused = True
        body = json.dumps({"errors": [{"param": "request", "details": msg}]}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        with contextlib.suppress(h11.LocalProtocolError):  # a response has begun
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.loop.call_later(_LINGER, self.transport.close)


def closing(app: Any) -> Any:
    """Close the connection when an application raises ``Dropped``."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
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
    """Sets an event once it serves, so that nothing has to poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and set the event."""
        await super().startup(sockets)
        self.is_up.set()


def server(app: Any, log_level: str = "critical") -> SocketServer:
    """Make a server; it runs once it is given a socket."""
    config = uvicorn.Config(
        closing(app),
        http=Protocol,
        ws="none",
        log_level=log_level,
        access_log=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACE,
    )
    return SocketServer(config)


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
