"""T: when things happened, and whether that agrees with the status."""

from __future__ import annotations

import datetime
import email.utils
import itertools
from collections.abc import Iterable

from ..contract import contract, instant, naive
from ..exchange import Exchange, Row
from .base import HELD, Broken, Judgement, Judgements, Level, received, rows, rule

_GROUP = "#/components/schemas/BuildStatusResponse/properties"
_ORDER = ("createdAt", "startedAt", "completedAt")
ROUNDING = datetime.timedelta(seconds=1)
TOLERANCE = datetime.timedelta(minutes=5)


@rule(
    "T1", Level.MUST,
    "createdAt is present, not null, and a date-time.",
    source=f"{_GROUP}/createdAt",
    over=rows,
)  # fmt: skip
def created(row: Row) -> Judgement:
    """Look at every group and artifact. A missing offset is for T7."""
    return _date_time(row, "createdAt")


@rule(
    "T2", Level.MUST,
    "startedAt and completedAt are absent, null, or a date-time.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def nullable(row: Row) -> Judgements:
    """Look at every group and artifact. A missing offset is for T7."""
    return [
        _date_time(row, key, or_else="absent, null, or ") if row.is_set(key) else HELD
        for key in ("startedAt", "completedAt")
    ]


@rule(
    "T3", Level.SHOULD,
    "A PENDING or UPLOADING build has no startedAt.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def not_started(row: Row) -> Judgement:
    """Look at builds that wait."""
    if row.phase != "waiting":
        return None
    return _agrees(row, "startedAt", must_be_set=False)


@rule(
    "T4", Level.SHOULD,
    "BUILDING and COMPLETED builds have startedAt.",
    source=f"{_GROUP}/startedAt",
    over=rows,
)  # fmt: skip
def has_started(row: Row) -> Judgement:
    """Look at builds that run or have succeeded; a failed build may never have started."""
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
def in_order(row: Row) -> Iterable[Judgement]:
    """Look at every instant.

    A second, since each place may round in its own way. The future is later than both our clock and
    the server's Date. Instants without an offset are compared with each other only.
    """
    for read in (instant, naive):
        known = [(key, at) for key in _ORDER if (at := row.moment(key, read)) is not None]
        for (earlier, first), (later, then) in itertools.pairwise(known):
            if first - then > ROUNDING:
                expected = f"at or after {earlier}, {row.data[earlier]}"
                yield Broken(f"{row.path}.{later}", expected, received(row, later))
        yield from [HELD for _ in known]
    now = max(row.exchange.ended, _server_clock(row.exchange))
    for key in _ORDER:
        at = row.instant(key)
        if at is not None and at - now > TOLERANCE:
            expected = f"at or before now, {now.isoformat(timespec='seconds')}"
            yield Broken(f"{row.path}.{key}", expected, received(row, key))


@rule(
    "T7", Level.MUST,
    "Every date-time carries an offset (RFC 3339).",
    source=f"{_GROUP}/createdAt",
    over=rows,
)  # fmt: skip
def has_offset(row: Row) -> Iterable[Judgement]:
    """Look at each text that is a date-time, or would be one with an offset."""
    for key in _ORDER:
        if row.moment(key, naive) is not None:
            expected = "a date-time with an offset, such as Z or +00:00"
            yield Broken(f"{row.path}.{key}", expected, received(row, key))
        elif row.instant(key) is not None:
            yield HELD


def _server_clock(exchange: Exchange) -> datetime.datetime:
    """Read the Date header; without one, the clock is ours."""
    try:
        told = email.utils.parsedate_to_datetime(exchange.response.headers.get("date", ""))
        return told.astimezone(datetime.UTC)
    except (TypeError, ValueError, OverflowError):
        return exchange.ended


def _agrees(row: Row, key: str, *, must_be_set: bool) -> Judgement:
    if row.is_set(key) is must_be_set:
        return HELD
    wanted = "a date-time" if must_be_set else "absent or null"
    expected = f"{wanted}, since status is {row.status}"
    return Broken(f"{row.path}.{key}", expected, received(row, key))


def _date_time(row: Row, key: str, or_else: str = "") -> Judgement:
    if row.instant(key) is not None or row.moment(key, naive) is not None:
        return HELD
    return Broken(f"{row.path}.{key}", f"{or_else}a date-time", received(row, key))
