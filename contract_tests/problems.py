"""The exit codes of every command, and the one error that a person sees. Standard library only."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable

from . import escape


class Exit(enum.IntEnum):
    """How a command ends: one table for all of them. What was found is in the output, not here."""

    OK = 0
    """There is nothing to report."""
    FOUND = 1
    """Something was found: violated, stale, breaking, edited, outdated."""
    INTERRUPTED = 2
    CANNOT_TELL = 4
    """Nothing can be said: unreachable, refused, hollow, misconfigured, unreadable."""


class Problem(Exception):  # noqa: N818 (it is shown to a person, who is to do something)
    """Why a command cannot go on, and what to do about it: the one error that a person sees.

    ``details`` are shown between the two, a line each. All of it may hold what others wrote; it is
    escaped where it is shown.
    """

    def __init__(
        self, what: str, fix: str, code: Exit = Exit.CANNOT_TELL, details: Iterable[str] = ()
    ) -> None:
        self.what, self.fix, self.code, self.details = what, fix, code, tuple(details)
        super().__init__(what, fix, code, self.details)

    def __str__(self) -> str:
        lines = (f"problem: {self.what}", *self.details, f"    fix: {self.fix}")
        return "\n".join(map(escape.line, lines))


def failure(error: Exception, who: str) -> Problem:
    """Return the problem of an error that nobody foresaw, or that no command can prevent.

    Args:
        error: What was raised.
        who: What failed, as ``the gate``.

    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, MemoryError):
        return Problem(f"{who} ran out of memory", "give it more, or less to read")
    if isinstance(error, RecursionError):
        return Problem(f"{who} cannot read what is nested so deep", "give it less to read")
    if _is_posix_missing(error):
        fix = "run it on Linux, on macOS, or in the Windows Subsystem for Linux"
        return Problem(f"{who} needs the file locks of POSIX, which this system lacks", fix)
    if isinstance(error, OSError) and error.errno:
        where = f"{error.filename}: " if error.filename else ""
        fix = "see whether the disk is full, and who may read and write there"
        return Problem(f"{who} cannot go on: {where}{os.strerror(error.errno)}", fix)
    what = f"{who} itself failed: {type(error).__name__}: {error}"
    return Problem(what, "report it, with the lines above")


def is_foreseen(error: Exception) -> bool:
    """Whether the problem of an error says all that a person needs, without a traceback."""
    known = isinstance(error, Problem | MemoryError | RecursionError | OSError)
    return known or _is_posix_missing(error)


def _is_posix_missing(error: Exception) -> bool:
    return isinstance(error, ModuleNotFoundError) and error.name == "fcntl"
