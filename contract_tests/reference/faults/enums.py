"""Faults of enumerations: a status, a type or a visibility that is none of those documented."""

from __future__ import annotations

from .base import Body, fault
from .edits import body, put

_STATUSES = ["PENDING", "UPLOADING", "BUILDING", "COMPLETED", "FAILED", "CANCELLED"]


def _lower(row: Body) -> str:
    return str(row["status"]).lower()


def _number(row: Body) -> int:
    return _STATUSES.index(row["status"])


FAULTS = [
    fault("status-running", "S1", "RUNNING stands for BUILDING",
          answered=body(put("status", "RUNNING", when="BUILDING"))),
    fault("status-lower-case", "S1", "statuses are in lower case",
          answered=body(put("status", _lower))),
    fault("status-success", "S1", "SUCCESS stands for COMPLETED",
          answered=body(put("status", "SUCCESS", when="COMPLETED"))),
    fault("status-canceled", "S1", "CANCELED, with one L, stands for FAILED",
          answered=body(put("status", "CANCELED", when="FAILED"))),
    fault("status-error", "S1", "ERROR stands for FAILED",
          answered=body(put("status", "ERROR", when="FAILED"))),
    fault("status-queued", "S1", "QUEUED stands for PENDING",
          answered=body(put("status", "QUEUED", when="PENDING"))),
    fault("status-uploaded", "S1", "UPLOADED stands for UPLOADING",
          answered=body(put("status", "UPLOADED", when="UPLOADING"))),
    fault("status-blank", "S1", "a blank stands behind COMPLETED",
          answered=body(put("status", "COMPLETED ", when="COMPLETED"))),
    fault("status-empty", "S1", "the status of what waits is empty",
          answered=body(put("status", "", when="PENDING UPLOADING"))),
    fault("status-null", "S1", "the status of what waits is null",
          answered=body(put("status", None, when="PENDING UPLOADING"))),
    fault("status-number", "S1", "a status is its number",
          answered=body(put("status", _number))),
    fault("start-started", "S1", "start, and no other, tells STARTED",
          answered=body(put("status", "STARTED", when="BUILDING"), "start")),
    fault("artifact-queued", "S2", "an artifact is QUEUED",
          answered=body(put("status", "QUEUED", when="BUILDING", rows="artifacts"))),
    fault("artifact-lower-case", "S2", "an artifact is building, in lower case",
          answered=body(put("status", _lower, when="BUILDING", rows="artifacts"))),
    fault("artifact-success", "S2", "an artifact of a COMPLETED group is a SUCCESS",
          answered=body(put("status", "SUCCESS", when="COMPLETED", rows="artifacts"))),
    fault("artifact-status-null", "S2", "the status of an artifact that builds is null",
          answered=body(put("status", None, when="BUILDING", rows="artifacts"))),
    fault("artifact-status-number", "S2", "the status of an artifact that builds is a number",
          answered=body(put("status", _number, when="BUILDING", rows="artifacts"))),
    fault("artifact-type-oci", "S2", "an artifact is an OCI_IMAGE",
          answered=body(put("artifactType", "OCI_IMAGE", rows="artifacts"))),
    fault("artifact-type-lower-case", "S2", "an artifact is a container_image",
          answered=body(put("artifactType", "container_image", rows="artifacts"))),
    fault("artifact-type-null", "S2", "the type of an artifact is null",
          answered=body(put("artifactType", None, rows="artifacts"))),
    fault("artifact-type-failed", "S2", "an artifact that failed is of type UNKNOWN",
          answered=body(put("artifactType", "UNKNOWN", when="FAILED", rows="artifacts"))),
    fault("visibility-inherit", "P6", "initiate answers the visibility INHERIT",
          answered=body(lambda told: told.update(visibility="INHERIT"), "initiate")),
    fault("visibility-lower-case", "P6", "initiate answers the visibility in lower case",
          answered=body(lambda told: told.update(visibility="private"), "initiate")),
]  # fmt: skip
