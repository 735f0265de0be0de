"""A run of the gate: what it sends and observes, a given build, and what cannot be judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ... import program
from ...contract.api import INITIATE, START, STATUS
from ...drivers.http.transport import Endpoint
from ...drivers.scripted import inputs, scenarios
from ...gate import cleanup
from ...gate import plan as planning
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import GateError, Target, embedded
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...report import terminal
from ...rules import RULES
from ..support.judging import judge_server
from ..support.unprovoked import UNPROVOKED

TOKEN = "test-token"  # noqa: S105


STEPS = [*scenarios.steps(is_limited=False), scenarios.CLOSING, scenarios.DELETING]


@pytest.fixture(scope="module")
def sound() -> Run:
    """Judge the faultless server by the script alone."""
    return judge_server(Target(), fuzzing=False)


def changed(
    change: Callable[[ServerRequest, ServerResponse], None], token: str = TOKEN
) -> Endpoint:
    """Return a server whose responses are changed."""
    return embedded(token, Fault("changed", "", "", response=change))


def test_scripted_scenarios_observe_every_rule(sound: Run) -> None:
    """Without schemathesis; two need a limit, or a build that is cancelled."""
    passed = {rule for rule, one in sound.verdicts.items() if one.outcome == "passed"}
    assert {*RULES} - passed == UNPROVOKED
    assert {sound.verdicts[rule].outcome for rule in {*RULES} - passed} == {"not observed"}


def test_operations_are_those_of_the_contract(sound: Run) -> None:
    """Each was seen to succeed."""
    assert all(sound.tape.successes()[name] for name in (INITIATE, START, STATUS))


def test_run_sends_what_the_plan_shows(sound: Run) -> None:
    """The requests and builds of each step, except for polling."""
    polls = sum("status after the start" in one.intent for one in sound.tape.exchanges)
    counted = 7  # of these, the polls right after each start, which the plan counts
    planned = sum(step.requests for step in STEPS)
    cleaning = sum(one.driver == cleanup.DRIVER for one in sound.tape.exchanges)
    issued, started = sound.initiated

    assert len(issued) == sum(step.builds for step in STEPS)
    # The one without an upload is refused here.
    assert len(started) == sum(step.started for step in STEPS) - 1
    assert abs(sound.pace.sent - cleaning - (polls - counted) - planned) <= 3
    assert cleaning == len({"v1", "v2", "v3", "v4", "listed", "nul"})


def test_each_input_is_sent_to_each_operation_that_accepts_it(sound: Run) -> None:
    """Ids, tokens, bodies and content types."""
    absent = [one for one in sound.tape.exchanges if one.is_absent and one.intent != "preflight"]
    tried = {name: {one.build_id for one in absent if one.operation == name}
             for name in (START, STATUS)}  # fmt: skip
    assert tried[START] == tried[STATUS] == set(inputs.ABSENT_BUILD_IDS)
    lengths = {len(one) for one in inputs.ABSENT_BUILD_IDS if not one.strip("x")}
    assert lengths >= {8, 16, 32, 33, 36, 40, 63, 64, 65, 127, 128, 129, 255, 256, 257}
    headers = {name: {one.request.headers.get("authorization") for one in sound.tape.of(name)}
               for name in (INITIATE, START, STATUS)}  # fmt: skip
    wanted = set(inputs.tokens(sound.target.token).values())
    assert all(wanted <= seen for seen in headers.values())
    for name in (INITIATE, START):
        contents = {one.request.content for one in sound.tape.of(name)}
        assert set(inputs.BROKEN_CONTENT.values()) <= contents
        kinds = {one.request.headers.get("content-type") for one in sound.tape.of(name)}
        assert set(inputs.CONTENT_TYPES) <= kinds


def test_require_reports_what_was_not_observed() -> None:
    """Rules, and cells of the matrix."""
    wanted = ("T5", "COMPLETED:set:set", "CANCELLED", "artifact:FAILED", "PENDING:absent")
    done = judge_server(Target(token=TOKEN, require=wanted), fuzzing=False)

    assert done.missing == ["CANCELLED", "PENDING:absent"]


def test_token_and_secret_header_are_not_shown() -> None:
    """Even if the server echoes them: the tape contains them, and no report or repr does."""

    def echo(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "status" and response.status == 200:
            echoed = str(request.headers).encode()
            response.headers.append((b"x-echo", echoed.replace(b"\n", b"")))
            kept = [one for one in request.headers if one[0] in (b"authorization", b"x-key")]
            response.content = json.dumps({"imageName": str(kept)}).encode()

    token = "a/t+oken~with-signs"  # noqa: S105
    target = Target(token=token, headers={"X-Key": "another-secret"})
    done = judge_server(target, fuzzing=False, at=changed(echo, token))

    echoed = [one for one in done.tape.exchanges if "x-echo" in one.response.headers]
    assert token in echoed[0].response.headers["x-echo"]
    failure = terminal.failed(done, done.verdicts["P6"])
    written = program.pages(Report(run=done), Path("junit.xml"))
    shown = [
        repr(done.tape),
        repr(done),
        failure,
        *("".join(page or "") for page in written.values()),
    ]
    assert any("&lt;token&gt;" in one for one in shown)
    assert "<secret>" in failure
    assert not [one for one in shown if token in one or "another-secret" in one]


def test_plan_with_build_id_has_no_builds() -> None:
    """Nothing is initiated or started."""
    plan = planning.planned(Target(url="http://127.0.0.1:9", build_id="bld_1"))

    assert (plan.builds, plan.started, plan.most_builds, plan.most_started) == (0, 0, 0, 0)


def test_build_id_limits_the_run_to_status() -> None:
    """Nothing is initiated, uploaded or started."""
    at = embedded(TOKEN)
    before = judge_server(Target(token=TOKEN, cleanup="off"), fuzzing=False, at=at)
    given = before.left_behind[1][0]
    done = judge_server(Target(token=TOKEN, build_id=given), at=at)

    called = {one.operation for one in done.tape.exchanges if one.operation}
    assert called == {STATUS}
    assert {one.request.method for one in done.tape.exchanges} <= {"GET", "HEAD", "OPTIONS"}
    assert done.verdicts["T5"].outcome == done.verdicts["L2"].outcome == "passed"
    assert done.verdicts["P7"].outcome == "not observed"


def test_unknown_build_id_cannot_be_judged() -> None:
    """The run does not pass."""
    with pytest.raises(GateError, match="no success of get_build_status"):
        judge_server(Target(token=TOKEN, build_id="gone"))


def test_build_that_never_starts_cannot_be_judged() -> None:
    """The rules about time were not observed: an error, not a pass."""

    def waiting(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation in ("status", "start") and response.status == 200:
            response.content = re.sub(
                rb'"(BUILDING|COMPLETED|FAILED)"', b'"UPLOADING"', response.content
            )
            response.content = re.sub(rb'("(started|completed)At"):"[^"]*"', rb"\1:null",
                                    response.content)  # fmt: skip
            response.content = re.sub(rb'"errorMessage":"[^"]*"', b'"errorMessage":null',
                                    response.content)  # fmt: skip

    with pytest.raises(GateError, match="no build was COMPLETED"):
        judge_server(Target(token=TOKEN), fuzzing=False, at=changed(waiting))


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429])
def test_server_that_rejects_every_request_does_not_pass(status: int) -> None:
    """With any error status."""

    def rejected(_: ServerRequest, response: ServerResponse) -> None:
        response.status, response.headers = status, [(b"retry-after", b"0")]
        response.content = b'{"errors": []}'

    with pytest.raises(GateError, match="problem: "):
        judge_server(Target(token=TOKEN), fuzzing=False, at=changed(rejected))
