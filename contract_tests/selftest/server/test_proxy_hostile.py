"""The proxy between hostile clients and servers: it stays up, and goes nowhere else."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from ...drivers.http.client import Client
from ...drivers.proxy import app as proxy_app
from ...drivers.proxy.upstream import Upstream
from ...gate.target import Target
from ...problems import Problem
from ...proxying import assembled, refuse_itself
from ...reference.app import create_app
from ...reference.over_sockets import running
from ...tape.exchange import UPLOAD
from ..support import hostile as servers
from ..support.hostile import Behaviour, hostile
from ..support.proxied import (
    PATIENCE,
    Passing,
    connected,
    eventually,
    issuing,
    passing,
    raw,
    scripted,
)
from ..support.reference_server import AUTH, BUILD, NAMED, TOKEN, refusal

LOST: list[Behaviour] = [
    servers.garbage, servers.half_status_line, servers.short_body, servers.broken_chunk,
    servers.no_answer, servers.reset, servers.null_header, servers.long_header,
    servers.many_headers,
]  # fmt: skip
PASSED: list[Behaviour] = [
    servers.no_gzip, servers.half_gzip, servers.unknown_coding, servers.gzip_bomb,
    servers.latin_1_headers, servers.redirecting("http://169.254.169.254/latest"),
    servers.answering(201, servers.nested(10_000)), servers.answering(201, b"[]"),
    servers.answering(201, b""), servers.answering(299, b"{}"), servers.answering(201, b"<html>"),
]  # fmt: skip


@pytest.fixture
def passed() -> Iterator[Passing]:
    """Run a proxy before a sound server."""
    with running(create_app(token=TOKEN, build_seconds=0)) as url, passing(url) as made:
        yield made


def test_proxy_goes_nowhere_but_to_its_target(passed: Passing) -> None:
    """It is not a forward proxy: absolute URLs, CONNECT and * are refused."""
    for line in (
        "GET http://169.254.169.254/latest HTTP/1.1", "CONNECT storage.example:443 HTTP/1.1",
        "OPTIONS * HTTP/1.1", f"POST {passed.url}{BUILD} HTTP/1.1",
    ):  # fmt: skip
        received = raw(passed.url, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert received.startswith(b"HTTP/1.1 400"), line
    assert passed.run.tape.exchanges == []
    # A path that looks like another host is one of the target.
    assert passed.client.get(f"{passed.url}//169.254.169.254/latest").status_code == 404


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"\x00" * 1000,
        b"GET /x HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
    ],
    ids=["tls", "no-target", "zeros", "header", "long", "ambiguous"],
)  # fmt: skip
def test_junk_of_a_client_goes_nowhere(passed: Passing, junk: bytes) -> None:
    """And the proxy serves the next one."""
    assert raw(passed.url, junk).startswith(b"HTTP/1.1 400")

    assert passed.run.tape.exchanges == []
    assert passed.initiate()["build_id"]


def test_proxy_that_leads_to_itself_is_found() -> None:
    """At the start where that shows; by Via where it takes a way."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "127.1"):
            with pytest.raises(Problem, match="itself"):
                refuse_itself(f"http://{host}:{port}", listener)
        refuse_itself(f"http://127.0.0.1:{port - 1}", listener)

    with running(create_app(token=TOKEN)) as url:
        outer_run, outer = assembled(Target(url=url, program="proxy"), url)
        with running(outer, names_itself=False) as first, passing(first) as second:
            outer.upstream = Upstream(second.url, Client())
            received = second.send("GET", f"{BUILD}/x")

    assert received.status_code == 508
    assert refusal(received) == (508, "via")
    assert outer_run.tape.exchanges[-1].response.status == 508


@pytest.mark.parametrize("behaviour", LOST, ids=lambda one: one.__name__)
def test_response_that_is_none_is_none_for_the_client_too(behaviour: Behaviour) -> None:
    """The client's connection ends, as the server's did; the POST may have been processed."""
    with hostile(behaviour) as url, passing(url) as proxied:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            proxied.send("POST", BUILD, json=NAMED)

        eventually(lambda: proxied.run.tape.exchanges)
    [exchange] = proxied.run.tape.exchanges
    assert not exchange.is_answered
    assert proxied.violated == set()


@pytest.mark.parametrize("behaviour", PASSED)
def test_response_of_any_kind_passes(behaviour: Behaviour) -> None:
    """A body that cannot be read, is nested too deep, or is no JSON: nothing fails but rules."""
    received = []
    with hostile(behaviour) as url, passing(url) as proxied:
        for base in (proxied.url, url):
            with proxied.client.stream("POST", f"{base}{BUILD}", json=NAMED, headers=AUTH) as got:
                received.append((got.status_code, next(got.iter_raw(10), b"")))

    assert received[0] == received[1]
    assert len(proxied.run.tape.exchanges) == 1


@pytest.mark.parametrize("behaviour", [servers.endless_body, servers.gigabyte_body])
def test_endless_response_is_not_kept(behaviour: Behaviour) -> None:
    """It passes for as long as the client reads; what is kept has a limit."""
    with (
        hostile(behaviour) as url,
        passing(url) as proxied,
        proxied.client.stream("GET", f"{proxied.url}{BUILD}/x", headers=AUTH) as response,
    ):
        pieces = response.iter_raw(2**20)
        assert sum(len(next(pieces)) for _ in range(10)) == 10 * 2**20

    [exchange] = proxied.run.tape.exchanges
    assert exchange.response.content is None


@pytest.mark.parametrize(
    "behaviour", [servers.silence, servers.drip_body, servers.drip_headers, servers.drip_chunks]
)
def test_client_that_gives_up_ends_the_exchange(behaviour: Behaviour) -> None:
    """Nothing waits for a server that drips; the tape has that the request may have arrived."""
    arrived = threading.Event()

    def behave(connection: socket.socket) -> None:
        arrived.set()
        behaviour(connection)

    with hostile(behave) as url, passing(url) as proxied:
        with connected(proxied.url) as connection:
            body = json.dumps(NAMED).encode()
            head = f"POST {BUILD} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            assert arrived.wait(PATIENCE)
        eventually(lambda: proxied.run.tape.exchanges)

    [exchange] = proxied.run.tape.exchanges
    assert exchange.failure == "the client closed the connection"
    assert exchange.request.content == body


def test_server_that_drips_has_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the connection of the client is closed."""
    monkeypatch.setattr(proxy_app, "LONGEST", 0.2)
    gone = pytest.raises((httpx.RemoteProtocolError, httpx.ReadError))
    with hostile(servers.drip_body) as url, passing(url) as proxied, gone:
        proxied.send("GET", f"{BUILD}/x")

    assert "within 0.2 s" in str(proxied.run.tape.exchanges[0].failure)


def test_half_an_upload_is_no_upload() -> None:
    """The client breaks off: so does the proxy, and the tape has no success."""
    with (
        _broken_off() as (storage, ended),
        scripted(issuing(f"{storage}/x")) as (url, _),
        passing(url) as proxied,
    ):
        path = proxied.initiate()["upload_url"].removeprefix(proxied.url)
        with connected(proxied.url) as connection:
            put = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            connection.sendall(f"{put}Content-Length: 1000000\r\n\r\nhalf".encode())
            eventually(lambda: proxied.proxy.passed == 2)
        assert ended.wait(PATIENCE)
        eventually(lambda: proxied.run.tape.of(UPLOAD))

    [upload] = proxied.run.tape.of(UPLOAD)
    assert not upload.is_answered
    assert proxied.violated - {"P6"} == {"C7"}  # the token went out, whatever came back


@contextmanager
def _broken_off() -> Iterator[tuple[str, threading.Event]]:
    """Yield a storage that answers nothing, and what is set once an upload to it breaks off."""
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(65536):
                pass
        ended.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", ended
        thread.join(timeout=10)


def test_server_that_is_gone_is_a_502_and_no_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing was sent, so nothing is recorded; one line says it, however often it happens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with passing(url) as proxied:
        for _ in range(3):
            assert refusal(proxied.send("POST", BUILD, json=NAMED)) == (502, "proxy")

    assert proxied.run.tape.exchanges == []
    assert sum(proxied.proxy.unsent.values()) == 3
    assert capsys.readouterr().out.count("cannot be reached") == 1


def test_many_clients_at_once_are_kept_apart(passed: Passing) -> None:
    """Each gets its own responses; the tape knows what overlapped."""

    async def build(client: httpx.AsyncClient, name: str) -> bool:
        named = {"image_name": name, "image_tag": "v1"}
        issued = (await client.post(BUILD, json=named)).json()
        put = await client.put(issued["upload_url"], content=b"x" * 1000, headers={"X-Of": name})
        place = f"{BUILD}/{issued['build_id']}"
        status = (await client.get(place)).json()
        return bool(put.status_code and status["imageName"] == name)

    async def all_of_them() -> list[bool]:
        async with httpx.AsyncClient(
            base_url=passed.url, headers=AUTH, trust_env=False, timeout=60
        ) as client:
            return await asyncio.gather(*(build(client, f"n{i}") for i in range(10)))

    assert all(asyncio.run(all_of_them()))
    assert len(passed.run.tape.exchanges) == 30
    # The client of the test sends its token everywhere.
    assert passed.violated - {"P11"} <= {"C7"}
    assert len(passed.run.tape.of(UPLOAD)) == 10
