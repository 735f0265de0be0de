"""An example of a violation of each rule, and what would be right.

Bodies of one response show the keys that matter; a sequence has ``→`` before each response.
"""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """What violates a rule, and what would be right instead."""

    wrong: str
    right: str


EXAMPLES: dict[str, Example] = {
    name: Example(*both)
    for name, both in {
        "P1": ("initiate → 200", "initiate → 201"),
        "P2": ("status without a token → 403", "status without a token → 401"),
        "P3": ('start with {"context_uploaded": 5} → 200',
               'start with {"context_uploaded": 5} → 422'),
        "P4": ("status of no-such-build → 200", "status of no-such-build → 404"),
        "P5": ("status of build/%00 → 500", "status of build/%00 → 404"),
        "P6": ('{"id": 7}', '{"id": "bld_7"}'),
        "P7": ("start with {} → 200 PENDING, with true → 200 BUILDING", "both → 200 BUILDING"),
        "P8": ('{"errorMessage": NaN}', '{"errorMessage": null}'),
        "P9": ("PUT build/bld_7 → 200", "PUT build/bld_7 → 405"),
        "P10": ('initiate → {"expires_in": -5}', 'initiate → {"expires_in": 3600}'),
        "P11": ("PUT upload_url → 403", "PUT upload_url → 200"),
        "P12": ("401", "401 with WWW-Authenticate: Bearer"),
        "P13": ("405", "405 with Allow: GET"),
        "P14": ("429 with Retry-After: 0.5", "429 with Retry-After: 1"),
        "P15": ("status → 200 with Cache-Control: max-age=60",
                "status → 200 with Cache-Control: no-store"),
        "P16": ('initiate with {"platform": "linux/arm64"} → 422', "→ 201"),
        "S1": ('{"status": "RUNNING"}',
               '{"status": "BUILDING", "startedAt": "2026-11-24T09:00:07Z"}'),
        "S2": ('{"artifacts": [{"id": "a", "status": "QUEUED", '
               '"createdAt": "2026-11-24T09:00:01Z"}]}',
               '{"artifacts": [{"id": "a", "status": "PENDING", '
               '"createdAt": "2026-11-24T09:00:01Z"}]}'),
        "S3": ('{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z", "artifacts": [{"id": "a", '
               '"status": "BUILDING", "createdAt": "2026-11-24T09:00:01Z", '
               '"startedAt": "2026-11-24T09:00:07Z"}]}',
               '{"status": "BUILDING", "startedAt": "2026-11-24T09:00:07Z", '
               '"artifacts": [{"id": "a", "status": "BUILDING", '
               '"createdAt": "2026-11-24T09:00:01Z", "startedAt": "2026-11-24T09:00:07Z"}]}'),
        "S4": ('{"status": "BUILDING", "startedAt": "2026-11-24T09:00:07Z", '
               '"errorMessage": "COPY failed: no such file"}',
               '{"status": "FAILED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z", '
               '"errorMessage": "COPY failed: no such file"}'),
        "S5": ("status → FAILED; 60 s later, status → FAILED, an artifact of it BUILDING",
               "60 s later, status → FAILED, the artifact CANCELLED"),
        "S6": ('{"artifacts": [{"id": "a", "status": "COMPLETED", '
               '"createdAt": "2026-11-24T09:00:01Z", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z"}]}',
               '{"artifacts": [{"id": "a", "status": "COMPLETED", "fullImagePath": "team/web:v1", '
               '"createdAt": "2026-11-24T09:00:01Z", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z"}]}'),
        "S7": ('{"artifacts": [{"id": "a", "status": "PENDING", '
               '"createdAt": "2026-11-24T09:00:01Z"}, {"id": "a", "status": "PENDING", '
               '"createdAt": "2026-11-24T09:00:01Z"}]}',
               '{"artifacts": [{"id": "a", "status": "PENDING", '
               '"createdAt": "2026-11-24T09:00:01Z"}]}'),
        "S8": ("status → CANCELLED, all of its artifacts COMPLETED", "status → COMPLETED"),
        "T1": ('{"createdAt": null}', '{"createdAt": "2026-11-24T09:00:00Z"}'),
        "T2": ('{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "yesterday"}',
               '{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z"}'),
        "T3": ('{"status": "PENDING", "startedAt": "2026-11-24T09:00:07Z"}',
               '{"status": "PENDING", "startedAt": null}'),
        "T4": ('{"status": "BUILDING", "startedAt": null}',
               '{"status": "BUILDING", "startedAt": "2026-11-24T09:00:07Z"}'),
        "T5": ('{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", "completedAt": null}',
               '{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z"}'),
        "T6": ('{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T08:00:09Z"}',
               '{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z"}'),
        "T7": ('{"createdAt": "2026-11-24T09:00:00"}', '{"createdAt": "2026-11-24T09:00:00Z"}'),
        "T8": ("initiate at 09:00:00Z, status → createdAt 04:00:00Z", "createdAt 09:00:00Z"),
        "T9": ('{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:09Z", "artifacts": [{"id": "a", '
               '"status": "COMPLETED", "fullImagePath": "team/web:v1", '
               '"createdAt": "2026-11-24T09:00:07Z", "startedAt": "2026-11-24T09:00:08Z", '
               '"completedAt": "2026-11-24T09:00:30Z"}]}',
               '{"status": "COMPLETED", "startedAt": "2026-11-24T09:00:07Z", '
               '"completedAt": "2026-11-24T09:00:30Z", "artifacts": [{"id": "a", '
               '"status": "COMPLETED", "fullImagePath": "team/web:v1", '
               '"createdAt": "2026-11-24T09:00:07Z", "startedAt": "2026-11-24T09:00:08Z", '
               '"completedAt": "2026-11-24T09:00:30Z"}]}'),
        "T10": ("status at 09:05:00Z → BUILDING; status → completedAt 09:01:00Z",
                "status → completedAt 09:05:20Z"),
        "L1": ("status → BUILDING; status → UPLOADING", "status → BUILDING; status → COMPLETED"),
        "L2": ("status → CANCELLED; status → COMPLETED", "status → CANCELLED; status → CANCELLED"),
        "L3": ("initiate web:v1; status → imageTag v2", "status → imageTag v1"),
        "L4": ("status → startedAt 09:00:07Z; status → startedAt 09:00:12Z",
               "status → startedAt 09:00:07Z, as before"),
        "L5": ("status of bld_7 → id job_1", "status of bld_7 → id bld_7"),
        "L6": ("start → BUILDING; status → PENDING", "start → BUILDING; status → BUILDING"),
        "L7": ("start of a build that is BUILDING → PENDING", "→ BUILDING, or 409"),
        "L8": ("initiate, no upload, start; status → COMPLETED", "start → 409"),
        "L9": ("initiate → bld_7; initiate → bld_7", "initiate → bld_7; initiate → bld_8"),
        "L10": ("initiate → bld_7; status of bld_7 → 404", "status of bld_7 → 200"),
        "L11": ('start with {"context_uploaded": false} → BUILDING', "→ PENDING, or 409"),
        "L12": ("initiate as PRIVATE → visibility PUBLIC", "→ visibility PRIVATE"),
        "L13": ("web:v1 is COMPLETED; initiate web:v1; status of the new build → COMPLETED",
                "status of the new build → PENDING"),
        "L14": ("start; 1800 s later, status → BUILDING", "1800 s later, status → FAILED"),
        "C7": ("PUT upload_url with Authorization: Bearer …", "PUT upload_url without it"),
        "C8": ("initiate, no response; initiate again", "initiate, no response; an error"),
        "C9": ("status each second", "status each 10 s"),
        "C10": ("status → CANCELLED; status, status, status", "status → CANCELLED"),
    }.items()
}  # fmt: skip
"""By the id of the rule."""
