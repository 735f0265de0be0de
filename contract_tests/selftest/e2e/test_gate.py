"""The command that runs the gate: its exit codes, what it prints, and its reports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ...cli import main
from ...contract.openapi import PATH
from ...drivers.scripted import scenarios
from ...problems import Exit
from ..support.gate_command import (
    REPORTS,
    SCRIPTED,
    TOKEN,
    ends,
    make_gate,
    run_module,
    verdicts,
    waived,
)

STEPS = [*scenarios.steps(is_limited=False), scenarios.CLOSING, scenarios.DELETING]


@pytest.mark.slow
def test_fault_fails_the_program(tmp_path: Path) -> None:
    """Exit code 1; terminal, JUnit, summary and JSON show the violation."""
    report = tmp_path / "junit.xml"
    code, printed = run_module(
        "contract_tests", "gate", f"--junit={report}", FAULT="completed-null", SERVER_ONLY="1"
    )

    assert code == 1
    assert verdicts(printed)["T5"] == "violated"
    assert "repeat    make gate RULE=T5 FAULT=completed-null" in printed
    assert re.search(r"^  seen      on \d+ exchanges: get_build_status \d+", printed, re.M)
    [failed] = ElementTree.parse(report).iter("failure")  # noqa: S314 (our own file)
    assert failed.get("message", "").startswith("T5 SHOULD")
    assert "  field     $.completedAt" in (failed.text or "")
    summary = (tmp_path / "summary.md").read_text()
    assert "1 violated" in summary
    assert summary.splitlines()[2].startswith("Failed: ")
    assert json.loads((tmp_path / "verdicts.json").read_text())["passed"] is False
    assert "| T5 | SHOULD | violated |" in summary


def test_waived_violation_passes(tmp_path: Path) -> None:
    """It is shown as waived, with the reason."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = make_gate(FAULT="completed-null", WAIVERS=file, MAX_REQUESTS=SCRIPTED)

    assert code == 0, printed
    assert verdicts(printed)["T5"] == "waived"
    assert re.search(r"^waived +T5 SHOULD", printed, re.M)
    assert not re.search(r"^violated +T5", printed, re.M)
    assert "T5 until 2999-01-01: known" in printed


def test_waiver_of_a_rule_that_passes_fails(tmp_path: Path) -> None:
    """A waiver that is no longer needed must be removed."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = make_gate(WAIVERS=file, RULE="T4,T5", MAX_REQUESTS=SCRIPTED)

    assert code == 1
    assert re.search(r"^problem: T5 .*\(known\)", printed, re.M)


def test_expired_waiver_ends_with_4(tmp_path: Path) -> None:
    """Before anything is sent."""
    code, printed = make_gate(WAIVERS=waived(tmp_path / "w.toml", "T5", "2020-01-01"))

    assert code == 4
    assert re.search(r"^problem: .*\(known\).* 2020-01-01", printed, re.M)


def test_required_status_that_is_not_observed_fails() -> None:
    """Exit code 1, with the status."""
    code, printed = make_gate(REQUIRE="CANCELLED,T5", RULE="T5", MAX_REQUESTS=SCRIPTED)

    assert code == 1
    assert "REQUIRE: not observed: CANCELLED" in printed


def test_dry_run_sends_nothing() -> None:
    """It prints the plan, by steps and budgets; no server listens at that address."""
    code, printed = make_gate(DRY_RUN="1", TARGET="http://127.0.0.1:9", TOKEN=TOKEN, RATE="5")

    assert code == 0, printed
    assert all(step.name in printed for step in STEPS)
    assert "RATE=5" in printed
    assert "passed" not in printed


def test_reports_of_an_earlier_run_are_replaced_or_removed(tmp_path: Path) -> None:
    """A run that cannot judge writes new ones; one that ends during its imports removes them."""
    reports = [tmp_path / name for name in REPORTS]
    for one in reports:
        one.write_text("of an earlier run")
    code, _ = make_gate(f"--junit={reports[0]}", MAX_BUILDS="1.5")

    assert code == 4
    assert all("MAX_BUILDS" in one.read_text() for one in reports[1:4])
    assert "cannot judge" in reports[4].read_text()
    assert json.loads(reports[2].read_text())["passed"] is False
    assert "of an earlier run" not in reports[0].read_text()

    for one in reports:
        one.write_text("of an earlier run")
    early = "import sys; sys.modules['respx'] = None; from contract_tests.cli import main; main()"
    subprocess.run(  # noqa: S603 (it ends while the gate is imported)
        [sys.executable, "-c", early, "gate", f"--junit={reports[0]}"],
        cwd=PATH.parent, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert not any(one.exists() for one in reports)


@pytest.mark.parametrize("refused", [["--sauce"], ["--rule="], ["--help"]])
def test_reports_stay_where_no_run_begins(tmp_path: Path, refused: list[str]) -> None:
    """A command line that is refused names no reports, and neither does a request for help."""
    reports = [tmp_path / name for name in REPORTS]
    for one in reports:
        one.write_text("of an earlier run")
    code = main(["gate", f"--junit={reports[0]}", *refused])

    assert code == (Exit.OK if refused == ["--help"] else Exit.CANNOT_TELL)
    assert {one.read_text() for one in reports} == {"of an earlier run"}


@pytest.mark.slow
def test_closed_pipe_does_not_end_the_run(tmp_path: Path) -> None:
    """It goes on until its budget is spent; exit code and reports are those of that run."""
    given = {
        "CONTRACT_FAULT": "completed-null", "CONTRACT_SERVER_ONLY": "1",
        "CONTRACT_MAX_REQUESTS": SCRIPTED,
    }  # fmt: skip
    with subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, **given},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        printed = started.stderr.read()

    assert (started.returncode, printed) == (1, "")
    assert ends(tmp_path) == ("cut", "cut", ["skipped"])
    data = json.loads((tmp_path / "verdicts.json").read_text())
    assert f"={SCRIPTED} are sent" in data["reasons"][0]


def test_every_report_shows_that_a_budget_cut_the_run(tmp_path: Path) -> None:
    """With the reasons."""
    report = f"--junit={tmp_path / 'junit.xml'}"
    code, printed = make_gate(report, MAX_REQUESTS="120", RULE="P1")
    data = json.loads((tmp_path / "verdicts.json").read_text())

    assert code == 0, printed
    assert ends(tmp_path) == ("cut", "cut", ["skipped"])
    assert data["reasons"] == re.findall(r"^cut off +(.+)$", printed, re.M)
    assert "MAX_REQUESTS=120 are sent" in data["reasons"][0]


@pytest.mark.slow
def test_complete_run_ends_as_complete(tmp_path: Path) -> None:
    """In all three reports."""
    code, printed = make_gate(f"--junit={tmp_path / 'junit.xml'}", RULE="P1")

    assert code == 0, printed
    assert ends(tmp_path) == ("complete", "", [])
