"""S: rules about a status, and about what must agree with it."""

from __future__ import annotations

from ..tape.exchange import Row
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
    """Check the status of every group.

    Source: stated, the enum ``ImageBuildStatus``.

    Not a violation:

    - a missing status, which is P6's;
    - the status of an artifact, which is S2's.
    """
    return _one_of(row, row.api.build.status, row.api.statuses) if row.is_group else None


@rule(
    "S2", Level.MUST,
    "An artifact's status and artifactType are documented values.",
    source="#/components/schemas/ImageBuildStatus",
    over=rows,
)  # fmt: skip
def known_artifact(row: Row) -> Judgements:
    """Check the status and the type of every artifact.

    Source: stated, the enums ``ImageBuildStatus`` and ``ImageArtifactType``.

    Not a violation:

    - an artifact without ``artifactType``, which then is a CONTAINER_IMAGE;
    - a missing status, or an artifact that is not an object: both are P6's.
    """
    if row.is_group:
        return None
    return [
        _one_of(row, row.api.build.status, row.api.statuses),
        _one_of(row, row.api.build.kind, row.api.kinds),
    ]


@rule(
    "S3", Level.SHOULD,
    "A group is COMPLETED only if every listed artifact is, and FAILED only if at least one is.",
    source=f"{_GROUP}/properties/status",
    over=rows,
    quotes=("description", "x-derived"),
    quotes_itself=True,
)  # fmt: skip
def aggregated(row: Row) -> Judgements:
    """Check every group that is COMPLETED or FAILED and lists artifacts.

    Source: derived. The contract states that the status is aggregated, and not how.

    Not a violation:

    - any artifacts of a group that waits, runs or is CANCELLED;
    - a group that lists no artifacts;
    - artifacts of a FAILED group that are COMPLETED or still run, beside one that is FAILED;
    - an artifact of unknown status, which is S2's or P6's.
    """
    if row.phase not in ("succeeded", "failed"):
        return None
    names = row.api.build
    known = [one for one in row.artifacts if one.phase is not None]
    if row.phase == "failed":
        if any(one.phase == "failed" for one in known):
            return HELD
        if not known or len(known) < len(row.artifacts):
            return None
        statuses = ", ".join(str(one.status) for one in known)
        expected = f"a failed one, since the group is {row.status}"
        return Broken(f"$.{names.artifacts}", expected, statuses)
    return [
        HELD
        if one.phase == "succeeded"
        else Broken(f"{one.path}.{names.status}", f"{row.status}, as the group", shown(one.status))
        for one in known
    ]


@rule(
    "S4", Level.SHOULD,
    "errorMessage is set only where the status is FAILED or CANCELLED, and a FAILED build has one.",
    source=f"{_ARTIFACT}/properties/errorMessage",
    over=rows,
    quotes=("description", "x-derived"),
)  # fmt: skip
def explained(row: Row) -> Judgement:
    """Check every artifact, and every FAILED group that lists some.

    Source: derived from the description of ``errorMessage``: why the build failed, if it did.

    Not a violation:

    - an empty message, which counts as none;
    - a CANCELLED artifact with a message, or without;
    - a FAILED group without artifacts and without a message;
    - a message of the group itself instead of an artifact, as older servers send it (observed);
    - a message of another type, which is P6's, and an unknown status, which is S1's or S2's.
    """
    rows, names = (row, *row.artifacts), row.api.build
    if row.phase is None or any(not isinstance(_message(one), str | None) for one in rows):
        return None  # any other type is P6's
    if _message(row) and row.phase not in ("failed", "cancelled"):
        expected = f"absent or null, since status is {row.status}"
        return Broken(f"{row.path}.{names.error}", expected, received(row, names.error))
    if not row.is_group:
        return HELD
    if row.phase != "failed" or not row.artifacts:
        return None
    if any(_message(one) for one in rows):
        return HELD
    at = f"$.{names.artifacts}[*].{names.error}"
    return Broken(at, f"a message, since status is {row.status}", "no message")


def _message(row: Row) -> object:
    return row.data.get(row.api.build.error)


def _one_of(row: Row, key: str, known: list[str]) -> Judgement:
    if key not in row.data:
        return None  # a missing key is P6's
    if row.data[key] in known:
        return HELD
    return Broken(f"{row.path}.{key}", f"one of {', '.join(known)}", shown(row.data[key]))
