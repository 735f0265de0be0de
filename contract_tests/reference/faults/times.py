"""Faults of time: how an instant is written, when it is set, and in which order they come.

Each is the same in all responses about a build, so that it violates no rule over a history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from .base import Body, fault
from .edits import Edit, EditOfMany, body, both, count, drop, history, later, put, with_status


def _naive(instant: str) -> str:
    return instant.removesuffix("Z")


def _naive_local(instant: str) -> str:
    return _naive(str(later(instant, hours=9)))


def _date(instant: str) -> str:
    return instant[:10]


def _epoch(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())


def _space(instant: str) -> str:
    return instant.replace("T", " ")


def _no_colon(instant: str) -> str:
    return instant.replace("Z", "+0000")


def _no_such_day(instant: str) -> str:
    return "2026-02-30" + instant[10:]


def _hour_24(instant: str) -> str:
    return instant[:11] + "24" + instant[13:]


def _as_in_mail(instant: str) -> str:
    return format_datetime(datetime.fromisoformat(instant))


def _write(key: str, how: Callable[[str], Any], rows: str = "group") -> Edit:
    """Write each instant that is set in another format."""
    return put(key, lambda row: row[key] if row[key] is None else how(row[key]), rows=rows)


def _move(key: str, rows: str = "group", **by: float) -> Edit:
    return put(key, lambda row: later(row[key], **by), rows=rows)


def _same(key: str, as_key: str, when: str, rows: str = "group") -> Edit:
    return put(key, lambda row: row[as_key], when=when, rows=rows)


def _zero(key: str, zero: str = "0001-01-01T00:00:00Z", rows: str = "all") -> Edit:
    return put(key, lambda row: zero if row[key] is None else row[key], rows=rows)


def _first_start(edit: Edit) -> EditOfMany:
    """Edit only the first response of start."""

    def once(group: Body, seen: Body) -> None:
        if count(seen, "starts") == 1:
            edit(group)

    return once


def _runs_on(status: str, edit: Edit) -> EditOfMany:
    """Return BUILDING for a while after a build has ended: the polls come to minutes."""

    def held(group: Body, seen: Body) -> None:
        if group["status"] == status:
            if count(seen, "ended") <= _POLLS_OF_MINUTES:
                with_status("BUILDING", "group")(group)
            else:
                edit(group)

    return held


def _nothing(_: Body) -> None:
    """Leave a group as it is."""


# A client that waits longer and longer between polls, up to 10 s, waits for minutes meanwhile.
_POLLS_OF_MINUTES = 60
_TIMES = ("createdAt", "startedAt", "completedAt")
_GOING = "BUILDING COMPLETED FAILED"
_ALL = "PENDING UPLOADING BUILDING COMPLETED FAILED"

FAULTS = [
    fault("created-null", "T1", "createdAt is null", response=body(put("createdAt", None))),
    fault("created-missing", "T1", "createdAt is left out", response=body(drop("createdAt"))),
    fault("created-empty", "T1", "createdAt is empty", response=body(put("createdAt", ""))),
    fault("created-date", "T1", "createdAt is only a date",
          response=body(_write("createdAt", _date))),
    fault("created-epoch", "T1", "createdAt is a number",
          response=body(_write("createdAt", _epoch))),
    fault("created-epoch-string", "T1", "createdAt is a number in a string",
          response=body(_write("createdAt", lambda instant: str(_epoch(instant))))),
    fault("created-space", "T1", "createdAt has a space in place of the T",
          response=body(_write("createdAt", _space))),
    fault("created-no-colon", "T1", "the offset of createdAt has no colon",
          response=body(_write("createdAt", _no_colon))),
    fault("created-no-such-day", "T1", "createdAt is on 30 February",
          response=body(_write("createdAt", _no_such_day))),
    fault("created-hour-24", "T1", "createdAt has the hour 24",
          response=body(_write("createdAt", _hour_24))),
    fault("start-created-missing", "T1", "start alone leaves createdAt out",
          response=body(drop("createdAt"), "start")),
    fault("artifact-created-missing", "T1", "an artifact has no createdAt",
          response=body(drop("createdAt", rows="artifacts"))),
    fault("artifact-created-null", "T1", "the createdAt of an artifact is null",
          response=body(put("createdAt", None, rows="artifacts"))),
    fault("started-epoch", "T2", "startedAt is a number",
          response=body(_write("startedAt", _epoch))),
    fault("started-space", "T2", "startedAt has a space in place of the T",
          response=body(_write("startedAt", _space))),
    fault("started-no-colon", "T2", "the offset of startedAt has no colon",
          response=body(_write("startedAt", _no_colon))),
    fault("completed-epoch", "T2", "completedAt is a number",
          response=body(_write("completedAt", _epoch))),
    fault("completed-date", "T2", "completedAt is only a date",
          response=body(_write("completedAt", _date))),
    fault("completed-empty", "T2", "completedAt is empty",
          response=body(_write("completedAt", lambda _: ""))),
    fault("completed-no-such-day", "T2", "completedAt is on 30 February",
          response=body(_write("completedAt", _no_such_day))),
    fault("completed-as-in-mail", "T2", "completedAt has the format of mail headers",
          response=body(_write("completedAt", _as_in_mail))),
    fault("artifact-started-date", "T2", "the startedAt of an artifact is only a date",
          response=body(_write("startedAt", _date, "artifacts"))),
    fault("pending-started", "T3", "PENDING has startedAt",
          response=body(_same("startedAt", "createdAt", _ALL))),
    fault("uploading-started", "T3", "UPLOADING has startedAt",
          response=body(_same("startedAt", "createdAt", f"UPLOADING {_GOING}"))),
    fault("started-zero", "T3", "startedAt is the year 1 until the build starts",
          response=body(_zero("startedAt"))),
    fault("artifact-uploading-started", "T3", "an artifact is UPLOADING, and has startedAt",
          response=body(put("status", "UPLOADING", when="BUILDING", rows="artifacts"))),
    fault("building-never-started", "T4", "BUILDING has no startedAt",
          response=body(put("startedAt", None, when="BUILDING"))),
    fault("building-started-left-out", "T4", "BUILDING leaves startedAt out",
          response=body(drop("startedAt", when="BUILDING"))),
    fault("never-started", "T4", "startedAt is never set",
          response=body(put("startedAt", None))),
    fault("start-never-started", "T4", "the first response of start has no startedAt",
          response=history(_first_start(put("startedAt", None)), "start")),
    fault("artifact-never-started", "T4", "an artifact never has startedAt",
          response=body(put("startedAt", None, rows="artifacts"))),
    fault("artifact-building-never-started", "T4", "an artifact is BUILDING without startedAt",
          response=body(put("startedAt", None, when="BUILDING", rows="artifacts"))),
    fault("completed-null", "T5", "COMPLETED has completedAt null",
          response=body(put("completedAt", None, when="COMPLETED"))),
    fault("completed-left-out", "T5", "COMPLETED leaves completedAt out",
          response=body(drop("completedAt", when="COMPLETED"))),
    fault("failed-null", "T5", "FAILED has completedAt null",
          response=body(put("completedAt", None, when="FAILED"))),
    fault("building-completed", "T5", "BUILDING has completedAt", "T9",
          response=body(_same("completedAt", "startedAt", _GOING))),
    fault("pending-completed", "T5", "PENDING has completedAt", "T9",
          response=body(both(_same("startedAt", "createdAt", _GOING),
                             _same("completedAt", "createdAt", _ALL)))),
    fault("completed-epoch-zero", "T5", "completedAt is 1970-01-01 until the build ends",
          response=body(_zero("completedAt", "1970-01-01T00:00:00Z"))),
    fault("artifact-completed-null", "T5", "a COMPLETED artifact has completedAt null",
          response=body(put("completedAt", None, when="COMPLETED", rows="artifacts"))),
    fault("artifact-failed-null", "T5", "a FAILED artifact has completedAt null",
          response=body(put("completedAt", None, when="FAILED", rows="artifacts"))),
    fault("artifact-building-completed", "T5", "a BUILDING artifact has completedAt",
          response=body(_same("completedAt", "startedAt", _GOING, "artifacts"))),
    fault("created-tomorrow", "T6", "createdAt is a day ahead",
          response=body(_move("createdAt", days=1))),
    fault("created-local-time", "T6", "createdAt is an eastern local time, marked as UTC",
          response=body(_move("createdAt", hours=2))),
    fault("started-before-created", "T6", "startedAt is an hour before createdAt",
          response=body(put("startedAt", lambda row: row["startedAt"]
                            and later(row["createdAt"], hours=-1)))),
    fault("completed-before-started", "T6", "completedAt is an hour before startedAt", "T9 T10",
          response=body(put("completedAt", lambda row: row["completedAt"]
                            and later(row["startedAt"], hours=-1)))),
    fault("completed-tomorrow", "T6", "completedAt is a day ahead",
          response=body(_move("completedAt", days=1))),
    fault("artifact-created-tomorrow", "T6", "the createdAt of an artifact is a day ahead",
          response=body(_move("createdAt", "artifacts", days=1))),
    fault("artifact-completed-local-time", "T6",
          "the completedAt of an artifact is a western local time, marked as UTC",
          response=body(_move("completedAt", "artifacts", hours=-5))),
    fault("created-naive", "T7", "createdAt has no offset",
          response=body(_write("createdAt", _naive))),
    fault("started-naive", "T7", "startedAt has no offset",
          response=body(_write("startedAt", _naive))),
    fault("completed-naive", "T7", "completedAt has no offset",
          response=body(_write("completedAt", _naive))),
    fault("times-naive", "T7", "no time has an offset",
          response=body(both(*(_write(key, _naive, "all") for key in _TIMES)))),
    fault("times-naive-local", "T7", "times are eastern local times without an offset",
          response=body(both(*(_write(key, _naive_local, "all") for key in _TIMES)))),
    fault("start-naive", "T7", "start alone returns times without an offset",
          response=body(both(*(_write(key, _naive, "all") for key in _TIMES)), "start")),
    fault("status-naive", "T7", "status alone returns times without an offset",
          response=body(both(*(_write(key, _naive, "all") for key in _TIMES)), "status")),
    fault("artifact-created-naive", "T7", "the createdAt of an artifact has no offset",
          response=body(_write("createdAt", _naive, "artifacts"))),
    fault("artifact-started-naive", "T7", "the startedAt of an artifact has no offset",
          response=body(_write("startedAt", _naive, "artifacts"))),
    fault("artifact-completed-naive", "T7", "the completedAt of an artifact has no offset",
          response=body(_write("completedAt", _naive, "artifacts"))),
    fault("created-year-1", "T8", "createdAt is in the year 1",
          response=body(put("createdAt", "0001-01-01T00:00:00Z"))),
    fault("created-western-time", "T8", "createdAt is a western local time, marked as UTC",
          response=body(_move("createdAt", hours=-5))),
    fault("created-epoch-0", "T8", "createdAt is 1970", response=body(
        put("createdAt", "1970-01-01T00:00:00Z"))),
    fault("completed-before-artifact", "T9", "a group completes two seconds before its artifacts",
          response=body(both(_move("completedAt", "artifacts", seconds=2)))),
    fault("started-after-artifact", "T9", "a group starts 1.5 s after its artifacts",
          response=body(_move("startedAt", seconds=1.5))),
    fault("completed-while-it-ran", "T10", "completedAt is minutes before the last BUILDING",
          response=history(_runs_on("COMPLETED", _nothing))),
    fault("failed-while-it-ran", "T10", "completedAt of FAILED is minutes before the last BUILDING",
          response=history(_runs_on("FAILED", _nothing))),
]  # fmt: skip
