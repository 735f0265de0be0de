"""Upload URLs by which a server has its clients send a context into their own network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest import mock

import httpcore
from prime_image_builds import AuthenticatedClient, Context, errors, upload
from prime_image_builds.models import BuildImageResponse

from ....drivers.http.client import Client
from ....drivers.http.pace import Pace
from ....drivers.http.transport import Endpoint
from ....drivers.session import Session
from ....tape.tape import Tape
from . import Attack, Family

TOKEN = "a-token-of-the-attacks"  # noqa: S105 (no secret)
# No API listens on this port: what arrives there is a context.
_API, _PORT = "api.example", 9000
# Where the API is, by kind, and its address as a resolver returns it.
_BASES = {
    "public": ("https://api.example", "93.184.215.14"),
    "public http": ("http://api.example", "93.184.215.14"),
    "private": ("http://api.example", "10.1.2.3"),
    "loopback": ("http://api.example", "127.0.0.1"),
}
_INNER = {
    "loopback": "127.0.0.1", "other loopback": "127.8.9.10", "this host": "0.0.0.0",  # noqa: S104
    "metadata": "169.254.169.254", "task metadata": "169.254.170.2", "link-local": "169.254.1.1",
    "pod metadata": "169.254.170.23", "other metadata": "169.254.42.42",
    "shared metadata": "100.100.100.200", "reserved metadata": "192.0.0.192",
    "relays": "192.88.99.1",
    "private 10": "10.0.0.5", "private 172": "172.20.0.5", "private 192": "192.168.1.1",
    "shared": "100.64.0.1", "multicast": "224.0.0.251", "broadcast": "255.255.255.255",
}  # fmt: skip
_SPELLED = ("loopback", "this host", "metadata", "link-local", "private 10", "shared")
# Where an attack on an API of that kind is none: the API itself is there.
_OF_KIND = {
    "private": {"private 10", "private 172", "private 192"},
    "loopback": {"loopback", "other loopback", "this host"},
}
_INNER_6 = {
    "loopback": "::1", "this host": "::", "link-local": "fe80::1", "private": "fd12:3456::1",
    "metadata": "fd00:ec2::254", "pod metadata": "fd00:ec2::23", "other metadata": "fd00:42::42",
    "documentation": "3fff::1", "segment routing": "5f00::1", "site-local": "fec0::1",
    "multicast": "ff02::1", "local NAT64": "64:ff9b:1::a00:5",
}  # fmt: skip


def _spellings(address: str) -> Iterator[tuple[str, str]]:
    """Yield an IPv4 address as resolvers read it, and inside IPv6."""
    number = int(ipaddress.IPv4Address(address))
    parts = [number >> shift & 255 for shift in (24, 16, 8, 0)]
    yield "dotted", address
    yield "decimal", str(number)
    yield "hex", hex(number)
    yield "octal", f"0{number:o}"
    yield "hex parts", ".".join(map(hex, parts))
    yield "short", f"{parts[0]}.{number & 0xFFFFFF}"
    yield "trailing dot", f"{address}."
    yield "escaped", "".join(f"%{ord(one):02x}" for one in address)
    yield "ideographic dots", address.replace(".", "\u3002")
    yield "mapped", f"[::ffff:{address}]"
    yield "compatible", f"[{ipaddress.IPv6Address(number)}]"
    yield "NAT64", f"[{ipaddress.IPv6Address((0x64FF9B << 96) | number)}]"
    yield "translated", f"[{ipaddress.IPv6Address((0xFFFF << 48) | number)}]"
    for name, bits in (("ISATAP", 0x5EFE), ("global ISATAP", 0x2005EFE)):
        network = 0x26064700 << 96
        yield name, f"[{ipaddress.IPv6Address(network | (bits << 32) | number)}]"
    yield "6to4", f"[{ipaddress.IPv6Address((0x2002 << 112) | (number << 80))}]"


def _attacks() -> Iterator[Attack]:
    yield from _literals()
    yield from _names()
    yield from _urls()


def _literals() -> Iterator[Attack]:
    for base in _BASES:
        for kind, address in _INNER.items():
            if kind in _OF_KIND.get(base, ()):
                continue
            spellings = [*_spellings(address)]
            is_spelled = base == "public http" and kind in _SPELLED
            for spelling, host in spellings if is_spelled else spellings[:1]:
                url = f"{'https' if base == 'public' else 'http'}://{host}:{_PORT}/x"
                for way in _WAYS:
                    yield _attack("an address in the URL", f"{base}: {kind}, {spelling}", url, base,
                                  way, [address])  # fmt: skip
    for kind, address in _INNER_6.items():
        url = f"http://[{address}]:{_PORT}/x"
        for way in _WAYS:
            yield _attack("an IPv6 address in the URL", kind, url, "public http", way, [address])


def _names() -> Iterator[Attack]:
    for kind, address in (_INNER | {f"IPv6 {kind}": one for kind, one in _INNER_6.items()}).items():
        url = f"http://storage.example:{_PORT}/x"
        for way in _WAYS:
            yield _attack("a name that resolves", kind, url, "public http", way, [address])
    for name in ("localhost", "LOCALHOST", "localhost.", "a.localhost"):
        for way in _WAYS:
            yield _attack("a name of the machine", name, f"http://{name}:{_PORT}/x", "public http",
                          way, ["127.0.0.1"])  # fmt: skip
    for kind in ("loopback", "metadata", "private 10"):
        url = f"http://storage.example:{_PORT}/x"
        for way in _WAYS:
            yield _attack("a name that moves", kind, url, "public http", way,
                          ["93.184.215.15", _INNER[kind]])  # fmt: skip
        # The client has not reached the API by then; it trusts the name that its caller gave.
        yield _attack("a name that moves with that of the API", kind, url, "moving", "gate",
                      [_INNER[kind]])  # fmt: skip


def _urls() -> Iterator[Attack]:
    public = ["93.184.215.15"]
    for name, url, base in (
        ("no TLS", f"http://storage.example:{_PORT}/x", "public"),
        ("no TLS at the API's own host", f"http://{_API}:{_PORT}/x", "public"),
        ("HTTP in capitals", f"HTTP://storage.example:{_PORT}/x", "public"),
        ("a user", f"http://user@storage.example:{_PORT}/x", "public http"),
        ("a password", f"http://user:pw@storage.example:{_PORT}/x", "public http"),
        ("the API as a user", f"http://{_API}@storage.example:{_PORT}/x", "public http"),
        ("the API as a user and a port", f"http://{_API}:80@storage.example:{_PORT}/x", "public"),
        ("a backslash", f"http://{_API}\\@storage.example:{_PORT}/x", "public http"),
    ):
        for way in _WAYS:
            yield _attack("a URL to a public host", name, url, base, way, public)
    for scheme in ("file", "ftp", "gopher", "ldap", "dict", "unix", "data", "javascript", "ws"):
        for way in _WAYS:
            yield _attack("another scheme", scheme, f"{scheme}://storage.example/x", "public", way,
                          public)  # fmt: skip


def _attack(
    kind: str, name: str, url: str, base: str, way: str, addresses: list[str]
) -> Attack:  # fmt: skip
    return Attack(kind, f"{kind}: {name}, {way}", lambda: _run(url, base, _WAYS[way], addresses))


def _run(url: str, base: str, way: Callable[[str, str], None], addresses: list[str]) -> str | None:
    base_url, near = _BASES["public http" if base == "moving" else base]
    # One that moves is public when the API is reached, and beside the upload from then on.
    names = {"storage.example": [*addresses], _API: [near, *addresses * (base == "moving")]}
    network = _Network(names)
    with network.patched():
        way(base_url, url)
    # A name that moves may be sent to at the address that was checked.
    is_held = not network.sent or (len(addresses) > 1 and network.peer == addresses[0])
    return None if is_held else f"{network.sent!r} was sent to {network.peer}"


class _Network:
    """A resolver of names, and sockets that note what is sent; nothing leaves this process.

    Each look-up of a name takes the next of its addresses, and the last one from then on.
    """

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.sent = b""
        self.peer: Any = None

    @contextmanager
    def patched(self) -> Iterator[None]:
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *_: Any, **__: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            name = name.rstrip(".").lower()
            listed = self.names.get(name)
            address = listed.pop(0) if listed and len(listed) > 1 else listed[0] if listed else name
            if name == "localhost" or name.endswith(".localhost"):
                address = "127.0.0.1"
            # Numeric only: no name leaves this machine.
            return real(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

        with (
            mock.patch("socket.getaddrinfo", look_up),
            mock.patch("socket.socket", side_effect=lambda *_: _Socket(self)),
            mock.patch.object(httpcore.SyncBackend, "connect_tcp", self._connect),
        ):
            yield

    def _connect(self, host: str, port: int, **_: Any) -> httpcore.NetworkStream:
        """Resolve once more, as httpcore does."""
        try:
            address = socket.getaddrinfo(host, port)[0][4]
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        return _Stream(self, address)


class _Socket:
    """What the gate's client needs of a socket."""

    def __init__(self, network: _Network) -> None:
        self._network, self._address = network, ("", 0)

    def connect(self, address: Any) -> None:
        self._address = address

    def send(self, data: bytes) -> int:
        if self._address[1] == _PORT:
            self._network.sent += bytes(data)
            self._network.peer = self._address[0]
        return len(data)

    def recv(self, _: int) -> bytes:
        return b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def settimeout(self, _: float) -> None: ...

    def setsockopt(self, *_: int) -> None: ...

    def close(self) -> None: ...


class _Stream(httpcore.NetworkStream):
    """A connection of httpx."""

    def __init__(self, network: _Network, address: Any) -> None:
        self._socket, self._address = _Socket(network), address
        self._socket.connect(address)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._socket.send(buffer)

    def close(self) -> None: ...

    def start_tls(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._address if info == "server_addr" else None


def _gate(base_url: str, url: str) -> None:
    """Upload as the gate does, once the API was reached."""
    endpoint = Endpoint(base_url.replace("https:", "http:"), Client(proxy=None))
    with Session(endpoint, Tape(TOKEN), "attacks", Pace()) as session:
        session.send("GET", "/api/v1/images/build/b", "status")
        session.endpoint = Endpoint(base_url, endpoint.transport)
        session.upload("b", url, b"context", "upload")


def _client(base_url: str, url: str) -> None:
    """Upload as the generated client does."""
    issued = {"build_id": "b", "upload_url": url, "expires_in": 60, "fullImagePath": "p"}
    build = BuildImageResponse.from_dict(issued)
    content = b"context"
    context = Context(BytesIO(content), len(content), "Dockerfile")
    client = AuthenticatedClient(base_url, TOKEN, verify_ssl=False, httpx_args={"trust_env": False})
    try:
        with client:
            upload(build, context, client=client)
    except (errors.UploadNotAllowedError, errors.InvalidBodyError):
        return
    raise AssertionError("no error was raised")


_WAYS = {"gate": _gate, "client": _client}

FAMILY = Family(
    "urls",
    "An upload URL that a server returns does not lead a context into the network of its client.",
    _attacks,
)
