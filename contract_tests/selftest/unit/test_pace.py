"""Budgets and waiting, on a clock that stands still."""

from __future__ import annotations

import email.utils
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from ...drivers.http.clock import VirtualClock
from ...drivers.http.pace import MOST_RETRIES, BudgetSpent, Pace


class Clock(VirtualClock):
    """A clock that records its sleeps."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 1, 1, tzinfo=UTC))
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(round(seconds, 3))
        super().sleep(seconds)


def paced(**budget: Any) -> tuple[Pace, Clock]:
    """Make a pace on a clock of its own."""
    clock = Clock()
    return Pace(**budget, clock=clock), clock


def test_requests_are_counted() -> None:
    """The one too many is not sent, and not counted."""
    pace, _ = paced(requests=2)
    pace.admit()
    pace.admit()

    with pytest.raises(BudgetSpent, match="MAX_REQUESTS=2"):
        pace.admit()
    assert pace.sent == 2


def test_builds_are_counted() -> None:
    """A build too many is not initiated; other requests go on."""
    pace, _ = paced(builds=1)
    pace.admit(initiates=True)
    pace.issued += 1
    pace.admit()

    with pytest.raises(BudgetSpent, match="MAX_BUILDS=1"):
        pace.admit(initiates=True)


def test_what_the_gate_does_by_itself_takes_no_time() -> None:
    """The deadline is put off by as long as the pace was stopped, whatever ended that."""
    pace, clock = paced(deadline=10)
    clock.sleep(4)

    with suppress(KeyboardInterrupt), pace.stopped():
        clock.sleep(60)
        raise KeyboardInterrupt

    assert pace.left == 6


def test_no_build_at_all() -> None:
    """MAX_BUILDS=0 initiates none."""
    pace, _ = paced(builds=0)

    with pytest.raises(BudgetSpent):
        pace.admit(initiates=True)


def test_the_rate_is_kept() -> None:
    """A request too early waits for its turn, and a late one loses nothing."""
    pace, clock = paced(rate=2)
    for _ in range(3):
        pace.admit()
    assert clock.slept == [0.5, 0.5]

    clock.sleep(60)
    pace.admit()
    assert clock.slept == [0.5, 0.5, 60]


def test_the_deadline_ends_it() -> None:
    """Neither a request nor a pause goes past it."""
    pace, clock = paced(deadline=10)
    pace.pause(60)
    assert clock.slept == [10.0]

    with pytest.raises(BudgetSpent, match="DEADLINE=10 seconds"):
        pace.admit()


@pytest.mark.parametrize(
    ("headers", "tries", "wait"),
    [
        ({"retry-after": "3"}, 0, 3.0), ({"retry-after": " 0 "}, 4, 0.0), ({}, 0, 1.0),
        ({}, 2, 4.0), ({"retry-after": "soon"}, 1, 2.0), ({"retry-after": "-5"}, 0, 1.0),
        ({"retry-after": "1.5"}, 0, 1.0), ({"retry-after": "9" * 400}, 0, 1.0),
        ({"retry-after": "3"}, MOST_RETRIES, None),
    ],
)  # fmt: skip
def test_delay_after_a_429(headers: dict[str, str], tries: int, wait: float | None) -> None:
    """Retry-After in seconds; an invalid one counts as missing."""
    pace, _ = paced()

    assert pace.retry_delay(headers, tries) == wait


def test_a_429_may_name_a_date() -> None:
    """A date in the future is waited for, one in the past is not."""
    pace, clock = paced()
    now = clock.now().timestamp()
    soon, gone = (email.utils.formatdate(now + by, usegmt=True) for by in (30, -30))

    assert pace.retry_delay({"retry-after": soon}, 0) == 30
    assert pace.retry_delay({"retry-after": gone}, 0) == 0


def test_a_429_that_asks_for_too_much() -> None:
    """To wait longer than the run may take is to give up, at once."""
    pace, clock = paced(deadline=60)

    with pytest.raises(BudgetSpent, match="Retry-After is 3600 s"):
        pace.retry_delay({"retry-after": "3600"}, 0)
    assert clock.slept == []
