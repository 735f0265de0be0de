"""S: what a status may be, and what goes with it."""

from __future__ import annotations

from ..contract import contract
from ..exchange import Row
from .base import HELD, Broken, Judgement, Judgements, Level, received, rows, rule, shown

_GROUP = "#/components/schemas/BuildStatusResponse"
_ARTIFACT = "#/components/schemas/BuildArtifactStatusResponse"


@rule(
    "S1", Level.MUST,
    "A build's status is one of the documented values.",
    source="#/components/schemas/ImageBuildStatus",
    over=rows,
)  # fmt: skip
def known_status(row: Row) -> Judgement:
    """Look at the status of every group."""
    return _one_of(row, "status", "ImageBuildStatus") if row.is_group else None


@rule(
    "S2", Level.MUST,
    "An artifact's status and artifactType are documented values.",
    source=_ARTIFACT,
    over=rows,
)  # fmt: skip
def known_artifact(row: Row) -> Judgements:
    """Look at the status and the type of every artifact."""
    if row.is_group:
        return None
    return [
        _one_of(row, "status", "ImageBuildStatus"),
        _one_of(row, "artifactType", "ImageArtifactType"),
    ]


@rule(
    "S3", Level.SHOULD,
    "A group is COMPLETED only if every listed artifact is, and FAILED only if at least one is.",
    source=_GROUP,
    over=rows,
)  # fmt: skip
def aggregated(row: Row) -> Judgements:
    """Look at every group that has succeeded or failed and lists artifacts.

    An artifact of unknown status is for S2 and P6.
    """
    if row.phase not in ("succeeded", "failed"):
        return None
    known = [one for one in row.artifacts if one.phase is not None]
    if row.phase == "failed":
        if any(one.phase == "failed" for one in known):
            return HELD
        if not known or len(known) < len(row.artifacts):
            return None
        statuses = ", ".join(str(one.status) for one in known)
        return Broken("$.artifacts", f"a failed one, since the group is {row.status}", statuses)
    return [
        HELD
        if one.phase == "succeeded"
        else Broken(f"{one.path}.status", f"{row.status}, as the group", shown(one.status))
        for one in known
    ]


@rule(
    "S4", Level.SHOULD,
    "errorMessage is set only where the status is FAILED or CANCELLED, and a FAILED build has one.",
    source=f"{_ARTIFACT}/properties/errorMessage",
    over=rows,
)  # fmt: skip
def explained(row: Row) -> Judgement:
    """Look at every artifact, and at every failed group that lists some.

    An empty text counts as none. A message of the group itself counts too: older servers have it
    there.
    """
    rows = (row, *row.artifacts)
    if row.phase is None or any(not isinstance(_told(one), str | None) for one in rows):
        return None  # any other type is P6's
    if _told(row) and row.phase not in ("failed", "cancelled"):
        expected = f"absent or null, since status is {row.status}"
        return Broken(f"{row.path}.errorMessage", expected, received(row, "errorMessage"))
    if not row.is_group:
        return HELD
    if row.phase != "failed" or not row.artifacts:
        return None
    if any(_told(one) for one in rows):
        return HELD
    return Broken(
        "$.artifacts[*].errorMessage", f"a message, since status is {row.status}", "no message"
    )


def _told(row: Row) -> object:
    return row.data.get("errorMessage")


def _one_of(row: Row, key: str, schema: str) -> Judgement:
    if key not in row.data:
        return None  # a missing key is P6's
    known = contract().schema(schema)["enum"]
    if row.data[key] in known:
        return HELD
    return Broken(f"{row.path}.{key}", f"one of {', '.join(known)}", shown(row.data[key]))
