"""How a command ends as a process: whatever its surroundings are, its exit code is true."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process at once with an exit code, whatever the interpreter would do then."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def collect_seldom() -> None:
    """Let the garbage collector run seldom: a run makes many objects, and few circles of them.

    With Python's own thresholds it takes about a seventh of the time of a run.
    """
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end what a command does as Ctrl-C does, with reports and a clean-up."""
    main = threading.main_thread()
    if threading.current_thread() is not main:
        yield
        return
    before, hook = signal.signal(signal.SIGTERM, signal.default_int_handler), sys.unraisablehook

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        if isinstance(lost.exc_value, KeyboardInterrupt) and hasattr(signal, "pthread_kill"):
            # Python drops what is raised in a finalizer. Not at once: this is still in there.
            threading.Timer(0.01, signal.pthread_kill, [main.ident, signal.SIGTERM]).start()
        else:
            hook(lost)

    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGTERM, before)


def outlive_reader() -> list[Outliving]:
    """Go on where the reader of standard output or error has gone, as in ``… | head -1``.

    Nor does a full disk end the command in its midst: what was lost is in the files returned.
    """
    files = []
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            raw = Outliving(stream.fileno(), "w", closefd=False)
            files.append(raw)
            lasting = io.TextIOWrapper(
                io.BufferedWriter(raw), encoding=stream.encoding, errors="backslashreplace",
                line_buffering=stream.line_buffering, write_through=stream.write_through,
            )  # fmt: skip
            setattr(sys, name, lasting)
    return files


class Outliving(io.FileIO):
    """A file that drops what cannot be written.

    Attributes:
        error: Why something was lost that somebody wanted to read, or None.

    """

    error: OSError | None = None

    def write(self, content: object) -> int:
        """Write, and drop what nobody can read any more."""
        try:
            return super().write(content)  # type: ignore[arg-type]
        except BrokenPipeError:
            pass
        except OSError as error:
            self.error = error
        return memoryview(content).nbytes  # type: ignore[arg-type]
