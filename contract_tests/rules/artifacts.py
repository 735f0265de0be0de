"""S5 to S8: rules about the artifacts of a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..tape.exchange import Exchange, Row
from ..tape.history import History
from .base import HELD, Broken, Judgement, Level, histories, received, rows, rule, shown

_GROUP = "#/components/schemas/BuildStatusResponse"
_ARTIFACT = "#/components/schemas/BuildArtifactStatusResponse/properties"

LAG = timedelta(seconds=60)
"""How long an artifact may still be shown waiting or running after its group has ended."""


@rule(
    "S5", Level.SHOULD,
    "60 s after a group has ended, no artifact of it waits or runs.",
    source=_GROUP,
    over=histories,
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def artifacts_end_too(history: History) -> Iterable[Judgement]:
    """Check each artifact of a group that has ended.

    The group has ended when a response first shows it, or at its completedAt by the server's Date,
    whichever is earlier.

    Source: derived. The status of a group is aggregated over its artifacts, so that none changes
    it any more once it is terminal.

    Not a violation:

    - an artifact that still waits or runs within 60 s after the end: a group may fail fast, or
      show its own end first;
    - a group that lists no artifacts, or artifacts of unknown status (S2);
    - what S3 reports: a COMPLETED group lists only COMPLETED artifacts at any time.
    """
    group = next(iter(history.last.rows), None)
    if group is None or group.phase not in ("failed", "cancelled"):
        return
    age = _since_its_end(history, group)
    for artifact in group.artifacts:
        if artifact.phase not in ("waiting", "running"):
            yield HELD if artifact.phase else None
        elif age is not None and age >= LAG:
            key = artifact.api.build.status
            expected = f"a terminal status, since the group was {group.status} 60 s ago"
            yield Broken(f"{artifact.path}.{key}", expected, received(artifact, key))


@rule(
    "S6", Level.SHOULD,
    "A container image has a fullImagePath in the response that first shows it COMPLETED.",
    source=f"{_ARTIFACT}/fullImagePath",
    over=histories,
)  # fmt: skip
def is_addressed(history: History) -> Iterator[Judgement]:
    """Check each container image that has succeeded, unless the response before showed that too.

    Source: derived from the description of ``fullImagePath``: who polls until COMPLETED stops
    there, and has no other way to the image.

    Not a violation:

    - a fullImagePath that is set earlier, or any text in it;
    - another type of artifact, such as a VM_SANDBOX, without one;
    - an image that waits, runs, failed or is cancelled, without one;
    - a value that is not a text, which is P6's, and a missing status.
    """
    before = _succeeded(history.shown.rows if history.shown else [])
    for artifact in history.last.rows[1:]:
        names = artifact.api.build
        if artifact.phase != "succeeded" or artifact.kind != artifact.api.image_kind:
            continue
        if _identity(artifact) in before:
            continue
        path = artifact.data.get(names.path)
        if not isinstance(path, str | None):
            continue
        at, expected = f"{artifact.path}.{names.path}", f"a path, since it is {artifact.status}"
        yield HELD if path else Broken(at, expected, received(artifact, names.path))


@rule(
    "S7", Level.SHOULD,
    "The artifacts of a group differ in type or id.",
    source=f"{_ARTIFACT}/id",
    over=rows,
)  # fmt: skip
def artifacts_differ(row: Row) -> Iterator[Judgement]:
    """Check every group that lists artifacts.

    Source: derived from the description of ``id``. An artifact without a type is a CONTAINER_IMAGE.

    Not a violation:

    - two artifacts of the same type with ids of their own, such as one for each platform;
    - the same id with two types;
    - an id that is missing or not a text, which is P6's.
    """
    if not row.is_group:
        return
    names = row.api.build
    listed = [one for one in row.artifacts if isinstance(one.data.get(names.id), str)]
    seen: Counter[tuple[str, str]] = Counter()
    for artifact in listed:
        identity = _identity(artifact)
        seen[identity] += 1
        if seen[identity] > 1:
            at = f"{artifact.path}.{names.id}"
            yield Broken(at, "another id, or another type", shown(artifact.data[names.id]))
        else:
            yield HELD


@rule(
    "S8", Level.ADVICE,
    "A CANCELLED group lists artifacts of which not all are COMPLETED.",
    source=f"{_GROUP}/properties/status",
    over=rows,
)  # fmt: skip
def was_cancelled(row: Row) -> Judgement:
    """Check every CANCELLED group that lists artifacts.

    Source: derived. The status of a group is aggregated over its artifacts, and none of these was
    cancelled.

    Not a violation:

    - one artifact that failed, waits, runs or is CANCELLED, beside any others;
    - a group that lists no artifacts, or one of unknown status.
    """
    if not row.is_group or row.phase != "cancelled" or not row.artifacts:
        return None
    if any(one.phase != "succeeded" for one in row.artifacts):
        return HELD
    at = f"$.{row.api.build.status}"
    return Broken(at, "another end, since every artifact is COMPLETED", shown(row.status))


def _identity(artifact: Row) -> tuple[str, str]:
    return str(artifact.kind), str(artifact.data.get(artifact.api.build.id))


def _succeeded(shown_rows: list[Row]) -> set[tuple[str, str]]:
    return {_identity(one) for one in shown_rows[1:] if one.phase == "succeeded"}


def _since_its_end(history: History, group: Row) -> timedelta | None:
    """Return for how long a group is known to have ended, by our own clock or by the server's."""
    seen = history.first(_has_ended, ended=True)
    known = [history.last.began - seen.ended] if seen else []
    completed, date = group.instant(group.api.build.completed), history.last.date
    if completed is not None and date is not None:
        known.append(date - completed)
    return max(known, default=None)


def _has_ended(exchange: Exchange) -> bool:
    return bool(exchange.rows) and exchange.api.is_terminal(exchange.rows[0].status)
