"""Edits of responses, from which faults are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from .base import Body, ServerRequest, ServerResponse

Change = Callable[[ServerRequest, ServerResponse], None]
Edit = Callable[[Body], None]
EditOfMany = Callable[[Body, Body], None]


def body(edit: Edit, operations: str = "start status") -> Change:
    """Edit the JSON of each success of some operations."""
    return history(lambda value, _: edit(value), operations)


def history(edit: EditOfMany, operations: str = "start status") -> Change:
    """Edit the same, with the state that the fault keeps for the build."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation in operations.split() and response.is_success:
            value = json.loads(response.content)
            edit(value, request.seen)
            response.content = json.dumps(value).encode()

    return change


def whole(make: Callable[[Any], Any], operations: str) -> Change:
    """Replace the JSON value of each success of some operations."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation in operations.split() and response.is_success:
            response.content = json.dumps(make(json.loads(response.content))).encode()

    return change


def rows_of(group: Body, rows: str) -> list[Body]:
    """Return the group itself, its artifacts, or all of them."""
    artifacts: list[Body] = group["artifacts"]
    return {"group": [group], "artifacts": artifacts, "all": [group, *artifacts]}[rows]


def put(key: str, value: Any, *, when: str = "", rows: str = "group") -> Edit:
    """Put a value into the group or its artifacts, where their status is one of ``when``."""

    def edit(group: Body) -> None:
        for row in rows_of(group, rows):
            if not when or row["status"] in when.split():
                row[key] = value(row) if callable(value) else value

    return edit


def drop(key: str, *, when: str = "", rows: str = "group") -> Edit:
    """Leave a key out."""

    def edit(group: Body) -> None:
        for row in rows_of(group, rows):
            if not when or row["status"] in when.split():
                row.pop(key)

    return edit


def with_status(status: str, rows: str = "all") -> Edit:
    """Set another status, and the instants and the error that agree with it."""

    def edit(group: Body) -> None:
        for row in rows_of(group, rows):
            row["status"] = status
            waits = status in ("PENDING", "UPLOADING")
            # An artifact may begin later than the group.
            row["startedAt"] = None if waits else row["startedAt"] or group["startedAt"]
            is_done = status in ("COMPLETED", "FAILED", "CANCELLED")
            row["completedAt"] = (row["completedAt"] or row["startedAt"]) if is_done else None
        for row in group["artifacts"] if rows == "all" else []:
            row["errorMessage"] = "the command failed" if status == "FAILED" else None
            is_image = row["artifactType"] == "CONTAINER_IMAGE" and status == "COMPLETED"
            row["fullImagePath"] = "registry.example/reference/web" if is_image else None

    return edit


def both(*edits: Edit) -> Edit:
    """Make one edit after the other."""

    def edit(value: Body) -> None:
        for one in edits:
            one(value)

    return edit


def rename(names: dict[str, str]) -> Edit:
    """Give keys other names."""

    def edit(value: Body) -> None:
        for old, new in names.items():
            value[new] = value.pop(old)

    return edit


def count(seen: Body, what: str) -> int:
    """Count an event of a build; return the count."""
    seen[what] = seen.get(what, 0) + 1
    return int(seen[what])


def later(instant: str | None, **by: float) -> str | None:
    """Move an instant; None stays None."""
    if instant is None:
        return None
    moved = datetime.fromisoformat(instant) + timedelta(**by)
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
