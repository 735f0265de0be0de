"""``replay`` sends what fails in a recording again, alone, and finds whether it still fails."""

from __future__ import annotations

import json
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ... import replay
from ...contract.api import IMAGES
from ...drivers.http.pace import Pace
from ...drivers.http.transport import Endpoint
from ...gate import again
from ...gate.again import Again, State
from ...gate.run import Run
from ...gate.target import GateError, Target, embedded
from ...problems import Exit
from ...reference.faults import FAULTS, Fault, ServerRequest, ServerResponse
from ...report.replay import lines, summary
from ...settings import PREFIX
from ...verdicts.judge import Violation
from ..support import taped
from ..support.judging import judge_server

DEADLINE = 7200.0
FIRST = {fault.rule: name for name, fault in reversed(FAULTS.items())}
"""A fault of each rule."""
NOT_OBSERVED = {"L8", "P14", "S8"}
"""Rules that a sound server gives nothing to check on, or that need a build which never ends."""


@cache
def recorded(fault: str | None) -> Run:
    """Return a run over the embedded server."""
    return judge_server(Target(fault=fault, level="advice", stuck_after=900), fuzzing=False)


def sent(run: Run, rule: str, fault: str | None, **more: Any) -> Again:
    """Send the first violation of a rule again, to a server with or without the fault."""
    target = Target(fault=fault, stuck_after=900, **more)
    violation = next(iter(run.verdicts[rule].groups.values())).first
    return once(run, violation, target)


def once(
    run: Run, violation: Violation, target: Target, endpoint: Endpoint | None = None, **budget: int
) -> Again:
    """Send one violation again."""
    endpoint = endpoint or target.endpoint()
    pace = Pace(20, budget.get("requests"), None, DEADLINE, endpoint.clock)
    with closing(endpoint.transport):
        return again.send_again(run.tape, violation, target, endpoint, pace)


@pytest.mark.slow
@pytest.mark.parametrize("rule", FIRST)
def test_a_fault_still_fails_and_a_sound_server_passes(rule: str) -> None:
    """Of each rule one fault: the exchanges that it needs are found, and are enough."""
    run = recorded(FIRST[rule])
    still, passes = sent(run, rule, FIRST[rule]), sent(run, rule, None)

    assert (still.state, still.why) == (State.FAILS, "")
    assert passes.state is (State.UNKNOWN if rule in NOT_OBSERVED else State.PASSES)
    assert len(still.sent) < len(run.tape.exchanges)


@pytest.mark.parametrize(
    "fault", ["completed-null", "artifact-failed-null", "start-starts-another", "start-of-64-500",
              "denied-but-started", "false-starts"],
)  # fmt: skip
def test_more_faults_still_fail(fault: str) -> None:
    """A second group of violations, two builds, ids that no build has, what was refused."""
    run = recorded(fault)

    assert sent(run, FAULTS[fault].rule, fault).state is State.FAILS
    assert sent(run, FAULTS[fault].rule, None).state is State.PASSES


@pytest.mark.parametrize("fault", ["completed-null", "delete-204", "private-is-public"])
def test_nothing_of_anybody_else_is_built_or_deleted(fault: str) -> None:
    """Every initiate has the replay's own name, and a delete only what it initiated."""
    run, target = recorded(fault), Target(fault=fault)
    endpoint = target.endpoint()
    urls: list[tuple[str, str]] = []
    bodies: list[bytes] = []
    send = endpoint.transport.send

    def noted(request: Any, *arguments: Any) -> Any:
        urls.append((request.method, str(request.url.path)))
        if request.url.path == "/api/v1/images/build":
            bodies.append(request.content)
        return send(request, *arguments)

    endpoint.transport.send = noted  # type: ignore[assignment, method-assign]
    for violation in again.failing(run.verdicts.values()):
        once(run, violation, target, endpoint)
    names = [json.loads(body)["image_name"] for body in bodies]
    before = {one.names[0] for one in run.tape.of(IMAGES.initiate) if one.issued and one.names}

    assert all(name.startswith("contract-gate-") and name not in before for name in names)
    deleted = {path.split("/")[-2] for method, path in urls if method == "DELETE"}
    assert deleted <= {*names}


def test_budgets_are_kept() -> None:
    """What a budget cuts off is not known; one request is kept for the delete of what was made."""
    run = recorded("completed-null")
    violation = again.failing(run.verdicts.values())[0]
    found = once(run, violation, Target(fault="completed-null"), requests=3)

    assert (found.state, len(found.sent)) == (State.UNKNOWN, 2)
    assert "MAX_REQUESTS" in found.why or "max-requests" in found.why


def test_a_refused_token_is_an_error() -> None:
    """It is no reason to pass."""
    run = recorded("completed-null")
    target = Target(token="wrong-token")  # noqa: S106
    violation = again.failing(run.verdicts.values())[0]

    with pytest.raises(GateError, match="refuses the token"):
        once(run, violation, target, embedded("right-token"))


@pytest.mark.parametrize(
    ("given", "code", "shown"),
    [
        ({"FAULT": "completed-null"}, Exit.FOUND, "still fails  T5 "),
        ({}, Exit.OK, "passes       T5 "),
        ({"FAULT": "completed-null", "MAX_REQUESTS": "2"}, Exit.CANNOT_TELL, "cannot tell  T5 "),
        ({"RULE": "T1"}, Exit.OK, "recording fails by RULE=T1 and LEVEL=advice\n"),
        (
            {"RULE": "T1", "LEVEL": "must"}, Exit.OK,
            "fails by RULE=T1 and LEVEL=must\n",
        ),
        ({"LEVEL": "must"}, Exit.OK, "fails by LEVEL=must\n"),
    ],
)  # fmt: skip
def test_the_command(
    given: dict[str, str], code: Exit, shown: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The file of a run is all that it needs; a secret of either run is not shown."""
    path = taped.written(recorded("completed-null"), tmp_path)
    settings = {f"{PREFIX}{name}": value for name, value in given.items()}
    done = replay.run(str(path), {f"{PREFIX}TOKEN": "a-token-of-a-test", **settings})
    printed = capsys.readouterr().out

    assert done is code
    assert shown in printed
    assert "a-token-of-a-test" not in printed


@pytest.mark.parametrize(
    ("given", "code", "shown"),
    [
        ({}, Exit.OK, "no exchange of the recording fails by RULE=T1 and LEVEL=must\n"),
        ({"RULE": "T5"}, Exit.OK, "no exchange of the recording fails by RULE=T5 and LEVEL=must\n"),
        ({"RULE": "T5", "LEVEL": "should"}, Exit.FOUND, "still fails  T5 "),
    ],
)
def test_rules_and_level_are_those_of_the_run(
    given: dict[str, str], code: Exit, shown: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """What the run was not judged by is not sent again, unless it is asked for."""
    target = Target(fault="completed-null", rule=("T1",), level="must")
    path = taped.written(judge_server(target, fuzzing=False), tmp_path)
    settings = {f"{PREFIX}{name}": value for name, value in given.items()}
    done = replay.run(str(path), {f"{PREFIX}FAULT": "completed-null", **settings})

    assert done is code
    assert shown in capsys.readouterr().out


def test_what_is_shown() -> None:
    """The state first; the failure whole, with its exchange of this time."""
    run = recorded("completed-null")
    still, passes = sent(run, "T5", "completed-null"), sent(run, "T5", None)
    shown = [*lines(still, run.redaction)]

    assert shown[0].startswith("still fails  T5   exchange ")
    assert any(one.startswith("  curl ") for one in shown)
    assert not any(one.startswith("  curl ") for one in lines(passes, run.redaction))
    assert summary([still.state, passes.state]) == "1 still fails, 1 passes"
    several = [still.state, passes.state, again.State.UNKNOWN] * 2
    assert summary(several) == "2 still fail, 2 pass, 2 cannot tell"


def test_a_server_that_is_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, as for the gate; nothing was made that a later clean-up would look for."""
    monkeypatch.chdir(tmp_path)
    run = recorded("completed-null")
    violation = again.failing(run.verdicts.values())[0]
    with pytest.raises(GateError, match="no response from"):
        once(run, violation, Target(url="http://127.0.0.1:9"))

    assert [*tmp_path.rglob("*.jsonl")] == []


class Interrupting:
    """A server that refuses to delete, or whose client is interrupted at a request."""

    def __init__(self, at: int | None) -> None:
        self.at, self.deletes = at, 0

    def __call__(self, request: ServerRequest, response: ServerResponse) -> None:
        """Change a response."""
        if request.method == "DELETE":
            self.deletes += 1
            response.content = json.dumps({"success": False, "message": ""}).encode()
        elif self.at is not None:
            self.at -= 1
            if self.at < 0:
                self.at = None
                raise KeyboardInterrupt


def test_what_is_not_deleted_is_listed() -> None:
    """A delete whose success is false deletes nothing."""
    run, server = recorded("completed-null"), Interrupting(None)
    violation = again.failing(run.verdicts.values())[0]
    found = once(
        run,
        violation,
        Target(),
        embedded(Target().token, Fault("changed", "", "", response=server)),
    )

    assert server.deletes == len(found.left) == 1
    assert found.left[0].startswith("contract-gate-")


def test_an_interrupt_leaves_nothing_that_can_be_deleted() -> None:
    """What was built until then is deleted; the interrupt goes on."""
    run, server = recorded("completed-null"), Interrupting(2)
    violation = again.failing(run.verdicts.values())[0]
    with pytest.raises(KeyboardInterrupt):
        once(
            run,
            violation,
            Target(),
            embedded(Target().token, Fault("changed", "", "", response=server)),
        )

    assert server.deletes == 1
