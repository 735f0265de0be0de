"""Traffic written by hand, exchange by exchange, and checked against all rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ...rules import RULES, Broken, Rule
from ...tape.tape import Tape

TOKEN = "the-valid-token"  # noqa: S105
EPOCH = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)
BUILD = "https://images.test/api/v1/images/build"
JSON = {"content-type": "application/json"}
RETURNED = JSON | {"www-authenticate": "Bearer", "allow": "GET, POST"}


@dataclass
class Story:
    """Traffic written exchange by exchange, a second apart, checked against all rules."""

    tape: Tape = field(default_factory=lambda: Tape(TOKEN))
    broken: list[str] = field(default_factory=list)
    found: list[tuple[str, str]] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    now: float = 0.0
    rules: Mapping[str, Rule[Any]] = field(default_factory=lambda: RULES)

    def send(
        self,
        method: str,
        url: str,
        status: int,
        answer: Any = None,
        *,
        body: Any = None,
        token: str | None = TOKEN,
        seconds: tuple[float, float] | None = None,
        headers: Mapping[str, str] = JSON,
        content: bytes = b"",
        received: bytes | None = None,
        response_headers: Mapping[str, str] = RETURNED,
        **more: Any,
    ) -> None:
        """Record one exchange, and check it against all rules."""
        began, ended = seconds or (self.now, self.now + 0.5)
        self.now = max(self.now, ended) + 0.5
        raw = b"" if answer is None else json.dumps(answer).encode()
        sent = {**headers, **({"authorization": f"Bearer {token}"} if token else {})}
        history = self.tape.record(
            driver="story",
            intent="test",
            request=(method, url, sent, content if body is None else json.dumps(body).encode()),
            response=(status, response_headers, raw if received is None else received),
            at=(EPOCH + timedelta(seconds=began), EPOCH + timedelta(seconds=ended)),
            **more,
        )
        for rule in self.rules.values():
            judged = rule.apply(rule.over(history))
            broken = [(rule.id, one.at) for one in judged if isinstance(one, Broken)]
            self.found += broken
            self.broken += [rule.id] if broken else []
            self.held |= {rule.id} if judged and not broken else set()

    def places(self, rule: str) -> list[str]:
        """Return the fields at which a rule is broken, in order."""
        return [at for one, at in self.found if one == rule]

    def initiate(self, build_id: str, **body: Any) -> None:
        """Issue a build."""
        answer = {
            "build_id": build_id, "upload_url": f"https://up.test/{build_id}?s=1",
            "expires_in": 60, "fullImagePath": "x/y:z", "visibility": "PRIVATE",
        }  # fmt: skip
        sent = {"image_name": "web", "image_tag": "v1", **body}
        self.send("POST", BUILD, 201, answer, body=sent)

    def upload(self, build_id: str) -> None:
        """Upload its context."""
        self.send("PUT", f"https://up.test/{build_id}?s=1", 204, token=None, headers={})

    def start(
        self, build_id: str, returned: Any, body: Any = None, status: int = 200, **m: Any
    ) -> None:
        """Start it; ``returned`` is a status or a body."""
        sent = {"context_uploaded": True} if body is None else body
        answer = row(build_id, returned) if isinstance(returned, str) else returned
        self.send("POST", f"{BUILD}/{build_id}/start", status, answer, body=sent, **m)

    def look(self, build_id: str, returned: Any, status: int = 200, **more: Any) -> None:
        """Request its status."""
        answer = row(build_id, returned) if isinstance(returned, str) else returned
        self.send("GET", f"{BUILD}/{build_id}", status, answer, **more)


def row(build_id: str, status: str, **more: Any) -> dict[str, Any]:
    """Return a valid body for a build of a status."""
    body: dict[str, Any] = {
        "id": build_id, "imageName": "web", "imageTag": "v1", "status": status,
        "createdAt": "2026-11-24T09:00:00Z",
    }  # fmt: skip
    if status not in ("PENDING", "UPLOADING"):
        body["startedAt"] = "2026-11-24T09:00:03Z"
    if status in ("COMPLETED", "FAILED", "CANCELLED"):
        body["completedAt"] = "2026-11-24T09:00:05Z"
    return {**body, **more}


def artifact(status: str, name: str = "a", **more: Any) -> dict[str, Any]:
    """Return a valid artifact of a status; a COMPLETED one has an image path."""
    made = row(name, status)
    del made["imageName"], made["imageTag"]
    path = {"fullImagePath": "r/web:v1"} if status == "COMPLETED" else {}
    error = {"errorMessage": "no space"} if status == "FAILED" else {}
    return {**made, **path, **error, **more}
