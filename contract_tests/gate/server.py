"""Starts a server for the gate and waits until it is ready; always stops it and its children."""

from __future__ import annotations

import contextlib
import http.client
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from ..problems import Problem
from .server_log import ServerLog

# Seconds between two requests, for one request, and from SIGTERM to SIGKILL.
PAUSE, TIMEOUT, GRACE = 0.2, 5.0, 10.0
# Status codes from here on mean that the server is not ready.
NOT_READY = 500
# Seconds until a server must be ready.
START = 120.0
# What a shell alone can read: other words, and quotes, mean the same without one.
_SHELL = re.compile(r"[|&;<>()$`*?\[\]{}~#!\n]")


def words(command: str) -> list[str]:
    """Return the words to run a command with, as make runs a line of a recipe.

    A shell runs what only a shell can read; anything else is run as it is, so that the exit code
    and the signals are the server's own. Raises ``ValueError`` for a quote that is not closed.
    """
    split = shlex.split(command)
    if not split or _SHELL.search(command) or "=" in split[0] or shutil.which(split[0]) is None:
        return ["/bin/sh", "-c", command]
    return split


@contextlib.contextmanager
def started(
    command: Sequence[str],
    url: str,
    log: ServerLog,
    environment: Mapping[str, str],
    *,
    seconds: float = START,
    folder: Path | None = None,
) -> Iterator[Callable[[], int | None]]:
    """Run a command in a folder; stop it with all its children when the context ends.

    Yields once ``url`` returns a status below 500; what is yielded returns the command's exit code,
    or None while it runs. However this process ends, killed too, the command is stopped.
    Raises ``Problem`` if a server already responds there, if the command ends before it is ready,
    or if it is not ready in time.
    """
    if status(url) is not None:
        raise Problem(
            f"a server responds at {url} before the command has started",
            "use another port",
        )
    supervisor = subprocess.Popen(  # noqa: S603 (the caller's own command)
        [sys.executable, "-I", Path(__file__).with_name("supervisor.py"), str(GRACE), *command],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
        cwd=folder, env=dict(environment), start_new_session=True,
    )  # fmt: skip
    reader = threading.Thread(target=log.read, args=[supervisor.stdout], daemon=True)
    reader.start()
    try:
        wait(url, seconds, supervisor.poll)
        yield supervisor.poll
    finally:
        if supervisor.stdin:
            supervisor.stdin.close()  # which stops the server, whatever interrupts what follows
        supervisor.wait()
        reader.join(PAUSE)


def is_url(url: str) -> bool:
    """Return whether a text is the URL of a server, as it can be sent."""
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_sound and url.isascii() and url.isprintable() and " " not in url


class _Final(http.client.HTTPResponse):
    """A response that skips those before it, such as 103 Early Hints; http.client skips 100."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, code, reason = super()._read_status()  # type: ignore[misc]
            if code // 100 != 1 or code == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, code, reason
            http.client.parse_headers(self.fp)


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
    connection.response_class = _Final
    # A timeout for each read is not enough: a header may come byte by byte.
    is_over = threading.Event()
    deadline = threading.Timer(seconds, _shut, [connection, is_over])
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        code = connection.getresponse().status
        return None if is_over.is_set() else code  # a header that was cut off looks whole
    except (OSError, UnicodeError, http.client.HTTPException):  # UnicodeError: a host like ".x"
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
                "correct the command or the URL",
            )
        pause(PAUSE)
