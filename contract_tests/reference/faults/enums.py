"""Faults of enumerations: an undocumented status, type or visibility."""

from __future__ import annotations

from .base import Body, fault
from .edits import body, put

_STATUSES = ["PENDING", "UPLOADING", "BUILDING", "COMPLETED", "FAILED", "CANCELLED"]


def _lower(row: Body) -> str:
    return str(row["status"]).lower()


def _number(row: Body) -> int:
    return _STATUSES.index(row["status"])


FAULTS = [
    fault("status-running", "S1", "RUNNING is returned for BUILDING",
          response=body(put("status", "RUNNING", when="BUILDING"))),
    fault("status-lower-case", "S1", "statuses are in lower case",
          response=body(put("status", _lower))),
    fault("status-success", "S1", "SUCCESS is returned for COMPLETED",
          response=body(put("status", "SUCCESS", when="COMPLETED"))),
    fault("status-canceled", "S1", "CANCELED, with one L, is returned for FAILED",
          response=body(put("status", "CANCELED", when="FAILED"))),
    fault("status-error", "S1", "ERROR is returned for FAILED",
          response=body(put("status", "ERROR", when="FAILED"))),
    fault("status-queued", "S1", "QUEUED is returned for PENDING",
          response=body(put("status", "QUEUED", when="PENDING"))),
    fault("status-uploaded", "S1", "UPLOADED is returned for UPLOADING",
          response=body(put("status", "UPLOADED", when="UPLOADING"))),
    fault("status-blank", "S1", "COMPLETED is followed by a space",
          response=body(put("status", "COMPLETED ", when="COMPLETED"))),
    fault("status-empty", "S1", "the status of a waiting build is empty",
          response=body(put("status", "", when="PENDING UPLOADING"))),
    fault("status-null", "S1", "the status of a waiting build is null",
          response=body(put("status", None, when="PENDING UPLOADING"))),
    fault("status-number", "S1", "a status is its index",
          response=body(put("status", _number))),
    fault("start-started", "S1", "start alone returns STARTED",
          response=body(put("status", "STARTED", when="BUILDING"), "start")),
    fault("artifact-queued", "S2", "an artifact is QUEUED",
          response=body(put("status", "QUEUED", when="BUILDING", rows="artifacts"))),
    fault("artifact-lower-case", "S2", "an artifact is building, in lower case",
          response=body(put("status", _lower, when="BUILDING", rows="artifacts"))),
    fault("artifact-success", "S2", "an artifact of a COMPLETED group is SUCCESS",
          response=body(put("status", "SUCCESS", when="COMPLETED", rows="artifacts"))),
    fault("artifact-status-null", "S2", "the status of a BUILDING artifact is null",
          response=body(put("status", None, when="BUILDING", rows="artifacts"))),
    fault("artifact-status-number", "S2", "the status of a BUILDING artifact is a number",
          response=body(put("status", _number, when="BUILDING", rows="artifacts"))),
    fault("artifact-type-oci", "S2", "an artifact is an OCI_IMAGE",
          response=body(put("artifactType", "OCI_IMAGE", rows="artifacts"))),
    fault("artifact-type-lower-case", "S2", "an artifact is a container_image",
          response=body(put("artifactType", "container_image", rows="artifacts"))),
    fault("artifact-type-null", "S2", "the type of an artifact is null",
          response=body(put("artifactType", None, rows="artifacts"))),
    fault("artifact-type-failed", "S2", "an artifact that failed is of type UNKNOWN",
          response=body(put("artifactType", "UNKNOWN", when="FAILED", rows="artifacts"))),
    fault("visibility-inherit", "P6", "initiate returns the visibility INHERIT",
          response=body(lambda issued: issued.update(visibility="INHERIT"), "initiate")),
    fault("visibility-lower-case", "P6", "initiate returns the visibility in lower case",
          response=body(lambda issued: issued.update(visibility="private"), "initiate")),
]  # fmt: skip
