"""Sends on what a client sent: to the target, or to the upload URL that it issued."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx
from prime_image_builds._urls import UploadPolicy, read_hosts

from ..http.client import Client, Refused, SessionError, proxy_parts
from ..http.sockets import tls_failure

CONNECT_SECONDS = 30.0

Headers = list[tuple[bytes, bytes]]

_NOTHING_SENT = (
    httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.LocalProtocolError,
    httpcore.ProxyError, httpcore.UnsupportedProtocol,
)  # fmt: skip


@dataclass(frozen=True)
class Outgoing:
    """A request as it is sent on.

    Attributes:
        target: The request target, to the letter.
        is_upload: Whether a server chose the URL, so that the policy for uploads applies.

    """

    method: str
    url: httpx.URL
    target: bytes
    headers: Headers = field(repr=False)
    body: AsyncIterable[bytes] = field(repr=False)
    is_upload: bool = False


class Upstream:
    """Makes a connection for each request: a kept one may end with a request that is lost.

    Args:
        base_url: The target.
        client: Whose certificates and proxies are used.
        upload_hosts: Hosts that get uploads whatever their address is.

    """

    def __init__(self, base_url: str, client: Client, upload_hosts: Sequence[str] = ()) -> None:
        self.base = httpx.URL(base_url.rstrip("/"))
        self._client = client
        self._policy = UploadPolicy(self.base, read_hosts(upload_hosts))
        self._peers: set[str] = set()
        self._pools: dict[tuple[str | None, bool, bool], httpcore.AsyncConnectionPool] = {}

    @asynccontextmanager
    async def sent(self, outgoing: Outgoing) -> AsyncIterator[httpcore.Response]:
        """Send a request; the body of the response is read inside of the context.

        Redirects are not followed, and nothing is decoded. Raises ``Refused`` where the policy
        refuses the URL, ``SessionError`` where there is no response or no whole one; its
        ``is_sent`` shows whether the request may have been processed.
        """
        url = outgoing.url
        if outgoing.is_upload and (problem := self._policy.url_problem(url, self._peers)):
            raise Refused(url.raw_host.decode("ascii"), problem)
        try:
            request = httpcore.Request(
                outgoing.method,
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=outgoing.target
                ),
                headers=outgoing.headers,
                content=outgoing.body,
                extensions={"timeout": {"connect": CONNECT_SECONDS}},
            )
            response = await self._pool(outgoing).handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        except _NOTHING_SENT as error:
            raise SessionError(_why_unsent(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            lost = SessionError("the connection was closed before the response ended")
            lost.is_sent = True
            raise lost from error

    def _pool(self, outgoing: Outgoing) -> httpcore.AsyncConnectionPool:
        is_tls, is_upload = outgoing.url.scheme == "https", outgoing.is_upload
        proxy = self._client.proxy_of(outgoing.url)
        key = (proxy, is_tls, is_upload)
        if key not in self._pools:
            given: dict[str, Any] = {
                "ssl_context": self._client.tls() if is_tls else None,
                "max_connections": None,
                "max_keepalive_connections": 0,
            }
            if proxy is None:
                backend = _Backend(self._peers, self._policy if is_upload else None)
                self._pools[key] = httpcore.AsyncConnectionPool(network_backend=backend, **given)
            else:  # which resolves names, and decides
                address, auth = proxy_parts(proxy)
                self._pools[key] = httpcore.AsyncHTTPProxy(address, auth, **given)
        return self._pools[key]


def _why_unsent(error: Exception) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLError):
        return tls_failure(cause)
    if isinstance(error, httpcore.ProxyError):
        return "the proxy refused the connection"
    if isinstance(error, httpcore.LocalProtocolError):
        return "the request cannot be sent, since it would not be HTTP"
    return "the server cannot be reached"


class _Backend(httpcore.AnyIOBackend):
    """Connects to an address that was checked, since a name may lead elsewhere a moment later.

    Args:
        peers: The addresses at which the API was reached; added to where there is no policy.
        policy: Decides to which other addresses it connects; None for any.

    """

    def __init__(self, peers: set[str], policy: UploadPolicy | None) -> None:
        self._peers = peers
        self._policy = policy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host that can be reached, if all of them may be."""
        try:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:  # ValueError: no name can look like this
            raise httpcore.ConnectError("the name does not resolve") from error
        addresses = [str(one[4][0]) for one in found]
        for address in addresses if self._policy else ():
            self._check(host, port, address)
        failed: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError()
        for address in addresses:
            try:
                stream = await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            if self._policy is None:
                self._peers.add(address)
            return stream
        raise failed

    def _check(self, host: str, port: int, address: str) -> None:
        assert self._policy is not None
        named = f"[{host}]" if ":" in host else host
        url = httpx.URL(f"http://{named}:{port}")  # of which it reads host and port
        if problem := self._policy.address_problem(url, address, self._peers):
            raise Refused(host, problem)
