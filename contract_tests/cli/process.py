"""How a command ends as a process: whatever its surroundings are, its exit code is true."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End this process at once with an exit code, whatever the interpreter would do then."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def outlive_reader() -> None:
    """Go on where the reader of standard output or error has gone, as in ``… | head -1``."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            raw = _Outliving(stream.fileno(), "w", closefd=False)
            lasting = io.TextIOWrapper(
                io.BufferedWriter(raw), encoding=stream.encoding, errors="backslashreplace",
                line_buffering=stream.line_buffering, write_through=stream.write_through,
            )  # fmt: skip
            setattr(sys, name, lasting)


class _Outliving(io.FileIO):
    def write(self, content: object) -> int:
        """Write, and drop what nobody can read any more."""
        try:
            return super().write(content)  # type: ignore[arg-type]
        except BrokenPipeError:
            return memoryview(content).nbytes  # type: ignore[arg-type]
