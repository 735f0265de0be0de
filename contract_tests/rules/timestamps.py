"""T: when things happened, and whether that agrees with the status."""

from __future__ import annotations

import datetime
import email.utils
import itertools

from ..contract import contract
from ..exchange import Exchange, Row
from .base import HELD, Broken, Judgement, Level, rows, rule, shown

_GROUP = "#/components/schemas/BuildStatusResponse/properties"
_ORDER = ("createdAt", "startedAt", "completedAt")
ROUNDING = datetime.timedelta(seconds=1)
TOLERANCE = datetime.timedelta(minutes=5)
_INSTANT = {"type": "string", "format": "date-time"}


@rule(
    "T1", Level.MUST,
    "createdAt is present, not null, and an RFC 3339 date-time with an offset.",
    source=f"{_GROUP}/createdAt",
    over=rows,
)  # fmt: skip
def created(row: Row) -> Judgement:
    """Look at every group and artifact."""
    at = f"{row.path}.createdAt"
    if "createdAt" not in row.data:
        return Broken(at, "an RFC 3339 date-time with an offset", "no such key")
    return _instant(at, row.data["createdAt"])


@rule(
    "T2", Level.MUST,
    "startedAt and completedAt are absent, null, or RFC 3339 with an offset.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def nullable(row: Row) -> Judgement:
    """Look at every group and artifact."""
    for key in ("startedAt", "completedAt"):
        if row.is_set(key):
            judged = _instant(f"{row.path}.{key}", row.data[key], or_else="absent, null, or ")
            if isinstance(judged, Broken):
                return judged
    return HELD


@rule(
    "T3", Level.SHOULD,
    "What is PENDING or UPLOADING has not started: startedAt is not set.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def not_started(row: Row) -> Judgement:
    """Look at what waits."""
    if row.phase != "waiting":
        return None
    return _agrees(row, "startedAt", must_be_set=False)


@rule(
    "T4", Level.SHOULD,
    "What is BUILDING has started; what is COMPLETED has started.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def has_started(row: Row) -> Judgement:
    """Look at what runs or succeeded; what failed may never have started."""
    if row.phase not in ("running", "succeeded"):
        return None
    return _agrees(row, "startedAt", must_be_set=True)


@rule(
    "T5", Level.SHOULD,
    "completedAt is set exactly where the status is terminal.",
    source=f"{_GROUP}/completedAt",
    over=rows,
)  # fmt: skip
def has_completed(row: Row) -> Judgement:
    """Look at every known status."""
    if row.phase is None:
        return None
    return _agrees(row, "completedAt", must_be_set=contract().is_terminal(row.status))


@rule(
    "T6", Level.SHOULD,
    "createdAt ≤ startedAt ≤ completedAt, to a second; none lies over five minutes in the future.",
    source=f"{_GROUP}/completedAt",
    over=rows,
)  # fmt: skip
def in_order(row: Row) -> Judgement:
    """Look at every instant.

    A second: the places that note them may round as they do. The future is what lies after both our
    clock and the server's, as its Date header tells it.
    """
    told = [(key, at) for key in _ORDER if (at := row.instant(key)) is not None]
    for (earlier, first), (later, then) in itertools.pairwise(told):
        if first - then > ROUNDING:
            where = f"{row.path}.{later}, and {row.path}.{earlier}"
            return Broken(where, f"at or after {first.isoformat()}", then.isoformat())
    now = max(row.exchange.ended, _server_clock(row.exchange))
    for key, at in told:
        if at - now > TOLERANCE:
            return Broken(f"{row.path}.{key}", f"at or before {now.isoformat()}", at.isoformat())
    return HELD if told else None


def _server_clock(exchange: Exchange) -> datetime.datetime:
    """Read the Date header; where there is none, the clock is ours."""
    try:
        told = email.utils.parsedate_to_datetime(exchange.response.headers.get("date", ""))
        return told.astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        return exchange.ended


def _agrees(row: Row, key: str, *, must_be_set: bool) -> Judgement:
    if row.is_set(key) is must_be_set:
        return HELD
    wanted = "a date-time" if must_be_set else "absent or null"
    received = shown(row.data[key]) if key in row.data else "no such key"
    where = f"{row.path}.{key}, and {row.path}.status"
    return Broken(where, f"{wanted}, since status is {row.status}", received)


def _instant(at: str, value: object, or_else: str = "") -> Judgement:
    if contract().errors(_INSTANT, value):
        return Broken(at, f"{or_else}an RFC 3339 date-time with an offset", shown(value))
    return HELD
