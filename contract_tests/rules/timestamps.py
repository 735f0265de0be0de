"""T: when things happened, and whether that agrees with the status."""

from __future__ import annotations

from ..contract import contract
from ..tape import Row
from .base import HELD, Broken, Judgement, Level, rows, rule, shown

_GROUP = "#/components/schemas/BuildStatusResponse/properties"
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
    return _agrees(row, "completedAt", must_be_set=row.phase in ("succeeded", "failed"))


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
