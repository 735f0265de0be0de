"""S: what a status may be."""

from __future__ import annotations

from ..contract import contract
from ..tape import Row
from .base import HELD, Broken, Judgement, Level, rows, rule, shown


@rule(
    "S1", Level.MUST,
    "A build's status is one of the six.",
    source="#/components/schemas/ImageBuildStatus",
    over=rows,
)  # fmt: skip
def known_status(row: Row) -> Judgement:
    """Look at the status of every group."""
    return _one_of(row, "status", "ImageBuildStatus") if row.is_group else None


@rule(
    "S2", Level.MUST,
    "An artifact's status is one of the six, its artifactType one of the two.",
    source="#/components/schemas/BuildArtifactStatusResponse",
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


def _one_of(row: Row, key: str, schema: str) -> Judgement:
    if key not in row.data:
        return None  # whether it must be there is P6's
    known = contract().schema(schema)["enum"]
    if row.data[key] in known:
        return HELD
    return Broken(f"{row.path}.{key}", f"one of {', '.join(known)}", shown(row.data[key]))
