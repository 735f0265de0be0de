"""What passes through: requests as they come, headers that go on, bodies that are kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx

from .upstream import Headers

# RFC 9110, section 7.6.1: what belongs to one connection. Expect is answered by the proxy, and
# Transfer-Encoding goes on with a request, whose framing it is.
_HOP_BY_HOP = {
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
    b"proxy-connection", b"te", b"trailer", b"upgrade",
}  # fmt: skip
_HOST = re.compile(r"[\w.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", re.ASCII)


class ClientGone(Exception):  # noqa: N818 (named for what happened)
    """The client closed its connection."""


class Incoming:
    """A request, as a client sent it.

    Args:
        scope: What ASGI has of it.
        receive: Returns its body, and waits for the end of the connection.
        most: Bytes of the body that are kept.

    """

    def __init__(self, scope: Any, receive: Any, most: int) -> None:
        self.method: str = scope["method"]
        query: bytes = scope["query_string"]
        self.path: bytes = scope["raw_path"]
        self.target = self.path + (b"?" + query if query else b"")
        self.headers: Headers = scope["headers"]
        self.body = Body(receive, most)
        host = httpx.Headers(self.headers).get("host", "")
        address, port = scope["server"]
        self.origin = f"http://{host if _HOST.fullmatch(host) else f'{address}:{port}'}"


class Body:
    """The body of a request, passed on as it comes; its first bytes are kept.

    Attributes:
        kept: The body, or None once it is longer than what is kept.

    """

    def __init__(self, receive: Any, most: int) -> None:
        self.kept: bytes | None = b""
        self._receive = receive
        self._most = most
        self._is_read = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield its pieces. Raises ``ClientGone``."""
        kept, has_more = bytearray(), True
        while has_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            has_more = message.get("more_body", False)
            if piece := message.get("body", b""):
                kept += piece if self.kept is not None else b""
                self.kept = bytes(kept) if len(kept) <= self._most else None
                yield piece
        self._is_read.set()

    async def closed(self) -> None:
        """Wait until the client closes its connection."""
        await self._is_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def passed_on(headers: Headers, *, but: Iterable[str] = ()) -> Headers:
    """Return the headers that go on, in their order: without those of the connection."""
    listed = b",".join(value for name, value in headers if name.lower() == b"connection")
    dropped = {name.strip().lower() for name in listed.split(b",")} | _HOP_BY_HOP
    dropped |= {name.encode() for name in but}
    # Both are needed to read the body, whatever Connection lists.
    dropped -= {b"content-length", b"transfer-encoding"} - {name.encode() for name in but}
    return [one for one in headers if one[0].lower() not in dropped]


def with_value(headers: Headers, name: bytes, value: bytes) -> Headers:
    """Return headers with another value for one of them, where it is there."""
    return [(one, value if one.lower() == name else was) for one, was in headers]
