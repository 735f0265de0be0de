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
