"""Runs a server, and stops it with all its children once its own standard input ends.

Whoever runs this file holds the other end of the input, which ends with its process, however that
ends. It is run as a script, with the seconds from SIGTERM to SIGKILL and the words of a command;
its exit code is that of the command, and 126 if it cannot be run. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PAUSE = 0.05
CANNOT_RUN = 126
# From Linux' prctl.h: whoever loses its parent becomes a child of this process.
SET_CHILD_SUBREAPER = 36


def main(grace: float, command: list[str]) -> int:
    """Run a command until it ends or the input does; return its exit code, as a shell does."""
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    adopts = _adopt_orphans()
    try:
        # A new process group, and one that Ctrl-C does not reach.
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode(errors="replace"))
        return CANNOT_RUN
    threading.Thread(target=_read_input, args=(is_over,), daemon=True).start()
    codes: dict[int, int] = {}
    while server.pid not in codes and not is_over.wait(PAUSE):
        _reap(codes)
    _stop(server.pid, codes, grace, adopts=adopts)
    code = codes.get(server.pid, -signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _read_input(is_over: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    is_over.set()


def _adopt_orphans() -> bool:
    """Become the parent of all descendants that lose theirs; return whether the system can."""
    try:
        return bool(ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # not Linux
        return False


def _reap(codes: dict[int, int]) -> bool:
    """Take note of the exit codes of children that have ended; return whether one is left."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return True
            codes[pid] = os.waitstatus_to_exitcode(status)
    return False


def _stop(group: int, codes: dict[int, int], grace: float, *, adopts: bool) -> None:
    """Ask a group, and children outside of it, to end; kill what is left after some seconds."""

    def is_left() -> bool:
        return _reap(codes) or (not adopts and _signal(os.killpg, group, 0))

    until, asked = time.monotonic() + grace, set[int]()
    if is_left():
        _signal(os.killpg, group, signal.SIGTERM)
    while is_left() and time.monotonic() < until:
        for one in _children(outside=group):
            if one not in asked:
                _signal(os.kill, one, signal.SIGTERM)
                asked.add(one)
        time.sleep(PAUSE)
    until = time.monotonic() + grace
    while is_left() and time.monotonic() < until:  # a killed parent leaves its own children
        _signal(os.killpg, group, signal.SIGKILL)
        for one in _children(outside=group):
            _signal(os.kill, one, signal.SIGKILL)
        time.sleep(PAUSE)


def _children(outside: int) -> Iterator[int]:
    """Yield the children that are not in a process group, where the system lists them."""
    with contextlib.suppress(OSError):
        for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(int(one)) != outside:
                    yield int(one)


def _signal(send: object, to: int, number: int) -> bool:
    """Send a signal; return whether there is somebody to receive it."""
    try:
        send(to, number)  # type: ignore[operator]
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS: of a group of zombies
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
