"""The payload corpus, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..rules import RULES, Level


@dataclass(frozen=True)
class Payload:
    """One body, and what is wrong with it."""

    title: str
    body: dict[str, Any]
    rule: str | None = None
    at: str | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the schema and every client refuse it."""
        return self.rule is not None and RULES[self.rule].level is Level.MUST


def load() -> list[Payload]:
    """Return all payloads, in the order of their files."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for entry in document["payloads"]:
            body = {**document["base"], **entry.pop("body")}
            body = {key: value for key, value in body.items() if value != "absent"}
            found.append(Payload(**entry, body=body))
    return found
