"""S: what a status may be, and what goes with it."""

from __future__ import annotations

from ..contract import contract
from ..exchange import Row
from .base import HELD, Broken, Judgement, Level, rows, rule, shown

_GROUP = "#/components/schemas/BuildStatusResponse"
_ARTIFACT = "#/components/schemas/BuildArtifactStatusResponse"


@rule(
    "S1", Level.MUST,
    "A build's status is one of those that are documented.",
    source="#/components/schemas/ImageBuildStatus",
    over=rows,
)  # fmt: skip
def known_status(row: Row) -> Judgement:
    """Look at the status of every group."""
    return _one_of(row, "status", "ImageBuildStatus") if row.is_group else None


@rule(
    "S2", Level.MUST,
    "An artifact's status, and its artifactType, is one of those that are documented.",
    source=_ARTIFACT,
    over=rows,
)  # fmt: skip
def known_artifact(row: Row) -> Judgement:
    """Look at the status and the type of every artifact."""
    if row.is_group:
        return None
    told = [
        _one_of(row, "status", "ImageBuildStatus"),
        _one_of(row, "artifactType", "ImageArtifactType"),
    ]
    broken = [one for one in told if isinstance(one, Broken)]
    return broken[0] if broken else HELD if any(told) else None


@rule(
    "S3", Level.SHOULD,
    "A group is COMPLETED only if every listed artifact is, and FAILED only if at least one is.",
    source=_GROUP,
    over=rows,
)  # fmt: skip
def aggregated(row: Row) -> Judgement:
    """Look at every group that has succeeded or failed, and lists artifacts."""
    if not row.artifacts or row.phase not in ("succeeded", "failed"):
        return None
    if row.phase == "failed":
        if any(one.phase == "failed" for one in row.artifacts):
            return HELD
        told = ", ".join(str(one.status) for one in row.artifacts)
        return Broken("$.artifacts", f"one of them failed, since the group is {row.status}", told)
    for one in row.artifacts:
        if one.phase != "succeeded":
            return Broken(f"{one.path}.status", f"{row.status}, as the group", shown(one.status))
    return HELD


@rule(
    "S4", Level.SHOULD,
    "errorMessage is set only where the status is FAILED or CANCELLED, and a FAILED build has one.",
    source=f"{_ARTIFACT}/properties/errorMessage",
    over=rows,
)  # fmt: skip
def explained(row: Row) -> Judgement:
    """Look at every artifact, and at every failed group that lists some.

    An empty text counts as none. A message of the group itself counts too: older servers told it
    there.
    """
    rows = (row, *row.artifacts)
    if row.phase is None or any(not isinstance(_told(one), str | None) for one in rows):
        return None  # what is no text is P6's
    if _told(row) and row.phase not in ("failed", "cancelled"):
        where = f"{row.path}.errorMessage, and {row.path}.status"
        received = shown(row.data["errorMessage"])
        return Broken(where, f"absent or null, since status is {row.status}", received)
    if not row.is_group:
        return HELD
    if row.phase != "failed" or not row.artifacts:
        return None
    if any(_told(one) for one in rows):
        return HELD
    return Broken("$.artifacts[*].errorMessage", f"why the build is {row.status}", "no message")


def _told(row: Row) -> object:
    return row.data.get("errorMessage")


def _one_of(row: Row, key: str, schema: str) -> Judgement:
    if key not in row.data:
        return None  # whether it must be there is P6's
    known = contract().schema(schema)["enum"]
    if row.data[key] in known:
        return HELD
    return Broken(f"{row.path}.{key}", f"one of {', '.join(known)}", shown(row.data[key]))
