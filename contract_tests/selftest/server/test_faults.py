"""Each fault is caught under its own rule's id, and a sound server passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...reference.faults import FAULTS
from ...report import rule_page, text
from ...rules import RULES
from ...settings import PREFIX, from_environment
from ...tape.tape import Tape
from ...verdicts.judge import Outcome
from ..support import detection, taped
from ..support.judging import judge_server, judge_tape
from ..support.sampling import sampled
from ..support.snapshots import assert_snapshot
from ..support.unprovoked import UNPROVOKED


@pytest.fixture(scope="module")
def sound() -> Run:
    """Judge the faultless server."""
    return judge_server(Target(), fuzzing=False)


@pytest.mark.parametrize("name", list(FAULTS))
def test_fault_is_caught(name: str) -> None:
    """The fault breaks its own rule, and no rule that it does not have to break."""
    fault = FAULTS[name]

    assert detection.detect(name).broken == {fault.rule} | fault.also


def test_path_as_upload_url_leaves_the_rest_to_judge(sound: Run) -> None:
    """The context goes to the same server, so that builds start and end."""
    run = judge_server(Target(fault="upload-url-relative"), fuzzing=False)

    assert {one for one, verdict in run.verdicts.items() if not verdict.observed} == {
        one for one, verdict in sound.verdicts.items() if not verdict.observed
    }


FIRST = {fault.rule: name for name, fault in reversed(FAULTS.items())}
"""The first fault of each rule."""


@pytest.mark.parametrize("name", sampled(sorted({*FIRST.values(), *list(FAULTS)[::5]}), 20))
def test_file_of_a_run_shows_the_same(name: str, tmp_path: Path) -> None:
    """The file with the exchanges of a run, judged by itself; make faults tries all faults."""
    run = detection.judged(name)

    assert taped.read_back(run, tmp_path) == taped.findings(run)


def test_the_page_is_the_catalogue() -> None:
    """docs/faults.md has a row for each fault, as the test above finds it, and none beside."""
    assert detection.PAGE.read_text() == detection.page(map(detection.claimed, FAULTS))


def test_every_rule_has_a_fault() -> None:
    """A rule without a fault that trips it does not land."""
    assert set(RULES) - {fault.rule for fault in FAULTS.values()} == set()


def test_sound_server_passes(sound: Run) -> None:
    """Every rule holds on the faultless server; two need a limit, or a build that is cancelled."""
    outcomes = {rule: verdict.outcome for rule, verdict in sound.verdicts.items()}

    assert outcomes == {rule: "not observed" if rule in UNPROVOKED else "passed" for rule in RULES}


@pytest.mark.parametrize(
    ("fault", "level", "outcome"),
    [
        ("completed-null", "must", "advised"), ("completed-null", "should", "violated"),
        ("created-null", "must", "violated"),
        ("no-allow", "should", "advised"), ("no-allow", "advice", "violated"),
    ],
)  # fmt: skip
def test_level_decides_what_fails(fault: str, level: str, outcome: str) -> None:
    """A rule above it is checked all the same, and shown as advice."""
    rule = FAULTS[fault].rule
    run = judge_server(Target(fault=fault, level=level), fuzzing=False)

    assert run.verdicts[rule].outcome == outcome
    assert run.passed is (outcome == "advised")
    assert bool(list(text.advised(run.verdicts, run.redaction))) is (outcome == "advised")


def test_repr_of_a_tape_shows_no_token(sound: Run) -> None:
    """The tape holds it, as it was sent; what shows the tape does not."""
    token = f"Bearer {sound.target.token}"

    assert token in [one.request.headers.get("authorization") for one in sound.tape.exchanges]
    assert sound.target.token not in repr(sound.tape)
    assert sound.target.token not in repr(sound.tape.exchanges)
    assert sound.target.token not in repr(sound.judge.verdicts)


def test_replay_agrees(sound: Run) -> None:
    """Judging the whole tape afterwards gives the verdicts of judging it as it grew."""
    replayed = judge_tape(sound.tape, RULES.values())

    assert {rule: v.observed for rule, v in replayed.items()} == {
        rule: v.observed for rule, v in sound.verdicts.items()
    }


def test_nothing_on_the_tape_is_not_observed() -> None:
    """A rule that no traffic touched has not passed."""
    verdicts = judge_tape(Tape("token"), RULES.values())

    assert {verdict.outcome for verdict in verdicts.values()} == {"not observed"}


def test_failure_text() -> None:
    """The first violation of a group in full, and the command that repeats the check."""
    run = judge_server(Target(fault="completed-null", rule=("T5",)), fuzzing=False)
    [group, *_] = run.verdicts["T5"].groups.values()

    shown = text.failure(group, run.redaction, run.target.repeat(group.first.rule))

    assert group.count > 1
    assert_snapshot("failure", shown)


@pytest.mark.parametrize("rule", list(RULES))
def test_source_is_there(rule: str) -> None:
    """The words that a rule comes from stand in the contract."""
    from ...contract.openapi import contract

    assert contract().at(RULES[rule].source)


def seen_by_its_page(rule: str) -> bool:
    """Whether the command of a rule's page fails for the rule."""
    settings = {PREFIX + name: value for name, value in rule_page.to_see(RULES[rule]).items()}
    run = judge_server(from_environment(settings), fuzzing=False)
    return run.verdicts[rule].outcome == Outcome.VIOLATED and not run.passed


def test_command_of_a_page_shows_a_build_that_never_ends() -> None:
    """It needs a setting more than the commands of all other pages."""
    more = {
        name for name in RULES if set(rule_page.to_see(RULES[name])) - {"RULE", "LEVEL", "FAULT"}
    }

    assert more == {"L14"}
    assert seen_by_its_page("L14")


def test_unreachable_target_is_an_error() -> None:
    """A server that does not answer is not a verdict."""
    with pytest.raises(GateError, match="no response from"):
        judge_server(Target(url="http://127.0.0.1:9"))


def test_refused_token_is_an_error() -> None:
    """A refused token is a problem, and not judged."""
    with pytest.raises(GateError, match="token"):
        judge_server(Target(token="another-token"), at=embedded("right-token"))  # noqa: S106


BUDGETS = [Budget(), Budget(deadline=1), Budget(requests=20), Budget(builds=1, requests=20)]


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
@pytest.mark.parametrize("status", [403, 404, 501])
def test_hollow_run_is_an_error(status: int, budget: Budget) -> None:
    """A server that has none of the operations fails by its address, whatever the budgets."""

    async def other(_: Request) -> Response:
        return Response("<p>another service", status)

    app = Starlette(routes=[Route("/{path:path}", other, methods=["GET", "POST"])])
    is_cut_before = status == 403 and budget.builds is not None  # by what must be refused
    with pytest.raises(GateError, match="nothing to judge") as raised:
        judge_server(Target(budget=budget), fuzzing=False, at=in_process(app, VirtualClock()))

    assert ("API's base URL" in raised.value.fix) is not is_cut_before
    assert ("raise" in raised.value.fix) is is_cut_before


def test_spent_budget_is_the_reason_where_initiate_was_not_sent() -> None:
    """The server is this API, as far as anybody can tell."""
    with pytest.raises(GateError) as raised:
        judge_server(Target(budget=Budget(requests=1)), fuzzing=False)

    assert raised.value.fix == "raise MAX_REQUESTS"
