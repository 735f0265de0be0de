"""Checks the generated client: calls answered by respx, one test per rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .rules.client import CLIENT_RULES


@pytest.mark.parametrize("rule", list(CLIENT_RULES))
def test_rule(rule: str, check_client: Callable[[str], None]) -> None:
    """The rule was observed on some call, and no call breaks it."""
    check_client(rule)
