"""Judging takes linear time, whatever the traffic: counted in calls, not in seconds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ...drivers.har.replay import UNTIMED
from ...rules import RULES
from ...tape.tape import Tape
from ...verdicts.judge import Judge

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOST = "https://api.images.test/api/v1/images"
TOKEN, JSON = {"authorization": "Bearer t"}, {"content-type": "application/json"}
DELETED = (200, JSON, b'{"success": true, "message": ""}')
FEW, MANY = 25, 150
MOST_GROWTH = 1.4
"""What one of many exchanges may cost, against one of few; a search may take logarithmic time."""

Sent = dict[str, Any]


def sent(method: str, path: str, body: bytes = b"", token: dict[str, str] = TOKEN) -> Any:
    """Return a request."""
    return (method, f"{HOST}{path}", {**token, **JSON}, body)


def group(build: str, status: str = "BUILDING") -> Any:
    """Return a response of status."""
    shown = {"id": build, "imageName": "web", "imageTag": "v1", "status": status}
    times = {"createdAt": "2026-05-04T11:00:00Z", "startedAt": "2026-05-04T11:00:01Z"}
    return (200, JSON, json.dumps({**shown, **times}).encode())


def issue(index: int, build: str) -> Sent:
    """Initiate a build."""
    body = {"build_id": build, "upload_url": f"{HOST}/{index}", "expires_in": 9}
    request = sent("POST", "/build", b'{"image_name": "web", "image_tag": "v1"}')
    return {"request": request, "response": (201, JSON, json.dumps(body).encode())}


def poll(build: str = "b", status: str = "BUILDING") -> Sent:
    """Request a status."""
    return {"request": sent("GET", f"/build/{build}"), "response": group(build, status)}


def start(build: str = "b", body: bytes = b"{}") -> Sent:
    """Start a build."""
    return {"request": sent("POST", f"/build/{build}/start", body), "response": group(build)}


def delete(response: Any, token: dict[str, str] = TOKEN) -> Sent:
    """Delete the image of all builds."""
    return {"request": sent("DELETE", "/web/v1", token=token), "response": response}


def one_of_many(index: int) -> Sent:
    """Initiate, upload, start or poll one of many builds."""
    build = f"b{index // 4}"
    upload = ("PUT", f"{HOST}/{index - 1}", {"content-type": "application/octet-stream"}, b"")
    return [
        issue(index, build),
        {"request": upload, "response": (200, {}, b"")},
        start(build, (b"{}", b'{"context_uploaded": true}')[index // 4 % 2]),
        poll(build),
    ][index % 4]


def deleted(index: int) -> Sent:
    """Initiate, start, and delete, which fails at times."""
    failed: Any = (503, {}, b"")
    steps = [issue(index, f"b{index // 4}"), start(f"b{index // 4}"), poll(f"b{index // 4}")]
    return [*steps, delete((failed, DELETED)[index // 4 % 2])][index % 4]


def refused(index: int) -> Sent:
    """Poll a build, and try to delete it without a token."""
    return [poll(), delete((401, {}, b""), token={})][index % 2]


def overlapping(make: Callable[[int], Sent]) -> Callable[[int], Sent]:
    """Let every exchange begin at noon."""
    return lambda index: {**make(index), "at": (NOON, NOON + timedelta(seconds=index + 1))}


def untimed(make: Callable[[int], Sent]) -> Callable[[int], Sent]:
    """Let every exchange overlap with every other."""
    return lambda index: {**make(index), "at": UNTIMED}


STORIES: dict[str, Callable[[int], Sent]] = {
    "polls": lambda _: poll(),
    "polls that find nothing": lambda _: {**poll(), "response": (404, JSON, b"{}")},
    "polls of an unknown status": lambda _: poll(status="NONE"),
    "starts": lambda _: start(),
    "starts without a token": lambda _: {
        "request": sent("POST", "/build/b/start", b"{}", token={}), "response": (401, {}, b""),
    },
    "invalid starts": lambda _: {**start(body=b"[]"), "response": (422, JSON, b'{"errors": []}')},
    "unknown methods": lambda _: {"request": sent("PATCH", "/build/b"), "response": (405, {}, b"")},
    "one id for all builds": lambda index: issue(index, "b"),
    "builds": lambda index: issue(index, f"b{index}"),
    "lives of builds": one_of_many,
    "builds that are deleted": deleted,
    "deletes that are refused": refused,
}  # fmt: skip
CHANGES = {"": lambda make: make, ", overlapping": overlapping, ", untimed": untimed}
CASES = {
    f"{name}{when}": change(make)
    for when, change in CHANGES.items()
    for name, make in STORIES.items()
}


def calls(make: Callable[[int], Sent], exchanges: int) -> int:
    """Return how many functions are called to judge some exchanges."""
    tape, judge, called = Tape("t"), Judge(RULES.values()), count()
    tape.subscribe(judge.see)
    records = []
    for index in range(exchanges):
        began = NOON + timedelta(seconds=index)
        records.append({"at": (began, began), **make(index)})
    sys.setprofile(lambda _, event, __: next(called) if event == "call" else None)
    try:
        for record in records:
            tape.record(driver="test", intent="", **record)
    finally:
        sys.setprofile(None)
    return next(called)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_judging_takes_linear_time(name: str) -> None:
    """An exchange costs no more where there are six times as many."""
    calls(CASES[name], 8)  # what is cached after that counts for neither
    few, many = calls(CASES[name], FEW), calls(CASES[name], MANY)

    assert many / MANY <= few / FEW * MOST_GROWTH
