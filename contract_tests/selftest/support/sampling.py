"""Which rows of a table run each time, and which by ``make test-slow`` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(rows: Iterable[Any], every: int) -> list[Any]:
    """Return rows for ``parametrize``, the first and each n-th after it as it is, the others slow.

    For a table over one property, whose rows take a run of the gate each.
    """
    return [
        row if number % every == 0 else pytest.param(row, marks=pytest.mark.slow)
        for number, row in enumerate(rows)
    ]
