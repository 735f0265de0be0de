"""HTTP client for untrusted servers: a total deadline and a size limit per exchange.

It speaks HTTP/1.1 by httpcore over sockets of our own. Every failure is a ``SessionError``, whose
text holds nothing that the server sent but a host name, shortened, so that it can be shown.
"""

from __future__ import annotations

import ssl
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from .sockets import (
    WATCH,
    Backend,
    Overdue,
    SessionError,
    Severed,
    SocketDeadline,
    Stream,
    shortened,
)
from .transport import Answer, Limits

if TYPE_CHECKING:  # the client takes longer to import than this
    from prime_image_builds._urls import UploadPolicy

__all__ = ["POLICY", "Answer", "Client", "Limits", "Overdue", "Refused", "SessionError", "request"]

POLICY: Final = "policy"
"""The extension of a request whose URL a server returned: the ``UploadPolicy`` to check it by."""

# Some servers refuse requests without these.
_DEFAULTS: Final = {"Accept": "*/*", "User-Agent": "image-build-contract-gate"}
# Servers close idle connections after two seconds or more; ours must be closed earlier.
_IDLE_SECONDS: Final = 1.5


class Refused(SessionError):  # noqa: N818 (named for what happened)
    """Nothing was sent, since the policy refuses the URL.

    Attributes:
        host: The host of the URL.

    """

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"not sent to {shortened(host)}: {reason}")
        self.host = host


class Client:
    """Sends requests, one at a time in each thread, and keeps connections in between.

    Args:
        limits: What bounds each exchange.
        ca: Path of the certificates to trust; by default those that httpx takes.
        proxy: URL of the proxy for all requests; by default those of the environment.

    """

    def __init__(
        self, limits: Limits | None = None, *, ca: str | None = None, proxy: str | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._ca = ca
        self._proxies = {"all": proxy} if proxy else urllib.request.getproxies()
        self._is_explicit_proxy = proxy is not None
        self._pools: dict[tuple[str | None, bool], httpcore.ConnectionPool] = {}
        self._keeps = True
        self._peers: set[str] = set()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request. See ``Transport``.

        A connection is used again only where that is safe: not after a 5xx, since servers close
        after an unhandled exception without announcing it, and no more once a kept one was found
        closed.
        """
        watch = SocketDeadline(seconds or self.limits.seconds)
        token = WATCH.set(watch)
        policy: UploadPolicy | None = request.extensions.get(POLICY)
        try:
            _require_http(request.url)
            if policy is not None:
                watch.check = partial(self._check, policy, request.url)
                self._check(policy, request.url)
            return self._exchange(request, watch)
        except SessionError as error:
            error.is_sent = watch.sent
            is_kept = watch.sent and not watch.connected
            error.is_stale = isinstance(error, Severed) and is_kept and not watch.received
            self._keeps = self._keeps and not error.is_stale
            raise
        finally:
            WATCH.reset(token)
            if policy is None and watch.peer:
                self._peers.add(watch.peer)

    def _check(self, policy: UploadPolicy, url: httpx.URL, address: str = "") -> None:
        """Raise ``Refused`` for a URL, or an address that it leads to, where nothing is sent.

        What is near is where the API was reached: its name may lead elsewhere by now.
        """
        problem = (
            policy.address_problem(url, address, self._peers)
            if address
            else policy.url_problem(url, self._peers)
        )
        if problem:
            raise Refused(url.raw_host.decode("ascii"), problem)

    def _exchange(self, request: httpx.Request, watch: SocketDeadline) -> Answer:
        with _as_session_errors(watch):
            sent = httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.extensions.get("target", request.url.raw_path),
                ),
                headers=sent_headers(request),
                content=request.read(),
                extensions={"timeout": {"pool": watch.left()}},
            )
            response = self._pool(request.url).handle_request(sent)
            stream = response.extensions["network_stream"]
            if isinstance(stream, Stream):
                stream.is_over = response.status >= 500 or not self._keeps
            try:
                with _as_session_errors(watch, begun=True):
                    raw = self._body(response)
            finally:
                response.close()
        headers = httpx.Headers(response.headers)
        content = decompressed(raw, headers.get("content-encoding", ""), self.limits.size)
        return Answer(response.status, headers, content)

    def _body(self, response: httpcore.Response) -> bytes:
        content = bytearray()
        for chunk in response.iter_stream():
            content += chunk
            if len(content) > self.limits.size:  # enough to know that it is too large
                break
        return bytes(content)

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = self.proxy_of(url)
        key = (proxy, url.scheme == "https")
        if key not in self._pools:
            context = self.tls() if url.scheme == "https" else None
            self._pools[key] = _pool(proxy, context)
        return self._pools[key]

    def proxy_of(self, url: httpx.URL) -> str | None:
        """Return the URL of the proxy for a URL, or None."""
        if not self._proxies:
            return None
        if not self._is_explicit_proxy and urllib.request.proxy_bypass(url.host):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")

    def tls(self) -> ssl.SSLContext:
        """Load the certificates to trust. Raises ``SessionError`` if they cannot be read."""
        try:
            if self._ca:
                return ssl.create_default_context(cafile=self._ca)
            return httpx.create_ssl_context()
        except OSError as error:  # ssl.SSLError is one
            where = self._ca or "that the environment names"
            raise SessionError(f"the certificates {where} cannot be read") from error


class SentHeaders(httpx.Headers):
    """The headers of a request. Tracebacks may show local variables: its repr shows names alone."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


_parsed = lru_cache(maxsize=256)(httpx.URL)  # a build is polled many times


def request(method: str, url: str, headers: Mapping[str, str], content: bytes) -> httpx.Request:
    """Build a request. Raises ``SessionError`` if it cannot be built, as for an invalid URL."""
    if len(url) >= 2**16:
        raise SessionError("the URL is too long")
    try:
        parsed = _parsed(url)
        is_one = parsed.host is not None and (parsed.port or 0) < 2**16
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: a host that IDNA does not have
        raise SessionError("the URL is invalid") from error
    if not is_one:
        raise SessionError("the URL is invalid")
    try:
        return httpx.Request(
            method,
            parsed,
            content=content or None,
            headers=SentHeaders({**_DEFAULTS, **headers}),
        )
    except ValueError as error:
        raise SessionError("a header cannot be sent, since it is not ASCII") from error


def _require_http(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https") or not url.host:
        raise SessionError("the URL is not an http(s) URL with a host")


def sent_headers(request: httpx.Request) -> list[tuple[bytes, bytes]]:
    """Return the headers to send: without a content coding, so that bodies arrive unencoded."""
    kept = (one for one in request.headers.raw if one[0].lower() != b"accept-encoding")
    return [*kept, (b"Accept-Encoding", b"identity")]


def decompressed(raw: bytes, coding: str, most: int) -> bytes:
    """Decode a body. Raises ``SessionError`` if it cannot be, or would be larger than ``most``.

    zlib stops at that size: a bomb is never decompressed.
    """
    if len(raw) > most:
        raise SessionError(f"the body is larger than {_shown(most)}")
    coding = coding.strip().lower()
    if not raw or coding in ("", "identity"):
        return raw
    if coding in ("gzip", "x-gzip"):
        name, window = "gzip", 16 + zlib.MAX_WBITS
    elif coding == "deflate":
        # What is called deflate is a zlib stream, but some send the bare one.
        wrapped = raw[0] & 15 == 8 and int.from_bytes(raw[:2], "big") % 31 == 0
        name, window = "deflate", zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
    else:
        raise SessionError(
            f"the body has the content encoding {shortened(coding)}, which was not accepted"
        )
    decompressor = zlib.decompressobj(window)
    try:
        content = decompressor.decompress(raw, most + 1)
    except zlib.error as error:
        raise SessionError(f"the {name} body cannot be decompressed") from error
    if len(content) > most:
        raise SessionError(f"the {name} body decompresses to more than {_shown(most)}")
    if not decompressor.eof:
        raise SessionError(f"the {name} body ends early")
    if decompressor.unused_data:
        raise SessionError(f"the {name} body has data after its end")
    return content


def _pool(proxy: str | None, context: ssl.SSLContext | None) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(
            context, max_connections=None, keepalive_expiry=_IDLE_SECONDS, network_backend=Backend()
        )
    url, auth = proxy_parts(proxy)
    return httpcore.HTTPProxy(
        url,
        auth,
        ssl_context=context,
        max_connections=None,
        keepalive_expiry=_IDLE_SECONDS,
        network_backend=Backend(is_proxied=True, is_tunnel=context is not None),
    )


def proxy_parts(proxy: str) -> tuple[httpcore.URL, tuple[bytes, bytes] | None]:
    """Return the URL of a proxy, and its credentials. Raises ``SessionError`` if it is invalid."""
    try:
        parsed = httpx.Proxy(proxy)
    except (httpx.InvalidURL, ValueError) as error:
        raise SessionError("the URL of the proxy is invalid") from error
    url = parsed.url
    if url.scheme != "http":
        raise SessionError("the URL of the proxy is not an http URL, and no other is supported")
    made = httpcore.URL(scheme=b"http", host=url.raw_host, port=url.port or 80, target=b"/")
    return made, parsed.raw_auth


@contextmanager
def _as_session_errors(watch: SocketDeadline, *, begun: bool = False) -> Iterator[None]:
    """Raise ``SessionError`` for any error of httpcore; ``begun`` after the response header."""
    try:
        yield
    except httpcore.RemoteProtocolError as error:
        raise _broken(error, watch, begun) from error
    except httpcore.LocalProtocolError as error:
        raise SessionError("the request cannot be sent, since it would not be HTTP") from error
    except httpcore.ProxyError as error:
        raise SessionError("the proxy refused the connection") from error
    except httpcore.TimeoutException as error:
        raise watch.over() from error
    except httpcore.NetworkError as error:
        raise Severed("the connection was reset") from error
    except (OSError, ValueError, RuntimeError, httpx.InvalidURL) as error:
        raise SessionError(f"the exchange failed: {type(error).__name__}") from error


def _broken(error: Exception, watch: SocketDeadline, begun: bool) -> SessionError:
    text = str(error)
    if begun:
        closed = text.startswith("peer closed connection")
        return SessionError(
            "the connection was closed before the response ended"
            if closed
            else "the response body is not HTTP"
        )
    if not watch.received:
        return Severed("the server closed the connection without a response")
    if text.startswith("Server disconnected"):
        return SessionError("the connection was closed before the response ended")
    if text.startswith("Receive buffer too long"):
        return SessionError("the response header is larger than 100 KiB")
    return SessionError("the response is not HTTP")


def _shown(size: int) -> str:
    for unit, bytes_in in (("MiB", 2**20), ("KiB", 2**10)):
        if size % bytes_in == 0:
            return f"{size // bytes_in} {unit}"
    return f"{size} bytes"
