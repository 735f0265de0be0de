"""The gate as a program: however it ends, by an exit code of the table, and with true reports."""

from __future__ import annotations

import errno
import html
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import pytest

from ... import program, settings
from ...contract.openapi import PATH
from ...drivers import client
from ...gate import drive
from ...gate.result import Report
from ...problems import Exit
from ...report import conclusion, files, markdown, verdicts
from ...report import junit as junit_report
from ...report.cases import CLEANUP, END, PROFILE, REQUIRED, State, cases
from ...rules import RULES
from ...rules.base import HELD, Broken
from ...rules.client import CLIENT_RULES, ClientRule
from ...verdicts.findings import CHECKS

TOKEN = "a-token-of-mine"  # noqa: S105


@pytest.fixture(autouse=True)
def _script_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let schemathesis out: no test here is about what is sent."""
    monkeypatch.setattr(drive, "drive", partial(drive.drive, fuzzing=False))


def run(reports: Path | None = None, **settings: str) -> Report:
    """Run the program over the server alone, unless the settings say otherwise."""
    given = {"TOKEN": TOKEN, "RULE": "T5", "SERVER_ONLY": "1"} | settings
    return program.run({f"CONTRACT_{name}": value for name, value in given.items()}, reports)


def states(report: Report) -> dict[str, State]:
    """Return what became of each case, by its id."""
    return {one.id: one.state for one in cases(report)}


def elements(junit: Path) -> dict[str, str]:
    """Return what JUnit's file has for each case that did not pass, by the case's id."""
    found = ElementTree.parse(junit).iter("testcase")  # noqa: S314 (our own file)
    return {one.get("name", "").split()[0]: one[0].tag for one in found if len(one)}


def raises(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that raises."""

    def function(*_: Any, **__: Any) -> NoReturn:
        raise error

    return function


def test_report_has_a_case_for_each_rule(tmp_path: Path) -> None:
    """Of the client and of the server, in JUnit too; and whether the run came to its end."""
    junit = tmp_path / "junit.xml"
    report = run(junit, RULE="", SERVER_ONLY="")
    suites = {
        suite.get("name"): {one.get("name", "").split()[0] for one in suite}
        for suite in ElementTree.parse(junit).getroot()  # noqa: S314 (our own file)
    }

    assert report.code == Exit.OK
    extra = {PROFILE, REQUIRED, CLEANUP, END}
    server = {*RULES, *(one.id for one in CHECKS.values()), *extra}
    assert suites == {"client": {*CLIENT_RULES}, "server": server}
    assert {one for one, state in states(report).items() if state is not State.PASSED} == {
        "P14",
        "S8",
        *(one.id for one in CHECKS.values()),
    }


@pytest.mark.parametrize(
    ("given", "code", "expected"),
    [
        ({}, Exit.OK, {"T5": State.PASSED, "T4": State.SKIPPED, END: State.PASSED}),
        ({"FAULT": "completed-null"}, Exit.FOUND, {"T5": State.FAILED, END: State.PASSED}),
        ({"REQUIRE": "CANCELLED"}, Exit.FOUND, {REQUIRED: State.FAILED, "T5": State.PASSED}),
        ({"MAX_REQUESTS": "150"}, Exit.OK, {END: State.SKIPPED, "T5": State.PASSED}),
        ({"MAX_REQUESTS": "20"}, Exit.CANNOT_TELL, {END: State.ERROR}),
        ({"TARGET": "http://127.0.0.1:9"}, Exit.CANNOT_TELL, {END: State.ERROR}),
        ({"RULE": "T55"}, Exit.CANNOT_TELL, {END: State.ERROR, "T5": State.SKIPPED}),
        ({"DRY_RUN": "1"}, Exit.OK, {END: State.SKIPPED, "T5": State.SKIPPED}),
    ],
    ids=str,
)  # fmt: skip
def test_exit_code_and_cases_agree(
    given: dict[str, Any], code: Exit, expected: dict[str, State]
) -> None:
    """A case fails where something was found, and is an error where the gate cannot tell."""
    report = run(**given)
    found = states(report)

    assert report.code == code
    assert {one: found[one] for one in expected} == expected
    assert (State.FAILED in found.values()) is (code == Exit.FOUND)
    assert (State.ERROR in found.values()) is (code == Exit.CANNOT_TELL)


@pytest.mark.parametrize("judgement", [Broken("$.id", "a", "b\0\x1b\ud800"), None], ids=str)
def test_client_rule_that_does_not_hold_fails(
    judgement: Broken | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Violated or never observed: exit code 1, and a failure in JUnit, whatever it holds."""
    rule = CLIENT_RULES["C1"]
    broken = ClientRule(rule.id, rule.level, rule.text, lambda _: judgement)
    held = {one: ClientRule(one, rule.level, "", lambda _: HELD) for one in CLIENT_RULES}
    monkeypatch.setattr("contract_tests.verdicts.judge.CLIENT_RULES", held | {"C1": broken})
    junit = tmp_path / "junit.xml"
    report = run(junit, SERVER_ONLY="")

    assert report.code == Exit.FOUND
    assert states(report)["C1"] is State.FAILED
    assert elements(junit)["C1"] == "failure"
    assert "\n```\nC1 " in junit.with_name(files.SUMMARY).read_text()
    assert (
        json.loads(junit.with_name(files.VERDICTS).read_text())["passed"] is True
    )  # it is the server's


@pytest.mark.parametrize(
    ("place", "name"),
    [(settings, "from_environment"), (program, "judge_client"), (markdown, "page"),
     (conclusion, "lines")],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_interrupt_at_any_time_is_in_each_report(
    place: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the run, after it, and while its reports are written and shown."""
    junit = tmp_path / "junit.xml"
    found = getattr(place, name)
    answers = iter([raises(KeyboardInterrupt())])
    monkeypatch.setattr(place, name, lambda *given: next(answers, found)(*given))
    report = run(junit, SERVER_ONLY="")

    assert report.code == Exit.INTERRUPTED
    assert elements(junit)[END] == "error"
    assert "Ended: interrupted." in junit.with_name(files.SUMMARY).read_text()
    written = json.loads(junit.with_name(files.VERDICTS).read_text())
    assert (written["ended"], written["passed"]) == ("interrupted", False)


def test_error_of_the_gate_itself_is_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 4, with a traceback that shows no secret; the reports have it."""
    junit = tmp_path / "junit.xml"
    monkeypatch.setattr(program, "judge_client", raises(ValueError(f"no {TOKEN}")))
    report = run(junit, SERVER_ONLY="")
    printed = "".join(capsys.readouterr())

    assert report.code == Exit.CANNOT_TELL
    assert "Traceback" in printed
    written = [
        one.read_text()
        for one in (junit, junit.with_name(files.SUMMARY), junit.with_name(files.VERDICTS))
    ]
    assert all("ValueError: no <token>" in html.unescape(one) for one in written)
    assert TOKEN not in "".join((printed, *written))


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device"), MemoryError(), RecursionError(),
     BrokenPipeError(errno.EPIPE, "Broken pipe"), RuntimeError("not foreseen")],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
@pytest.mark.parametrize(
    ("place", "name"),
    [(settings, "from_environment"), (program, "judge_server"), (program, "judge_client"),
     (markdown, "page"), (junit_report, "page"), (verdicts, "document"), (conclusion, "lines"),
     (files, "write")],
    ids=lambda one: one if isinstance(one, str) else one.__name__.rpartition(".")[2],
)  # fmt: skip
def test_failure_at_any_time_is_an_error_in_each_report(
    place: Any, name: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a violation, though the server has one, and not a pass."""
    junit = tmp_path / "junit.xml"
    monkeypatch.setattr(client, "stimuli", lambda: [])  # it takes most of the time
    found, answers = getattr(place, name), iter([raises(error)])
    monkeypatch.setattr(place, name, lambda *given: next(answers, found)(*given))
    report = run(junit, SERVER_ONLY="", FAULT="completed-null", MAX_REQUESTS="150")
    written = [
        one.read_text()
        for one in (junit, junit.with_name(files.SUMMARY), junit.with_name(files.VERDICTS))
    ]

    assert report.code == Exit.CANNOT_TELL
    assert elements(junit)[END] == "error"
    assert "problem: the gate" in written[1]
    assert json.loads(written[2])["passed"] is False


def test_failure_before_the_run_shows_no_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings know it already."""
    monkeypatch.setattr(program, "judge_server", raises(RuntimeError(f"no {TOKEN}")))
    run(tmp_path / "junit.xml")
    written = [one.read_text() for one in tmp_path.iterdir()]

    assert TOKEN not in "".join((*capsys.readouterr(), *written))


def test_reports_that_cannot_be_written_are_no_pass(tmp_path: Path) -> None:
    """A run whose reports are lost, from the beginning or at the end, ends with 4."""
    (tmp_path / "file").write_text("")
    report = run(tmp_path / "file" / "junit.xml")

    assert report.code == Exit.CANNOT_TELL
    assert report.run is None


def test_reports_that_are_lost_at_the_end_are_no_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their folder went away meanwhile."""
    junit = tmp_path / "reports/junit.xml"
    monkeypatch.setattr(program, "judge_client", lambda _: junit.parent.rmdir())
    report = run(junit, SERVER_ONLY="")

    assert report.code == Exit.CANNOT_TELL


def test_dry_run_leaves_no_reports(tmp_path: Path) -> None:
    """Nothing was judged, so not even those of the run before stay."""
    junit = tmp_path / "junit.xml"
    junit.write_text("of the run before")
    report = run(junit, DRY_RUN="1")

    assert (report.code, [*tmp_path.iterdir()]) == (Exit.OK, [])


def test_server_alone_is_judged_without_the_client() -> None:
    """SERVER_ONLY leaves the client out, and nothing else does."""
    assert not run().client
    assert run(SERVER_ONLY="0").client


def test_rules_of_the_client_are_counted_apart_where_others_are_chosen() -> None:
    """RULE chooses of the server's; the client's are judged beside."""
    assert [*conclusion.counts(run(SERVER_ONLY="0"))] == ["7 rules passed (6 of the client)"]
    assert [*conclusion.counts(run())] == ["1 rule passed"]


@pytest.mark.slow
def test_program_needs_no_pytest() -> None:
    """Neither the gate nor what it loads on its way imports it."""
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['_pytest'] = None\n"
        "from contract_tests import program\n"
        "sys.exit(program.run({'CONTRACT_RULE': 'T5'}).code)"
    )
    done = subprocess.run(  # noqa: S603 (our own code)
        [sys.executable, "-c", code], cwd=PATH.parent, capture_output=True, text=True,
        check=False, timeout=400,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
