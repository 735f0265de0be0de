"""Runs the drivers once for all rules, and shows the verdicts."""

from __future__ import annotations

import os
from typing import Any

import pytest

from . import gate, target
from .drivers import client as client_driver
from .report import terminal
from .rules.client import CLIENT_RULES, Call
from .tape import Tape
from .verdict import Violation

_RUN = pytest.StashKey[gate.Run]()
_CALLS = pytest.StashKey[int]()
# pytest's own code for a run that was set up wrong.
MISUSED = int(pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def server_run(request: pytest.FixtureRequest) -> gate.Run:
    """Judge the server that the environment names, once."""
    reporter: Any = request.config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = request.config.pluginmanager.get_plugin("capturemanager")

    def announce(violation: Violation) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"\n{terminal.announcement(violation)}")

    try:
        run = gate.run(target.from_environment(os.environ), announce=announce)
    except target.GateError as error:
        pytest.exit(f"the gate cannot judge\n{error}", returncode=MISUSED)
    request.config.stash[_RUN] = run
    return run


@pytest.fixture(scope="session")
def client_calls(request: pytest.FixtureRequest) -> list[Call]:
    """Put the generated client through every stimulus, once."""
    calls = client_driver.run(Tape(client_driver.TOKEN))
    request.config.stash[_CALLS] = len(calls)
    return calls


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show a verdict for each rule."""
    write = terminalreporter.write_line
    if _CALLS in config.stash:
        terminalreporter.section("client", sep="-")
        write(f"{config.stash[_CALLS]} calls, sync and async, rules {', '.join(CLIENT_RULES)}")
    if _RUN in config.stash:
        run = config.stash[_RUN]
        terminalreporter.section("server", sep="-")
        for line in (*terminal.traffic(run), "", *terminal.table(run.verdicts)):
            write(line)
