"""Failures of requests: no response, an error, a rate limit. The same seed makes the same ones."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

RETRY_AFTER = 1
_ROUND = 10
_BURST = 3
# Limits are kept for so many images; the oldest is removed first.
_MOST_LIMITS = 1000


class Dropped(Exception):  # noqa: N818 (it is intended)
    """The connection is closed without a response; the HTTP server has to do it."""


class RequestFailure(Enum):
    """How a request fails."""

    NONE = "nothing"
    ERROR = "503"
    LOST = "the connection is closed, and nothing was done"
    UNANSWERED = "it is done, and the connection is closed"


@dataclass
class FailureSchedule:
    """Counts requests, and decides how each fails; the same seed gives the same failures."""

    seed: int = 0
    _count: int = 0
    _until: dict[bytes, datetime] = field(default_factory=dict)

    def next_failure(self, failures: str, seen: int | None = None) -> RequestFailure:
        """Return how the next request fails.

        Args:
            failures: The kind of failures, as in ``Scenario``.
            seen: The number of earlier requests about its build; None to count all of the server's.

        """
        if failures not in ("errors", "flaky"):
            return RequestFailure.NONE
        if seen is None:
            seen, self._count = self._count, self._count + 1
        rounds, place = divmod(seen, _ROUND)
        drawn = random.Random(f"{self.seed}/{rounds}")  # noqa: S311 (not a secret)
        if failures == "errors":
            first = drawn.randrange(_ROUND - _BURST + 1)
            return RequestFailure.ERROR if first <= place < first + _BURST else RequestFailure.NONE
        lost, unanswered = drawn.sample(range(_ROUND), 2)
        return {lost: RequestFailure.LOST, unanswered: RequestFailure.UNANSWERED}.get(
            place, RequestFailure.NONE
        )

    def retry_after(self, image: tuple[str, ...], now: datetime) -> int | None:
        """Return the seconds for which an initiate is refused, or None; every other one passes.

        ``image`` is what the limit is for: name and tag, or nothing for the whole server.
        """
        # A name may have a megabyte.
        key = hashlib.sha256(repr(image).encode()).digest()
        until = self._until.pop(key, None)
        if until is not None and now >= until:
            return None
        self._until[key] = until or now + timedelta(seconds=RETRY_AFTER)
        while len(self._until) > _MOST_LIMITS:
            self._until.pop(next(iter(self._until)))
        return max(1, math.ceil((self._until[key] - now).total_seconds()))
