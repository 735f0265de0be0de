"""Runs the gate once for the tests of ``test_server.py`` and ``test_client.py``, and shows it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Generator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

# What the gate needs is loaded by the fixtures alone: the tests of the project itself share this
# file, and most of them need none of it.
if TYPE_CHECKING:
    from .gate.result import Report

Check = Callable[[str], None]
"""Fails or skips a test, or lets it pass, as the case of an id came out."""
_REPORTS = pytest.StashKey[list["Report"]]()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to judge a real server from several processes: each would make a run of its own."""
    if os.environ.get("CONTRACT_TARGET", "").strip() and config.getoption("numprocesses", None):
        raise pytest.UsageError("one run against a CONTRACT_TARGET is one process: leave out -n")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:  # noqa: ARG001
    """End with the code of a contract that cannot be read, which the suites read when imported."""
    try:
        return (yield)
    except SystemExit:  # its problem has been printed
        from .problems import Exit

        pytest.exit("nothing can be judged", returncode=Exit.CANNOT_TELL)


@pytest.fixture(scope="session")
def check_server(request: pytest.FixtureRequest) -> Check:
    """Judge the server that the environment names, once; return what shows a case by its id."""
    from . import program, settings, usage
    from .redaction import Unshown
    from .report.cases import SERVER

    os.environ.setdefault(usage.VARIABLE, usage.ENVIRONMENT)

    def judge(report: Report) -> None:
        report.target = settings.from_environment(Unshown(os.environ))
        program.judge_server(report, report.target)

    return _judged(request.config, judge, SERVER)


@pytest.fixture(scope="session")
def check_client(request: pytest.FixtureRequest) -> Check:
    """Judge the generated client, once; return what shows a case by its id."""
    from . import program
    from .report.cases import CLIENT

    return _judged(request.config, program.judge_client, CLIENT)


def _judged(config: pytest.Config, judge: Callable[[Report], object], suite: str) -> Check:
    from .gate.result import Report
    from .problems import Exit, failure, is_foreseen
    from .report.cases import State, cases

    report = Report()
    config.stash.setdefault(_REPORTS, []).append(report)
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            judge(report)
    except Exception as error:  # pytest's own code for an exception is 1, which means found here
        report.problem = failure(error, "the gate")
        if not is_foreseen(error):
            traceback.print_exc()
        reason = f"cannot judge\n{report.hide(str(report.problem))}"
        if hasattr(config, "workerinput"):  # xdist takes an exit for a crash
            pytest.fail(reason, pytrace=False)
        pytest.exit(reason, returncode=Exit.CANNOT_TELL)
    found = {one.id: one for one in cases(report) if one.suite == suite}

    def check(case: str) -> None:
        state, detail = found[case].state, found[case].detail
        if state in (State.FAILED, State.ERROR):
            pytest.fail(detail, pytrace=False)
        if state is State.WAIVED:
            pytest.xfail(detail)
        if state is State.SKIPPED:
            pytest.skip(detail)

    return check


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what was judged, and a verdict for each rule."""
    for report in config.stash.get(_REPORTS, []):
        from .escape import line
        from .report import conclusion

        for one, outcome in conclusion.judged(report):
            colour = conclusion.COLOURS.get(outcome)
            terminalreporter.write_line(line(one), **({colour: True} if colour else {}))
