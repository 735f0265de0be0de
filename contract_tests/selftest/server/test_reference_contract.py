"""The reference server follows the contract, by the gate and by a stock schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ...contract.openapi import PATH
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...reference.app import create_app
from ...reference.over_sockets import running
from ...reference.scenarios import PASSES, SCENARIOS, UNJUDGED
from ..support.judging import judge_server
from ..support.sampling import sampled
from ..support.unprovoked import UNPROVOKED

JUDGED = [one.name for one in SCENARIOS.values() if one.gate == PASSES]
UNJUDGEABLE = [one.name for one in SCENARIOS.values() if one.gate == UNJUDGED]
VIOLATING = [one.name for one in SCENARIOS.values() if one.gate.startswith("violates")]
# They need a limit, or a build that is cancelled. S3 and S6 need artifacts, and an image.


def judged(scenario: str, *, fuzzing: bool = False) -> Run:
    """Judge a server that is wholly so."""
    at = embedded(Target().token, scenario=scenario)
    # What has not ended by then is not waited for: ``stuck`` never ends.
    return judge_server(Target(budget=Budget(deadline=60)), fuzzing=fuzzing, at=at)


def test_every_scenario_documents_its_gate_result() -> None:
    """There is no fourth way."""
    assert sorted(JUDGED + UNJUDGEABLE + VIOLATING) == sorted(SCENARIOS)


@pytest.mark.parametrize("scenario", sampled(JUDGED, 4))
def test_gate_passes(scenario: str) -> None:
    """No rule is violated, and nearly all are observed."""
    run = judged(scenario)

    assert [verdict.rule.id for verdict in run.judge.violated] == []
    assert run.problem is None
    unseen = [rule for rule, verdict in run.verdicts.items() if not verdict.observed]
    if scenario == "flaky":  # which ones depends on what was lost
        assert run.unanswered
    else:
        assert set(unseen) <= {"S3", "S6", *UNPROVOKED}


def test_gate_passes_with_fuzzing() -> None:
    """Nor is there anything that schemathesis finds."""
    run = judged("default", fuzzing=True)

    assert [verdict.rule.id for verdict in run.judge.violated] == []
    assert run.fuzzed is not None
    assert run.fuzzed.checks


@pytest.mark.parametrize("scenario", VIOLATING)
def test_gate_reports_the_violation_of_a_scenario(scenario: str) -> None:
    """The rules that the scenario breaks are violated."""
    run = judged(scenario)

    expected = set(SCENARIOS[scenario].gate.split()[1:])
    assert expected <= {verdict.rule.id for verdict in run.judge.violated}


@pytest.mark.parametrize("scenario", UNJUDGEABLE)
def test_gate_cannot_judge(scenario: str) -> None:
    """What gives nothing to judge is an error, and no pass."""
    with pytest.raises(GateError):
        judged(scenario)


@pytest.mark.external
def test_stock_schemathesis_reports_no_failure(tmp_path: Path) -> None:
    """A plain run with every check on finds nothing; no check is left out."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(PATH),
        "--checks", "all", "--header", "Authorization: Bearer test-token",
        "--generation-database", "none", "--no-color", "--seed", "1",
    ]  # fmt: skip
    with running(create_app(build_seconds=0.08)) as url:
        done = subprocess.run(  # noqa: S603 (our own lines)
            [*command, "--url", url], cwd=tmp_path, text=True, capture_output=True, timeout=500
        )

    assert done.returncode == 0, done.stdout[-4000:]
    assert "4 selected / 4 total" in done.stdout
    assert "failed" not in done.stdout.lower()
