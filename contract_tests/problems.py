"""The exit codes of every command, and the one error that a person sees. Standard library only."""

from __future__ import annotations

import enum


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
    """Why a command cannot go on, and what to do about it: the one error that a person sees."""

    def __init__(self, what: str, fix: str, code: Exit = Exit.CANNOT_TELL) -> None:
        super().__init__(what, fix, code)
        self.what, self.fix, self.code = what, fix, code

    def __str__(self) -> str:
        return f"problem: {self.what}\n    fix: {self.fix}"
