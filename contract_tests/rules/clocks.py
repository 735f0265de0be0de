"""T8 to T10: timestamps beside a clock, beside those of artifacts, and beside earlier responses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..contract.openapi import instant, naive
from ..tape.exchange import Row
from ..tape.history import History
from .base import HELD, Broken, Judgement, Level, histories, received, rows, rule
from .steps import Transition, steps
from .timestamps import ROUNDING, TOLERANCE, latest, shown

_GROUP = "#/components/schemas/BuildStatusResponse/properties"

STALE = timedelta(seconds=60)
"""How old a status may be that a response shows."""


@rule(
    "T8", Level.SHOULD,
    "createdAt of a new build lies within five minutes of the request that initiated it.",
    source=f"{_GROUP}/createdAt",
    over=histories,
    needs_memory=True,
)  # fmt: skip
def created_just_now(history: History) -> Judgement:
    """Check the group of each build whose initiate was seen.

    Source: derived from the description of ``createdAt``: when the build was created.

    Not a violation:

    - up to five minutes of difference, by our own clock or by the server's Date;
    - createdAt of an artifact: one that was built before and is used again is older;
    - what lies in the future, which is T6's;
    - anything that a mock answers from examples, or that a ``Watch`` sees, behind which one may be;
    - an instant without an offset (T7), or what is none (T1).
    """
    issue, group = history.issue, next(iter(history.last.rows), None)
    key = history.api.build.created
    created = group.instant(key) if group and history.tape.is_live else None
    if issue is None or group is None or created is None:
        return None
    clocks = [(issue.began, issue.ended)]
    if issue.date is not None:
        clocks.append((issue.date, issue.date))
    # A difference of two instants is always one; a sum may lie beyond all years.
    if any(
        began - created <= TOLERANCE and created - ended <= TOLERANCE for began, ended in clocks
    ):
        return HELD
    if created - latest(history.last) > TOLERANCE:
        return None
    expected = f"within five minutes of {shown(issue.ended)}, when it was initiated"
    return Broken(f"$.{key}", expected, received(group, key))


@rule(
    "T9", Level.SHOULD,
    "A COMPLETED group starts no later and completes no earlier than each artifact made for it.",
    source="#/components/schemas/BuildStatusResponse",
    over=rows,
    quotes_itself=True,
)  # fmt: skip
def encloses_artifacts(row: Row) -> Iterator[Judgement]:
    """Check each COMPLETED group against each artifact that was not created before it.

    Source: derived. The group's status is aggregated over its artifacts.

    Not a violation:

    - up to a second of difference, since each may be rounded differently;
    - an artifact that was created before its group: it was built for another one, and is used
      again;
    - a group that failed or was cancelled, and one that lists no artifacts;
    - an instant without an offset, beside one with an offset;
    - a timestamp that the artifact's status does not allow, which is T3's or T5's.
    """
    if not row.is_group or row.phase != "succeeded":
        return
    names = row.api.build
    for artifact in row.artifacts:
        for read in (instant, naive):
            created, made = (one.moment(names.created, read) for one in (row, artifact))
            if created is None or made is None or made < created:
                continue
            for key, sign in ((names.started, 1), (names.completed, -1)):
                its, own = artifact.moment(key, read), row.moment(key, read)
                if its is None or own is None or artifact.is_early(key):
                    continue
                if (own - its) * sign <= ROUNDING:
                    yield HELD
                    continue
                order = "before" if sign > 0 else "after"
                expected = f"at or {order} that of {artifact.path}, {artifact.data[key]}"
                yield Broken(f"$.{key}", expected, received(row, key))


@rule(
    "T10", Level.ADVICE,
    "completedAt lies no more than 60 s before a response that showed the build running.",
    source=f"{_GROUP}/completedAt",
    over=steps,
    needs_memory=True,
)  # fmt: skip
def ended_after_it_ran(step: Transition) -> Judgement:
    """Check the first response that shows that a group has ended.

    Source: derived from the description of ``completedAt``: when the build completed.

    Not a violation:

    - up to 60 s of difference, since a status may be that old;
    - a response without the server's Date: only the server's own clock is compared;
    - an artifact, which may have ended long before its group.
    """
    was, now = step.was, step.now
    if now is None or not was.is_group or was.phase != "running":
        return None
    key, seen = was.api.build.completed, was.exchange.date
    completed = now.instant(key)
    if seen is None or completed is None or not was.api.is_terminal(now.status):
        return None
    if seen - completed <= STALE:
        return HELD
    expected = f"after {shown(seen)} or up to 60 s before, when it was {was.status}"
    return Broken(f"$.{key}", expected, received(now, key))
