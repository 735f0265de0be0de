"""The life of a build, as pure functions of past requests and of the time.

A build is PENDING once initiated, and UPLOADING once its context is uploaded. A start begins its
artifacts, each by its own plan: PENDING until it begins, then BUILDING, then COMPLETED, FAILED or
CANCELLED. No status is stored: each is computed from the past requests and the time, so that no
response can contradict another.

The status of the group follows from its artifacts by one rule:

    The group has ended once all artifacts have: FAILED if one of them failed, else CANCELLED if one
    was cancelled, else COMPLETED. Until then it is BUILDING, once one of them has begun. Before
    that it waits: UPLOADING once its context is uploaded, PENDING before.

It began when the first of them began, and ended when the last of them did.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

CONTAINER, VM = "CONTAINER_IMAGE", "VM_SANDBOX"


@dataclass(frozen=True)
class ArtifactPlan:
    """When an artifact begins and ends, and how.

    Attributes:
        kind: Its type.
        begins: Seconds from the start of the build until it begins.
        lasts: Seconds that it builds; None for ever.
        ends: Its last status, if its context can be built.
        error: Its errorMessage then.

    """

    kind: str
    begins: float = 0.0
    lasts: float | None = 0.0
    ends: str = "COMPLETED"
    error: str | None = None


@dataclass(frozen=True)
class Artifact:
    """An artifact, and its plan."""

    id: str
    plan: ArtifactPlan


@dataclass(frozen=True)
class Build:
    """The past requests about a build.

    Attributes:
        listed_early: Whether artifacts are listed before the start.
        failure: Why its context cannot be built, or None if it can.
        visibility: The visibility of its image, once it is COMPLETED.

    """

    id: str
    image_name: str
    image_tag: str
    dockerfile_path: str
    full_image_path: str
    created_at: datetime
    artifacts: tuple[Artifact, ...]
    listed_early: bool = False
    uploaded_at: datetime | None = None
    started_at: datetime | None = None
    failure: str | None = None
    visibility: str = "PRIVATE"


def uploaded(build: Build, now: datetime, failure: str | None) -> Build:
    """Return a build with a context; ``failure`` is why it cannot be built."""
    return replace(build, uploaded_at=now, failure=failure)


def started(build: Build, now: datetime) -> Build:
    """Return a started build; one that was started before stays as it is."""
    return build if build.started_at else replace(build, started_at=now)


@dataclass(frozen=True)
class Standing:
    """The status and the timestamps of an artifact or a group."""

    status: str
    started_at: datetime | None = None
    completed_at: datetime | None = None


def of_artifact(build: Build, artifact: Artifact, now: datetime) -> Standing:
    """Return the standing of an artifact."""
    plan = artifact.plan
    begun = build.started_at and build.started_at + timedelta(seconds=plan.begins)
    if begun is None or now < begun:
        return Standing("PENDING")
    ended = None if plan.lasts is None else begun + timedelta(seconds=plan.lasts)
    if ended is None or now < ended:
        return Standing("BUILDING", begun)
    fails = build.failure is not None and plan.ends != "CANCELLED"
    return Standing("FAILED" if fails else plan.ends, begun, ended)


def of_group(build: Build, artifacts: Iterable[Standing]) -> Standing:
    """Aggregate the standings of the artifacts, by the rule above."""
    standings = list(artifacts)
    begun = [one.started_at for one in standings if one.started_at]
    ended = [one.completed_at for one in standings if one.completed_at]
    if not begun:
        return Standing("UPLOADING" if build.uploaded_at else "PENDING")
    if len(ended) < len(standings):
        return Standing("BUILDING", min(begun))
    statuses = {one.status for one in standings}
    status = next(one for one in ("FAILED", "CANCELLED", "COMPLETED") if one in statuses)
    return Standing(status, min(begun), max(ended))


def is_completed(build: Build, now: datetime) -> bool:
    """Return whether the group is COMPLETED, so that its image exists."""
    standings = [of_artifact(build, artifact, now) for artifact in build.artifacts]
    return of_group(build, standings).status == "COMPLETED"


def response_body(build: Build, now: datetime) -> dict[str, Any]:
    """Return the body of start and status. Artifacts are listed once the build is started."""
    standings = [of_artifact(build, artifact, now) for artifact in build.artifacts]
    is_listed = build.started_at or build.listed_early
    return {
        "id": build.id,
        "imageName": build.image_name,
        "imageTag": build.image_tag,
        "createdAt": _instant(build.created_at),
        **_fields(of_group(build, standings)),
        "artifacts": [
            _artifact(build, artifact, standing)
            for artifact, standing in zip(build.artifacts, standings, strict=True)
            if is_listed
        ],
    }


def _artifact(build: Build, artifact: Artifact, standing: Standing) -> dict[str, Any]:
    plan = artifact.plan
    is_there = standing.status == "COMPLETED" and plan.kind == CONTAINER
    failed = standing.status == "FAILED"
    error = (build.failure if failed else None) or (plan.error if standing.completed_at else None)
    return {
        "id": artifact.id,
        "createdAt": _instant(build.created_at if build.listed_early else build.started_at),
        **_fields(standing),
        "artifactType": plan.kind,
        "fullImagePath": build.full_image_path if is_there else None,
        "errorMessage": error,
    }


def _fields(standing: Standing) -> dict[str, str | None]:
    return {
        "status": standing.status,
        "startedAt": _instant(standing.started_at),
        "completedAt": _instant(standing.completed_at),
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z" if at else None
