"""Clocks: the time of a run is handed in, so that it is the machine's or the run's own."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class VirtualClock(Clock):
    """A clock that only sleeping moves.

    Args:
        start: The time of day at first; by default the machine's, so that instants look current.

    """

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime.now(UTC)
        self._passed = 0.0

    def now(self) -> datetime:
        """Return the time of day, with the offset of the start."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self._passed += seconds


SYSTEM = Clock()
