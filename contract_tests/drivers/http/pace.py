"""Budgets of a run: how many builds and requests, how fast, and until when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from ...tape.exchange import date_of
from ...usage import setting
from .clock import SYSTEM, Clock

# Initial back-off in seconds for a 429 without Retry-After; doubles each time.
FIRST_PAUSE = 1.0
MOST_RETRIES = 5
# Seconds kept to delete what a run made, beside what the rate takes; never more than a part of all.
LAST_SECONDS, LAST_PART = 10.0, 10
# Bytes of all responses in one run; a normal run takes under 1 MiB.
MOST_BYTES = 128 * 2**20


class BudgetSpent(Exception):  # noqa: N818 (it is not an error: what is cut off is not observed)
    """A budget is spent; the text names it.

    Attributes:
        budget: The name of its setting, or an empty text where no setting raises it.

    """

    def __init__(self, reason: str = "", budget: str = "") -> None:
        super().__init__(reason)
        self.budget = budget


@dataclass
class Pace:
    """Counts requests against the budgets, and limits their rate.

    Attributes:
        builds: Builds to initiate, at most; None for no bound.
        requests: Requests to send, at most; None for no bound.
        rate: Requests a second, at most; None for no bound.
        deadline: Seconds from now for everything.
        reserved: Requests that are kept, and time with them, to delete what the run made.
        initiating: Initiates that are sent, and whose responses have not come.
        most_bytes: Bytes of all responses, at most.

    """

    builds: int | None = None
    requests: int | None = None
    rate: float | None = None
    deadline: float = 1800.0
    clock: Clock = SYSTEM
    sent: int = 0
    issued: int = 0
    slowed: float = 0.0
    taken: int = 0
    reserved: int = 0
    initiating: int = 0
    most_bytes: float = field(default_factory=lambda: MOST_BYTES)
    _until: float = field(init=False)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.clock.monotonic()
        self._until = self._next + self.deadline

    @property
    def left(self) -> float:
        """Seconds until the deadline, without those that are kept."""
        kept = 0.0
        if self.reserved:
            kept = LAST_SECONDS + self.reserved / (self.rate or math.inf)
        kept = min(kept, self.deadline / LAST_PART)
        return max(0.0, self._until - kept - self.clock.monotonic())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Put the deadline off by what is done meanwhile, which is the gate's own affair."""
        began = self.clock.monotonic()
        try:
            yield
        finally:
            self._until += self.clock.monotonic() - began

    @property
    def spent(self) -> str:
        """The name of the budget by which nothing may be sent any more, or an empty text."""
        if self.left <= 0:
            return "DEADLINE"
        return "MAX_REQUESTS" if self._has_sent_all(0) else ""

    @property
    def has_initiated_all(self) -> bool:
        """Whether no build may be initiated any more."""
        return self.builds is not None and self.issued >= self.builds

    def _has_sent_all(self, more: int) -> bool:
        most = self.requests
        return most is not None and self.sent + self.reserved + more >= most

    def admit(self, *, initiates: bool = False, reserves: int = 0) -> None:
        """Wait as long as the rate requires, and count a request. Raises ``BudgetSpent``.

        ``reserves`` is how many requests it takes to delete what the request makes.
        """
        if self.left <= 0:
            over = f"{setting('DEADLINE', f'{self.deadline:g}')} seconds are over"
            raise BudgetSpent(over, "DEADLINE")
        if self._has_sent_all(reserves):
            sent = f"{setting('MAX_REQUESTS', f'{self.requests}')} are sent"
            raise BudgetSpent(sent, "MAX_REQUESTS")
        issued = self.issued + self.initiating
        if initiates and self.builds is not None and issued >= self.builds:
            initiated = f"{setting('MAX_BUILDS', f'{self.builds}')} are initiated"
            raise BudgetSpent(initiated, "MAX_BUILDS")
        if self.rate:  # the turn is taken before it is waited for: many may wait at once
            now = self.clock.monotonic()
            turn = max(now, self._next)
            self._next = turn + 1 / self.rate
            self.pause(turn - now)
        self.sent += 1
        self.initiating += initiates
        self.reserved += reserves

    def give_up(self, builds: int) -> None:
        """Raise ``BudgetSpent`` if builds had not ended by the deadline."""
        if builds:
            over = f"{setting('DEADLINE', f'{self.deadline:g}')} seconds are over"
            raise BudgetSpent(f"{over} before {builds} of the builds ended", "DEADLINE")

    def take(self, size: int) -> None:
        """Count the bytes of a response. Raises ``BudgetSpent`` past ``most_bytes``."""
        self.taken += size
        if self.taken > self.most_bytes:
            raise BudgetSpent(f"the answers are larger than {MOST_BYTES // 2**20} MiB in all")

    def retry_delay(self, headers: Mapping[str, str], tries: int) -> float | None:
        """Return the seconds to wait after a 429, or None after the last retry.

        Raises ``BudgetSpent`` if the wait would pass the deadline.
        """
        if tries >= MOST_RETRIES:
            return None
        wait = _retry_after(headers.get("retry-after", ""), self.clock.now())
        wait = FIRST_PAUSE * 2**tries if wait is None else wait
        if wait >= self.left:
            raise BudgetSpent(
                f"the server's Retry-After is {wait:.0f} s; "
                f"{setting('DEADLINE', f'{self.deadline:g}')} leaves less",
                "DEADLINE",
            )
        self.slowed += wait
        return wait

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the deadline."""
        if seconds > 0:
            self.clock.sleep(min(seconds, self.left))


def _retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds of a Retry-After (a number or a date), or None if it is invalid."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 9:
        return float(value)
    until = date_of(value)
    return max(0.0, (until - now).total_seconds()) if until else None
