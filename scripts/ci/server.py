"""A server that is started for the gate, and always stopped: by its process group's own id."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

# Seconds: between two looks, for one look, and between asking a server to stop and making it.
PAUSE, LOOK, GRACE = 0.2, 5.0, 10.0
# Characters of a log that are worth reading in a failure.
TAIL = 4000


class ServerError(Exception):
    """There is no server to judge; the text says why, and the mend."""


@contextlib.contextmanager
def started(
    command: str,
    url: str,
    seconds: float,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
) -> Iterator[None]:
    """Run a command with bash in a folder while the context lasts, once it answers at ``url``.

    Raises ``ServerError`` if something answers there before, if the command ends first, or if
    nothing answers in time.
    """
    if answers(url):
        raise ServerError(
            f"problem: something answers at {url} before the server is started\n"
            "    fix: give the server a port of its own"
        )
    with log.open("wb") as stream:
        # A process group of its own: what the command starts is stopped with it.
        process = subprocess.Popen(  # noqa: S603 (the caller's own command)
            ["bash", "-c", command],  # noqa: S607
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
            cwd=folder, env=dict(environment), start_new_session=True,
        )  # fmt: skip
        try:
            _wait(process, url, seconds)
            yield
        finally:
            _stop(process)


def answers(url: str) -> bool:
    """Whether anything answers at a URL, whatever it says; no proxy is asked."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=LOOK)
    try:
        connection.request("GET", parts.path or "/")
        connection.getresponse()
    except ssl.SSLCertVerificationError:
        return True  # the gate says more of it
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def tail(log: Path, secret: str) -> str:
    """Return the end of a log, without the secret."""
    return clean(log, secret)[-TAIL:].strip()


def clean(log: Path, secret: str) -> str:
    """Return a log without the secret."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return text.replace(secret, "<token>") if secret else text


def _wait(process: subprocess.Popen[bytes], url: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not answers(url):
        if process.poll() is not None:
            raise ServerError(
                f"problem: the server's command ended with exit code {process.returncode}"
                f" before it answered at {url}\n    fix: see its log, and mend the command"
            )
        if time.monotonic() >= until:
            raise ServerError(
                f"problem: no answer at {url} within {seconds:g} s\n"
                "    fix: mend the command or the URL, or allow more seconds"
            )
        time.sleep(PAUSE)


def _stop(process: subprocess.Popen[bytes]) -> None:
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    _signal(process.pid, signal.SIGKILL)  # and what is left of its group
    process.wait()


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
