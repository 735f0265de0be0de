"""The server is held to the contract: drivers, tape, one verdict per rule."""

from __future__ import annotations

import pytest

from .gate import Run
from .report import terminal
from .rules import RULES
from .settings import spelled


@pytest.mark.parametrize("rule", list(RULES))
def test_rule(rule: str, server_run: Run) -> None:
    """The rule was observed, and no exchange breaks it."""
    verdict = server_run.verdicts.get(rule)
    if verdict is None:
        pytest.skip("not asked for by LEVEL or RULE")
    waiver = next((one for one in server_run.target.waivers if one.rule == rule), None)

    if verdict.violations and waiver:
        pytest.xfail(f"waived until {waiver.expires}: {waiver.reason}")
    if verdict.violations:
        pytest.fail(terminal.failure(server_run, verdict), pytrace=False)
    if not verdict.observed:
        pytest.skip("not observed")
    if waiver:
        pytest.fail(f"{rule} is waived ({waiver.reason}), and holds: take the waiver out", False)


def test_checks_of_schemathesis(server_run: Run) -> None:
    """What the checks of schemathesis' own find, no rule of ours has missed."""
    if server_run.fuzzed is None:
        pytest.skip("schemathesis did not run")
    found = [
        f"{one.check}, exchange {one.exchange}: {one.title}\n{one.message}"
        for one in server_run.findings
    ]

    if found:
        pytest.fail("\n\n".join(found), pytrace=False)


def test_required_is_observed(server_run: Run) -> None:
    """Nothing that REQUIRE names was left unobserved."""
    if server_run.missing:
        told = f"REQUIRE: not observed: {', '.join(server_run.missing)}"
        pytest.fail(spelled(told), pytrace=False)


def test_run_came_to_its_end(server_run: Run) -> None:
    """The server answered to the last request."""
    if server_run.problem:
        pytest.fail(spelled(server_run.problem), pytrace=False)
