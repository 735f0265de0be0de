"""A deterministic clock and ids, so that two runs give the same responses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def clock(
    start: datetime | None = None,
    speed: float = 1.0,
    *,
    elapsed: Callable[[], float] = time.monotonic,
) -> Callable[[], datetime]:
    """Make a clock that starts at an instant, and runs ``speed`` times as fast as ours.

    Raises ``ValueError`` for a speed below zero, or a start without an offset.
    """
    if not 0 <= speed <= 1_000_000:
        raise ValueError(f"the speed of a clock is 0 to 1000000, not {speed:g}")
    start = datetime.now(UTC) if start is None else start
    if start.tzinfo is None or not 1970 <= start.year <= 2999:
        raise ValueError("a clock starts at an instant with an offset, as 2026-01-01T00:00:00Z")
    began = elapsed()
    return lambda: start + timedelta(seconds=speed * (elapsed() - began))


def ids(seed: int) -> Callable[[str], str]:
    """Make a source of ids; the same seed makes the same."""
    drawn = random.Random(seed)  # noqa: S311 (ids are not secret here)
    return lambda prefix: f"{prefix}_{drawn.getrandbits(48):012x}"
