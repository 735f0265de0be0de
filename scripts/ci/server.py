"""A server that is started for the gate, and always stopped: by its process group's own id."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from contract_tests.problems import Problem

# Seconds: between two looks, for one look, and between asking a server to stop and making it.
PAUSE, LOOK, GRACE = 0.2, 5.0, 10.0
# From here on a status code means that the server is not ready, or not well.
NOT_READY = 500
# Characters of a log that are worth reading in a failure.
TAIL = 4000


@contextlib.contextmanager
def started(
    command: str,
    url: str,
    seconds: float,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[None]:
    """Run a command with bash in a folder while the context lasts, once ``url`` is ready.

    Raises ``Problem`` if something answers there before, if the command ends first, or if
    it is not ready in time.
    """
    if status(url) is not None:
        raise Problem(
            f"something answers at {url} before the server is started",
            "give the server a port of its own",
        )
    with log.open("wb") as stream:
        # A process group of its own: what the command starts is stopped with it.
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


def status(url: str, seconds: float = LOOK) -> int | None:
    """Return the status code of a response at a URL, or None without one; no proxy is used."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        # Nothing secret is sent; whether the certificate is good is for the gate to see.
        unverified = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=seconds, context=unverified
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def wait(
    url: str,
    seconds: float,
    ended: Callable[[], int | None] = lambda: None,
    *,
    look: Callable[[str, float], int | None] = status,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until a URL returns a status below 500, as a readiness probe does.

    Raises ``Problem`` if it does not in time, or if the server has ended, by its exit code.
    """
    until = clock() + seconds
    while True:
        seen = look(url, max(PAUSE, min(LOOK, until - clock())))
        if seen is not None and seen < NOT_READY:
            return
        if (code := ended()) is not None:
            raise Problem(
                f"the server's command ended with exit code {code} before it was ready at {url}",
                "see its log, and correct the command",
            )
        if clock() >= until:
            last = "no response" if seen is None else f"still {seen}"
            raise Problem(
                f"{last} at {url} after {seconds:g} s",
                "correct the command or the URL, or allow more seconds",
            )
        pause(PAUSE)


def tail(log: Path, hide: Callable[[str], str]) -> str:
    """Return the end of a log, without the secrets."""
    return clean(log, hide)[-TAIL:].strip()


def clean(log: Path, hide: Callable[[str], str]) -> str:
    """Return a log without the secrets."""
    lines = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return "".join(map(hide, lines.splitlines(keepends=True)))


def _stop(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process.pid, signal.SIGKILL)  # and what is left of its group
    process.wait()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
