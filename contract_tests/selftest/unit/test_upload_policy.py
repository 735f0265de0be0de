"""The policy for upload URLs: kinds of addresses, spellings of hosts, and what is allowed."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import socket
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx
import pytest
from prime_image_builds import AuthenticatedClient, Context, _calls, errors
from prime_image_builds._state import JobState
from prime_image_builds._upload import PREFIX_TIMEOUT, _Body, _Guard, _Prefix, _put
from prime_image_builds._urls import UploadPolicy, kind_of, literal, read_hosts

KINDS = {
    "127.0.0.1": "loopback", "0.0.0.0": "loopback", "::1": "loopback", "::": "loopback",  # noqa: S104
    "::ffff:127.0.0.1": "loopback", "64:ff9b::7f00:1": "loopback", "2002:7f00:1::": "loopback",
    "::127.0.0.1": "loopback", "2001:0:4136:e378:8000:63bf:80ff:fffe": "loopback",
    "169.254.169.254": "cloud metadata", "fd00:ec2::254": "cloud metadata",
    "fd00:ec2::23": "cloud metadata", "169.254.170.2": "cloud metadata",
    "169.254.170.23": "cloud metadata", "fd00:42::42": "cloud metadata",
    "169.254.42.42": "cloud metadata", "192.0.0.192": "cloud metadata",
    "::ffff:0:169.254.169.254": "cloud metadata", "::ffff:0:127.0.0.1": "loopback",
    "2606:4700::5efe:127.0.0.1": "loopback", "2606:4700::200:5efe:10.0.0.1": "private",
    "fe80::5efe:10.0.0.1": "link-local", "2606:4700::5efe:8.8.8.8": None,
    "::ffff:0:8.8.8.8": None, "2606:4700::100:5efe:10.0.0.1": None,
    "192.88.99.1": "reserved", "192.88.98.1": None, "3fff::1": "reserved",
    "3fff:fff::1": "reserved", "5f00::1": "reserved", "::ffff:192.88.99.1": "reserved",
    "::ffff:169.254.169.254": "cloud metadata", "64:ff9b::a9fe:a9fe": "cloud metadata",
    "168.63.129.16": "cloud metadata", "100.100.100.200": "cloud metadata",
    "169.254.1.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
    "10.1.2.3": "private", "172.16.0.1": "private", "192.168.1.1": "private",
    "fd12::1": "private", "fec0::1": "private", "64:ff9b:1::1": "private",
    "100.64.0.1": "shared", "224.0.0.1": "multicast", "ff02::1": "multicast",
    "255.255.255.255": "reserved", "240.0.0.1": "reserved", "198.18.0.1": "reserved",
    "172.32.0.1": None, "100.128.0.1": None, "8.8.8.8": None, "2606:4700::1111": None,
    "::ffff:8.8.8.8": None, "64:ff9b::808:808": None, "2002:808:808::": None,
}  # fmt: skip
LITERALS = {
    "127.0.0.1": "127.0.0.1", "127.1": "127.0.0.1", "0x7f.1": "127.0.0.1",
    "0177.0.0.1": "127.0.0.1", "017700000001": "127.0.0.1", "2130706433": "127.0.0.1",
    "0": "0.0.0.0", "127.0.0.1.": "127.0.0.1", "%31%32%37.0.0.1": "127.0.0.1", "127.0.0.1%58": None,  # noqa: S104
    "LOCALHOST": "127.0.0.1", "localhost.": "127.0.0.1", "a.localhost": "127.0.0.1", "::1": "::1",
    "storage.example": None, "notlocalhost": None, "1.2.3.4.5": None, "": None, "0x7f.x": None,
}  # fmt: skip


@pytest.mark.parametrize("address", KINDS)
def test_kind_of_an_address(address: str) -> None:
    """An address inside another counts; one that is public has no kind."""
    assert kind_of(address) == KINDS[address]


@pytest.mark.parametrize("address", ["3fff::1", "5f00::1", "192.88.99.1"])
def test_kind_does_not_depend_on_the_version_of_python(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older ones count these as public."""
    for version in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        monkeypatch.setattr(version, "is_global", True)

    assert kind_of(address) == "reserved"


@pytest.mark.parametrize("host", LITERALS)
def test_host_in_any_spelling_is_the_address(host: str) -> None:
    """As resolvers read it; a name is none."""
    assert literal(host) == LITERALS[host]


@pytest.mark.parametrize(
    ("base", "url", "near", "is_allowed"),
    [
        ("http://api.test", "http://8.8.8.8/x", (), True),
        ("http://api.test", "http://storage.test/x", (), True),
        ("http://api.test", "https://storage.test/x", (), True),
        ("https://api.test", "http://storage.test/x", (), False),
        ("https://api.test", "http://api.test/x", (), False),
        ("http://api.test", "http://user@storage.test/x", (), False),
        ("http://api.test", "file://storage.test/x", (), False),
        ("http://api.test", "http://10.0.0.1/x", (), False),
        ("http://api.test", "http://10.0.0.1/x", ("10.9.9.9",), True),
        ("http://api.test", "http://10.0.0.1/x", ("192.168.0.1",), True),
        ("http://api.test", "http://10.0.0.1/x", ("127.0.0.1",), False),
        ("http://api.test", "http://127.0.0.1/x", ("10.0.0.1",), False),
        ("http://127.0.0.1:1", "http://localhost:2/x", (), True),
        ("http://localhost:1", "http://[::1]:2/x", (), True),
        ("http://0.0.0.0:1", "http://127.0.0.1:2/x", (), True),
        ("http://127.0.0.1:1", "http://169.254.169.254/x", (), False),
        ("http://169.254.1.1", "http://169.254.169.254/x", (), False),
        ("http://10.0.0.1", "http://[fd00:ec2::254]/x", (), False),
    ],
)
def test_url_is_allowed(base: str, url: str, near: tuple[str, ...], is_allowed: bool) -> None:
    """A host of the same kind as the API's is; nothing lifts TLS."""
    problem = UploadPolicy(httpx.URL(base)).url_problem(httpx.URL(url), near)

    assert (problem is None) is is_allowed


@pytest.mark.parametrize(
    ("hosts", "url", "is_allowed"),
    [
        (["10.0.0.1"], "http://10.0.0.1:9000/x", True),
        (["10.0.0.1"], "http://167772161/x", True),
        (["10.0.0.1:9000"], "http://10.0.0.1:9000/x", True),
        (["10.0.0.1:9000"], "http://10.0.0.1/x", False),
        (["10.0.0.1:80"], "http://10.0.0.1/x", True),
        (["10.0.0.1:443"], "https://10.0.0.1/x", True),
        (["[fd00::1]:9000"], "https://[fd00::1]:9000/x", True),
        (["fd00::1"], "https://[fd00::1]/x", True),
        (["Storage.Test."], "http://user@storage.test/x", True),
        (["storage.test"], "http://a.storage.test/x", False),
        (["storage.test"], "ftp://storage.test/x", False),
        (["storage.test"], "http://storage.test@10.0.0.1/x", False),
    ],
)
def test_allowed_host(hosts: list[str], url: str, is_allowed: bool) -> None:
    """By its name or address, with its port or any; the API has https here."""
    policy = UploadPolicy(httpx.URL("https://api.test"), read_hosts(hosts))

    assert (policy.url_problem(httpx.URL(url)) is None) is is_allowed
    if is_allowed:
        assert policy.address_problem(httpx.URL(url), "169.254.169.254") is None


@pytest.mark.parametrize(
    "word", ["", "a/b", "http://a", "user@a", "a:x", "a:65536", "a?b", "a#b", "a b"]
)
def test_invalid_host_raises(word: str) -> None:
    """Nothing but a host, and perhaps a port; the client's error names its argument."""
    with pytest.raises(ValueError, match="is not a host"):
        read_hosts([word])
    with pytest.raises(errors.InvalidRequestError, match="upload_hosts"):
        AuthenticatedClient("https://api.test", "token", upload_hosts=[word])


class Stream:
    """A connection of httpx that leads to an address, and knows whether it was closed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        """Return what httpx's streams do."""
        return (self.address, 80) if name == "server_addr" else None

    def close(self) -> None:
        """Close it."""
        self.is_closed = True

    async def aclose(self) -> None:
        """Close it."""
        self.is_closed = True


ways = pytest.mark.parametrize(
    "run", [_calls.run, lambda job: asyncio.run(_calls.run_async(job))], ids=["sync", "asyncio"]
)


GUARDED: dict[str, tuple[list[str], list[str], str | None]] = {
    "public": (["8.8.8.8"], ["8.8.4.4", "2606:4700::1111"], None),
    "no address": (["8.8.8.8"], [], None),
    "private": (["8.8.8.8"], ["10.0.0.1"], "10.0.0.1"),
    "one of two": (["8.8.8.8"], ["8.8.4.4", "10.0.0.1"], "10.0.0.1"),
    "near": (["8.8.8.8", "192.168.0.1"], ["10.0.0.1", "10.0.0.2"], None),
    "near, and another kind": (["192.168.0.1"], ["10.0.0.1", "127.0.0.1"], "127.0.0.1"),
    "of an API that does not resolve": ([], ["10.0.0.1"], "10.0.0.1"),
}
"""Addresses of the API, those of the storage, and the one that nothing is sent to."""


@ways
@pytest.mark.parametrize("case", GUARDED)
def test_each_address_of_an_upload_is_checked(
    case: str, run: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that its name has before it is connected, and the one that it is connected to."""
    base, addresses, refused = GUARDED[case]
    table = {"api.test": base, "storage.test": addresses}

    def look_up(host: str, port: None, *, type: socket.SocketKind) -> list[Any]:  # noqa: A002
        if not table[host]:
            raise socket.gaierror
        return [(0, type, 0, "", (one, port)) for one in table[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    guard = _Guard(httpx.URL("http://storage.test/x"), UploadPolicy(httpx.URL("http://api.test")))
    run(guard.check())
    streams = {one: Stream(one) for one in addresses}
    events: list[tuple[str, str, dict[str, Any]]] = [
        ("started", refused or "", {"host": "storage.test"}),
        *(("complete", one, {"return_value": stream}) for one, stream in streams.items()),
    ]
    for event, address, info in events:
        if refused and address == refused:
            with pytest.raises(errors.UploadNotAllowedError) as caught:
                run(guard.seen(f"connection.connect_tcp.{event}", info))
            assert caught.value.host == "storage.test"
            assert f" leads to {refused}, " in caught.value.reason
        else:
            run(guard.seen(f"connection.connect_tcp.{event}", info))

    assert [one for one, stream in streams.items() if stream.is_closed] == [refused] * bool(refused)


@ways
def test_connection_to_a_proxy_is_not_checked(run: Callable[[Any], None]) -> None:
    """It resolves the name of the storage itself."""
    guard = _Guard(httpx.URL("http://storage.test/x"), UploadPolicy(httpx.URL("http://api.test")))
    stream = Stream("127.0.0.1")
    run(guard.seen("connection.connect_tcp.started", {"host": "proxy.test"}))
    run(guard.seen("connection.connect_tcp.complete", {"return_value": stream}))

    assert not stream.is_closed


class Connecting(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Tells that it connects, as transports of httpx do, and sends nothing."""

    def __init__(self, **headers: str) -> None:
        self.headers = headers
        self.timeouts: list[Any] = []
        self.methods: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:  # noqa: D102 (httpx's own)
        self._note(request)
        request.extensions["trace"](*STARTED)
        return httpx.Response(200, headers=self.headers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: D102 (httpx's own)
        self._note(request)
        await request.extensions["trace"](*STARTED)
        return httpx.Response(200, headers=self.headers)

    def _note(self, request: httpx.Request) -> None:
        self.timeouts.append(request.extensions["timeout"])
        self.methods.append(f"{request.method} {request.headers['Content-Type']}")


def found_near(host: str, *_: Any, **__: Any) -> list[Any]:
    """Resolve one name to a private address, and the others to a public one."""
    return [(0, 0, 0, "", ("10.9.9.9" if host == "near.test" else "8.8.8.8", 0))]


STARTED = ("connection.connect_tcp.started", {"host": "storage.test"})


@ways
@pytest.mark.parametrize(("address", "is_allowed"), [("8.8.8.8", True), ("10.0.0.1", False)])
def test_each_attempt_of_an_upload_is_guarded(
    address: str, is_allowed: bool, run: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of the whole body has the timeout of the client, that of its beginning a short one."""
    found = [(0, 0, 0, "", (address, 0))]
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *_, **__: found if host == "storage.test" else []
    )
    url, connecting = httpx.URL("http://storage.test/x"), Connecting()
    client = AuthenticatedClient(
        "http://api.test", "token", timeout=7, httpx_args={"transport": connecting}
    )
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    bodies = (_Body(context, JobState(60.0, 1.0, None)), _Prefix(context))
    for body in bodies:
        job = _calls.once(_put(url, context, client, body))
        if is_allowed:
            assert run(job).status_code == 200
        else:
            with pytest.raises(errors.UploadNotAllowedError):
                run(job)

    assert connecting.timeouts == [httpx.Timeout(one).as_dict() for one in (7, PREFIX_TIMEOUT)]
    assert set(connecting.methods) == {"PUT application/octet-stream"}


ATTEMPTS: dict[str, tuple[str, str, list[str], bool]] = {
    "without TLS": ("https://api.test", "http://storage.test/x", [], False),
    "without TLS, allowed": ("https://api.test", "http://storage.test/x", ["storage.test"], True),
    "private": ("http://api.test", "http://10.0.0.1/x", [], False),
    "private, allowed": ("http://api.test", "http://10.0.0.1/x", ["10.0.0.1"], True),
    "private, as the API is": ("http://near.test", "http://10.0.0.1/x", [], True),
}
"""The API, the upload URL, the allowed hosts, and whether anything is sent."""


@ways
@pytest.mark.parametrize("case", ATTEMPTS)
def test_upload_url_is_checked_before_anything_is_sent(
    case: str, run: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the URL shows, where the API is, and what the client allows."""
    base, url, hosts, is_sent = ATTEMPTS[case]
    monkeypatch.setattr(socket, "getaddrinfo", found_near)
    connecting = Connecting()
    client = AuthenticatedClient(
        base, "token", upload_hosts=hosts, httpx_args={"transport": connecting}
    )
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    job = _calls.once(_put(httpx.URL(url), context, client, _Prefix(context)))
    if is_sent:
        assert run(job).status_code == 200
    else:
        with pytest.raises(errors.UploadNotAllowedError):
            run(job)

    assert len(connecting.methods) == is_sent


@ways
@pytest.mark.parametrize("is_taken", [True, False])
def test_cookie_of_a_storage_is_dropped_alone(
    is_taken: bool, run: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own stays; the policy of its jar may not have taken the other."""
    monkeypatch.setattr(socket, "getaddrinfo", found_near)
    connecting = Connecting(**{"Set-Cookie": "theirs=1; Path=/p"})
    client = AuthenticatedClient(
        "http://api.test", "token", cookies={"mine": "1"}, httpx_args={"transport": connecting}
    )
    jars = [client.get_httpx_client().cookies.jar, client.get_async_httpx_client().cookies.jar]
    for jar in jars:
        jar.set_policy(DefaultCookiePolicy(allowed_domains=None if is_taken else []))
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    run(_calls.once(_put(httpx.URL("http://storage.test/x"), context, client, _Prefix(context))))

    assert [[cookie.name for cookie in jar] for jar in jars] == [["mine"], ["mine"]]


def test_copy_of_a_client_has_its_upload_hosts() -> None:
    """Also with other headers."""
    client = AuthenticatedClient("https://api.test", "token", upload_hosts=["storage.test"])

    assert client.with_headers({"X": "1"}).upload_hosts == {("storage.test", None)}
