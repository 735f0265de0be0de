"""Steps: each group or artifact in two consecutive responses about a build."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..tape.exchange import Exchange, Row
from ..tape.history import History, has_started, is_valid_start

SAME = timedelta(milliseconds=1)
"""Instants that are less than this apart are the same, since each place may round differently."""


class Over(StrEnum):
    """What lies between two responses."""

    TIME = "time alone"
    START = "the start whose response the first of them is"
    RESTART = "a further start"


@dataclass(frozen=True)
class Transition:
    """One group or artifact in two consecutive responses.

    Attributes:
        was: The row in the earlier response.
        now: The row in the later one; None for an artifact that is no longer listed.
        exchange: The later response.

    """

    was: Row
    now: Row | None
    exchange: Exchange
    over: Over


def steps(history: History) -> Iterator[Transition]:
    """Yield the steps from the last response about the build to the newest exchange.

    A response without ``artifacts``, or in which one has no id, does not show that another one is
    missing.
    """
    now = history.last.rows
    was = history.shown
    if not now or was is None:
        return
    over = _over(history, was)
    key = history.api.build.id
    listed = {str(row.data.get(key)): row for row in now if not row.is_group}
    lists_all = _lists_all(now[0])
    for row in was.rows:
        if row.is_group:
            yield Transition(row, now[0], history.last, over)
        elif isinstance(row.data.get(key), str):
            found = listed.get(row.data[key])
            if found is not None or lists_all:
                yield Transition(row, found, history.last, over)


def _lists_all(group: Row) -> bool:
    names = group.api.build
    listed = group.data.get(names.artifacts)
    return isinstance(listed, list) and all(
        isinstance(one, dict) and isinstance(one.get(names.id), str) for one in listed
    )


def _over(history: History, was: Exchange) -> Over:
    """Return what lies between; a start that overlaps with the later response may lie there too."""
    newest = history.last
    first = history.first(has_started) or (newest if has_started(newest) else None)
    if first is None:
        return Over.TIME
    latest = newest if newest.is_valid_start else history.latest(is_valid_start)
    if latest and latest.number > first.number and was.number <= latest.number:
        return Over.RESTART
    if was.number <= first.number < newest.number:
        return Over.START
    return Over.TIME


def is_same(one: datetime | None, other: datetime | None) -> bool:
    """Whether two instants are the same, or both are missing."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME
