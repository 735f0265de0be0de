"""Scenarios: the course of builds, by name; for the whole server or, by image tag, for one build.

The tag of a build selects a scenario by its name, or ``scenario-`` and the name; it takes
precedence over the server's scenario.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..nearest import unknown
from .lifecycle import CONTAINER, VM, ArtifactPlan

PASSES, UNJUDGED = "passes", "cannot be judged"
PREFIX = "scenario-"
LISTED = "python -m contract_tests serve --list-scenarios"
_EAST = timezone(timedelta(hours=5, minutes=30))

Plans = Callable[[float], tuple[ArtifactPlan, ...]]
Body = dict[str, Any]


def _both(seconds: float) -> tuple[ArtifactPlan, ...]:
    """Build the image at once, and the VM a little later; the later one takes all the time."""
    return (
        ArtifactPlan(CONTAINER, 0, 0.6 * seconds),
        ArtifactPlan(VM, 0.25 * seconds, 0.75 * seconds),
    )


def _only(kind: str) -> Plans:
    return lambda seconds: (ArtifactPlan(kind, 0, seconds),)


def _never(_: float) -> tuple[ArtifactPlan, ...]:
    return (ArtifactPlan(CONTAINER, 0, None),)


def _later(seconds: float) -> tuple[ArtifactPlan, ...]:
    return (
        ArtifactPlan(CONTAINER, seconds, 0.6 * seconds),
        ArtifactPlan(VM, 1.25 * seconds, 0.75 * seconds),
    )


def _cancelled(seconds: float) -> tuple[ArtifactPlan, ...]:
    ends = "CANCELLED"
    return (
        ArtifactPlan(CONTAINER, 0, 0.5 * seconds, ends),
        ArtifactPlan(VM, 0.25 * seconds, 0.25 * seconds, ends, "cancelled with its image"),
    )


def _one_fails(seconds: float) -> tuple[ArtifactPlan, ...]:
    why = "no machine left to try the sandbox on"
    fails = ArtifactPlan(VM, 0.25 * seconds, 0.75 * seconds, "FAILED", why)
    return (ArtifactPlan(CONTAINER, 0, 0.5 * seconds), fails)


def _sparse(body: Body) -> Body:
    """Leave out what is null or empty."""
    kept = {key: value for key, value in body.items() if value is not None and value != []}
    if "artifacts" in kept:
        kept["artifacts"] = [_sparse(row) for row in kept["artifacts"]]
    return kept


def _zones(group: Body) -> Body:
    """Write date-times with another offset, and with microseconds."""

    def shifted(row: Body) -> Body:
        moved = {
            key: datetime.fromisoformat(row[key])
            .astimezone(_EAST)
            .isoformat(timespec="microseconds")
            for key in ("createdAt", "startedAt", "completedAt")
            if row[key]
        }
        return {**row, **moved}

    return {**shifted(group), "artifacts": [shifted(row) for row in group["artifacts"]]}


@dataclass(frozen=True)
class Scenario:
    """One course of builds, and of the requests about them.

    Attributes:
        summary: What happens, in one line.
        gate: The result of the gate on a server with this scenario: ``passes``, ``violates`` and
            some of the rules, or ``cannot be judged``.
        artifacts: Returns the plans of the artifacts, given the seconds of a build.
        factor: How many times as long a build takes.
        lists_early: Whether artifacts are listed before the start.
        starts_once: Whether a second start is refused.
        rewrite: Changes the body of start and status.
        failures: How requests fail: payment, limited, errors, flaky; or empty.

    """

    name: str
    summary: str
    gate: str = PASSES
    artifacts: Plans = _both
    factor: float = 1.0
    lists_early: bool = False
    starts_once: bool = False
    rewrite: Callable[[Body], Body] = lambda group: group
    failures: str = ""

    def plans(self, build_seconds: float) -> tuple[ArtifactPlan, ...]:
        """Return the plans of the artifacts of a build."""
        return self.artifacts(self.factor * build_seconds)


_ALL = [
    Scenario("default", "an image and a VM sandbox, each at its own pace"),
    Scenario("image-only", "the container image alone", artifacts=_only(CONTAINER)),
    Scenario("vm-only", "the VM sandbox alone", artifacts=_only(VM)),
    Scenario("artifacts-early", "artifacts are listed from the beginning", lists_early=True),
    Scenario("queued", "a start waits as long as a build takes, then it builds", artifacts=_later),
    Scenario("slow", "a build takes ten times as long", factor=10),
    Scenario("stuck", "a build never ends", UNJUDGED, artifacts=_never),
    Scenario("cancelled", "a build is cancelled while it runs", UNJUDGED, artifacts=_cancelled),
    Scenario("one-fails", "the image completes, the VM sandbox fails, and so the group",
             UNJUDGED, artifacts=_one_fails),
    Scenario("sparse", "keys that are null or empty are left out", rewrite=_sparse),
    Scenario("zones", "instants have the offset +05:30 and six digits", rewrite=_zones),
    Scenario("starts-once", "a second start is refused with 409", starts_once=True),
    Scenario("limited", "each other initiate gets 429, and Retry-After: 1", failures="limited"),
    Scenario("payment", "every initiate gets 402", UNJUDGED, failures="payment"),
    Scenario("errors", "of ten requests, three in a row get 503", "violates P5 P11",
             failures="errors"),
    Scenario("flaky", "of ten requests, two get no answer, one of them though it was processed",
             failures="flaky"),
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
