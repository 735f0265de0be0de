"""What differs between two OpenAPI documents: what changed, where, and who is affected."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...contract import pointers
from ...escape import line
from ...openapi_diff import Breaks, Difference, Direction, Document
from ...openapi_diff.accepted import Accepted
from ..comparison import Compared
from .body import MOST_PARSED, Line

MOST, MOST_WHOLE = 1_000, 300
"""Differences that are shown, and how many of them with lines of the documents."""

MOST_LINES, MOST_TEXT = 60, 300
"""Lines of the documents that are shown of a difference, and characters of a line."""

ACCEPTED = "accepted"
_ANNOTATIONS = ("description", "title", "summary", "example", "examples", "deprecated")
_NAMES = ("properties", "patternProperties", "$defs", "headers", "responses", "content")

_AFFECTED = {
    (Breaks.CLIENTS, Direction.RESPONSE): "clients that read it: the server may return what they "
    "cannot read, or leave out what they need",
    (Breaks.CLIENTS, Direction.REQUEST): "clients that send it: the server may refuse what was "
    "valid, or ignore it",
    (Breaks.SERVERS, Direction.RESPONSE): "servers that return it: what they return may no longer "
    "be valid",
    (Breaks.SERVERS, Direction.REQUEST): "servers that receive it: clients may send what they do "
    "not know",
}
_OF_A_DEFAULT = {
    Breaks.CLIENTS: "clients that leave it out, or find it left out: it means another value",
    Breaks.SERVERS: "servers that find it left out, or leave it out: it means another value",
}
_WHO = {Breaks.BOTH: (Breaks.CLIENTS, Breaks.SERVERS), Breaks.NOBODY: ()}


@dataclass(frozen=True)
class Shown:
    """One difference. Texts are escaped for one line.

    Attributes:
        outcome: Whom it breaks, or that it is accepted.
        places: Each place that it applies to.
        affected: Who is affected, and how; empty for nobody.
        accepted: Why it is accepted, and until when, or an empty text.
        pointers: The JSON pointers in the base and in the revision.
        lines: The lines of the documents that differ, each with ``-``, ``+`` or a blank before it.

    """

    kind: str
    outcome: str
    places: list[str]
    base: str
    revision: str
    affected: list[str]
    accepted: str
    pointers: tuple[str, str]
    lines: list[Line]


def differences(compared: Compared | None) -> list[Shown]:
    """Return the differences, those that break somebody first, then the accepted ones."""
    if compared is None:
        return []
    every: list[tuple[Difference, Accepted | None]] = [(one, None) for one in compared.found]
    return [
        _shown(compared, one, entry, is_whole=number < MOST_WHOLE)
        for number, (one, entry) in enumerate(islice([*every, *compared.taken], MOST))
    ]


def _shown(compared: Compared, one: Difference, entry: Accepted | None, *, is_whole: bool) -> Shown:
    lines = islice(_lines(compared, one), MOST_LINES + 1) if is_whole else ()
    shown = [Line(_cut(text), is_marked=text[0] in "-+") for text in lines]
    return Shown(
        one.kind,
        ACCEPTED if entry else str(one.breaks),
        [_cut(place) for place in one.places],
        line(one.base),
        line(one.revision),
        _affected(one),
        line(f"until {entry.expires}: {entry.reason}") if entry else "",
        (_cut(f"#{one.base_at}"), _cut(f"#{one.revision_at}")),
        [*shown[:MOST_LINES], Line("…")] if len(shown) > MOST_LINES else shown,
    )


def _affected(one: Difference) -> list[str]:
    every = _WHO.get(one.breaks, (one.breaks,))
    if one.kind.startswith("default-"):
        return [_OF_A_DEFAULT[who] for who in every]
    return [_AFFECTED[who, way] for way in one.directions for who in every]


def _lines(compared: Compared, one: Difference) -> Iterator[str]:
    """Yield what the two documents have there, line by line, without what is not compared."""
    base, revision = (
        _written(document, one.kind, at)
        for document, at in (
            (compared.base, one.base_at), (compared.revision, one.revision_at)
        )
    )  # fmt: skip
    are_alike = pointers.keys(one.base_at)[-1:] == pointers.keys(one.revision_at)[-1:]
    if one.kind.endswith("-removed") and not are_alike:  # the other points to what lacks it
        yield from (f"-{text}" for text in base)
    elif one.kind.endswith("-added") and not are_alike:
        yield from (f"+{text}" for text in revision)
    else:
        yield from islice(difflib.unified_diff(base, revision, lineterm="", n=3), 3, None)


def _written(document: Document, kind: str, pointer: str) -> list[str]:
    try:
        value = _part(document, kind, pointer)
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (LookupError, TypeError, ValueError, RecursionError):
        return []
    return text.split("\n") if len(text) <= MOST_PARSED else []


def _part(document: Document, kind: str, pointer: str) -> Any:
    """Return what a difference is about: a field is required by the list of its object."""
    keys = pointers.keys(pointer)
    if kind.endswith(("-required", "-optional")) and keys[-2:-1] == ["properties"]:
        owner = pointers.find(document.root, pointer.rsplit("/", 2)[0])
        return {"required": owner.get("required", [])}
    found = pointers.find(document.root, pointer)
    if kind == "deprecated":
        return {"deprecated": found.get("deprecated", False)}
    return _compared(found)


def _compared(value: Any, *, are_names: bool = False) -> Any:
    """Return a part of a document without descriptions, examples and extensions."""
    if isinstance(value, list):
        return [_compared(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _compared(one, are_names=key in _NAMES)
        for key, one in value.items()
        if are_names or not (key in _ANNOTATIONS or str(key).startswith("x-"))
    }


def _cut(text: str) -> str:
    return line(text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…")
