"""Recordings for tests: sample files in the shape of each tool, and entries made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ...drivers.har.replay import Replayed, replay
from ...rules import RULES
from .judging import judge_tape

SAMPLES = Path(__file__).parent / "har"
TOKEN = "pit_4f9a7c2e81"  # noqa: S105 (it stands in the samples)
API = "https://api.builds.example/api/v1/images/build"
NO_ANSWER = "no server responded"
FROM_CACHE = "it came from a cache"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

Entry = dict[str, Any]
Replay = Callable[..., Replayed]


def status_body(status: str, **more: Any) -> dict[str, Any]:
    """Return a valid body of status for a build that is an hour old, changed by ``more``."""
    body = {
        "id": "bld_1",
        "imageName": "web",
        "imageTag": "v1",
        "createdAt": "2026-05-04T11:00:00Z",
    }
    if status not in ("PENDING", "UPLOADING"):
        body["startedAt"] = "2026-05-04T11:00:01Z"
    if status in ("COMPLETED", "FAILED", "CANCELLED"):
        body["completedAt"] = "2026-05-04T11:00:02Z"
    return {**body, "status": status, **more}


def entry(
    method: str = "GET",
    url: str = f"{API}/bld_1",
    status: int = 200,
    body: Any = None,
    *,
    sent: Any = None,
    token: str | None = TOKEN,
    at: float = 0,
    took: float = 0.01,
) -> Entry:
    """Return a complete entry; times are in seconds after noon."""
    headers = [{"name": "Authorization", "value": f"Bearer {token}"}] if token else []
    headers.append({"name": "Accept", "value": "application/json"})
    request: Entry = {"method": method, "url": url, "headers": headers, "bodySize": 0}
    if sent is not None:
        headers.append({"name": "Content-Type", "value": "application/json"})
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(sent)}
    text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
    answered = [{"name": "Content-Type", "value": "application/json"}]
    content = {"size": len(text), "mimeType": "application/json", "text": text}
    return {
        "startedDateTime": (NOON + timedelta(seconds=at)).isoformat(),
        "time": took * 1000,
        "request": request,
        "response": {"status": status, "headers": answered, "content": content},
    }


def status(word: str = "BUILDING", at: float = 0, **more: Any) -> Entry:
    """Return an entry of a successful status."""
    return entry(body=status_body(word), at=at, **more)


def start(word: str = "BUILDING", at: float = 0, **more: Any) -> Entry:
    """Return an entry of a successful start."""
    return entry("POST", f"{API}/bld_1/start", body=status_body(word), sent={}, at=at, **more)


def written(path: Path, entries: list[Any]) -> Path:
    """Write a HAR file."""
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), encoding="utf-8")
    return path


def replayer(folder: Path) -> Replay:
    """Return a function that replays entries."""

    def replayed(*entries: Any) -> Replayed:
        return replay(written(folder / "some.har", list(entries)))

    return replayed


def violated(made: Replayed) -> set[str]:
    """Return the ids of the rules that are violated."""
    verdicts = judge_tape(made.tape, RULES.values())
    return {one for one, verdict in verdicts.items() if verdict.outcome == "violated"}


def observed(made: Replayed, rule: str) -> int:
    """Return on how many exchanges a rule was observed."""
    return judge_tape(made.tape, [RULES[rule]])[rule].observed
