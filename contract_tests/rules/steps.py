"""Steps: each group or artifact in two consecutive responses about a build."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ..contract.openapi import instant, naive
from ..tape.exchange import Exchange, Row
from ..tape.history import History, has_started, is_valid_start
from .base import HELD, Broken, Judgement, received, shown

SAME = timedelta(milliseconds=1)
"""Instants that are less than this apart are the same, since each place may round differently."""


class Over(StrEnum):
    """What lies between two responses."""

    TIME = "time alone"
    START = "the start whose response the first of them is"
    RESTART = "a further start"
    REBUILD = "another initiate of the same name and tag, where the build had ended before"


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
    has_ended = was.api.is_terminal(was.rows[0].status)
    if over is Over.TIME and has_ended and history.is_rebuilt_since(was):
        over = Over.REBUILD
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


def not_before(was: Row, now: Row) -> Judgement:
    """Check that a status does not go back; an unknown one is S1's, S2's or P6's."""
    before, after = was.api.rank(was.status), was.api.rank(now.status)
    if before is None or after is None:
        return None
    if after >= before:
        return HELD
    at = f"{now.path}.{now.api.build.status}"
    return Broken(at, f"{was.status} or a later status", shown(now.status))


def final_status(step: Transition) -> Judgement:
    """Compare a status with the terminal one before it; an unknown status is S1's, S2's or P6's."""
    api = step.was.api
    if step.now is None or step.now.phase is None or not api.is_terminal(step.was.status):
        return None
    return kept(step.was, step.now, api.build.status)


def kept(was: Row, now: Row, key: str) -> Judgement:
    """Check that the value of a key stays."""
    if now.data.get(key) == was.data.get(key):
        return HELD
    expected = f"still {shown(was.data.get(key))}"
    return Broken(f"{now.path}.{key}", expected, received(now, key))


def kept_instant(was: Row, now: Row, key: str) -> Judgement:
    """Compare two instants that both have an offset, or both have none.

    Any other value is T1's, T2's or T7's; one that came too early is T3's or T5's.
    """
    if was.is_early(key):
        return None
    for read in (instant, naive):
        before, after = was.moment(key, read), now.moment(key, read)
        if before is not None and (after is not None or not now.is_set(key)):
            return HELD if is_same(before, after) else kept(was, now, key)
    return None


def kept_all(step: Transition) -> list[Judgement]:
    """Check that an artifact stays listed, of its type, and that instants once set stay."""
    names = step.was.api.build
    if step.now is None:
        expected = f"still the artifact {shown(step.was.data.get(names.id))}"
        return [Broken(f"$.{names.artifacts}", expected, "not listed")]
    times = (names.started, names.completed)
    judged: list[Judgement] = [HELD]
    judged += (kept_instant(step.was, step.now, key) for key in times)
    if not step.was.is_group and step.now.kind in step.now.api.kinds:
        expected = f"still {shown(step.was.kind)}"
        is_same_kind = step.now.kind == step.was.kind or step.was.kind not in step.was.api.kinds
        at = f"{step.now.path}.{names.kind}"
        judged.append(HELD if is_same_kind else Broken(at, expected, shown(step.now.kind)))
    return judged


def changes_by_itself(history: History) -> bool:
    """Whether something of a build that has to stay changed, or went back, with time alone.

    What a server changes at any time is no evidence of what was requested in between.
    """
    judged: list[Judgement] = []
    for step in steps(history):
        if step.over is Over.TIME:
            judged.append(final_status(step))
            judged.append(not_before(step.was, step.now) if step.now else None)
            judged += kept_all(step)
    return any(isinstance(one, Broken) for one in judged)
