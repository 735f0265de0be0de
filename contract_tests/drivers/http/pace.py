"""Pace: what the gate may still send, and when."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ...front import setting
from .clock import SYSTEM, Clock

# What a server that names no time is given, growing with each refusal.
FIRST_PAUSE = 1.0
MOST_RETRIES = 5
# An honest run takes under one.
MOST_BYTES = 128 * 2**20


class BudgetSpent(Exception):  # noqa: N818 (it is no error: what is cut off is not observed)
    """A budget is spent; the text says which.

    Attributes:
        budget: The name of its setting, or an empty text where no setting raises it.

    """

    def __init__(self, reason: str = "", budget: str = "") -> None:
        super().__init__(reason)
        self.budget = budget


@dataclass
class Pace:
    """Counts what is sent against the budgets, and waits where the server asks for it.

    Attributes:
        builds: Builds to initiate, at most; None for no bound.
        requests: Requests to send, at most; None for no bound.
        rate: Requests a second, at most; None for no bound.
        deadline: Seconds from now for everything.

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
    _until: float = field(init=False)
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.clock.monotonic()
        self._until = self._next + self.deadline

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._until - self.clock.monotonic())

    @property
    def spent(self) -> str:
        """The name of the budget by which nothing may be sent any more, or an empty text."""
        if self.left <= 0:
            return "DEADLINE"
        return "MAX_REQUESTS" if self.requests is not None and self.sent >= self.requests else ""

    @property
    def is_spent(self) -> bool:
        """Whether nothing may be sent any more."""
        return bool(self.spent)

    def admit(self, *, initiates: bool = False) -> None:
        """Wait for a request's turn, and count it. Raises ``BudgetSpent`` if it has none."""
        if self.left <= 0:
            over = f"{setting('DEADLINE', f'{self.deadline:g}')} seconds are over"
            raise BudgetSpent(over, "DEADLINE")
        if self.requests is not None and self.sent >= self.requests:
            sent = f"{setting('MAX_REQUESTS', f'{self.requests}')} are sent"
            raise BudgetSpent(sent, "MAX_REQUESTS")
        if initiates and self.builds is not None and self.issued >= self.builds:
            initiated = f"{setting('MAX_BUILDS', f'{self.builds}')} are initiated"
            raise BudgetSpent(initiated, "MAX_BUILDS")
        now = self.clock.monotonic()
        if self.rate:
            self.pause(self._next - now)
            self._next = max(now, self._next) + 1 / self.rate
        self.sent += 1

    def give_up(self, builds: int) -> None:
        """Raise ``BudgetSpent`` if builds are left that the deadline did not let come to an end."""
        if builds:
            over = f"{setting('DEADLINE', f'{self.deadline:g}')} seconds are over"
            raise BudgetSpent(f"{over} before {builds} of the builds ended", "DEADLINE")

    def take(self, size: int) -> None:
        """Count the bytes of an answer. Raises ``BudgetSpent`` past what the tape can hold."""
        self.taken += size
        if self.taken > MOST_BYTES:
            raise BudgetSpent(f"the answers are larger than {MOST_BYTES // 2**20} MiB in all")

    def asked_to_wait(self, headers: Mapping[str, str], tries: int) -> float | None:
        """Say for how many seconds a 429 asks to wait; None to take it for the answer.

        Raises ``BudgetSpent`` if that is longer than the run may take.
        """
        if tries >= MOST_RETRIES:
            return None
        wait = _retry_after(headers.get("retry-after", ""), self.clock.now())
        wait = FIRST_PAUSE * 2**tries if wait is None else wait
        if wait >= self.left:
            raise BudgetSpent(
                f"the server asks to wait {wait:.0f} s; "
                f"{setting('DEADLINE', f'{self.deadline:g}')} leaves less",
                "DEADLINE",
            )
        self.slowed += wait
        return wait

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the deadline."""
        if seconds > 0:
            self.clock.sleep(min(seconds, self.left))


def _retry_after(told: str, now: datetime) -> float | None:
    """Read a Retry-After: seconds, or a date."""
    told = told.strip()
    if told.isascii() and told.isdigit() and len(told) < 9:
        return float(told)
    try:
        until = email.utils.parsedate_to_datetime(told)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None
