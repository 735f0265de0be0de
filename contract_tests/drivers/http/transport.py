"""What a driver sends through, whatever lies behind it: sockets, or a server in this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .clock import SYSTEM, Clock

if TYPE_CHECKING:
    import httpx

BASE_URL = "http://in-process.invalid"
"""Of a server in this process: no such name resolves (RFC 2606). A report names another one."""
SET_BY_CLIENTS = {
    "accept", "accept-encoding", "authorization", "connection", "content-length", "host",
    "transfer-encoding", "user-agent",
}  # fmt: skip
"""Headers that each client, or the network, sets itself."""


@dataclass(frozen=True)
class Limits:
    """How much one exchange may take.

    Attributes:
        seconds: From the name look-up to the last byte of the response.
        size: Bytes of the body, as it is sent and as it is decompressed.

    """

    seconds: float = 30.0
    size: int = 4 * 2**20


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    headers: httpx.Headers
    content: bytes


class Transport(Protocol):
    """Sends requests.

    Attributes:
        limits: What bounds each exchange.

    """

    limits: Limits

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request once; return the response to it, whatever its status, once it is whole.

        ``seconds`` is how long it may take, by default as long as the limits say. The extension
        ``target`` is the request target to the letter. Raises ``SessionError`` where there is no
        response. Redirects are not followed.
        """

    def close(self) -> None:
        """Let go of what is held; a later request makes it anew."""


@dataclass(frozen=True)
class Endpoint:
    """A server to send to: its base URL, what leads there, and whose time it is."""

    base_url: str
    transport: Transport = field(repr=False)
    clock: Clock = field(default=SYSTEM, repr=False)
