"""The matrix: which statuses were observed, and with which timestamps.

A cell is a status, and whether startedAt and completedAt were absent, null or set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..contract.api import Api
from ..tape.exchange import Exchange, Row

ROWS = ("group", "artifact")
STATES = ("absent", "null", "set")


class Cell(NamedTuple):
    """A status and the state of its timestamps, as a row has them."""

    row: str
    status: str
    started: str
    completed: str

    def __str__(self) -> str:
        return f"{self.row}:{self.status}:{self.started}:{self.completed}"


def observed(exchanges: Iterable[Exchange]) -> Counter[Cell]:
    """Count the cells in traffic; an unknown status is in none."""
    return Counter(
        _cell(row) for exchange in exchanges for row in exchange.rows if row.phase is not None
    )


def matches(pattern: str, cell: Cell) -> bool:
    """Whether a cell matches a pattern: ``[row:]STATUS[:started[:completed]]``."""
    row, states = _parts(pattern)
    return row in (None, cell.row) and list(cell[1:])[: len(states)] == states


def problem(pattern: str, api: Api) -> str | None:
    """Return why a pattern is invalid, or None if it is valid."""
    _, states = _parts(pattern)
    if not states or states[0] not in api.statuses:
        return f"{pattern} has no known status; use one of {', '.join(api.statuses)}"
    if len(states) > 3 or any(one not in STATES for one in states[1:]):
        return f"{pattern}: a timestamp is one of {', '.join(STATES)}"
    return None


def table(cells: Counter[Cell], api: Api) -> Iterator[tuple[str, str, int]]:
    """Yield row, status and how often it was observed, for each status in the contract's order."""
    for row in ROWS:
        for status in api.statuses:
            count = sum(n for cell, n in cells.items() if (cell.row, cell.status) == (row, status))
            yield row, status, count


def _cell(row: Row) -> Cell:
    kind = "group" if row.is_group else "artifact"
    names = row.api.build
    return Cell(kind, str(row.status), _state(row, names.started), _state(row, names.completed))


def _state(row: Row, key: str) -> str:
    if key not in row.data:
        return "absent"
    return "set" if row.is_set(key) else "null"


def _parts(pattern: str) -> tuple[str | None, list[str]]:
    parts = pattern.split(":")
    return (parts[0], parts[1:]) if parts[0] in ROWS else (None, parts)
