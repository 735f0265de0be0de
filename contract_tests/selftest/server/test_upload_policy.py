"""Where contexts go: the gate and the client over sockets; a test says where names lead."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from prime_image_builds import AuthenticatedClient, Context, errors, upload, upload_async
from prime_image_builds.models import BuildImageResponse

from ... import cli
from ...drivers.client import example
from ...drivers.http.client import Client
from ...drivers.http.pace import Pace
from ...drivers.http.transport import Answer, Endpoint
from ...drivers.session import Session
from ...gate import drive
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...problems import Exit
from ...report import terminal, verdicts
from ...tape.tape import Tape

TOKEN = "a-token-of-these-tests"  # noqa: S105 (no secret)
SAMPLES = Path(__file__).parents[1] / "support" / "har"
both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "asyncio"])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Resolve these names to these addresses, one after the other; the last one stays."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        listed = table.get(name, [name])
        return real(listed.pop(0) if len(listed) > 1 else listed[0], *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@contextmanager
def storage(
    status: bytes = b"200 OK", header: bytes = b"X: 1"
) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a storage on 127.0.0.1, and the header of each request that it got."""
    got: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                head = b""
                while (line := reader.readline()) not in (b"\r\n", b""):
                    head += line
                if head:
                    got.append(head)
                    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
                    reader.read(int(length or 0))
                    connection.sendall(
                        b"HTTP/1.1 %b\r\n%b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        % (status, header)
                    )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], got
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def uploaded(client: AuthenticatedClient, url: str, *, is_async: bool) -> None:
    """Upload a context by the generated client."""
    build = BuildImageResponse.from_dict(example("initiate_image_build") | {"upload_url": url})
    context = Context(BytesIO(b"context"), 7, "Dockerfile")
    if is_async:
        asyncio.run(upload_async(build, context, client=client))
    else:
        upload(build, context, client=client)


def client(base: str, **named: Any) -> AuthenticatedClient:
    """Return a client that knows no proxy of the environment."""
    return AuthenticatedClient(base, TOKEN, httpx_args={"trust_env": False}, **named)


@both
def test_client_sends_nothing_to_a_name_that_leads_inside(
    names: dict[str, list[str]], is_async: bool
) -> None:
    """Whether it does so at once, or when it is resolved again for the connection."""
    names |= {"api.test": ["8.8.8.8"], "inside.test": ["127.0.0.1"]}
    names |= {"moving.test": ["8.8.4.4", "127.0.0.1"]}
    with storage() as (port, got):
        for host in ("inside.test", "moving.test"):
            with pytest.raises(errors.UploadNotAllowedError) as caught:
                uploaded(client("http://api.test"), f"http://{host}:{port}/x", is_async=is_async)
            assert (caught.value.host, "127.0.0.1" in caught.value.reason) == (host, True)

    assert got == []


@both
def test_client_sends_to_what_is_near_or_allowed(
    names: dict[str, list[str]], is_async: bool
) -> None:
    """The API on this machine has its storage there; another is allowed by name."""
    names |= {"api.test": ["8.8.8.8"], "local.test": ["127.0.0.1"], "storage.test": ["127.0.0.1"]}
    with storage() as (port, got):
        near = ("http://127.0.0.1:1", "http://localhost:1", "http://local.test")
        for base in near:
            uploaded(client(base), f"http://storage.test:{port}/x", is_async=is_async)
        allowing = client("https://api.test", upload_hosts=[f"storage.test:{port}"])
        uploaded(allowing, f"http://storage.test:{port}/x", is_async=is_async)

    assert len(got) == len(near) + 1
    assert all(f"Host: storage.test:{port}\r\n".encode() in head for head in got)


@both
def test_client_through_a_proxy_checks_what_the_url_shows(
    names: dict[str, list[str]], is_async: bool
) -> None:
    """The proxy resolves, wherever it is; a literal address inside is refused nevertheless."""
    names |= {"api.test": ["8.8.8.8"], "proxy.test": ["127.0.0.1"]}
    with storage() as (port, got):
        proxied = AuthenticatedClient(
            "http://api.test", TOKEN, httpx_args={"proxy": f"http://proxy.test:{port}"}
        )
        uploaded(proxied, "http://storage.test/x", is_async=is_async)
        with pytest.raises(errors.UploadNotAllowedError):
            uploaded(proxied, "http://0x7f000001/x", is_async=is_async)

    [head] = got
    assert head.startswith(b"PUT http://storage.test/x ")


@both
def test_client_keeps_no_cookie_and_follows_no_redirect_of_a_storage(is_async: bool) -> None:
    """Nor does it send the token, cookies and headers of the API there."""
    header = b"Set-Cookie: a=b\r\nLocation: http://127.0.0.1:1/y"
    with storage(b"307 Temporary Redirect", header) as (port, got):
        api = client(
            "http://127.0.0.1:1", cookies={"c": "d"}, headers={"X-Own": "1"}, follow_redirects=True
        )
        with pytest.raises(errors.UploadRefusedError):
            uploaded(api, f"http://127.0.0.1:{port}/x", is_async=is_async)
    http = api.get_async_httpx_client() if is_async else api.get_httpx_client()

    [head] = got
    assert dict(http.cookies) == {"c": "d"}
    assert not [one for one in (b"authorization", b"cookie", b"x-own") if one in head.lower()]


def session(base: str, **named: Any) -> Session:
    """Return a session of the gate over sockets."""
    return Session(Endpoint(base, Client()), Tape(TOKEN), "test", Pace(), **named)


def test_gate_sends_where_the_api_was_reached(names: dict[str, list[str]]) -> None:
    """A name in the target counts as what it led to; what is refused is not a response."""
    names |= {
        "local.test": ["127.0.0.1"],
        "storage.test": ["127.0.0.1"],
        "inner.test": ["10.0.0.1"],
    }
    with storage() as (port, got), session(f"http://local.test:{port}") as near:
        near.send("GET", "/", "status")
        sent = near.upload("b", f"http://storage.test:{port}/x", b"context", "upload")
        refused = near.upload("b", f"http://inner.test:{port}/x", b"context", "upload")

    assert (sent.response.status, refused.is_answered) == (200, False)
    assert len(got) == 2
    assert [*near.refused] == ["inner.test"]
    assert "10.0.0.1, which is a private address" in str(refused.failure)


def test_gate_sends_to_an_allowed_host(names: dict[str, list[str]]) -> None:
    """Whatever its address is; the API was not reached."""
    names |= {"api.test": ["8.8.8.8"], "storage.test": ["127.0.0.1"]}
    with storage() as (port, got):
        url = f"http://storage.test:{port}/x"
        for hosts in ((), ("storage.test",)):
            with session("http://api.test", upload_hosts=hosts) as one:
                assert one.upload("b", url, b"context", "upload").is_answered is bool(hosts)

    assert len(got) == 1


def test_gate_through_a_proxy_checks_what_the_url_shows() -> None:
    """The proxy resolves, and its own address makes nothing near."""
    with storage() as (port, got):
        endpoint = Endpoint("http://api.test", Client(proxy=f"http://127.0.0.1:{port}"))
        with Session(endpoint, Tape(TOKEN), "test", Pace()) as proxied:
            proxied.send("GET", "/", "status")
            assert proxied.upload("b", "http://storage.test/x", b"c", "upload").is_answered
            assert not proxied.upload("b", "http://127.0.0.1:1/x", b"c", "upload").is_answered

    assert [head.split()[1] for head in got] == [b"http://api.test/", b"http://storage.test/x"]


class _Elsewhere:
    """A conforming server in this process whose uploads are elsewhere, and go through a client."""

    def __init__(self, url: str) -> None:
        self.endpoint = embedded(TOKEN)
        self.limits = self.endpoint.transport.limits
        self._url, self._client = url, Client()

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request. See ``Transport``."""
        if request.method == "PUT" and str(request.url).startswith(self._url):
            return self._client.send(request, seconds)
        answer = self.endpoint.transport.send(request, seconds)
        if request.method == "POST" and answer.status == 201:
            body = json.loads(answer.content)
            body["upload_url"] = f"{self._url}/{body['build_id']}"
            return answer._replace(content=json.dumps(body).encode())
        return answer

    def close(self) -> None:
        """Close both."""
        self.endpoint.transport.close()
        self._client.close()


def test_refused_uploads_are_an_error_with_the_setting_that_allows_them() -> None:
    """P11 is not violated, and each report has the reason."""
    elsewhere = _Elsewhere("http://10.0.0.1:9000")
    target = Target(url="http://api.test", token=TOKEN, budget=Budget(requests=90))
    at = Endpoint("http://in-process.invalid", elsewhere, elsewhere.endpoint.clock)
    run = Run(target, at=at)
    with pytest.raises(GateError) as caught:
        drive.drive(run, fuzzing=False)
    [line] = [one for one in terminal.traffic(run) if one.startswith("  none to")]

    assert "not sent to 10.0.0.1: it is a private address" in caught.value.what
    assert caught.value.fix == "UPLOAD_HOSTS=10.0.0.1 allows it, if that is your storage"
    assert line.endswith("; UPLOAD_HOSTS=10.0.0.1 allows it")
    assert verdicts._document(run)["not_uploaded"] in line
    assert not run.verdicts["P11"].observed
    assert not run.judge.violated


def test_many_refused_hosts_are_counted_and_quoted() -> None:
    """A server may name a new host each time, and write it as it likes."""
    run = Run(Target(url="http://api.test", token=TOKEN))
    run.refused |= {f"{number}.{'x' * 200};$(id)": "not sent" for number in range(9)}
    [line] = [one for one in terminal.traffic(run) if one.startswith("  none to")]

    assert "and 6 more" in line
    assert "UPLOAD_HOSTS='" in line
    assert len(line) < 600


def test_nothing_is_resolved_in_process_or_for_a_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The embedded server is not an address, and a recording is judged as it is."""

    def look_up(*_: Any, **__: Any) -> Any:
        raise AssertionError("a name was resolved")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    run = Run(Target(token=TOKEN, budget=Budget(requests=60)))
    with pytest.raises(GateError):  # 60 requests complete no build
        drive.drive(run, fuzzing=False)

    assert run.uploads["204"] > 0
    assert cli.main(["judge", str(SAMPLES / "chrome.har")]) == Exit.OK
