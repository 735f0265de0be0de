"""The proxy as an ASGI application: what comes goes to the target, and onto the tape."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpcore
import httpx

from ...reference.disruptions import Dropped
from ...tape.exchange import Credential, Exchange
from ...tape.tape import NO_RESPONSE, Tape
from ...tape.tokens import carrying, token_of
from ..http.client import Refused, SessionError, decompressed
from ..http.clock import SYSTEM, Clock
from ..http.transport import Limits
from . import DRIVER
from .messages import ClientGone, Incoming, passed_on, with_value
from .uploads import PATH, Upload, Uploads, replaced
from .upstream import Headers, Outgoing, Upstream

LONGEST: Final = 600.0
"""Seconds until the first bytes of a response, all of the request included (the vendor's clients
give an upload as much)."""

MOST_IN_ALL: Final = 128 * 2**20
"""Bytes of bodies and headers that are kept for judging, as many as the gate takes in one run."""

MOST_TOKENS: Final = 1000
"""Tokens of clients that are kept from uploads."""

_UPLOADED_BY = ("PUT", "POST")


class Own(NamedTuple):
    """A response of the proxy itself: a status code, and errors by what each is about."""

    status: int
    errors: dict[str, str]


class Route(NamedTuple):
    """Where a request goes."""

    url: str
    parsed: httpx.URL
    target: bytes
    upload: Upload | None


@dataclass
class Proxy:
    """Passes requests and responses, and records those of the contract.

    Attributes:
        tape: Whose subscribers see each exchange before the client gets the response.
        instead: Returns what the client gets instead of the response of an exchange, or None.
        note: Called with what a person should see, such as why nothing can be sent.
        refused: Hosts that got no upload, each with the reason.
        unsent: Why requests were not sent on, and how often.
        passed: How many requests came.
        is_full: Whether so much was kept that nothing more is recorded.

    """

    upstream: Upstream
    tape: Tape
    instead: Callable[[Exchange], Own | None] = lambda _: None
    note: Callable[[str], object] = lambda _: None
    clock: Clock = SYSTEM
    limits: Limits = field(default_factory=Limits)
    refused: dict[str, str] = field(default_factory=dict)
    unsent: Counter[str] = field(default_factory=Counter)
    passed: int = 0
    is_full: bool = False

    def __post_init__(self) -> None:
        self.uploads = Uploads()
        self._via = b"image-build-contract-" + secrets.token_hex(8).encode()
        self._kept = 0
        self._tokens: set[str] = set()
        self._accepted: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        incoming = Incoming(scope, receive, self.limits.size)
        self.passed += 1
        route = self._route(incoming)
        if isinstance(route, Own):
            await _respond(send, route)
        else:
            try:
                await _until(incoming.body.closed(), self._pass(incoming, route, send))
            except SessionError as error:  # in the midst of a response
                raise Dropped from error

    def _route(self, incoming: Incoming) -> Route | Own:
        """Return where a request goes; it goes nowhere but to the target and to its uploads."""
        if not incoming.target.startswith(b"/"):
            details = "this is the base URL for clients, and not a proxy that they are set to use"
            return Own(400, {"target": details})
        if any(name == b"via" and self._via in value for name, value in incoming.headers):
            return Own(508, {"via": "this proxy sends requests to itself: its target leads here"})
        if incoming.path.startswith(PATH.encode()):
            upload = self.uploads.find(incoming.path.decode("latin-1"))
            if upload is None:
                return Own(404, {"path": "no such upload URL was issued through this proxy"})
            return Route(upload.url, upload.parsed, upload.target, upload)
        base = self.upstream.base
        target = base.raw_path.rstrip(b"/") + incoming.target
        origin = f"{base.scheme}://{base.netloc.decode()}"
        return Route(f"{origin}{target.decode('latin-1')}", base, target, None)

    async def _pass(self, incoming: Incoming, route: Route, send: Any) -> None:
        """Send a request on, record the exchange, and then send the response."""
        is_recorded = self._is_recorded(incoming, route)
        began = self.clock.now()
        failure: str | None = "the client closed the connection"
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(LONGEST):
                    outgoing = self._outgoing(incoming, route)
                    response = await stack.enter_async_context(self.upstream.sent(outgoing))
                    pieces = response.aiter_stream()
                    most = self.limits.size if is_recorded else -1
                    content, is_whole = await _first(pieces, most)
                failure = None
            except SessionError as error:
                failure = str(error) if error.is_sent or isinstance(error, Refused) else None
                if not error.is_sent:
                    await _respond(send, self._unsent(error))
                    return
                raise Dropped from error
            except TimeoutError as error:
                failure = f"no response came within {LONGEST:g} s"
                raise Dropped from error
            except ClientGone:
                return
            finally:
                if failure is not None and is_recorded:
                    self._record(incoming, route, began, failure=failure)
            exchange = None
            if is_recorded:
                exchange = self._record(
                    incoming, route, began, response, content if is_whole else None
                )
            own = self.instead(exchange) if exchange else None
            if exchange and own is not None:
                self.tape.withheld.add(exchange.number)
            if own is None and response.status >= 600:
                own = Own(502, {"proxy": f"the status {response.status} cannot be passed on"})
            if own is not None:
                await _respond(send, own)
                return
            headers = passed_on(response.headers, but=["transfer-encoding"])
            if exchange is not None and is_whole:
                headers, content = self._through_here(exchange, headers, content, incoming.origin)
            await _send(send, response.status, headers, content, None if is_whole else pieces)

    def _is_recorded(self, incoming: Incoming, route: Route) -> bool:
        if self.is_full:
            return False
        if route.upload is not None:
            return route.upload.build_id is not None and incoming.method in _UPLOADED_BY
        return self.tape.concerns(incoming.method, route.url)

    def _outgoing(self, incoming: Incoming, route: Route) -> Outgoing:
        headers = passed_on(incoming.headers, but=["expect"])
        headers = with_value(headers, b"host", route.parsed.netloc)
        if route.upload is not None:
            sent = httpx.Headers(headers)
            kept_back = {name for token in self._tokens for name in carrying(sent, token)}
            headers = [one for one in headers if one[0].decode("latin-1") not in kept_back]
        elif len(self._tokens) < MOST_TOKENS and (token := token_of(httpx.Headers(headers))):
            self._tokens.add(token)
        headers = [*headers, (b"via", b"1.1 " + self._via)]
        is_upload = route.upload is not None
        return Outgoing(
            incoming.method, route.parsed, route.target, headers, incoming.body, is_upload
        )

    def _unsent(self, error: SessionError) -> Own:
        """Note that a request was not sent on; return the response to it."""
        why = str(error)
        if isinstance(error, Refused):
            self.refused.setdefault(error.host, why)
        if not self.unsent[why]:
            self.note(f"not sent on: {why}")
        self.unsent[why] += 1
        return Own(502, {"proxy": why})

    def _record(
        self,
        incoming: Incoming,
        route: Route,
        began: Any,
        response: httpcore.Response | None = None,
        content: bytes | None = None,
        failure: str | None = None,
    ) -> Exchange:
        """Put an exchange on the tape, with bodies as they read without a content coding."""
        headers = httpx.Headers(response.headers if response else ())
        if content is not None:
            content = _decoded(content, headers.get("content-encoding", ""), self.limits.size)
        is_upload = route.upload is not None
        sent_headers = httpx.Headers(incoming.headers)
        sent = b"" if is_upload else incoming.body.kept
        self._kept += len(sent or b"") + len(content or b"")
        self._kept += sum(map(len, (*sent_headers.values(), *headers.values())))
        if self._kept > MOST_IN_ALL and not self.is_full:
            self.is_full = True
            self.note(f"{MOST_IN_ALL // 2**20} MiB are recorded; nothing more is judged")
        status = response.status if response else 0
        return self.tape.record(
            driver=DRIVER,
            intent="proxied",
            request=(incoming.method, route.url, sent_headers, sent),
            response=(status, headers, content) if response else NO_RESPONSE,
            at=(began, self.clock.now()),
            credential=self._credential(sent_headers, status),
            upload_of=route.upload.build_id if route.upload else None,
            failure=failure,
        ).last

    def _credential(self, headers: httpx.Headers, status: int) -> Credential:
        """Return what is known of the credential of a request: it is valid once it was accepted."""
        authorization = headers.get("authorization")
        if authorization is None:
            # The session may be in a cookie or in a header of a gateway.
            is_sure = not any(word in name for name in headers for word in _CREDENTIALS)
            return Credential.ABSENT if is_sure else Credential.UNKNOWN
        if token_of(headers) and 200 <= status <= 299:
            self._accepted.add(authorization)
        is_valid = authorization in self._accepted and status != 401
        return Credential.VALID if is_valid else Credential.UNKNOWN

    def _through_here(
        self, exchange: Exchange, headers: Headers, content: bytes, origin: str
    ) -> tuple[Headers, bytes]:
        """Let the upload URL of an initiate lead through the proxy; leave all else as it is."""
        key = exchange.api.issued.upload_url
        url = exchange.issued.get(key)
        path = self.uploads.issue(url, exchange.build_id) if isinstance(url, str) else None
        if path is None or exchange.response.content is None:
            return headers, content
        content = replaced(exchange.response.content, key, f"{origin}{path}")
        headers = passed_on(headers, but=["content-encoding"])
        return with_value(headers, b"content-length", str(len(content)).encode()), content


_CREDENTIALS = ("cookie", "auth", "token", "key", "secret")


def _decoded(content: bytes, coding: str, most: int) -> bytes | None:
    """Return a body without its content coding; None if it cannot be read."""
    try:
        return decompressed(content, coding, most)
    except SessionError:
        return None


async def _first(pieces: AsyncIterator[bytes], most: int) -> tuple[bytes, bool]:
    """Return the first bytes of a body, and whether that is all: it is up to a size."""
    content = bytearray()
    if most < 0:
        return b"", False
    async for piece in pieces:
        content += piece
        if len(content) > most:
            return bytes(content), False
    return bytes(content), True


async def _send(
    send: Any,
    status: int,
    headers: Headers,
    content: bytes,
    rest: AsyncIterator[bytes] | None = None,
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if rest is not None:
        await send({"type": "http.response.body", "body": content, "more_body": True})
        content = b""
        async for piece in rest:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": content})


async def _respond(send: Any, own: Own) -> None:
    """Send a response of the proxy itself, with the documented body of an error."""
    errors = [{"param": param, "details": details} for param, details in own.errors.items()]
    body = json.dumps({"errors": errors}).encode()
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await _send(send, own.status, headers, body)


async def _until(end: Coroutine[Any, Any, None], work: Coroutine[Any, Any, None]) -> None:
    """Await some work; cancel it where the end comes first."""
    working, ending = asyncio.ensure_future(work), asyncio.ensure_future(end)
    try:
        await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        ending.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({working})
