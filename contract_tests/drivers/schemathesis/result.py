"""The size and the result of a run of schemathesis, which itself is loaded only to run."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...tape.exchange import Check
from ..session import BudgetSpent, SessionError

DRIVER = "schemathesis"
MOST_BUILDS = 25
"""Builds that are made for its cases."""
# What it initiates by itself, a few more or less by the seed; the plan counts with these.
ABOUT_VALID, ABOUT_INVALID = 60, 90
SCENARIOS = 6
STEPS = 6
# Each of these takes an initiate and a start.
MOST_LINKED = SCENARIOS * STEPS // 2


@dataclass
class Result:
    """The result of a run of schemathesis.

    Attributes:
        problems: Errors of schemathesis itself.
        links: How often each link of the contract was walked.
        checks: What its own checks found on each response.
        ended: What ended it early, or None if it came to its end.

    """

    problems: list[str] = field(default_factory=list)
    links: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    ended: BudgetSpent | SessionError | None = None
