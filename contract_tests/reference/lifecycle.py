"""The life of a build, as pure functions of what happened and of the time.

A build is PENDING when initiated, UPLOADING once a context came, BUILDING once started, and
COMPLETED or FAILED when its time is over. Nothing is stored but what happened; the status is read
from it, so no answer can contradict another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Build:
    """What happened to a build so far.

    Attributes:
        seconds: How long it builds, once started.
        failure: Why its context cannot be built, or None if it can.

    """

    id: str
    artifact_id: str
    image_name: str
    image_tag: str
    dockerfile_path: str
    full_image_path: str
    seconds: float
    created_at: datetime
    uploaded_at: datetime | None = None
    started_at: datetime | None = None
    failure: str | None = None


def uploaded(build: Build, now: datetime, failure: str | None) -> Build:
    """Take a context; ``failure`` says why it cannot be built."""
    return replace(build, uploaded_at=now, failure=failure)


def started(build: Build, now: datetime) -> Build:
    """Start a build; one that was started before stays as it is."""
    return build if build.started_at else replace(build, started_at=now)


def completed_at(build: Build, now: datetime) -> datetime | None:
    """Return when the build ended, or None if it has not."""
    if build.started_at is None:
        return None
    end = build.started_at + timedelta(seconds=build.seconds)
    return end if now >= end else None


def status(build: Build, now: datetime) -> str:
    """Read the status from what happened."""
    if completed_at(build, now):
        return "FAILED" if build.failure else "COMPLETED"
    if build.started_at:
        return "BUILDING"
    return "UPLOADING" if build.uploaded_at else "PENDING"


def told(build: Build, now: datetime) -> dict[str, Any]:
    """Tell a build as start and status answer it. Artifacts are listed once it is started."""
    common = {
        "status": status(build, now),
        "startedAt": _instant(build.started_at),
        "completedAt": _instant(completed_at(build, now)),
    }
    artifact = {
        **common,
        "id": build.artifact_id,
        "createdAt": _instant(build.started_at),
        "artifactType": "CONTAINER_IMAGE",
        "fullImagePath": build.full_image_path if common["status"] == "COMPLETED" else None,
        "errorMessage": build.failure if common["status"] == "FAILED" else None,
    }
    return {
        **common,
        "id": build.id,
        "imageName": build.image_name,
        "imageTag": build.image_tag,
        "createdAt": _instant(build.created_at),
        "artifacts": [artifact] if build.started_at else [],
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z" if at else None
