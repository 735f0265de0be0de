"""How much of a body the client reads, for how long, and which content codings it decodes."""

from __future__ import annotations

import asyncio
import gzip
import io
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Client,
    Context,
    _calls,
    errors,
    upload,
    upload_async,
)
from prime_image_builds._receive import BODY_SECONDS, MAX_RESPONSE_BYTES, receive, receive_async
from prime_image_builds.models import BuildImageResponse

from ...drivers.client import example

BUILD = BuildImageResponse.from_dict(example("initiate_image_build"))
REQUEST = httpx.Request("GET", "https://images.test/api/v1/images/build/bld_1")
BODY = b"of a build " * 50


def bare(content: bytes) -> bytes:
    """Compress without the header of zlib, as some servers do."""
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(content) + made.flush()


CODINGS: dict[str, tuple[str | None, Callable[[bytes], bytes]]] = {
    "no header": (None, bytes), "empty": ("", bytes), "identity": ("identity", bytes),
    "identity in capitals": (" Identity ", bytes), "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress), "deflate": ("deflate", zlib.compress),
    "bare deflate": ("Deflate", bare),
}  # fmt: skip
UNDECODABLE: dict[str, tuple[str, bytes, str]] = {
    "not accepted": ("br", BODY, "has the content coding 'br', which was not accepted"),
    "long": ("x" * 99, BODY, f"has the content coding '{'x' * 40}', which was not accepted"),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(BODY)), "'gzip, gzip', which was not"),
    "plain": ("gzip", BODY, "cannot be decoded as gzip"),
    "cut": ("gzip", gzip.compress(BODY)[:-1], "cannot be decoded as gzip"),
    "of zlib": ("gzip", zlib.compress(BODY), "cannot be decoded as gzip"),
    "of gzip": ("deflate", gzip.compress(BODY), "cannot be decoded as deflate"),
    "followed": ("deflate", zlib.compress(BODY) + b"x", "cannot be decoded as deflate"),
}


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in pieces, and counts those that were read."""

    def __init__(self, *pieces: bytes, read: Callable[[], None] = lambda: None) -> None:
        self.pieces = pieces
        self.taken = 0
        self.is_closed = False
        self.read = read

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.taken += 1
            self.read()
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        """Close it."""
        self.is_closed = True

    async def aclose(self) -> None:
        """Close it."""
        self.is_closed = True


Receive = Callable[[httpx.Response, int], httpx.Response]
ways = pytest.mark.parametrize(
    "receive",
    [receive, lambda response, most: asyncio.run(receive_async(response, most))],
    ids=["sync", "asyncio"],
)


def response(status: int, stream: Pieces, coding: str | None = None) -> httpx.Response:
    """Return a response whose body is not read yet, after a redirect."""
    headers = {"X-Mine": "1"} | ({} if coding is None else {"Content-Encoding": coding})
    version = {"http_version": b"HTTP/2"}
    made = httpx.Response(
        status, headers=headers, stream=stream, request=REQUEST, extensions=version
    )
    made.history = [httpx.Response(307, request=REQUEST)]
    return made


@ways
@pytest.mark.parametrize("case", CODINGS)
def test_body_in_each_coding_is_read_up_to_the_limit(case: str, receive: Receive) -> None:
    """The limit is for what is sent and for what it decodes to; one byte more is an error."""
    coding, coded = CODINGS[case]
    for content in (BODY, b"x", b""):
        sent = coded(content) if content else b""
        most = max(len(sent), len(content), 1)
        stream = Pieces(sent[:5], sent[5:])
        made = response(200, stream, coding)
        whole = receive(made, most)

        assert (whole.content, whole.status_code, stream.is_closed) == (content, 200, True)
        assert whole.headers == response(200, stream, coding).headers
        assert (whole.request.url, len(whole.history)) == (REQUEST.url, 1)
        assert (whole.http_version, [*made.extensions]) == ("HTTP/2", ["http_version"])
        if most > 1:
            with pytest.raises(errors.InvalidResponseError) as caught:
                receive(response(200, Pieces(sent), coding), most - 1)
            error = caught.value
            assert (error.path, error.reason) == ("$", f"is larger than {most - 1} bytes")
            assert error.option == "a larger max_response_bytes"


@ways
@pytest.mark.parametrize("case", UNDECODABLE)
def test_body_that_cannot_be_decoded_is_an_invalid_success(case: str, receive: Receive) -> None:
    """Of an error status, the body is what was sent."""
    coding, sent, reason = UNDECODABLE[case]
    refusal = receive(response(503, Pieces(sent), coding), 1000)
    with pytest.raises(errors.InvalidResponseError) as caught:
        receive(response(200, Pieces(sent), coding), 1000)

    assert (refusal.status_code, refusal.content) == (503, sent)
    assert reason in caught.value.reason
    assert (caught.value.path, caught.value.option) == ("$", None)
    assert caught.value.response.content == sent


@ways
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_no_more_is_read_than_the_limit_and_a_piece(coding: str | None, receive: Receive) -> None:
    """The connection is closed then; of an error status, the body is what fits."""
    stream = Pieces(*[b"0123456789"] * 10)
    refusal = receive(response(404, stream, coding), 20)

    assert (refusal.content, refusal.headers["X-Mine"]) == (b"0123456789" * 2, "1")
    assert (stream.taken, stream.is_closed) == (3, True)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare deflate"])
def test_body_that_decodes_to_much_more_takes_no_memory(coding: str) -> None:
    """7 kB can become 4 GB: nothing is decoded beyond the limit."""
    named, coded = CODINGS[coding]
    sent = coded(bytes(8 * 2**20))
    tracemalloc.start()
    try:
        with pytest.raises(errors.InvalidResponseError, match="is larger than 10000 bytes"):
            receive(response(200, Pieces(sent), named), 10_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**20


@ways
@pytest.mark.parametrize(("seconds", "is_late"), [(BODY_SECONDS / 2, False), (61.0, True)])
def test_body_that_drips_raises(
    seconds: float, is_late: bool, receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each piece may be in time; the connection is closed."""
    clock = [1000.0]
    monkeypatch.setattr(_calls, "now", lambda: clock[0])

    def passes() -> None:
        clock[0] += seconds

    stream = Pieces(b"a", b"b", read=passes)
    if is_late:
        with pytest.raises(httpx.ReadTimeout, match=r"more than 120 s$") as caught:
            receive(response(200, stream), 100)
        assert caught.value.request is REQUEST
    else:
        assert receive(response(200, stream), 100).content == b"ab"

    assert (stream.taken, stream.is_closed) == (2, True)


def requested(client: Client) -> httpx.Response:
    """Send a request of the API."""
    return client.request("GET", "/")


def requested_async(client: Client) -> httpx.Response:
    """Send a request of the API, and await it."""
    return asyncio.run(client.request_async("GET", "/"))


def put(client: AuthenticatedClient) -> None:
    """Upload a context."""
    upload(BUILD, Context(io.BytesIO(b"tar"), 3, "Dockerfile"), client=client)


def put_async(client: AuthenticatedClient) -> None:
    """Upload a context, and await it."""
    context = Context(io.BytesIO(b"tar"), 3, "Dockerfile")
    asyncio.run(upload_async(BUILD, context, client=client))


@pytest.mark.parametrize("act", [requested, requested_async, put, put_async])
def test_each_request_of_a_client_is_read_within_its_limit(act: Callable[[Any], object]) -> None:
    """Those of the API, and uploads, whose storage a server chooses."""
    stream = Pieces(*[b"0123456789"] * 10)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    client = AuthenticatedClient(
        "https://images.test", "token", max_response_bytes=20, httpx_args={"transport": transport}
    )
    with pytest.raises(errors.InvalidResponseError, match="is larger than 20 bytes"):
        act(client)

    assert (stream.taken, stream.is_closed) == (3, True)


@pytest.mark.parametrize("act", [requested, requested_async])
def test_body_of_a_redirect_is_not_read(act: Callable[[Any], httpx.Response]) -> None:
    """The connection is closed; the response after it has it as its history."""
    stream = Pieces(*[b"0123456789"] * 10)
    there = {"Location": "https://images.test/there"}
    answers = iter([httpx.Response(307, headers=there, stream=stream), httpx.Response(200)])
    client = Client(
        "https://images.test",
        follow_redirects=True,
        httpx_args={"transport": httpx.MockTransport(lambda _: next(answers))},
    )
    whole = act(client)

    assert (stream.taken, stream.is_closed) == (0, True)
    assert str(whole.url) == there["Location"]
    assert [one.status_code for one in whole.history] == [307]


@ways
def test_body_that_was_read_before_is_not_decoded_again(receive: Receive) -> None:
    """By a hook of the caller's, or because a mock has it."""
    headers = {"Content-Encoding": "gzip"}
    read = httpx.Response(200, headers=headers, content=gzip.compress(BODY), request=REQUEST)

    assert receive(read, 1000).content == BODY


def test_bare_deflate_is_told_from_that_of_zlib() -> None:
    """Whatever it begins with: also one of the two things that a header of zlib has."""
    stored = b"\x08\x01\0\xfe\xffa" + bare(b"b")
    contents = {bare(bytes([one, two])): bytes([one, two]) for one in range(256) for two in (0, 99)}
    contents[stored] = b"ab"
    starts = [int.from_bytes(sent[:2], "big") for sent in contents]

    assert any(start % 31 == 0 for start in starts)
    assert any(start >> 8 & 15 == 8 for start in starts)
    for sent, content in contents.items():
        assert receive(response(200, Pieces(sent), "deflate"), 100).content == content


def test_limit_is_a_few_thousand_times_what_a_status_has() -> None:
    """By default 16 MiB."""
    assert MAX_RESPONSE_BYTES == 16 * 1024 * 1024
