"""The payload corpus, read."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..contract import documents

# The operation of a file that names none.
STATUS = "get_build_status"
VERDICTS = ("accept", "refuse")


@dataclass(frozen=True)
class Payload:
    """One body of a success, with the verdict on it.

    Attributes:
        title: What the body shows; unique.
        operation: The operation that it answers.
        content: The bytes.
        media_type: The content type; empty for none.
        is_refused: Whether the schema, the rules of level MUST and every client refuse it.
        rule: The rule that it breaks, or None.
        at: The JSON path of the fault, or None.

    """

    title: str
    operation: str
    content: bytes
    media_type: str
    is_refused: bool
    rule: str | None
    at: str | None


@cache
def load() -> tuple[Payload, ...]:
    """Return all payloads, in the order of their files.

    Raises ValueError for an entry that does not follow the README of the corpus.
    """
    found: list[Payload] = []
    for path in sorted(Path(__file__).parent.glob("*.yaml")):
        document = documents.load(path)
        for entry in document["payloads"]:
            found.append(_payload(entry, document))
    titles = [payload.title for payload in found]
    if twice := {title for title in titles if titles.count(title) > 1}:
        raise ValueError(f"titles that occur twice: {twice}")
    return tuple(found)


def _payload(entry: dict[str, object], document: dict[str, object]) -> Payload:
    known = {"title", "verdict", "why", "rule", "at", "body", "raw", "base64", "media_type"}
    title = entry.get("title")
    if not isinstance(title, str) or entry.get("verdict") not in VERDICTS or set(entry) - known:
        raise ValueError(f"not an entry of the corpus: {entry}")
    if sum(key in entry for key in ("body", "raw", "base64")) != 1:
        raise ValueError(f"{title}: give one of body, raw and base64")
    return Payload(
        title=title,
        operation=str(document.get("operation", STATUS)),
        content=_content(entry, document),
        media_type=str(entry.get("media_type", "application/json")),
        is_refused=entry["verdict"] == "refuse",
        rule=str(entry["rule"]) if "rule" in entry else None,
        at=str(entry["at"]) if "at" in entry else None,
    )


def _content(entry: dict[str, object], document: dict[str, object]) -> bytes:
    if "raw" in entry:
        return str(entry["raw"]).encode()
    if "base64" in entry:
        return base64.b64decode(str(entry["base64"]), validate=True)
    base, given = document["base"], entry["body"]
    if not isinstance(base, dict) or not isinstance(given, dict):
        raise ValueError(f"{entry['title']}: base and body must be objects")
    body = {key: value for key, value in {**base, **given}.items() if value != "absent"}
    return json.dumps(body).encode()
