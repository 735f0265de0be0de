"""How a command begins and ends as a process: whatever its surroundings are, its exit code is true.

Only the standard library is needed, so that any command can begin so.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from .problems import Exit

HARMLESS = {
    "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER", "PYTHONHASHSEED", "PYTHONIOENCODING",
    "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED", "PYTHONUTF8",
}  # fmt: skip
"""Variables of Python that change no result; scripts/given.mk has the same."""
PLACES = {"PYTHONPATH", "PYTHONHOME"}
"""Variables that tell where modules are: a process that was started with them may need them."""


def is_foreign(name: str) -> bool:
    """Tell whether a variable is meant for other runs of Python and pytest than ours.

    Such a one could make a run empty, or its end a success: PYTEST_ADDOPTS, PYTHONINSPECT,
    PYTHONOPTIMIZE. There will be more of them, so that those are listed which do no harm.
    """
    return name.startswith(("PYTHON", "PYTEST_")) and name not in HARMLESS


def own(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what is foreign."""
    return {name: value for name, value in environment.items() if not is_foreign(name)}


def restart() -> None:
    """Begin this process anew without what is foreign, if there is any.

    Python reads such variables before any module is loaded; to delete them here is too late.
    """
    foreign = {name for name in os.environ if is_foreign(name)} - PLACES
    if foreign:
        kept = {name: value for name, value in os.environ.items() if name not in foreign}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)  # noqa: S606


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command to its end, though nobody reads what it prints, and exit with its code."""
    outlive_reader()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def outlive_reader() -> None:
    """Go on where the reader of standard output or error has gone, as in ``… | head -1``."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.flush()
            raw = _Outliving(stream.fileno(), "w", closefd=False)
            lasting = io.TextIOWrapper(
                io.BufferedWriter(raw), encoding=stream.encoding, errors=stream.errors,
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
