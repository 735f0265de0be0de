"""Steps: what one answer about a build told, and what the next one tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..contract import START
from ..exchange import Exchange, Row
from ..history import History

SAME = timedelta(milliseconds=1)
"""Instants that are less than this apart are the same: each place may round as it does."""


class Over(StrEnum):
    """What lies between two answers."""

    TIME = "time alone"
    START = "the start that the first of them answers"
    RESTART = "a further start"


@dataclass(frozen=True)
class Step:
    """One group or artifact in two answers that follow each other; a row that is gone has no now.

    Attributes:
        was: The row that was told before.
        now: The row that is told now; None for an artifact that is not listed any more.
        exchange: The newer answer.

    """

    was: Row
    now: Row | None
    exchange: Exchange
    over: Over


def steps(history: History) -> Iterator[Step]:
    """Yield the steps from the last response about the build to the newest exchange.

    A response that leaves artifacts out says nothing about them, and one whose artifacts cannot all
    be told apart by their ids does not show that one is missing.
    """
    now = history.last.rows
    was = next((one for one in reversed(history.before) if one.rows), None)
    if not now or was is None:
        return
    over = _over(history, was)
    listed = {str(row.data.get("id")): row for row in now if not row.is_group}
    lists_all = _lists_all(now[0])
    for row in was.rows:
        if row.is_group:
            yield Step(row, now[0], history.last, over)
        elif isinstance(row.data.get("id"), str):
            found = listed.get(row.data["id"])
            if found is not None or lists_all:
                yield Step(row, found, history.last, over)


def _lists_all(group: Row) -> bool:
    listed = group.data.get("artifacts")
    return isinstance(listed, list) and all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in listed
    )


def _over(history: History, was: Exchange) -> Over:
    """Say what lies between; a start that overlaps with the newest answer may lie there too."""
    asked = [one for one in history.exchanges if one.operation == START and one.is_valid_start]
    first = next((one for one in asked if one.succeeded), None)
    if first is None:
        return Over.TIME
    further = [one for one in asked if one.number > first.number]
    if any(was.number <= one.number for one in further):
        return Over.RESTART
    if was.number <= first.number < history.last.number:
        return Over.START
    return Over.TIME


def is_same(one: datetime | None, other: datetime | None) -> bool:
    """Tell whether two instants are the same, or neither is there."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME
