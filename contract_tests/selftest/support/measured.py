"""What some work takes, counted: calls of functions, and memory at its peak. No seconds."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from itertools import count


def excess(work: Callable[[], object], *, calls: int, mebibytes: int) -> str | None:
    """Return by what some work takes more than it may, or None. Raises what it raises."""
    called = count()
    was = sys.getprofile()
    tracemalloc.start()
    sys.setprofile(lambda _, event, __: next(called) if event == "call" else None)
    try:
        work()
    finally:
        sys.setprofile(was)
        peak = tracemalloc.get_traced_memory()[1] // 2**20
        tracemalloc.stop()
    made = next(called)
    if made > calls:
        return f"{made} calls, where {calls} are allowed"
    return f"{peak} MiB, where {mebibytes} are allowed" if peak > mebibytes else None
