"""The matrix: which statuses were really told, with which timestamps.

A cell is a status, with what stood for startedAt and completedAt: absent, null or set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .contract import contract
from .exchange import Exchange, Row

ROWS = ("group", "artifact")
STATES = ("absent", "null", "set")


class Cell(NamedTuple):
    """A status and its timestamps, as a row told of them."""

    row: str
    status: str
    started: str
    completed: str

    def __str__(self) -> str:
        return f"{self.row}:{self.status}:{self.started}:{self.completed}"


def observed(exchanges: Iterable[Exchange]) -> Counter[Cell]:
    """Count the cells that traffic told of; what is no status is in none."""
    return Counter(
        _cell(row) for exchange in exchanges for row in exchange.rows if row.phase is not None
    )


def matches(pattern: str, cell: Cell) -> bool:
    """Tell whether a cell is of a pattern: ``[row:]STATUS[:started[:completed]]``."""
    row, wanted = _parts(pattern)
    return row in (None, cell.row) and list(cell[1:])[: len(wanted)] == wanted


def problem(pattern: str) -> str | None:
    """Say what is wrong with a pattern, or None."""
    _, wanted = _parts(pattern)
    if not wanted or wanted[0] not in contract().statuses:
        return f"{pattern} names no status; one of {', '.join(contract().statuses)}"
    if len(wanted) > 3 or any(one not in STATES for one in wanted[1:]):
        return f"{pattern}: a timestamp is one of {', '.join(STATES)}"
    return None


def table(cells: Counter[Cell]) -> Iterator[tuple[str, str, int]]:
    """Yield row, status and how often it was told, each status of the contract in its order."""
    for row in ROWS:
        for status in contract().statuses:
            told = sum(n for cell, n in cells.items() if (cell.row, cell.status) == (row, status))
            yield row, status, told


def _cell(row: Row) -> Cell:
    kind = "group" if row.is_group else "artifact"
    return Cell(kind, str(row.status), _state(row, "startedAt"), _state(row, "completedAt"))


def _state(row: Row, key: str) -> str:
    if key not in row.data:
        return "absent"
    return "set" if row.is_set(key) else "null"


def _parts(pattern: str) -> tuple[str | None, list[str]]:
    parts = pattern.split(":")
    return (parts[0], parts[1:]) if parts[0] in ROWS else (None, parts)
