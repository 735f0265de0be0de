"""A server on a raw socket that keeps connections open, and ends them as servers do that crash.

It stands in front of a sound server and hands everything on, but for what a ``Crash`` takes.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .hostile import read_request

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 21\r\n\r\nInternal Server Error"


@dataclass(frozen=True)
class Passed:
    """A request, and how the sound server answers it."""

    method: str
    path: str
    content: bytes
    status: int


Crash = Callable[[Passed], bytes | None]
"""Returns what is sent before the connection is closed; None to answer soundly and go on."""


@dataclass
class Front:
    """What came in.

    Attributes:
        requests: Each request, in order.
        connections: How many connections were made.

    """

    url: str
    requests: list[Passed] = field(default_factory=list)
    connections: int = 0


@contextmanager
def crashing(upstream: str, crash: Crash, *, closes: bool = False) -> Iterator[Front]:
    """Yield a server that runs as long as the context; it may close after each response."""
    where = urlsplit(upstream)

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while request := read_request(connection):
                head, _, content = request.partition(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, path, _ = lines[0].split(" ", 2)
                headers = dict(line.split(": ", 1) for line in lines[1:])
                headers.pop("Connection", None)
                behind = http.client.HTTPConnection(where.hostname or "", where.port)
                behind.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    behind.putheader(name, value)
                behind.endheaders(content)
                answer = behind.getresponse()
                body = answer.read()
                behind.close()
                passed = Passed(method, path, content, answer.status)
                front.requests.append(passed)
                taken = crash(passed)
                if taken is not None:
                    connection.sendall(taken)
                    return
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() != "connection"]
                lines = [f"HTTP/1.1 {answer.status} X", *(f"{k}: {v}" for k, v in kept)]
                connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
                if closes:
                    return

    def accept() -> None:
        with suppress(OSError):  # once the listener is closed
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                front.connections += 1
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        front = Front(f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield front
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
