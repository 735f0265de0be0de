"""The gate seen through plain pytest: the verdicts and exit codes are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ...reference.app import create_app
from ...reference.over_sockets import running
from ...rules import RULES
from ..support.gate_command import (
    SCRIPTED,
    TOKEN,
    ends,
    make_gate,
    run_module,
    verdicts,
    waived,
)
from ..support.unprovoked import UNPROVOKED

pytestmark = pytest.mark.slow


def run_pytest(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the suite for servers with plain pytest; return exit code and output."""
    modules = ["contract_tests/test_server.py", "-q", "--no-header"]
    return run_module("pytest", *modules, *arguments, **settings)


def table(printed: str) -> list[str]:
    """Return the lines of the table of verdicts, with the counts of exchanges."""
    return re.findall(r"^[PSTL]\d+ +(?:MUST|SHOULD|ADVICE) .+$", printed, re.M)


def test_program_and_pytest_give_the_same_verdicts() -> None:
    """With the same seed, in another process."""
    code, alone = make_gate()
    code_of_pytest, viewed = run_pytest()

    assert code == code_of_pytest == 0
    found = verdicts(alone)
    # They need a limit, or a build that is cancelled.
    assert {rule for rule, outcome in found.items() if outcome != "passed"} == UNPROVOKED
    assert found.keys() == RULES.keys()
    assert table(alone) == table(viewed)


def test_xdist_with_a_target_ends_with_4() -> None:
    """Each process would start builds on a real server. Nothing is sent."""
    with running(create_app(token=TOKEN)) as url:
        code, printed = run_pytest("-n", "2", TARGET=url, TOKEN=TOKEN)

    assert code == 4
    assert re.search(r"leave out -n\b", printed)
    assert "lifecycles" not in printed


@pytest.mark.parametrize("plugins", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_fault_fails_one_test_of_pytest(plugins: tuple[str, ...]) -> None:
    """With the same command to repeat it as the program; the other tests pass."""
    code, printed = run_pytest(*plugins, FAULT="completed-null", MAX_REQUESTS=SCRIPTED)

    assert code == 1
    assert "FAILED contract_tests/test_server.py::test_rule[T5]" in printed
    assert f"repeat    make gate RULE=T5 FAULT=completed-null MAX_REQUESTS={SCRIPTED}" in printed
    assert re.search(r"^1 failed, \d+ passed", printed, re.M)


def test_pytest_xfails_waived_and_skips_other_rules(tmp_path: Path) -> None:
    """Rules outside of RULE are skipped."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = run_pytest(
        "-rxs", FAULT="completed-null", RULE="T4,T5", WAIVERS=file, MAX_REQUESTS=SCRIPTED
    )

    assert code == 0, printed
    assert "XFAIL contract_tests/test_server.py::test_rule[T5]" in printed
    assert "left out by CONTRACT_RULE" in printed
    assert re.search(r"^4 passed, \d+ skipped, 1 xfailed", printed, re.M)


def test_pytest_with_an_invalid_setting_ends_with_4() -> None:
    """Which is both pytest's exit code for misuse and the gate's."""
    code, printed = run_pytest(MAX_BUILDS="1.5")

    assert code == 4
    assert "problem: CONTRACT_MAX_BUILDS is not a whole number" in printed


def test_unreachable_target_ends_with_4(tmp_path: Path) -> None:
    """In the program and in pytest; the run is not complete."""
    report = tmp_path / "junit.xml"
    for command, option in ((make_gate, "--junit"), (run_pytest, "--junitxml")):
        given = f"{option}={report}"
        code, printed = command(given, TARGET="http://127.0.0.1:9", TOKEN=TOKEN)
        if command is make_gate:
            assert ends(tmp_path) == ("cut", "cut", ["error"])
        assert code == 4
        assert "no response from http://127.0.0.1:9" in printed
