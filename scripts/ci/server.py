"""Starts a server for the gate and waits until it is ready; always stops its process group."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from contract_tests.problems import Problem

# Seconds between two requests, for one request, and from SIGTERM to SIGKILL.
PAUSE, TIMEOUT, GRACE = 0.2, 5.0, 10.0
# Status codes from here on mean that the server is not ready.
NOT_READY = 500
# Characters of the log that a failure shows.
TAIL = 4000
# Bytes of the log that are kept, at its start and its end: cleaning takes up to 100 times as much.
FIRST, LAST = 2**20, 4 * 2**20
# Characters that are dropped where the middle is left out: half a secret would not be recognized.
EDGE = 2**16


@contextlib.contextmanager
def started(
    command: str,
    url: str,
    seconds: float,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[None]:
    """Run a command with bash in a folder; yield once ``url`` is ready, and stop it afterwards.

    Raises ``Problem`` if a server already responds there, if the command ends before it is ready,
    or if it is not ready in time.
    """
    if status(url) is not None:
        raise Problem(
            f"a server responds at {url} before the command has started",
            "use another port",
        )
    with log.open("wb") as stream:
        # A new process group, so that everything the command starts is stopped with it.
        process = subprocess.Popen(  # noqa: S603 (the caller's own command)
            ["bash", "-c", command],  # noqa: S607
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
            cwd=folder, env=dict(environment), start_new_session=True,
        )  # fmt: skip
        try:
            wait(url, seconds, process.poll)
            yield
        finally:
            _stop(process)


def is_url(url: str) -> bool:
    """Return whether a text is the URL of a server, as it can be sent."""
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_sound and url.isascii() and url.isprintable() and " " not in url


def status(url: str, seconds: float = TIMEOUT) -> int | None:
    """Return the status code of a GET, or None without a response in time. Uses no proxy."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # Nothing secret is sent; the gate itself verifies the certificate.
        unverified = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=seconds, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    # A timeout for each read is not enough: a header may come byte by byte.
    is_over = threading.Event()
    deadline = threading.Timer(seconds, _shut, [connection, is_over])
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        code = connection.getresponse().status
        return None if is_over.is_set() else code  # a header that was cut off looks whole
    except (OSError, http.client.HTTPException):
        return None
    finally:
        deadline.cancel()
        connection.close()


def _shut(connection: http.client.HTTPConnection, is_over: threading.Event) -> None:
    """End whatever reads from a connection."""
    is_over.set()
    with contextlib.suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def wait(
    url: str,
    seconds: float,
    ended: Callable[[], int | None] = lambda: None,
    *,
    probe: Callable[[str, float], int | None] = status,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Poll a URL until it returns a status below 500, like a readiness probe.

    Raises ``Problem`` if it does not in time, or if ``ended`` returns an exit code.
    """
    until = clock() + seconds
    while True:
        last = probe(url, max(PAUSE, min(TIMEOUT, until - clock())))
        if last is not None and last < NOT_READY:
            return
        if (code := ended()) is not None:
            raise Problem(
                f"the server's command ended with exit code {code} before it was ready at {url}",
                "see its log, and correct the command",
            )
        if clock() >= until:
            result = "no response" if last is None else f"still {last}"
            raise Problem(
                f"{result} at {url} after {seconds:g} s",
                "correct the command or the URL, or allow more seconds",
            )
        pause(PAUSE)


def tail(log: Path, hide: Callable[[str], str]) -> str:
    """Return the end of a log, without the secrets."""
    return clean(log, hide)[-TAIL:].strip()


def clean(log: Path, hide: Callable[[str], str]) -> str:
    """Return a log without the secrets, and without the middle of a large one."""
    if not log.is_file():
        return ""
    with log.open("rb") as file:
        first = file.read(FIRST)
        start = max(FIRST, file.seek(0, os.SEEK_END) - LAST)
        file.seek(start)
        last = file.read(LAST)
    if start == FIRST:
        return hide(_text(first + last))
    left_out = f"[about {start - FIRST + 2 * EDGE} bytes of the log are left out here]"
    return f"{hide(_text(first))[:-EDGE]}\n{left_out}\n{hide(_text(last))[EDGE:]}"


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _stop(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process.pid, signal.SIGKILL)  # for the rest of its group
    process.wait()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
