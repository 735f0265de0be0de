"""Sockets for one exchange: each operation ends by the deadline, whatever the server does.

A timeout for each read is not enough: a server that sends a byte now and then never hits it. So
the deadline belongs to the exchange, and each operation gets what is left of it.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import httpcore


class SessionError(Exception):
    """There is no response; the text is a clause that names the reason.

    Attributes:
        is_sent: Whether something of the request went out, so that it may have been processed.
        is_stale: Whether a kept connection ended before a byte of a response.

    """

    is_sent = False
    is_stale = False


class Severed(SessionError):  # noqa: N818 (named for what happened)
    """The other side ended the connection."""


class Overdue(SessionError):  # noqa: N818 (named for what happened)
    """The exchange did not end in time."""


@dataclass
class SocketDeadline:
    """The deadline of the current exchange, and how far it has come.

    Attributes:
        seconds: How long it may take, from name look-up to the last byte.
        check: Called with each address before a connection is made to it; raises ``SessionError``
            for one that must not be connected to.
        peer: The address that a connection was made to, or None where a proxy made it.
        connected: Whether it had to make a connection, and did.
        sent: Whether anything of the request went out.
        received: How many bytes came.

    """

    seconds: float
    check: Callable[[str], None] | None = None
    peer: str | None = None
    connected: bool = False
    sent: bool = False
    received: int = 0
    _connecting: bool = False
    _until: float = field(init=False)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises ``SessionError`` if there are none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> SessionError:
        """Return the error that names what did not happen in time."""
        within = f"within {round(self.seconds, 2):g} s"
        if self._connecting:
            return Overdue(f"no connection was made {within}")
        if not self.received:
            return Overdue(f"no response came {within}")
        return Overdue(f"the response did not end {within}")

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Note that a connection is being made, while the context lasts."""
        self._connecting = True
        try:
            yield
        finally:
            self._connecting = False


WATCH: ContextVar[SocketDeadline] = ContextVar("watch")
"""The exchange of this thread."""


class Backend(httpcore.NetworkBackend):
    """Makes connections. The timeouts that httpcore hands on are not used.

    Args:
        is_proxied: Whether it connects to a proxy, whose address is the user's choice.
        is_tunnel: Whether the proxy is only asked for a tunnel, before the request.

    """

    def __init__(self, *, is_proxied: bool = False, is_tunnel: bool = False) -> None:
        self._is_proxied = is_proxied
        self._is_tunnel = is_tunnel

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name that takes the connection."""
        watch = WATCH.get()
        with watch.connecting():
            refusal: SessionError = SessionError(f"the name {shortened(host)} does not resolve")
            addresses = _addresses(host, port, watch)
            for index, (family, address) in enumerate(addresses):
                made = socket.socket(family, socket.SOCK_STREAM)
                try:
                    if watch.check and not self._is_proxied:
                        watch.check(address[0])
                    with _as_session_errors(watch):
                        # An address that does not answer leaves time for the others.
                        made.settimeout(watch.left() / (len(addresses) - index))
                        made.connect(address)
                        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                except SessionError as error:
                    made.close()
                    refusal = error
                    continue
                watch.connected = True
                watch.peer = None if self._is_proxied else address[0]
                return Stream(made, is_tunnel=self._is_tunnel)
            raise refusal


class Stream(httpcore.NetworkStream):
    """One connection.

    Attributes:
        is_over: Whether no further request is to be sent over it.

    """

    def __init__(self, connected: socket.socket, *, is_tunnel: bool = False) -> None:
        self._socket = connected
        self._is_tunnel = is_tunnel  # what is written before TLS is not part of the request
        self.is_over = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what is there, or wait for it."""
        watch = WATCH.get()
        with _as_session_errors(watch):
            self._socket.settimeout(watch.left())
            data = self._socket.recv(max_bytes)
        watch.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write it all."""
        watch = WATCH.get()
        rest = memoryview(buffer)
        try:
            while rest:
                with _as_session_errors(watch):
                    self._socket.settimeout(watch.left())
                    rest = rest[self._socket.send(rest) :]
                watch.sent = watch.sent or not self._is_tunnel
        except Severed as error:
            # A server may answer before it has read everything: httpcore then reads that answer.
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Go on over TLS."""
        watch = WATCH.get()
        if isinstance(self._socket, ssl.SSLSocket):
            self.close()
            raise SessionError("a proxy with an https URL is not supported")
        try:
            with watch.connecting(), _as_session_errors(watch):
                self._socket.settimeout(watch.left())
                return Stream(
                    ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
                )
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore queries: whether an idle connection has ended; the TLS object."""
        if info == "is_readable":  # queried for idle connections: readable means ended
            if self.is_over:
                return True
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return bool(poll.poll(0))
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None


def _addresses(host: str, port: int, watch: SocketDeadline) -> list[tuple[int, Any]]:
    """Resolve a name, in a thread that is abandoned at the deadline: getaddrinfo has no timeout."""
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:  # ValueError: no name can look like this
            answers.put(error)

    threading.Thread(target=look_up, name=f"look-up of {shortened(host)}", daemon=True).start()
    try:
        answer = answers.get(timeout=watch.left())
    except queue.Empty:
        raise SessionError(
            f"the name {shortened(host)} did not resolve within {round(watch.seconds, 2):g} s"
        ) from None
    if isinstance(answer, Exception):
        raise SessionError(f"the name {shortened(host)} does not resolve") from answer
    return [(family, address) for family, _, _, _, address in answer]


@contextmanager
def _as_session_errors(watch: SocketDeadline) -> Iterator[None]:
    """Raise ``SessionError`` for any error of a socket."""
    try:
        yield
    except TimeoutError as error:
        raise watch.over() from error
    except ssl.SSLError as error:
        raise SessionError(tls_failure(error)) from error
    except ConnectionRefusedError as error:
        raise SessionError("connection refused") from error
    except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError) as error:
        raise Severed("the connection was reset") from error
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "unknown reason"
        raise SessionError(f"the network failed: {why}") from error


def tls_failure(error: ssl.SSLError) -> str:
    """Return why TLS failed, as a clause."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return "TLS failed: the connection was closed"
    return f"TLS failed: {(error.reason or 'unknown reason').replace('_', ' ').lower()}"


def shortened(text: str) -> str:
    """Shorten what the server may have named, and show it on one line."""
    plain = text if text.isprintable() else repr(text)
    return plain if len(plain) <= 80 else plain[:77] + "…"
