"""Raw bytes: what is sent to one reference server, which runs as ``make serve`` does."""

from __future__ import annotations

import atexit
import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from urllib.parse import urlsplit

from ....contract.openapi import PATH
from . import Attack, Family

TOKEN = "a-token-of-the-attacks"  # noqa: S105 (of a server that lives as long as this process)
BUILD = b"/api/v1/images/build"
_SECONDS = 60.0
_HEALTH = b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
_HEAD = b"Host: h\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
_JSON = _HEAD + b"Content-Type: application/json\r\n"


class _Server:
    """The server, as a process that ends with this one."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (it is read as long as this process)
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "contract_tests", "serve", "--port", "0", "--json", "--quiet",
             "--token", TOKEN],
            cwd=PATH.parent, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        assert self._process.stdout is not None
        url = urlsplit(json.loads(self._process.stdout.readline())["url"])
        self._address = (url.hostname or "", url.port or 0)
        atexit.register(self._end)

    def _end(self) -> None:
        with self._process:
            self._process.kill()

    def answer(self, sent: bytes, *, is_whole: bool = True) -> bytes:
        """Send bytes; return the response, or nothing if the server waits for more.

        If another response follows without being waited for, it is returned too.
        """
        with socket.create_connection(self._address, _SECONDS) as connection:
            received = b""
            try:
                connection.sendall(sent)
                while is_whole and not _is_complete(received):
                    if not (chunk := connection.recv(65536)):
                        return received
                    received += chunk
                if b"smuggled" in sent and not _is_closed(received):
                    self.answer(_HEALTH)  # the server has seen all that came before
                    connection.shutdown(socket.SHUT_WR)
                    received += b"".join(iter(lambda: connection.recv(65536), b""))
            except ConnectionError:
                pass  # closed, maybe while we were sending
            return received

    def log(self) -> str:
        """Return what the server wrote on standard error since the last time."""
        return self._log.read().decode()


@cache
def _server() -> _Server:
    return _Server()


def _is_complete(response: bytes) -> bool:
    head, end, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and length is not None and len(body) >= int(length[1])


def _is_closed(response: bytes) -> bool:
    return b"connection: close" in response.partition(b"\r\n\r\n")[0].lower()


def _send(sent: bytes, is_whole: bool) -> str | None:
    server = _server()
    answer = server.answer(sent, is_whole=is_whole)
    statuses = re.findall(rb"HTTP/1\.[01] (\d+)", answer)
    if not server.answer(_HEALTH).startswith(b"HTTP/1.1 200"):
        return "the next request was not answered"
    if log := server.log():
        return f"it logged {log[:200]!r}"
    if b"smuggled" in sent and set(statuses[1:]) - {b"400"}:
        return f"a request within a request was answered: {statuses}"
    if answer and not statuses:
        return f"the answer is {answer[:100]!r}"
    if any(status[:1] != b"4" for status in statuses if b"smuggled" not in sent):
        return f"answered with {statuses}"
    return None


def _lines() -> Iterator[tuple[str, bytes]]:
    for line in (
        b"", b"\0", b"GET", b"GET /", b"GET / HTTP", b"GET / HTTP/", b"GET / HTTP/9.9",
        b"GET / HTTP/1.1 x", b"GET  / HTTP/1.1", b" GET / HTTP/1.1", b"GET\t/\tHTTP/1.1",
        b"G\0T / HTTP/1.1", b"G\xc3\x89T / HTTP/1.1", b"GET /\0 HTTP/1.1", b"GET /\xff HTTP/1.1",
        b"GET / http/1.1", b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01\x00", b"GET /a b HTTP/1.1",
        b"GET / HTTP/1.1\rX: y", b"x" * 70_000, b"GET /" + b"x" * 70_000 + b" HTTP/1.1",
        b"A" * 70_000 + b" / HTTP/1.1", b"GET / HTTP/1." + b"1" * 70_000,
    ):  # fmt: skip
        for end in (b"\r\n", b"\n"):
            yield f"{line[:24]!r} of {len(line)}, then {end!r}", line + end + b"Host: h" + end * 2


def _headers() -> Iterator[tuple[str, bytes]]:
    for label, headers in {
        "no host": b"X: y\r\n", "two hosts": b"Host: a\r\nHost: b\r\n",
        "no colon": b"Host: h\r\nnothing\r\n", "no name": b"Host: h\r\n: x\r\n",
        "a blank before the colon": b"Host : h\r\n",
        "a folded header": b"Host: h\r\nX: a\r\n b\r\n",
        "a folded first header": b" X: a\r\nHost: h\r\n",
        "NUL in a value": b"Host: h\r\nX: a\0b\r\n",
        "NUL in a name": b"Host: h\r\nX\0: a\r\n",
        "CR in a value": b"Host: h\r\nX: a\rb\r\n",
        "no ASCII in a name": b"Host: h\r\n\xff: a\r\n",
        "no ASCII in a value": b"Host: h\r\nX: \xff\r\n",
        "a long name": b"Host: h\r\n" + b"x" * 70_000 + b": a\r\n",
        "a long value": b"Host: h\r\nX: " + b"x" * 70_000 + b"\r\n",
        "20,000 headers": b"Host: h\r\n" + b"X: a\r\n" * 20_000,
        "20,000 empty headers": b"Host: h\r\n" + b"X:\r\n" * 20_000,
        "an upgrade": b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
        "an upgrade to HTTP/2": b"Host: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n",
        "an unknown expectation": b"Host: h\r\nExpect: everything\r\nContent-Length: 0\r\n",
        "an invalid host": b"Host: \xff\xfe:99999999\r\n",
        "1,000 commas": b"Host: h\r\nConnection: " + b"," * 1000 + b"\r\n",
    }.items():  # fmt: skip
        for path in (BUILD, b"/nowhere"):
            yield (
                f"{label}, for {path.decode()}",
                b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n",
            )


def _smuggling() -> Iterator[tuple[str, bytes]]:
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    lengths = (
        b"1, 2",
        b"+5",
        b"-5",
        b"0x5",
        b"5 5",
        b"5;",
        b"\xd9\xa5",
        b"9" * 30,
        b"",
        b"5.0",
        b"1e1",
    )
    codings = (b"chunked, chunked", b"identity", b"xchunked", b"chunked;q=1", b"chunked, gzip",
               b"gzip, chunked", b"\x0bchunked", b"chunked\0", b"chunk\r\n ed", b"")  # fmt: skip
    framings = {
        **{f"Content-Length: {one[:9]!r}": b"Content-Length: " + one for one in lengths},
        **{f"Transfer-Encoding: {one!r}": b"Transfer-Encoding: " + one for one in codings},
        "two lengths": b"Content-Length: 2\r\nContent-Length: 3",
        "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "a length and a coding": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        "a coding and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        "a coding with a blank": b"Transfer-Encoding : chunked\r\nContent-Length: 5",
        "a length in a folded line": b"X: y\r\n Content-Length: 5",
    }
    for label, framing in framings.items():
        for method, path in ((b"POST", BUILD), (b"PUT", b"/uploads/x")):
            head = method + b" " + path + b" HTTP/1.1\r\n" + _JSON + framing + b"\r\n\r\n"
            yield f"{label}, {method.decode()}", head + b"0\r\n\r\n" + hidden


def _chunks() -> Iterator[tuple[str, bytes]]:
    for label, body in {
        "no size": b"\r\n", "letters": b"zz\r\n", "minus": b"-1\r\n", "plus": b"+1\r\nx\r\n",
        "0x": b"0x1\r\nx\r\n", "a blank before": b" 1\r\nx\r\n", "21 digits": b"F" * 21 + b"\r\n",
        "100,000 digits": b"0" * 100_000 + b"1\r\n", "no ASCII": b"\xd9\xa1\r\n", "NUL": b"\0\r\n",
        "a large extension": b"1;x=" + b"y" * 100_000 + b"\r\nx\r\n0\r\n\r\n",
        "an extension with NUL": b"1;x=\0\r\nx\r\n0\r\n\r\n",
        "an invalid extension": b"1;=;;\"\r\nx\r\n0\r\n\r\n",
        "too much": b"1\r\nxx\r\n0\r\n\r\n", "another line end": b"1\rx\r\n0\r\n\r\n",
        "a trailer without a colon": b"0\r\nno colon\r\n\r\n",
        "a folded trailer": b"0\r\n x\r\n\r\n",
        "a large trailer": b"0\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        "20,000 trailers": b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        "10,000 chunks": b"1\r\n[\r\n" * 10_000 + b"0\r\n\r\n",
    }.items():  # fmt: skip
        for method, path in ((b"POST", BUILD), (b"PUT", b"/uploads/x"), (b"PATCH", b"/")):
            head = method + b" " + path + b" HTTP/1.1\r\n" + _JSON
            yield f"{label}, {method.decode()}", head + b"Transfer-Encoding: chunked\r\n\r\n" + body


def _targets() -> Iterator[tuple[str, bytes]]:
    targets = (
        b"/%00", b"/%ff%fe", b"/%", b"/%zz", b"/%2e%2e/%2e%2e/etc/passwd", b"/../../etc/passwd",
        b"//", b"/" * 5000, b"*", b"h:80", b"http://h/health/", b"http://[::1", b"?",
        b"/?" + b"a=b&" * 3000,
        b"/%F0%9F%92%A9" * 500, b"/%0d%0aX:%20y", b"/;x", b"/\\x",
        BUILD + b"/%2e%2e", BUILD + b"/%00/start", BUILD + b"/%ed%a0%80",
        BUILD + b"/" + b"x" * 9000,
        b"/uploads/%00?expires=%00&signature=%ff", b"/uploads/x?expires=" + b"9" * 9000,
        b"/uploads/x?expires=&expires=1&signature=" + b"0" * 64, b"/api/v1/images/%00/%ff",
    )  # fmt: skip
    for target in targets:
        for method in (b"GET", b"PUT", b"DELETE"):
            name = f"{method.decode()} {target[:30].decode()} of {len(target)}"
            yield name, method + b" " + target + b" HTTP/1.1\r\n" + _HEAD + b"\r\n"
    for method in (b"CONNECT", b"TRACE", b"OPTIONS", b"HEAD", b"PROPFIND", b"M" * 1000):
        close = b"Connection: close\r\n\r\n"  # a HEAD has no body to its length
        yield method[:9].decode(), method + b" /nowhere HTTP/1.1\r\n" + _HEAD + close


def _bodies() -> Iterator[tuple[str, bytes]]:
    for label, body in {
        "deep lists": b"[" * 500_000, "deep objects": b'{"a":' * 150_000,
        "deep and closed": b"[" * 100_000 + b"]" * 100_000, "nothing": b"", "NUL": b"\0",
        "a number": b"1e999", "a long number": b"9" * 500_000,
        "a long fraction": b"0." + b"9" * 500_000,
        "a long exponent": b"1e" + b"9" * 500_000, "Infinity": b"Infinity", "NaN": b'{"a": NaN}',
        "no UTF-8": b'{"image_name": "\xff"}', "half a character": b'{"image_name": "\\ud800"}',
        "a mark first": b"\xef\xbb\xbf{}", "UTF-16": '{"image_name": "x"}'.encode("utf-16"),
        "UTF-32": '{"image_name": "x"}'.encode("utf-32"), "a list": b"[]", "half": b'{"image_name',
        "50,000 keys": b"{" + b",".join(b'"%d":0' % number for number in range(50_000)) + b"}",
        "numbers as values": b'{"image_name": 1e400, "image_tag": -0}',
        "an object as a name": b'{"image_name": {}, "image_tag": []}',
        "control characters": b'{"image_name": "\x01"}', "two values": b"{}{}",
        "more than a mebibyte": b" " * (2**20 + 1), "a comment": b"/**/{}",
        "a long key": b'{"' + b"k" * 900_000,
    }.items():  # fmt: skip
        for path in (BUILD, BUILD + b"/x/start"):
            head = (
                b"POST "
                + path
                + b" HTTP/1.1\r\n"
                + _JSON
                + b"Content-Length: %d\r\n\r\n" % len(body)
            )
            yield f"{label}, {path[-8:].decode()}", head + body


def _cut() -> Iterator[tuple[str, bytes]]:
    body = b'{"image_name": "x", "image_tag": "y"}'
    whole = (
        b"POST "
        + BUILD
        + b" HTTP/1.1\r\n"
        + _JSON
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )
    for at in range(0, len(whole), 12):
        yield f"after {at} bytes", whole[:at]
    chunked = whole.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n"
    for tail in (
        b"",
        b"5",
        b"5\r",
        b"5\r\n",
        b"5\r\n{",
        b"5\r\n{    ",
        b"0\r\n",
        b"FFFFFFFFFFFFFFFF\r\n{",
    ):
        yield f"after the chunk {tail!r}", chunked + tail


def _attacks() -> Iterator[Attack]:
    for kind, made in {
        "request lines": _lines, "headers": _headers, "smuggling": _smuggling, "chunks": _chunks,
        "targets": _targets, "JSON": _bodies,
    }.items():  # fmt: skip
        for name, sent in made():
            yield Attack(kind, name, partial(_send, sent, is_whole=True))
    for name, sent in _cut():
        yield Attack("cut off", name, partial(_send, sent, is_whole=False))


FAMILY = Family(
    "raw bytes",
    "A running server answers with 4xx, or closes; it logs nothing, and serves the next request.",
    _attacks,
)
