"""The plan: what a run sends, step by step, and how many builds it makes at most."""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..drivers.schemathesis import result as fuzz
from ..drivers.scripted import production, scenarios, stateless
from ..drivers.scripted.builds import Step
from ..usage import setting
from . import cleanup
from .target import PRODUCTION, Budget, Target

SCRIPT = "lifecycles"
PREFLIGHT = Step("preflight", 0, 0, 1, lambda _: None)
ABOUT_FUZZ = 300
# Seeds differ by a few; what schemathesis may initiate is bounded by the plan as a whole.
_LINKED = Step(
    "generated requests", fuzz.MOST_BUILDS + fuzz.ABOUT_VALID,
    fuzz.MOST_BUILDS + fuzz.MOST_LINKED, ABOUT_FUZZ,
    lambda _: None, made_if_accepted=fuzz.ABOUT_INVALID, started_if_accepted=fuzz.ABOUT_VALID,
)  # fmt: skip
# Without builds that are made for it, and without links.
_UNLINKED = Step(
    "generated requests", fuzz.ABOUT_VALID, fuzz.ABOUT_VALID, ABOUT_FUZZ,
    lambda _: None, made_if_accepted=fuzz.ABOUT_INVALID, started_if_accepted=fuzz.ABOUT_VALID,
)  # fmt: skip


@dataclass(frozen=True)
class Script:
    """The steps of a run, in order.

    Attributes:
        steps: Scripted, before the generated requests.
        generated: What schemathesis costs; None where it does not run.
        ending: Scripted, after it.

    """

    steps: Sequence[Step]
    generated: Step | None
    ending: Sequence[Step]


def script(target: Target) -> Script:
    """Return the steps for the profile of a target."""
    if target.profile == PRODUCTION:
        return Script(production.STEPS, None, ())
    if target.is_stateless:
        return Script(stateless.STEPS, _UNLINKED, stateless.ENDING)
    steps = scenarios.steps(is_limited=target.budget.builds is not None)
    return Script(steps, _LINKED, (scenarios.CLOSING, scenarios.DELETING))


# One request for each tag that was initiated and is still there, most by generated requests; and
# one more where its delete is not found.
CLEANING = Step("deletes of what was made", 0, 0, 20, lambda _: None)


@dataclass(frozen=True)
class PlanStep:
    """What a step comes to within the budgets. The attributes are those of ``Step``."""

    driver: str
    name: str
    requests: int
    builds: int = 0
    started: int = 0
    polls: int = 0


@dataclass(frozen=True)
class Plan:
    """A run, before it is made.

    Attributes:
        requests: How many are sent at most, or None where only time bounds them.
        most_builds: Builds that are initiated at most, whatever the server accepts.
        most_started: Builds that are started at most, whatever the server accepts.

    """

    parts: tuple[PlanStep, ...]
    requests: int | None
    most_builds: int
    most_started: int

    @property
    def builds(self) -> int:
        """Builds that are initiated at most on a server that refuses what it must."""
        return sum(part.builds for part in self.parts)

    @property
    def started(self) -> int:
        """Builds that are started at most on such a server."""
        return sum(part.started for part in self.parts)


def planned(target: Target, *, fuzzing: bool = True) -> Plan:
    """Plan a run within its budgets."""
    budget = target.budget
    requests = _most_requests(budget)
    if target.build_id:
        watch = scenarios.watching(target.build_id)
        made = Script([watch], None, ())
    else:
        made = script(target)
    generated = made.generated if fuzzing else None
    steps = [PREFLIGHT, *made.steps, *([generated] if generated else []), *made.ending]
    steps += [CLEANING] if target.cleans_up and not target.build_id else []
    left_builds = math.inf if budget.builds is None else budget.builds
    left = math.inf if requests is None else requests
    parts: list[PlanStep] = []
    further, started_if_accepted = 0, 0
    for step in steps:
        sends = int(min(step.requests, max(0, left)))
        if step is generated and left_builds <= 0:  # without a build it sends nothing
            sends = 0
        builds = int(min(step.builds, left_builds, sends))
        if step is CLEANING:  # a tag takes two requests at most, and a build has one tag
            sends = min(sends, 2 * sum(part.builds for part in parts))
        drivers = {id(generated): fuzz.DRIVER, id(CLEANING): cleanup.DRIVER}
        driver = drivers.get(id(step), SCRIPT)
        polls = int(min(step.polls(budget.deadline, target.stuck_after), max(0, left - sends)))
        parts.append(PlanStep(driver, step.name, sends, builds, min(step.started, builds), polls))
        further += min(step.made_if_accepted, sends)
        started_if_accepted += min(step.started_if_accepted, sends)
        left, left_builds = left - sends, left_builds - builds
    plan = Plan(tuple(parts), requests, 0, 0)
    most = plan.builds + further
    most = most if budget.builds is None else min(most, budget.builds)
    return Plan(plan.parts, requests, most, min(most, plan.started + started_if_accepted))


def lines(target: Target) -> Iterator[str]:
    """Show the plan of a run."""
    plan = planned(target)
    yield f"target        {target.name}"
    yield f"profile       {target.profile}"
    if target.start:
        yield f"start         {target.start}"
    if token := target.files.get("TOKEN_FILE"):
        is_open = Path(token).stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        yield f"token         {token}{', which others may read: chmod 600' if is_open else ''}"
    for part in plan.parts:
        about = "about " if part.driver in (fuzz.DRIVER, cleanup.DRIVER) else ""
        requests, builds = counted(part.requests, "request"), counted(part.builds, "build")
        polls = f" and up to {counted(part.polls, 'poll')}" if part.polls else ""
        cost = f"{about}{requests}{polls}, {builds}, {part.started} started"
        yield f"{part.driver:<13} {part.name}: {cost}"
    if target.build_id:
        yield "at most       nothing is initiated or started"
    else:
        yield f"at most       {counted(plan.builds, 'build')} initiated, {plan.started} started"
        if plan.most_builds > plan.builds:
            yield (
                f"              {plan.most_builds} and {plan.most_started}, if the server accepts "
                "what it must refuse"
            )
    budget = target.budget
    settings = {
        "MAX_BUILDS": budget.builds, "MAX_REQUESTS": budget.requests, "RATE": budget.rate,
        "DEADLINE": budget.deadline,
    }  # fmt: skip
    written = (
        setting(name, "none" if one is None else f"{one:g}") for name, one in settings.items()
    )  # fmt: skip
    yield f"budget        {' '.join(written)}"


def counted(count: int, what: str) -> str:
    """Return a number of things, which are one or several."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _most_requests(budget: Budget) -> int | None:
    in_time = None if budget.rate is None else math.floor(budget.rate * budget.deadline) + 1
    known = [one for one in (budget.requests, in_time) if one is not None]
    return min(known, default=None)
