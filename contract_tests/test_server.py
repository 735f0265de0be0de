"""Checks a server: one run of the gate, one test per rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .report.cases import CLEANUP, END, PROFILE, REQUIRED
from .rules import RULES
from .verdicts.findings import CHECKS


@pytest.mark.parametrize("rule", [*RULES, *(one.id for one in CHECKS.values())])
def test_rule(rule: str, check_server: Callable[[str], None]) -> None:
    """The rule was observed, and no exchange breaks it."""
    check_server(rule)


def test_profile_fits(check_server: Callable[[str], None]) -> None:
    """The server is of the kind that PROFILE says."""
    check_server(PROFILE)


def test_required_is_observed(check_server: Callable[[str], None]) -> None:
    """Nothing that REQUIRE names was left unobserved."""
    check_server(REQUIRED)


def test_what_was_made_is_deleted(check_server: Callable[[str], None]) -> None:
    """Nothing is left behind; a server that offers no delete, or refuses it, breaks no rule."""
    check_server(CLEANUP)


def test_run_came_to_its_end(check_server: Callable[[str], None]) -> None:
    """The server returned a response to the last request, and no budget cut the run short."""
    check_server(END)
