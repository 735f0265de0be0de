"""Faults of state: responses that may each be valid, and contradict each other."""

from __future__ import annotations

from collections.abc import Callable

from .base import DONE, Body, empty, fault
from .edits import (
    Change,
    Edit,
    EditOfMany,
    body,
    both,
    count,
    drop,
    history,
    later,
    put,
    rows_of,
    with_status,
)


def _is_done(group: Body) -> bool:
    return group["status"] in DONE


def _is(status: str) -> Callable[[Body], bool]:
    return lambda group: bool(group["status"] == status)


def _nth(first: int, last: int, of: Callable[[Body], bool], edit: Edit) -> EditOfMany:
    """Edit some of the responses that fulfil a condition, by their numbers from 1."""

    def nth(group: Body, seen: Body) -> None:
        if of(group) and first <= count(seen, "nth") <= last:
            edit(group)

    return nth


_EVER = 10**9


def _uploading_back(group: Body, seen: Body) -> None:
    if group["status"] == "UPLOADING" and count(seen, "returned") % 2 == 0:
        group["status"] = "PENDING"


def _moves(key: str, rows: str = "group") -> EditOfMany:
    """Move an instant by two milliseconds after it was returned."""

    def edit(group: Body, seen: Body) -> None:
        for row in rows_of(group, rows):
            if row[key] is not None and count(seen, "returned") > 1:
                row[key] = later(row[key], milliseconds=2)

    return edit


def _created_moves(group: Body, seen: Body) -> None:
    group["createdAt"] = later(group["createdAt"], seconds=-count(seen, "returned"))


def _artifacts_created_move(group: Body, seen: Body) -> None:
    for row in group["artifacts"]:
        row["createdAt"] = later(row["createdAt"], milliseconds=count(seen, "returned") * 2)


def _when(status: str, edit: Edit) -> Edit:
    def only(group: Body) -> None:
        if group["status"] == status:
            edit(group)

    return only


def _artifacts_tell(was: str, status: str) -> Edit:
    """Replace a status of artifacts by another, from the first on; the group's stays as it is."""

    def edit(group: Body) -> None:
        rows = [row for row in group["artifacts"] if row["status"] == was]
        with_status(status)({**group, "artifacts": rows})

    return edit


def _one_pending(group: Body) -> None:
    """List a further artifact, which never begins."""
    for row in group["artifacts"][:1]:
        waits = {"status": "PENDING", "startedAt": None, "completedAt": None}
        more = {**row, **waits, "id": f"{row['id']}_more", "artifactType": "VM_SANDBOX"}
        group["artifacts"].append({**more, "errorMessage": None, "fullImagePath": None})


def _one_lingers(status: str) -> Edit:
    """List a further artifact in a group that has failed, which waits or runs for ever."""

    def edit(group: Body) -> None:
        for row in group["artifacts"][:1] if group["status"] == "FAILED" else []:
            started = group["startedAt"] if status == "BUILDING" else None
            more = {**row, "status": status, "startedAt": started, "completedAt": None}
            more |= {"id": f"{row['id']}_more", "errorMessage": None, "fullImagePath": None}
            group["artifacts"].append(more)

    return edit


def _listed_twice(change: Edit) -> Edit:
    """List the first artifact once more, after a change that leaves its id."""

    def edit(group: Body) -> None:
        for row in group["artifacts"][:1]:
            again = {"artifacts": [{**row}]}
            change(again)
            group["artifacts"] += again["artifacts"]

    return edit


def _type_left_out(group: Body) -> None:
    for row in group["artifacts"]:
        row.pop("artifactType")


def _image_path(edit: Callable[[Body], None]) -> Edit:
    """Edit each container image that is COMPLETED."""

    def change(group: Body) -> None:
        for row in group["artifacts"]:
            if row["status"] == "COMPLETED" and row["artifactType"] == "CONTAINER_IMAGE":
                edit(row)

    return change


def _other_type(row: Body) -> str:
    return "VM_SANDBOX" if row["artifactType"] == "CONTAINER_IMAGE" else "CONTAINER_IMAGE"


def _error(message: str | None, when: str) -> Change:
    return body(put("errorMessage", message, when=when, rows="artifacts"))


def _last_letter(row: Body) -> str:
    return str(row["id"])[:-1] + ("0" if row["id"][-1] != "0" else "1")


FAULTS = [
    fault("completed-artifact-building", "S3", "COMPLETED with an artifact that is BUILDING",
          response=body(_artifacts_tell("COMPLETED", "BUILDING"))),
    fault("completed-artifact-failed", "S3", "COMPLETED with an artifact that is FAILED",
          response=body(_artifacts_tell("COMPLETED", "FAILED"))),
    fault("completed-artifact-pending", "S3", "COMPLETED with a further artifact that is PENDING",
          "S5",
          response=body(_one_pending)),
    fault("failed-artifact-completed", "S3", "FAILED with an artifact that is COMPLETED", "S4",
          response=body(_artifacts_tell("FAILED", "COMPLETED"))),
    fault("failed-artifact-building", "S3", "FAILED with an artifact that is BUILDING", "S4 S5",
          response=body(_artifacts_tell("FAILED", "BUILDING"))),
    fault("completed-with-error", "S4", "a COMPLETED artifact has an errorMessage",
          response=_error("no error", "COMPLETED")),
    fault("building-with-error", "S4", "a BUILDING artifact has an errorMessage",
          response=_error("still building", "BUILDING")),
    fault("failed-error-null", "S4", "a FAILED build has errorMessage null",
          response=_error(None, "FAILED")),
    fault("failed-error-left-out", "S4", "a FAILED build leaves errorMessage out",
          response=body(drop("errorMessage", when="FAILED", rows="artifacts"))),
    fault("uploading-back", "L1", "UPLOADING goes back to PENDING, at every second status",
          response=history(_uploading_back)),
    fault("building-back", "L1", "BUILDING goes back to UPLOADING, once", "L4",
          response=history(_nth(3, 3, _is("BUILDING"), with_status("UPLOADING", "group")),
                           "status")),
    fault("building-pending", "L1", "BUILDING goes back to PENDING, without artifacts", "L4",
          response=history(_nth(3, 3, _is("BUILDING"),
                                both(with_status("PENDING", "group"), empty)), "status")),
    fault("failed-then-completed", "L2", "FAILED turns to COMPLETED",
          response=history(_nth(2, _EVER, _is("FAILED"), with_status("COMPLETED")))),
    fault("completed-then-failed", "L2", "COMPLETED turns to FAILED",
          response=history(_nth(2, _EVER, _is("COMPLETED"), with_status("FAILED")))),
    fault("completed-then-cancelled", "L2", "COMPLETED turns to CANCELLED",
          response=history(_nth(2, _EVER, _is("COMPLETED"), with_status("CANCELLED")))),
    fault("completed-back", "L2", "COMPLETED goes back to BUILDING, once", "L4",
          response=history(_nth(2, 2, _is("COMPLETED"), with_status("BUILDING")), "status")),
    fault("created-moves", "L3", "createdAt differs in each response",
          response=history(_created_moves)),
    fault("artifact-created-moves", "L3", "createdAt of an artifact differs in each response",
          response=history(_artifacts_created_move)),
    fault("created-at-start", "L3", "createdAt is startedAt, once there is one",
          response=body(put("createdAt", lambda row: row["startedAt"] or row["createdAt"]))),
    fault("tag-latest", "L3", "imageTag is always latest",
          response=body(put("imageTag", "latest"))),
    fault("tag-changes", "L3", "imageTag gets a suffix with COMPLETED",
          response=body(put("imageTag", lambda row: f"{row['imageTag']}-1", when="COMPLETED"))),
    fault("name-changes", "L3", "imageName gets a prefix once the build is started",
          response=body(put("imageName", lambda row: f"acme/{row['imageName']}",
                            when="BUILDING COMPLETED FAILED"))),
    fault("started-moves", "L4", "startedAt changes after it was returned",
          response=history(_moves("startedAt"))),
    fault("completed-moves", "L4", "completedAt changes after it was returned",
          response=history(_moves("completedAt"))),
    fault("artifact-started-moves", "L4", "startedAt of an artifact changes after it was returned",
          response=history(_moves("startedAt", "artifacts"))),
    fault("started-gone", "L4", "startedAt is gone once the build FAILED",
          response=body(put("startedAt", None, when="FAILED"))),
    fault("completed-gone", "L4", "completedAt is gone after it was returned", "T5",
          response=history(_nth(2, _EVER, _is_done, put("completedAt", None)))),
    fault("artifacts-emptied", "L4", "COMPLETED no longer lists artifacts",
          response=body(_when("COMPLETED", empty))),
    fault("artifacts-emptied-failed", "L4", "FAILED no longer lists artifacts",
          response=body(_when("FAILED", empty))),
    fault("artifact-renamed", "L4", "an artifact has another id once COMPLETED",
          response=body(put("id", lambda row: f"{row['id']}_done", when="COMPLETED",
                            rows="artifacts"))),
    fault("other-id", "L5", "status returns another id",
          response=body(put("id", _last_letter), "status")),
    fault("start-other-id", "L5", "start returns another id",
          response=body(put("id", _last_letter), "start")),
    fault("id-upper-case", "L5", "the id is returned in upper case",
          response=body(put("id", lambda row: row["id"].upper()))),
    fault("id-of-artifact", "L5", "the id returned is that of the artifact",
          response=body(lambda group: group.update(id=[group, *group["artifacts"]][-1]["id"]))),
    fault("failed-but-one-runs", "S5", "an artifact of a FAILED group is BUILDING for ever",
          response=body(_one_lingers("BUILDING"))),
    fault("failed-but-one-waits", "S5", "an artifact of a FAILED group is PENDING for ever",
          response=body(_one_lingers("PENDING"))),
    fault("image-without-path", "S6", "a COMPLETED image has fullImagePath null",
          response=body(_image_path(lambda row: row.update(fullImagePath=None)))),
    fault("image-path-left-out", "S6", "a COMPLETED image leaves fullImagePath out",
          response=body(_image_path(lambda row: row.pop("fullImagePath") and None))),
    fault("image-path-empty", "S6", "the fullImagePath of a COMPLETED image is empty",
          response=body(_image_path(lambda row: row.update(fullImagePath="")))),
    fault("artifact-twice", "S7", "an artifact is listed twice",
          response=body(_listed_twice(lambda _: None))),
    fault("artifact-twice-without-type", "S7", "an image is listed again without its type",
          response=body(_listed_twice(_type_left_out))),
    fault("completed-is-cancelled", "S8", "a build that completes is CANCELLED, its artifacts not",
          response=body(put("status", "CANCELLED", when="COMPLETED"))),
    fault("failed-is-cancelled", "S8", "a build that fails is CANCELLED, its artifacts COMPLETED",
          response=body(both(_artifacts_tell("FAILED", "COMPLETED"),
                             put("status", "CANCELLED", when="FAILED")))),
    fault("artifact-type-changes", "L4", "an artifact has another type once it is COMPLETED", "S6",
          response=body(put("artifactType", _other_type, when="COMPLETED", rows="artifacts"))),
]  # fmt: skip
