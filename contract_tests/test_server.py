"""The server is held to the contract: drivers, tape, one verdict per rule."""

from __future__ import annotations

import pytest

from .gate import Run
from .rules import RULES


@pytest.mark.parametrize("rule", list(RULES))
def test_rule(rule: str, server_run: Run) -> None:
    """The rule was observed, and no exchange breaks it."""
    verdict = server_run.verdicts.get(rule)
    if verdict is None:
        pytest.skip("not asked for by LEVEL or RULE")

    if verdict.violations:
        repeat = server_run.target.repeat(verdict.rule)
        more = len(verdict.violations) - 1
        text = verdict.violations[0].text(repeat) + (f"\n  and {more} more like it" if more else "")
        pytest.fail(text, pytrace=False)

    if not verdict.observed:
        pytest.skip("not observed")
