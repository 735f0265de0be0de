"""A proxy in this process, what it saw, and the servers and clients around it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from ...drivers.http.transport import Limits
from ...drivers.proxy.app import Proxy
from ...drivers.scripted.inputs import context
from ...gate.proxied import ProxyRun
from ...gate.target import Target
from ...proxying import assembled
from ...reference.over_sockets import running
from .hostile import read_request
from .reference_server import AUTH, BUILD, NAMED, OCTETS

CONTEXT = context("FROM scratch\n")
PATIENCE = 30.0
ISSUED = {
    "build_id": "bld_1", "upload_url": "http://127.0.0.1:9/up?sig=a%2Fb&x=1", "expires_in": 60,
    "fullImagePath": "registry.example/web:v1",
}  # fmt: skip


@dataclass
class Passing:
    """A proxy that runs."""

    url: str
    run: ProxyRun
    proxy: Proxy
    client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request with the token."""
        request["headers"] = {**AUTH, **request.get("headers", {})}
        return self.client.request(method, f"{self.url}{path}", **request)

    def initiate(self) -> dict[str, Any]:
        """Initiate a build."""
        issued: dict[str, Any] = self.send("POST", BUILD, json=NAMED).raise_for_status().json()
        return issued

    def upload(self, url: str, content: bytes = CONTEXT, **headers: str) -> httpx.Response:
        """Upload a context, as observed: without the token. ``X_A`` is the header X-A."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.put(url, content=content, headers={**OCTETS, **named})

    def build(self, looks: int = 1) -> str:
        """Initiate, upload, start and look at a build, as a client does; return its id."""
        issued = self.initiate()
        place = f"{BUILD}/{issued['build_id']}"
        self.send("GET", place)
        self.upload(issued["upload_url"])
        self.send("POST", f"{place}/start", json={"context_uploaded": True})
        for _ in range(looks):
            self.send("GET", place)
        return str(issued["build_id"])

    @property
    def violated(self) -> set[str]:
        """The rules that are violated, whatever their level."""
        return {name for name, verdict in self.run.verdicts.items() if verdict.violations}


@contextmanager
def passing(url: str, *, fail_fast: bool = False, **target: Any) -> Iterator[Passing]:
    """Run a proxy before a server."""
    run, proxy = assembled(Target(url=url, program="proxy", **target), url, fail_fast=fail_fast)
    with running(proxy, names_itself=False) as here:
        made = Passing(here, run, proxy)
        with made.client:
            yield made


def small(passing: Passing, size: int) -> None:
    """Let the proxy keep no body that is larger."""
    passing.proxy.limits = Limits(size=size)


@contextmanager
def scripted(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the URL of a server that sends these bytes in turn, and the requests that it got."""
    got: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):  # once the listener is closed
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    got.append(_whole_request(connection))
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=PATIENCE)


def _whole_request(connection: socket.socket) -> bytes:
    request = read_request(connection)
    request = request.replace(b"\r\nConnection: close\r\n\r\n", b"\r\n\r\n", 1)
    head, end, body = request.partition(b"\r\n\r\n")
    # Of the body alone: a header may end with a 0, too, as a port does.
    while b"chunked" in head and not body.endswith(b"0\r\n\r\n"):
        body += connection.recv(65536)
    return head + end + body


def answer(content: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return the bytes of a response."""
    length = b"Content-Length: %d" % len(content)
    head = b"\r\n".join((b"HTTP/1.1 " + status, *headers, length))
    return head + b"\r\n\r\n" + content


def issuing(upload_url: str) -> bytes:
    """Return the bytes of an initiate that issues an upload URL."""
    content = json.dumps({**ISSUED, "upload_url": upload_url}).encode()
    return answer(content, b"Content-Type: application/json", status=b"201 Created")


def raw(url: str, sent: bytes) -> bytes:
    """Send bytes; return what comes until the other side closes."""
    with connected(url) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """Yield a connection to a server."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 80), PATIENCE) as made:
        yield made


def eventually(is_so: Callable[[], object]) -> None:
    """Wait until something is so, which another thread brings about."""
    for _ in range(int(PATIENCE / 0.02)):
        if is_so():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come about")
