"""Responses of a hostile server to the generated client, sync and async."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import tracemalloc
import warnings
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import httpx
from prime_image_builds import AuthenticatedClient, errors
from prime_image_builds import _calls as calls
from prime_image_builds.api.images import get_build_status

from . import Attack, Family

MOST = 64 * 1024
MOST_MEMORY = 8 * 2**20
MOST_MESSAGE = 2 * MOST
VARIANTS = ("sync", "async")
STATUS = {
    "id": "b", "imageName": "web", "imageTag": "v1", "status": "PENDING",
    "createdAt": "2026-11-24T09:00:00Z",
}  # fmt: skip
JSON = {"Content-Type": "application/json"}


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, and how many bytes of it were taken."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.pieces, self.taken = pieces, 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces():
            self.taken += len(piece)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


Answer = Callable[[httpx.Request], httpx.Response]


def _call(answer: Answer, variant: str, **options: Any) -> object:
    """Ask for a status once; return it, or raise what the client raises."""
    options = {"max_response_bytes": MOST, **options}
    arguments = {"transport": httpx.MockTransport(answer)}
    client = AuthenticatedClient(
        "https://images.test", "secret-token", httpx_args=arguments, **options
    )
    if variant == "sync":
        with client:
            return get_build_status.sync("b", client=client)

    async def call() -> object:
        async with client:
            return await get_build_status.asyncio("b", client=client)

    return asyncio.run(call())


def _held(
    answer: Answer, variant: str, expected: tuple[type[Exception], ...] = (), **options: Any
) -> str | None:
    """Ask within a bound of memory; return what was not one of the documented errors."""
    allowed = expected or (errors.ApiError, errors.InvalidResponseError, httpx.HTTPError)
    tracemalloc.start()
    try:
        with warnings.catch_warnings(action="ignore"):
            found: object = _call(answer, variant, **options)
    except allowed as error:
        found = error
        if isinstance(error, errors.ApiError):
            str((error.retry_after, error.problems, error.body, error.request_id, error.url))
        if len(str(error)) > MOST_MESSAGE or len(repr(error)) > 16 * MOST:
            return "a message that is longer than the body"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if peak > MOST_MEMORY:
        return f"took {peak / 2**20:.0f} MiB"
    return f"returned {str(found)[:60]}" if expected and not isinstance(found, expected) else None


def _answer(body: bytes, status: int = 200, **headers: str) -> Answer:
    named = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    given = {name.encode(): value.encode() for name, value in named.items()}
    return lambda _: httpx.Response(
        status,
        headers=given,
        stream=_Pieces(lambda: iter([body[n : n + 4096] for n in range(0, len(body), 4096)])),
    )


def raw_deflate(text: bytes) -> bytes:
    """Compress as some servers do: without the header and checksum of zlib."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress,
    "Deflate": raw_deflate,
}  # fmt: skip


def _codings() -> Iterator[Attack]:
    refused, plain = (errors.InvalidResponseError,), json.dumps(STATUS).encode()
    for variant in VARIANTS:
        for coding, pack in CODINGS.items():
            for layers in (1, 2, 3):
                body = b" " * (2 * MOST_MEMORY)
                for _ in range(layers):
                    body = pack(body)
                names = ", ".join([coding] * layers)
                for status in (200, 503):
                    expected = refused if status == 200 else (errors.ServerError,)
                    answer = _answer(body, status, Content_Encoding=names)
                    name = f"{layers} times {coding}, {status}, {variant}"
                    yield Attack("codings", name, partial(_held, answer, variant, expected))
            whole = pack(json.dumps(STATUS).encode())
            for end, body in {
                "cut": whole[:-3], "data after it": whole + b"x", "twice": whole + whole,
                "flipped": whole[:12] + bytes([whole[12] ^ 255]) + whole[13:], "plain": b"{}",
            }.items():  # fmt: skip
                answer = _answer(body, Content_Encoding=coding)
                name = f"{coding}, {end}, {variant}"
                yield Attack("codings", name, partial(_held, answer, variant, refused))
        for coding in ("br", "zstd", "compress", "gzip;q=1", "gzip, identity", "identity, gzip",
                       "x" * 5000, "gzip\t,gzip", "utf-8", "aws-chunked"):  # fmt: skip
            for form, body in {"packed": gzip.compress(b"{}"), "plain": plain}.items():
                answer = _answer(body, Content_Encoding=coding)
                name = f"{coding[:20]}, {form}, {variant}"
                yield Attack("codings", name, partial(_held, answer, variant, refused))


def _sizes() -> Iterator[Attack]:
    def endless(piece: bytes, status: int, variant: str) -> str | None:
        stream = _Pieces(lambda: iter(lambda: piece, b""))
        expected = (errors.InvalidResponseError,) if status == 200 else (errors.ApiError,)
        answer = lambda _: httpx.Response(status, headers=JSON, stream=stream)  # noqa: E731
        what = _held(answer, variant, expected)
        return what or (f"took {stream.taken} bytes" if stream.taken > MOST + len(piece) else None)

    def redirects(follow: bool, variant: str) -> str | None:
        stream = _Pieces(lambda: iter(lambda: b"x" * 4096, b""))
        answer = lambda _: httpx.Response(302, headers={"Location": "/b"}, stream=stream)  # noqa: E731
        expected = (httpx.TooManyRedirects,) if follow else (errors.UnexpectedStatusError,)
        what = _held(answer, variant, expected, follow_redirects=follow)
        return what or (f"took {stream.taken} bytes" if stream.taken > 2 * MOST else None)

    for variant in VARIANTS:
        for status in (200, 201, 400, 404, 422, 429, 500, 503):
            for size in (1, 1000, 100_000):
                name = f"pieces of {size} bytes without end, {status}, {variant}"
                piece = b"x" * size
                if status in (200, 201) or size > 1:
                    run = partial(endless, piece, 200 if status == 201 else status, variant)
                    yield Attack("sizes", name, run)
        for follow in (True, False):
            name = f"bodies of redirects, {follow=}, {variant}"
            yield Attack("sizes", name, partial(redirects, follow, variant))


def _drips() -> Iterator[Attack]:
    def dripped(seconds: float, status: int, variant: str) -> str | None:
        times = (seconds * count for count in itertools.count())
        pieces = _Pieces(lambda: iter(lambda: b" ", b""))
        answer = lambda _: httpx.Response(status, headers=JSON, stream=pieces)  # noqa: E731
        with mock.patch.object(calls, "now", side_effect=times):
            what = _held(answer, variant, (httpx.ReadTimeout,))
        return what or ("waited on" if pieces.taken * seconds > 200 else None)

    for variant in VARIANTS:
        for status in (200, 404, 500):
            for seconds in (0.1, 1, 29):
                name = f"a byte each {seconds} s, {status}, {variant}"
                yield Attack("drips", name, partial(dripped, seconds, status, variant))


def _bodies() -> Iterator[Attack]:
    body = json.dumps(STATUS)[:-1]
    bodies = {
        "objects in an unknown key": body + ', "x": [' + ",".join(["{}"] * 9000) + "]}",
        "lists": "[" * 30_000, "lists, closed": "[" * 9000 + "]" * 9000,
        "deep in a key": body + ', "x": ' + "[" * 9000 + "]" * 9000 + "}",
        "objects in objects": body + ', "x": ' + '{"a":' * 9000 + "1" + "}" * 9001,
        "a key, last twice": "{" + ",".join(f'"k{n}":0' for n in range(5000)) + ',"k4999":0}',
        "keys": body + "," + ",".join(f'"k{n}":0' for n in range(4000)) + "}",
        "empty artifacts": body + ', "artifacts": [' + ",".join(["{}"] * 9000) + "]}",
        "a number": body + ', "x": ' + "9" * 20_000 + "}",
        "an exponent": body + ', "x": 1e' + "9" * 9000 + "}",
        "a fraction for the status": body.replace('"PENDING"', "1." + "0" * 9000) + "}",
        "a long status": body.replace("PENDING", "P" * 30_000) + "}",
        "a long date": body.replace("00:00Z", "00:00." + "0" * 30_000 + "Z") + "}",
        "a date with a large offset": body.replace("00:00Z", "00:00+99:99") + "}",
        "a long id": body.replace('"b"', f'"{"b" * 30_000}"') + "}",
        "half a pair": body.replace('"b"', r'"\ud800"') + "}",
        "NaN": body + ', "x": NaN}', "a NUL": body + "}\0", "nothing": "", "a text": '"x"',
        "escapes": body.replace('"b"', '"' + r"\u0000" * 5000 + '"') + "}",
        "backslashes": body.replace("PENDING", r"\\" * 9000) + "}",
    }  # fmt: skip
    raws = {name: text.encode() for name, text in bodies.items()}
    raws |= {
        "UTF-16": body.encode("utf-16"),
        "no UTF-8": b'{"id": "\xff"}',
        "a BOM": b"\xef\xbb\xbf{}",
    }
    tolerant: dict[str, Any] = {"naive_timestamps": "utc", "unknown_statuses": "keep"}
    for name, raw in raws.items():
        for status in (200, 422):
            for options in (dict[str, Any](), tolerant):
                if status == 200 or not options:
                    what = f"{name}, {status}{', tolerant' if options else ''}"
                    run = partial(_held, _answer(raw, status), "sync", **options)
                    yield Attack("bodies", what, run)
    listed = {
        "errors": {"errors": [{"param": "p", "details": "d"}] * 1000},
        "errors of lists": {"errors": [[["x"]]] * 1000},
        "a deep loc": {"detail": [{"loc": [[["x"] * 99] * 9] * 9, "msg": {"a": 1}}]},
        "a long detail": {"detail": "x" * 50_000},
    }
    for name, value in listed.items():
        for status in (400, 422, 500):
            run = partial(_held, _answer(json.dumps(value).encode(), status), "sync")
            yield Attack("bodies", f"{name}, {status}", run)


def _headers() -> Iterator[Attack]:
    numbers = (
        "9" * 400,
        "9" * 5000,
        "-1",
        "1e9",
        "0x10",
        "+5",
        "1_000",
        "NaN",
        "inf",
        "٣",
        " ",
        "1.5",
    )
    dates = (
        "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 99 Zzz 2026",
        "Fri, 31 Dec 9999 23:59:59 -9999", "Mon, 1 Jan 9999999999999999999 00:00:00 GMT", ",",
        "Mon, 01 Jan 2026 25:61:61 GMT", "1 1 1 1 1 1", "Jan Jan Jan", "00:00:00", ":", "Mon,",
        "1 Jan 2026 00:00:00 +999999999999", "1 Jan 2026 00:00:00 " + "9" * 5000, "(" * 5000,
        "1 Jan 2026 (" + "x" * 5000, "1-1-1 1:1:1", " ,",
        "Mon, 01 Jan 2026 00:00 -0000", "9" * 20 + " Jan 1",
    )  # fmt: skip
    for value in (*numbers, *dates):
        for status in (429, 503, 202):
            answer = _answer(b"{}", status, Retry_After=value)
            name = f"Retry-After: {value[:40]!r}, {len(value)} long, {status}"
            run = partial(_held, answer, "sync", (errors.ApiError,))
            yield Attack("headers", name, run)
    for name, value in {
        "Location": "http://[", "Content-Type": "application/json; charset=" + "x" * 5000,
        "Set-Cookie": "=" * 5000, "Content-Length": "-1", "X-Request-Id": "\x1b[31m" * 99,
        "Date": "never", "Content-Type ": "x", "Link": "<" * 5000, "WWW-Authenticate": '"' * 5000,
    }.items():  # fmt: skip
        for status in (200, 302, 401, 500):
            answer = partial(_with_header, status, name.strip(), value)
            for follow in (True, False):
                run = partial(_held, answer, "sync", follow_redirects=follow)
                yield Attack("headers", f"{name}, {status}, {follow=}", run)


def _with_header(status: int, name: str, value: str, _: httpx.Request) -> httpx.Response:
    stream = _Pieces(lambda: iter([b"{}"]))
    return httpx.Response(status, headers={**JSON, name: value}, stream=stream)


def _attacks() -> Iterator[Attack]:
    yield from _codings()
    yield from _sizes()
    yield from _drips()
    yield from _bodies()
    yield from _headers()


FAMILY = Family(
    "client answers",
    "The client returns a model or raises a documented error, within memory and time.",
    _attacks,
)
