"""T: rules about timestamps, and whether they agree with the status."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable

from ..contract.openapi import instant, naive
from ..tape.exchange import Exchange, Row
from .base import HELD, Broken, Judgement, Judgements, Level, received, rows, rule

_GROUP = "#/components/schemas/BuildStatusResponse/properties"
ROUNDING = datetime.timedelta(seconds=1)
TOLERANCE = datetime.timedelta(minutes=5)


@rule(
    "T1", Level.MUST,
    "createdAt is present, not null, and a date-time.",
    source=f"{_GROUP}/createdAt",
    over=rows,
    quotes=("format",),
)  # fmt: skip
def created(row: Row) -> Judgement:
    """Check every group and artifact.

    Source: stated. createdAt is required, not nullable, and a date-time (RFC 3339, section 5.6).

    Not a violation:

    - any offset, any number of fraction digits, and ``t`` and ``z`` in lower case;
    - a missing offset, which is T7's.
    """
    return _date_time(row, row.api.build.created)


@rule(
    "T2", Level.MUST,
    "startedAt and completedAt are absent, null, or a date-time.",
    source=f"{_GROUP}/startedAt",
    over=rows,
    quotes=("format",),
)  # fmt: skip
def nullable(row: Row) -> Judgements:
    """Check every group and artifact.

    Source: stated. Both are optional, nullable, and date-times (RFC 3339, section 5.6).

    Not a violation:

    - a key that is absent, or null;
    - any offset, any number of fraction digits, and ``t`` and ``z`` in lower case;
    - a missing offset, which is T7's.
    """
    return [
        _date_time(row, key, or_else="absent, null, or ") if row.is_set(key) else HELD
        for key in (row.api.build.started, row.api.build.completed)
    ]


@rule(
    "T3", Level.SHOULD,
    "A PENDING or UPLOADING build has no startedAt.",
    source=f"{_GROUP}/startedAt",
    over=rows,
    quotes=("description", "x-derived"),
)  # fmt: skip
def not_started(row: Row) -> Judgement:
    """Check groups and artifacts that wait.

    Source: derived from the description of ``startedAt``: when the build started.

    Not a violation:

    - a startedAt that is absent, or null, or is not a date-time (T2);
    - an artifact that has started in a group that waits, or the other way round.
    """
    if row.phase != "waiting":
        return None
    return _agrees(row, row.api.build.started, must_be_set=False)


@rule(
    "T4", Level.SHOULD,
    "BUILDING and COMPLETED builds have startedAt.",
    source=f"{_GROUP}/startedAt",
    over=rows,
    quotes=("description", "x-derived"),
)  # fmt: skip
def has_started(row: Row) -> Judgement:
    """Check groups and artifacts that run or have succeeded.

    Source: derived from the description of ``startedAt``: when the build started.

    Not a violation:

    - FAILED or CANCELLED without startedAt, since the build may never have started;
    - a startedAt that is not a date-time, which is T2's.
    """
    if row.phase not in ("running", "succeeded"):
        return None
    return _agrees(row, row.api.build.started, must_be_set=True)


@rule(
    "T5", Level.SHOULD,
    "completedAt is set exactly where the status is terminal.",
    source=f"{_GROUP}/completedAt",
    over=rows,
    quotes=("description", "x-derived"),
)  # fmt: skip
def has_completed(row: Row) -> Judgement:
    """Check groups and artifacts of every known status.

    Source: derived from the description of ``completedAt``: when the build completed.

    Not a violation:

    - a completedAt that is absent or null, where the status is not terminal;
    - an artifact that has ended in a group that runs;
    - an unknown status (S1 or S2), and a completedAt that is not a date-time (T2).
    """
    if row.phase is None:
        return None
    return _agrees(row, row.api.build.completed, must_be_set=row.api.is_terminal(row.status))


@rule(
    "T6", Level.SHOULD,
    "createdAt ≤ startedAt ≤ completedAt, to a second; none lies over five minutes in the future.",
    source=f"{_GROUP}/completedAt",
    over=rows,
)  # fmt: skip
def in_order(row: Row) -> Iterable[Judgement]:
    """Check every instant against the others of its row, and against the time of the response.

    Source: derived from the descriptions of the three timestamps.

    Not a violation:

    - equal instants, and up to a second in the wrong order, since each may be rounded differently;
    - up to five minutes in the future, by the later of our clock and the server's Date;
    - instants without an offset, beside ones with an offset or a clock: they cannot be compared;
    - timestamps of an artifact, beside those of its group;
    - a timestamp that its status does not allow, such as a zero time, which is T3's or T5's.
    """
    times = [key for key in row.api.build.times if not row.is_early(key)]
    for read in (instant, naive):
        read_of = {key: row.moment(key, read) for key in times}
        known = [(key, at) for key, at in read_of.items() if at is not None]
        for (earlier, first), (later, then) in itertools.pairwise(known):
            if first - then > ROUNDING:
                expected = f"at or after {earlier}, {row.data[earlier]}"
                yield Broken(f"{row.path}.{later}", expected, received(row, later))
        yield from [HELD for _ in known]
    now = latest(row.exchange)
    for key in times:
        at = row.instant(key)
        if at is not None and at - now > TOLERANCE:
            minutes = TOLERANCE.total_seconds() / 60
            expected = f"at most {minutes:g} minutes after now, {shown(now)}"
            yield Broken(f"{row.path}.{key}", expected, received(row, key))


@rule(
    "T7", Level.MUST,
    "Every date-time carries an offset (RFC 3339).",
    source=f"{_GROUP}/createdAt",
    over=rows,
    quotes=("format",),
)  # fmt: skip
def has_offset(row: Row) -> Iterable[Judgement]:
    """Check each text that is a date-time, or would be one with an offset.

    Source: stated. ``format: date-time`` is RFC 3339, whose section 5.6 requires an offset.

    Not a violation:

    - any offset, and ``z`` in lower case;
    - a text that is not a date-time with an offset either, which is T1's or T2's.
    """
    for key in row.api.build.times:
        if row.moment(key, naive) is not None:
            expected = "a date-time with an offset, such as Z or +00:00"
            yield Broken(f"{row.path}.{key}", expected, received(row, key))
        elif row.instant(key) is not None:
            yield HELD


def latest(exchange: Exchange) -> datetime.datetime:
    """Return when a response had ended, by the later of our clock and the server's Date."""
    return max(exchange.ended, exchange.date or exchange.ended)


def shown(at: datetime.datetime) -> str:
    """Return an instant, to a second."""
    return at.isoformat(timespec="seconds")


def _agrees(row: Row, key: str, *, must_be_set: bool) -> Judgement:
    if row.is_set(key) is must_be_set:
        return HELD
    if row.is_set(key) and isinstance(_date_time(row, key), Broken):
        return None  # T2's
    value = "a date-time" if must_be_set else "absent or null"
    expected = f"{value}, since status is {row.status}"
    return Broken(f"{row.path}.{key}", expected, received(row, key))


def _date_time(row: Row, key: str, or_else: str = "") -> Judgement:
    if row.instant(key) is not None or row.moment(key, naive) is not None:
        return HELD
    return Broken(f"{row.path}.{key}", f"{or_else}a date-time", received(row, key))
