"""The reference server: what it refuses, in which shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from ...contract.openapi import contract
from ...reference.request_rest import draining
from ..support.reference_server import AUTH, BUILD, NAMED, TOKEN, Served, refusal

INVALID: dict[str, bytes] = {
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "a chunk of no size": (
        b"POST /api/v1/images/build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Type: application/json\r\n\r\n"
        b"zz\r\n"
    ),
    "no host": b"GET /nowhere HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", INVALID.values(), ids=list(INVALID))
def test_what_is_no_request_is_refused(served: Served, sent: bytes) -> None:
    """What cannot be parsed gets 400, in the documented shape; the server goes on."""
    head, _, body = served.raw(sent).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400")
    assert contract().errors({"$ref": "#/components/schemas/ErrorResponse"}, json.loads(body)) == []
    assert served.client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "host", [b"", b"[", b"a b", b"[::1", b"x/../y", b"\xff", b"evil@h:1", b"h:99999999"]
)
def test_invalid_host_header_makes_no_invalid_url(served: Served, host: bytes) -> None:
    """The upload URL names the server itself where the Host header names nothing."""
    body = json.dumps(NAMED).encode()
    sent = b"\r\n".join(
        [
            b"POST /api/v1/images/build HTTP/1.0",
            b"Host: " + host,
            b"Authorization: Bearer " + TOKEN.encode(),
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"",
            body,
        ]
    )
    head, _, content = served.raw(sent).partition(b"\r\n\r\n")

    if head.startswith(b"HTTP/1.1 201"):
        url = str(served.client.base_url).rstrip("/")
        assert json.loads(content)["upload_url"].startswith(f"{url}/uploads/")
    else:
        assert head.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "path")),
        ("GET", "/nowhere", (404, "path")),
        ("GET", f"{BUILD}/", (404, "path")),
        ("DELETE", BUILD, (405, "path")),
        ("PATCH", f"{BUILD}/x/start", (405, "path")),
        ("GET", f"{BUILD}/nothing", (404, "build_id")),
        ("GET", f"{BUILD}/%ff%00%E2%28", (404, "build_id")),
        ("POST", "/uploads/x", (405, "path")),
        ("PUT", "/uploads/x", (403, "signature")),
        ("PUT", "/uploads/x?expires=%ff&signature=%ff", (403, "signature")),
    ],
)
def test_every_refusal_has_the_documented_body(
    served: Served, method: str, path: str, expected: tuple[int, str]
) -> None:
    """So do the router's own: no such path, no such method, no redirect."""
    answer = served.client.request(method, path, headers=AUTH)

    assert refusal(answer) == expected


@pytest.mark.parametrize(
    "content", [b'{"image_name":"\\ud83d","image_tag":"v1"}', b'{"image_name":"\xff"}', b"[" * 9999]
)
def test_lone_surrogate_in_a_name_returns_422(served: Served, content: bytes) -> None:
    """No JSON response could contain half a character."""
    headers = {**AUTH, "Content-Type": "application/json"}

    assert refusal(served.client.post(BUILD, content=content, headers=headers)) == (422, "body")


def test_401_has_no_body(served: Served) -> None:
    """No body is documented for it."""
    answer = served.client.post(BUILD, json=NAMED)

    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("headers", "status", "read"),
    [
        ([(b"content-length", b"3")], 413, 3),
        ([(b"Transfer-Encoding", b"chunked")], 404, 3),
        ([(b"content-length", b"3")], 201, 0),
        ([(b"content-length", b"3"), (b"Expect", b"100-continue")], 413, 0),
        ([], 404, 0),
    ],
)
def test_refused_body_is_read_to_its_end(
    headers: list[tuple[bytes, bytes]], status: int, read: int
) -> None:
    """The body of a client that is sending is read first; one that waits for 100 is not."""
    more_to_come, sent = [True, True, False], []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": more_to_come.pop(0)}

    async def send(message: Any) -> None:
        sent.append((message["status"], 3 - len(more_to_come)))

    sending = draining({"headers": headers}, receive, send)[1]
    asyncio.run(_awaited(sending({"type": "http.response.start", "status": status})))

    assert sent == [(status, read)]


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting
