"""How the reference server ends: once open requests are answered, or cut off."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
from urllib.parse import urlsplit

import httpx
import pytest

from ...drivers.scripted.inputs import GOOD, context
from ..support.reference_server import AUTH, BUILD, MOST, NAMED, TOKEN, process


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(sent: signal.Signals) -> None:
    """A signal ends it with 0, once open requests are answered."""
    with process("--json", "--token", TOKEN) as (server, url, printed):
        address = urlsplit(url)
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        target, content = urlsplit(created["upload_url"]), context(GOOD)
        with socket.create_connection(
            (address.hostname or "", address.port or 0), MOST
        ) as connection:
            head = (
                f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                f"Content-Type: application/octet-stream\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            connection.sendall(head.encode() + content[:10])
            assert httpx.get(f"{url}/health").status_code == 200  # so the first bytes have come
            server.send_signal(sent)
            threading.Timer(0.3, connection.sendall, [content[10:]]).start()
            answer = connection.makefile("rb").readline()
        _, log = server.communicate(timeout=MOST)

    assert json.loads(printed) == {"url": url, "token": TOKEN}
    assert answer.startswith(b"HTTP/1.1 204")
    assert server.returncode == 0
    assert [json.loads(line)["status"] for line in log.splitlines()] == [201, 200, 204]
    assert TOKEN not in log
    assert "signature" not in log


def test_a_stalled_upload_does_not_hold_it_up() -> None:
    """What never comes to its end is cut off, without an answer and without a traceback."""
    run = (
        "-c",
        "import sys; from contract_tests import cli; from contract_tests.reference import serving; "
        "serving._GRACE = 1; sys.exit(cli.main(sys.argv[1:]))",
    )
    with process("--token", TOKEN, run=run) as (server, url, _):
        address = urlsplit(url)
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        target = urlsplit(created["upload_url"])
        with socket.create_connection(
            (address.hostname or "", address.port or 0), MOST
        ) as connection:
            head = (
                f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nabc"
            )
            connection.sendall(head.encode())
            assert httpx.get(f"{url}/health").status_code == 200
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=MOST)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(100) == b""

    assert server.returncode == 0
    assert "Traceback" not in log
    assert json.loads(log.splitlines()[-1])["status"] is None
