"""The bounded client: an error is a clause, and responses are as sent."""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ...drivers.http import client as bounded
from ...drivers.http.client import Client, Limits, SessionError
from ...drivers.http.pace import Pace
from ...drivers.http.transport import Answer, Endpoint
from ...drivers.session import Session
from ...reference.app import create_app
from ...reference.over_sockets import running
from ...tape.tape import Tape
from ..support import hostile
from ..support.snapshots import assert_message

QUICK = Limits(seconds=1.0)
SMALL = Limits(size=2**10)


def got(url: str, limits: Limits | None = None, method: str = "GET") -> Answer:
    """Send one request with a client of its own."""
    with Client(limits) as client:
        return client.send(bounded.request(method, url, {}, b""))


ERRORS: dict[str, tuple[hostile.Behaviour, Limits | None]] = {
    "silence": (hostile.silence, QUICK),
    "a body that drips": (hostile.drip_body, QUICK),
    "an endless body": (hostile.endless_body, None),
    "a body above the limit": (hostile.answering(200, b"x" * 1025), SMALL),
    "a gzip bomb": (hostile.gzip_bomb, None),
    "a deflate bomb": (hostile.deflate_bomb, None),
    "not gzip": (hostile.no_gzip, None),
    "half a gzip stream": (hostile.half_gzip, None),
    "two gzip streams": (
        hostile.answering(200, gzip.compress(b"{}", mtime=0) * 2, "Content-Encoding: gzip"),
        None,
    ),
    "an unknown coding": (hostile.unknown_coding, None),
    "too many headers": (hostile.many_headers, None),
    "a reset": (hostile.reset, None),
    "no response": (hostile.no_answer, None),
    "half a status line": (hostile.half_status_line, None),
    "half a body": (hostile.short_body, None),
    "not HTTP": (hostile.garbage, None),
    "a broken chunk": (hostile.broken_chunk, None),
}


@pytest.mark.parametrize("name", ERRORS)
def test_hostile_response_raises_a_session_error(name: str) -> None:
    """The error names what the server did, and contains none of its bytes."""
    behaviour, limits = ERRORS[name]
    with hostile.hostile(behaviour) as url, pytest.raises(SessionError) as caught:
        got(url, limits)

    assert_message("session-errors", name, str(caught.value))


URLS = {
    "a name that does not resolve": "http://contract-gate.invalid/",
    "a closed port": "http://127.0.0.1:1/",
    "a file URL": "file:///etc/passwd",
    "a URL without a host": "http:///x",
    "a port out of range": "http://127.0.0.1:99999/",
    "an invalid IDNA name": "http://xn--/",
    "a NUL in a name": "http://exa\0mple/",
    "a long URL": "http://127.0.0.1/" + "x" * 2**16,
}


@pytest.mark.parametrize("name", URLS)
def test_unusable_url_raises_a_session_error(name: str) -> None:
    """The error has the reason."""
    with pytest.raises(SessionError) as caught:
        got(URLS[name])

    assert_message("session-errors", name, str(caught.value))


HEADERS = {"a header that is not ASCII": "\N{SNOWMAN}", "a header of two lines": "a\nb"}


@pytest.mark.parametrize("name", HEADERS)
def test_unusable_header_raises_a_session_error(name: str) -> None:
    """The error does not show the token."""
    with (
        hostile.hostile(hostile.answering(200, b"{}")) as url,
        pytest.raises(SessionError) as caught,
    ):
        Client().send(bounded.request("GET", url, {"Authorization": HEADERS[name]}, b""))

    assert_message("session-errors", name, str(caught.value))


def test_name_look_up_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up that never ends is left behind, and holds nothing up."""
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait())

    with Client(Limits(seconds=0.2)) as client, pytest.raises(SessionError) as caught:
        client.send(bounded.request("GET", "http://images.invalid", {}, b""))
    never.set()

    assert_message("session-errors", "a look-up that never ends", str(caught.value))


def test_connecting_is_bounded() -> None:
    """A TLS handshake that the server never takes part in ends."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, pytest.raises(SessionError) as caught:
        got(f"https://127.0.0.1:{deaf.getsockname()[1]}", Limits(seconds=0.5))

    assert_message("session-errors", "a handshake that never ends", str(caught.value))


def test_sending_is_bounded() -> None:
    """A server that reads nothing does not hold up who sends to it."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, Client(QUICK) as client:
        request = bounded.request(
            "PUT", f"http://127.0.0.1:{deaf.getsockname()[1]}", {}, b"x" * 2**25
        )
        with pytest.raises(SessionError) as caught:
            client.send(request)

    assert_message("session-errors", "a server that reads nothing", str(caught.value))


def test_no_tls() -> None:
    """A server without TLS has another error than one with an invalid certificate."""
    with running(create_app()) as url, pytest.raises(SessionError, match=r"^TLS failed: "):
        got(url.replace("http://", "https://"))


@contextmanager
def with_certificate(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield a URL whose server signed its own certificate, and the path of that."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(  # noqa: S603 (the arguments are ours)
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(certificate),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with hostile.hostile(hostile.answering(200, b"{}"), tls=context) as url:
        yield url.replace("http://", "https://"), str(certificate)


def test_certificate(tmp_path: Path) -> None:
    """An untrusted certificate is refused; one in ``ca`` is accepted."""
    with with_certificate(tmp_path) as (url, certificate):
        with pytest.raises(SessionError) as caught:
            got(url)
        with Client(ca=certificate) as client:
            answer = client.send(bounded.request("GET", url, {}, b""))

    assert_message("session-errors", "an untrusted certificate", str(caught.value))
    assert (answer.status, answer.content) == (200, b"{}")


def test_certificates_that_are_not_there() -> None:
    """A file without certificates is an error that names the file."""
    with Client(ca="/no/such/file") as client, pytest.raises(SessionError, match="/no/such/file"):
        client.send(bounded.request("GET", "https://127.0.0.1:1", {}, b""))


@pytest.mark.parametrize(
    ("content", "coding"),
    [
        (b"{}", "identity"),
        (gzip.compress(b"{}", mtime=0), "GZIP"),
        (zlib.compress(b"{}"), "deflate"),
        (zlib.compress(b"{}", wbits=-15), "deflate"),
    ],
)
def test_decompressed_body(content: bytes, coding: str) -> None:
    """A body comes as it was before it was coded."""
    with hostile.hostile(hostile.answering(200, content, f"Content-Encoding: {coding}")) as url:
        answer = got(url)

    assert answer.content == b"{}"


def test_body_of_the_largest_size() -> None:
    """What is just as large as it may be is not an error."""
    packed = gzip.compress(b"x" * 1024, mtime=0)
    with hostile.hostile(hostile.answering(200, packed, "Content-Encoding: gzip")) as url:
        answer = got(url, SMALL)

    assert answer.content == b"x" * 1024


def test_redirect_is_not_followed() -> None:
    """A redirect is an answer like any other."""
    with hostile.hostile(hostile.redirecting("http://contract-gate.invalid/")) as url:
        answer = got(url)

    assert (answer.status, answer.headers["location"]) == (307, "http://contract-gate.invalid/")


def wire_to(url: str) -> Session:
    """Make a wire over sockets."""
    return Session(Endpoint(url, Client()), Tape("a-token"), "test", Pace())


def test_times_surround_the_exchange() -> None:
    """The times of an exchange are those before and after it, in UTC."""
    before = datetime.now(UTC)
    with hostile.hostile(hostile.answering(200, b"{}")) as url, wire_to(url) as session:
        sent = session.send("GET", "/x", "a request")

    assert before <= sent.began <= sent.ended <= datetime.now(UTC)


@contextmanager
def once_then_closed(requests: list[bytes]) -> Iterator[str]:
    """Yield the URL of a server that answers once a connection, and closes it at the next."""

    def serve() -> None:
        with suppress(OSError):  # the listener goes when the test is over
            for _ in range(4):
                connection, _ = listener.accept()
                with connection:
                    requests.append(hostile.read_request(connection))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    requests.append(hostile.read_request(connection))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("method", "statuses"), [("GET", [200, 0, 200]), ("POST", [200, 0]), ("PATCH", [200, 0])]
)
def test_request_lost_with_a_kept_connection(method: str, statuses: list[int]) -> None:
    """It is sent once more where it changes nothing; each time it went out is on the tape."""
    requests: list[bytes] = []
    with once_then_closed(requests) as url, wire_to(url) as session:
        session.send(method, "/x", "first")
        last = session.send(method, "/x", "second")

    assert [one.response.status for one in session.tape.exchanges] == statuses
    assert len([one for one in requests if one]) == len(statuses)
    assert last.is_answered is (method == "GET")


def test_no_connection_is_kept_after_one_was_lost() -> None:
    """A server that closes without announcing it costs one POST, not each other one."""
    requests: list[bytes] = []
    with once_then_closed(requests) as url, wire_to(url) as session:
        statuses = [session.send("POST", "/x", "a request").response.status for _ in range(4)]

    assert statuses == [200, 0, 200, 200]


def test_closed_connection_is_not_used() -> None:
    """A kept connection that has ended meanwhile is not used, so that no POST is lost by it."""

    def answer_and_close(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with hostile.hostile(answer_and_close) as url, Client() as client:
        request = bounded.request("POST", url, {}, b"{}")
        client.send(request)
        time.sleep(0.3)  # until the end of the connection has arrived
        answer = client.send(request)

    assert answer.status == 200


def test_client_is_usable_after_an_error() -> None:
    """What failed leaves nothing behind."""
    with (
        hostile.hostile(hostile.drip_headers) as bad,
        hostile.hostile(hostile.answering(200, b"{}")) as good,
        Client(QUICK) as client,
    ):
        with pytest.raises(SessionError):
            client.send(bounded.request("GET", bad, {}, b""))
        answer = client.send(bounded.request("GET", good, {}, b""))

    assert answer.status == 200


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_proxy(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests go to the proxy instead of the server; a refusal of the proxy is an error."""
    with hostile.hostile(hostile.answering(403, b"{}")) as proxy:
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        if by == "environment":
            monkeypatch.setenv("http_proxy", proxy)
            monkeypatch.setenv("https_proxy", proxy)
        with Client(proxy=proxy if by == "argument" else None) as client:
            plain = client.send(bounded.request("GET", "http://images.invalid/", {}, b""))
            with pytest.raises(SessionError) as caught:
                client.send(bounded.request("GET", "https://images.invalid/", {}, b""))

    assert plain.status == 403
    assert_message("session-errors", "a proxy that refuses", str(caught.value))


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that the environment exempts is spoken to itself."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with hostile.hostile(hostile.answering(200, b"{}")) as url:
        answer = got(url)

    assert answer.status == 200


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "no url"])
def test_proxy_that_is_not_supported(proxy: str) -> None:
    """A proxy that cannot be spoken to is an error, and not left out."""
    with Client(proxy=proxy) as client, pytest.raises(SessionError, match="proxy"):
        client.send(bounded.request("GET", "http://images.invalid/", {}, b""))


def test_nothing_else_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other exception is a SessionError too."""
    for error in (ValueError("x"), OSError("x"), RuntimeError("x"), httpx.InvalidURL("x")):
        monkeypatch.setattr(Client, "_pool", lambda *_, error=error: (_ for _ in ()).throw(error))

        with pytest.raises(SessionError, match="the exchange failed"):
            got("http://127.0.0.1:1/")
