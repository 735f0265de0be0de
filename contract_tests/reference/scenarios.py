"""Scenarios: what becomes of builds, by name; for the whole server or, by image tag, for one build.

A build whose tag is the name of a scenario, or ``scenario-`` and the name, goes by that one,
whatever the server's is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..nearest import unknown
from .lifecycle import CONTAINER, VM, Phase

PASSES, UNJUDGED = "passes", "cannot be judged"
PREFIX = "scenario-"
LISTED = f"python -m {__package__} --list-scenarios"
_EAST = timezone(timedelta(hours=5, minutes=30))

Plan = Callable[[float], tuple[Phase, ...]]
Body = dict[str, Any]


def _both(seconds: float) -> tuple[Phase, ...]:
    """Build the image at once, and the VM a little later; the last of them ends with the time."""
    return (Phase(CONTAINER, 0, 0.6 * seconds), Phase(VM, 0.25 * seconds, 0.75 * seconds))


def _later(seconds: float) -> tuple[Phase, ...]:
    return (Phase(CONTAINER, seconds, 0.6 * seconds), Phase(VM, 1.25 * seconds, 0.75 * seconds))


def _cancelled(seconds: float) -> tuple[Phase, ...]:
    ends = "CANCELLED"
    return (
        Phase(CONTAINER, 0, 0.5 * seconds, ends),
        Phase(VM, 0.25 * seconds, 0.25 * seconds, ends, "cancelled with its image"),
    )


def _one_fails(seconds: float) -> tuple[Phase, ...]:
    why = "no machine left to try the sandbox on"
    return (Phase(CONTAINER, 0, 0.5 * seconds), Phase(VM, 0.25 * seconds, 0.75 * seconds,
                                                    "FAILED", why))  # fmt: skip


def _sparse(body: Body) -> Body:
    """Leave out what is null or empty."""
    kept = {key: value for key, value in body.items() if value is not None and value != []}
    if "artifacts" in kept:
        kept["artifacts"] = [_sparse(row) for row in kept["artifacts"]]
    return kept


def _zones(group: Body) -> Body:
    """Write instants with the offset of another zone, and to the microsecond."""

    def there(row: Body) -> Body:
        moved = {
            key: datetime.fromisoformat(row[key])
            .astimezone(_EAST)
            .isoformat(timespec="microseconds")
            for key in ("createdAt", "startedAt", "completedAt")
            if row[key]
        }
        return {**row, **moved}

    return {**there(group), "artifacts": [there(row) for row in group["artifacts"]]}


@dataclass(frozen=True)
class Scenario:
    """One course of builds, and of the requests about them.

    Attributes:
        says: What happens, in a line.
        gate: The result of the gate on a server whose builds all go so: ``passes``, or ``violates``
            and some of the rules that it breaks, or ``cannot be judged``.
        plan: Returns the plans of the artifacts, for the time that a build takes.
        factor: How many times as long a build takes.
        lists_early: Whether artifacts are listed before the start.
        starts_once: Whether a second start is refused.
        rewrite: Changes the body of start and status.
        trouble: How requests fail: payment, limited, errors, flaky; or empty.

    """

    name: str
    says: str
    gate: str = PASSES
    plan: Plan = _both
    factor: float = 1.0
    lists_early: bool = False
    starts_once: bool = False
    rewrite: Callable[[Body], Body] = lambda group: group
    trouble: str = ""

    def parts(self, build_seconds: float) -> tuple[Phase, ...]:
        """Return the plans of the artifacts of a build."""
        return self.plan(self.factor * build_seconds)


_ALL = [
    Scenario("default", "an image and a VM sandbox, each at its own pace"),
    Scenario("image-only", "the container image alone", plan=lambda s: (Phase(CONTAINER, 0, s),)),
    Scenario("vm-only", "the VM sandbox alone", plan=lambda s: (Phase(VM, 0, s),)),
    Scenario("artifacts-early", "artifacts are listed from the beginning", lists_early=True),
    Scenario("queued", "a start waits as long as a build takes, then it builds", plan=_later),
    Scenario("slow", "a build takes ten times as long", factor=10),
    Scenario("stuck", "a build never ends", UNJUDGED, plan=lambda _: (Phase(CONTAINER, 0, None),)),
    Scenario("cancelled", "a build is cancelled while it runs", UNJUDGED, plan=_cancelled),
    Scenario("one-fails", "the image completes, the VM sandbox fails, and so the group",
             UNJUDGED, plan=_one_fails),
    Scenario("sparse", "keys that are null or empty are left out", rewrite=_sparse),
    Scenario("zones", "instants have the offset +05:30 and six digits", rewrite=_zones),
    Scenario("starts-once", "a second start is refused with 409", starts_once=True),
    Scenario("limited", "each other initiate gets 429, and Retry-After: 1", trouble="limited"),
    Scenario("payment", "every initiate gets 402", UNJUDGED, trouble="payment"),
    Scenario("errors", "of ten requests, three in a row get 503", "violates P5",
             trouble="errors"),
    Scenario("flaky", "of ten requests, two get no answer, one of them though it was processed",
             trouble="flaky"),
]  # fmt: skip

SCENARIOS = {one.name: one for one in _ALL}
"""All scenarios by name."""


def find(name: str, listed: str = LISTED) -> Scenario:
    """Return a scenario. Raises ``ValueError``, which names the nearest, for an unknown one."""
    if name not in SCENARIOS:
        raise unknown("scenario", name, SCENARIOS, listed)
    return SCENARIOS[name]


def of_tag(tag: str) -> Scenario | None:
    """Return the scenario that an image tag names, or None."""
    return SCENARIOS.get(tag.removeprefix(PREFIX))
