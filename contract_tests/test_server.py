"""Checks a server: one run of the gate, one test per rule."""

from __future__ import annotations

import pytest

from .report.rendered import Rendered
from .rules import RULES
from .usage import setting
from .verdicts.findings import CHECKS
from .verdicts.judge import Outcome


@pytest.mark.parametrize("rule", [*RULES, *(one.id for one in CHECKS.values())])
def test_rule(rule: str, server_run: Rendered) -> None:
    """The rule was observed, and no exchange breaks it."""
    verdict = next((one for one in server_run.data["verdicts"] if one["rule"] == rule), None)
    if verdict is None:
        pytest.skip(f"left out by {setting('LEVEL')} or {setting('RULE')}")

    if rule in server_run.failures:
        pytest.fail(server_run.failures[rule], pytrace=False)
    if verdict["outcome"] == Outcome.WAIVED:
        waivers = [group["waiver"] for group in verdict["groups"]]
        until = [f"waived until {one['expires']}: {one['reason']}" for one in waivers]
        pytest.xfail("; ".join(dict.fromkeys(until)))
    if verdict["outcome"] == Outcome.NOT_OBSERVED:
        pytest.skip(Outcome.NOT_OBSERVED)


def test_required_is_observed(server_run: Rendered) -> None:
    """Nothing that REQUIRE names was left unobserved."""
    if missing := server_run.data["missing"]:
        pytest.fail(f"{setting('REQUIRE')}: not observed: {', '.join(missing)}", pytrace=False)


def test_run_came_to_its_end(server_run: Rendered) -> None:
    """The server returned a response to the last request, and no budget cut the run short."""
    if problem := server_run.data["problem"]:
        pytest.fail(problem, pytrace=False)
    if server_run.data["ended"] != "complete":
        pytest.skip("; ".join((server_run.data["ended"], *server_run.data["reasons"])))
