"""What the reference server does with many, slow and silent connections: it closes them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from ...reference import reading, request_rest, serving
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.reference_server import BUILD, MOST, TOKEN, process

HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n"
INITIATE = (
    f"POST {BUILD} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n"
    "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
).encode()


@contextlib.contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """Open a connection to a server."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), MOST) as made:
        yield made


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(2**16):
            found += chunk
    return bytes(found)


def is_served(url: str) -> bool:
    """Return whether a new connection gets a response."""
    with connected(url) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(HEALTH)
        return connection.recv(100).startswith(b"HTTP/1.1 200")
    return False


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /health HTTP/1.1\r\nHost: h\r\n"])
@pytest.mark.parametrize("before", [b"", HEALTH])
def test_connection_without_a_whole_header_is_closed(
    before: bytes, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first, and after a request whose connection is kept."""
    monkeypatch.setattr(serving, "_HEADER_SECONDS", 0.2)
    with running(create_app()) as url, connected(url) as connection:
        if before:
            connection.sendall(before)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        connection.sendall(sent)

        assert b"HTTP/1.1" not in received(connection)
        assert is_served(url)


def test_connections_beyond_the_bound_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are open are served, and another one once one of them is closed."""
    monkeypatch.setattr(serving, "_most_open", lambda: (3, 16))
    with running(create_app()) as url, ExitStack() as stack:
        opened = [stack.enter_context(connected(url)) for _ in range(3)]
        for connection in opened:
            connection.sendall(HEALTH)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")

        assert not is_served(url)
        opened[0].shutdown(socket.SHUT_WR)
        received(opened[0])
        assert any(is_served(url) for _ in range(100))


def test_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A response of any size waits for its client only so long, whatever it sends meanwhile."""
    monkeypatch.setattr(serving, "_UNREAD_SECONDS", 0.2)
    size = 64 * 2**20

    async def large(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    lost = threading.Event()

    class Watched(serving.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            lost.set()
            super().connection_lost(exc)

    monkeypatch.setattr(serving, "Protocol", Watched)
    with running(large) as url, connected(url) as connection:
        connection.sendall(INITIATE)
        while not lost.is_set():
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"x")

        assert len(received(connection)) < size


def test_body_that_does_not_arrive_returns_408(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the documented body."""
    monkeypatch.setattr(reading, "_JSON_SECONDS", 0.1)
    monkeypatch.setattr(request_rest, "_SECONDS", 0.1)
    with running(create_app(token=TOKEN)) as url, connected(url) as connection:
        connection.sendall(INITIATE)
        head, _, body = received(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408")
    assert body.startswith(b'{"errors": [{"param": "body", "details": "did not arrive within')


def test_half_open_connections_fill_no_log() -> None:
    """A server that may open 128 files has 300 connections, and serves once they are closed."""
    before = ("sh", "-c", 'ulimit -n 128; exec "$@"', "sh")
    with process("--token", TOKEN, "--quiet", before=before) as (server, url, _):
        with ExitStack() as stack:
            for _ in range(300):
                connection = stack.enter_context(connected(url))
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"GET / HTTP/1.1\r\n")
        while not is_served(url):
            pass
        server.terminate()
        _, log = server.communicate(timeout=MOST)

    assert log == ""
