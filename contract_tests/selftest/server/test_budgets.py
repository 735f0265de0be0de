"""Budgets: a run stays within the plan, and the plan within the budgets."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from ...contract.api import DELETE, INITIATE, START, STATUS
from ...drivers.http import pace
from ...drivers.http.pace import Pace
from ...drivers.schemathesis.result import DRIVER as FUZZ
from ...drivers.scripted import inputs
from ...drivers.scripted.builds import BuildScript, Step, uploaded
from ...drivers.scripted.scenarios import FALSE
from ...drivers.session import Session
from ...gate import drive
from ...gate import plan as planning
from ...gate.run import Run
from ...gate.target import PROFILES, Budget, GateError, Target, embedded
from ...reference.faults import FAULTS
from ...reference.faults.base import Fault, ServerRequest, ServerResponse
from ...tape.exchange import Exchange
from ...tape.tape import Tape
from ..support.judging import judge_server
from ..support.sampling import sampled

TOKEN = "test-token"  # noqa: S105


@pytest.mark.parametrize("requests", [1, 20, 150])
def test_max_requests_limits_the_run(requests: int) -> None:
    """Exactly as many are sent, and the run shows what was cut off."""
    done = Run(Target(token=TOKEN, budget=Budget(requests=requests)))
    # A run that saw no build complete does not pass.
    with (
        contextlib.nullcontext()
        if requests >= 150
        else pytest.raises(GateError, match="MAX_REQUESTS")
    ):
        drive.drive(done)

    assert done.pace.sent == len(done.tape.exchanges) == requests
    assert "MAX_REQUESTS" in {cut.budget for cut in done.cut}
    assert {one.outcome for one in done.verdicts.values()} <= {"passed", "not observed"}


BUDGETS = [
    *(Budget(builds=builds) for builds in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)),
    *(Budget(requests=requests) for requests in (1, 5, 20, 60, 120, 200)),
    Budget(builds=2, requests=90), Budget(builds=6, requests=30), Budget(rate=2000, deadline=1),
]  # fmt: skip


@pytest.mark.parametrize("fault", [None, "any-token", "missing-tag-latest", "upload-starts"])
@pytest.mark.parametrize("budget", sampled(BUDGETS, 4), ids=str)
def test_run_stays_within_the_plan(budget: Budget, fault: str | None) -> None:
    """Whatever the server accepts, no more builds are initiated or started than were planned."""
    target = Target(fault=fault, budget=budget)
    plan = planning.planned(target, fuzzing=False)
    done = Run(target)
    with contextlib.suppress(GateError):
        drive.drive(done, fuzzing=False)

    initiated, started = done.initiated
    assert len(initiated) <= plan.most_builds
    assert len(started) <= plan.most_started
    assert plan.requests is None or done.pace.sent <= plan.requests
    if fault is None:
        assert len(initiated) <= plan.builds
        assert len(started) <= plan.started


def _no_delete(request: ServerRequest, response: ServerResponse) -> None:
    if request.operation == "delete":
        response.status, response.content = 404, b"{}"


SERVERS: dict[str, tuple[Fault | None, dict[str, Any]]] = {
    "as it is": (None, {}),
    "no build ends": (None, {"scenario": "stuck"}),
    "starts without an upload": (FAULTS["upload-starts"], {}),
    "without delete": (Fault("no-delete", "", "", response=_no_delete), {}),
}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("profile", [*PROFILES, "BUILD_ID"])
def test_no_step_sends_more_than_is_planned(
    profile: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polls, preflight and clean-up included; a build that never ends costs the most polls."""
    fault, more = SERVERS[server]
    at = embedded(TOKEN, fault, **more)
    budget = Budget(deadline=200) if "scenario" in more else Budget()
    target = Target(token=TOKEN, profile=profile, budget=budget)
    if profile == "BUILD_ID":
        with Session(at, Tape(TOKEN), "test", Pace(clock=at.clock)) as session:
            build = uploaded(session, "a build that is given")
            assert build
            session.send("POST", f"{build.path}/start", "start", body={})
        target = Target(token=TOKEN, build_id=build.build_id, budget=budget)
    plan, done = planning.planned(target, fuzzing=False), Run(target, at=at)
    seen = done.tape.exchanges
    sent: dict[str, list[Exchange]] = {}

    def counted(step: Step) -> Step:
        def run(state: BuildScript) -> None:
            before = len(seen)
            with contextlib.ExitStack() as after:
                after.callback(lambda: sent.update({step.name: seen[before:]}))
                step.run(state)

        return replace(step, run=run)

    def script(target: Target) -> planning.Script:
        made = planning.script(target)
        return planning.Script(
            [*map(counted, made.steps)], made.generated, [*map(counted, made.ending)]
        )

    monkeypatch.setattr(drive, "script", script)
    with contextlib.suppress(GateError):
        drive.drive(done, fuzzing=False)

    assert done.pace.sent == len(seen)
    for driver in done.spent:
        sent[driver] = [one for one in seen if one.driver == driver]
    for name, exchanges in sent.items():
        parts = [one for one in plan.parts if name in (one.name, one.driver)]
        polls = sum(map(_is_poll, exchanges))
        assert (name, polls) <= (name, sum(one.polls for one in parts))
        assert (name, len(exchanges) - polls) <= (name, sum(one.requests for one in parts))


def _is_poll(exchange: Exchange) -> bool:
    ends = ("status after the start", "status a minute after its end")
    return exchange.intent.endswith(ends) and not exchange.intent.startswith(FALSE)


@pytest.mark.parametrize("name", ["builds", "started", "most_builds", "most_started"])
def test_smaller_budget_gives_a_smaller_plan(name: str) -> None:
    """Never more builds than allowed."""

    def numbers(key: str, values: list[int]) -> list[int]:
        plans = [planning.planned(Target(budget=Budget(**{key: one}))) for one in values]
        return [int(getattr(plan, name)) for plan in plans]

    by_builds = numbers("builds", [*range(120)])
    by_requests = numbers("requests", [*range(1, 700, 7)])
    assert by_builds == sorted(by_builds)
    assert all(number <= allowed for allowed, number in enumerate(by_builds))
    assert by_builds[0] == 0 < by_builds[1] < by_builds[-1]
    assert by_requests == sorted(by_requests)
    assert by_requests[0] == 0 < by_requests[-1]


@pytest.mark.parametrize("builds", [1, 2, 3, 4])
def test_tokens_and_bodies_are_checked_with_few_builds(builds: int) -> None:
    """Requests without a build are sent first; others share one build."""
    done = judge_server(Target(token=TOKEN, budget=Budget(builds=builds)), fuzzing=False)

    unauthorized = [one for one in done.tape.exchanges if one.response.status == 401]
    assert {one.operation for one in unauthorized} == {INITIATE, START, STATUS, DELETE}
    tokens = len(inputs.tokens(TOKEN))
    # And one each with an invalid body to initiate and start, and of an absent build.
    assert len(unauthorized) == 4 * tokens + 4
    assert done.verdicts["P2"].outcome == done.verdicts["P3"].outcome == "passed"


def test_responses_past_the_byte_budget_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The response that exceeds it is on the tape, and its build is known."""
    monkeypatch.setattr(pace, "MOST_BYTES", 1)
    done = Run(Target(token=TOKEN))
    with drive._session(done, "test") as session, pytest.raises(pace.BudgetSpent):
        session.send("POST", "/api/v1/images/build", "initiate", body=inputs.NAMED)

    assert done.tape.exchanges[0].response.status == 201
    assert (len(done.initiated[0]), done.pace.issued, done.pace.sent) == (1, 1, 1)
    assert done.left_behind[0] == done.initiated[0]
    assert done.pace.taken == len(done.tape.exchanges[0].response.content or b"") > 1


@pytest.mark.parametrize("builds", [1, 2, 5])
def test_max_builds_limits_the_run(builds: int) -> None:
    """The first build is started; what needs more builds is not observed or cut off."""
    done = judge_server(Target(token=TOKEN, budget=Budget(builds=builds)))

    assert done.pace.issued == builds
    assert len(done.initiated[0]) == builds
    assert done.left_behind == ([], [])
    assert done.verdicts["T5"].outcome == "passed"
    assert "MAX_BUILDS" in {cut.budget for cut in done.cut}
    assert not done.judge.violated


def test_deadline_limits_the_run() -> None:
    """Nothing is sent after it, and builds that do not end are not waited for."""
    slow = embedded(TOKEN, build_seconds=3600)
    done = Run(Target(token=TOKEN, budget=Budget(deadline=4)), at=slow)
    with pytest.raises(GateError, match="no build was COMPLETED"):
        drive.drive(done, fuzzing=False)

    assert "DEADLINE" in {cut.budget for cut in done.cut} or done.pace.left == 0
    assert not done.judge.violated
    assert done.verdicts["L2"].outcome == "not observed"


@pytest.mark.parametrize("builds", [2, 8])
def test_nothing_is_generated_without_a_build(builds: int) -> None:
    """Neither in the plan nor in the run, which lists it as cut off."""
    target = Target(token=TOKEN, budget=Budget(builds=builds))
    run = judge_server(target)

    [part] = [one for one in planning.planned(target).parts if one.driver == FUZZ]
    assert (part.requests, part.builds) == (0, 0)
    assert (run.fuzzed, run.spent.get(FUZZ)) == (None, None)
    assert ("schemathesis", "MAX_BUILDS") in [(one.step, one.budget) for one in run.cut]
