"""Checks the generated client: calls answered by respx, one test per rule."""

from __future__ import annotations

import pytest

from .report.client import ClientReport
from .rules.client import CLIENT_RULES
from .verdicts.judge import Outcome


@pytest.mark.parametrize("rule", list(CLIENT_RULES))
def test_rule(rule: str, client_verdicts: dict[str, ClientReport]) -> None:
    """The rule was observed on some call, and no call breaks it."""
    verdict = client_verdicts[rule]
    if verdict.outcome is Outcome.VIOLATED:
        pytest.fail(verdict.failure, pytrace=False)

    if verdict.outcome is Outcome.NOT_OBSERVED:
        pytest.fail(f"{rule} was never observed", pytrace=False)
