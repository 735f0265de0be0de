"""The body of a message in lines, the fields that break a rule marked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...escape import line, lines
from ..text import Hide, hidden

MOST_PARSED = 64 * 1024
"""Characters of a body that is shown as JSON in lines; of a longer one, both ends are shown."""

MOST_LINES, MOST_TEXT = 600, 2_000
"""Lines of a body, and characters of a line, that are shown."""

_PARENT = re.compile(r"(\.[^.\[]*|\[\d+\])$")


@dataclass(frozen=True)
class Line:
    """One line of a body.

    Attributes:
        text: The line, escaped.
        path: The JSON path of the value that begins there, or an empty text.
        is_marked: Whether a rule is broken there.

    """

    text: str
    path: str = ""
    is_marked: bool = False


def body(content: str, hide: Hide, marks: Collection[str] = ()) -> list[Line]:
    """Return a body in lines, without secrets. ``marks`` are JSON paths, with indexes."""
    if not content:
        return []
    text = hidden(content, hide) if len(content) > MOST_PARSED else hide(content)
    try:
        found = [*_json(_read(text), "$", "", "")]
    except (ValueError, RecursionError):
        found = [Line(cut(one)) for one in lines(text).split("\n")]
    marked = {_nearest(mark, {one.path for one in found}) for mark in marks} - {""}
    return [*_elided([replace(one, is_marked=one.path in marked) for one in found])]


def excerpt(all_lines: list[Line], around: int = 2) -> list[Line]:
    """Return the marked lines, and some around them; the first ones where none is marked."""
    marked = [number for number, one in enumerate(all_lines) if one.is_marked]
    kept = {0, len(all_lines) - 1} | {
        near for number in marked for near in range(number - around, number + around + 1)
    }
    return _gaps(all_lines, kept if marked else set(range(8)))


def _elided(all_lines: list[Line]) -> list[Line]:
    """Leave out lines of a long body: those far from the beginning and from each mark."""
    if len(all_lines) <= MOST_LINES:
        return all_lines
    marked = [number for number, one in enumerate(all_lines) if one.is_marked][:20]
    kept = {near for number in marked for near in range(number - 5, number + 6)}
    return _gaps(all_lines, kept | set(range(MOST_LINES // 2)) | {len(all_lines) - 1})


def _gaps(all_lines: list[Line], kept: set[int]) -> list[Line]:
    found: list[Line] = []
    last = -1
    for number in sorted(one for one in kept if 0 <= one < len(all_lines)):
        if number > last + 1:
            found.append(Line("…"))
        found.append(all_lines[number])
        last = number
    return found


def _nearest(mark: str, paths: Collection[str]) -> str:
    """Return a path, or that of the nearest value around it where the body lacks it."""
    while mark and mark not in paths:
        mark = _PARENT.sub("", mark) if _PARENT.search(mark) else ""
    return mark


class _Members(list[tuple[str, Any]]):
    """The members of an object: a key that stands twice is shown twice."""


class _Number(str):
    """A number as it was sent."""

    __slots__ = ()


def _read(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=_Members, parse_float=_Number, parse_int=_Number,
        parse_constant=_Number,
    )  # fmt: skip


def _json(value: Any, path: str, before: str, after: str, depth: int = 0) -> Iterator[Line]:
    indent = "  " * depth
    if not isinstance(value, list) or not value:
        yield Line(f"{indent}{before}{cut(line(_scalar(value)))}{after}", path)
        return
    if isinstance(value, _Members):
        first, last = "{", "}"
        members = [(f"{line(_scalar(key))}: ", f".{key}", one) for key, one in value]
    else:
        first, last = "[", "]"
        members = [("", f"[{index}]", one) for index, one in enumerate(value)]
    yield Line(f"{indent}{before}{first}", path)
    for number, (name, step, one) in enumerate(members, start=1):
        comma = "," if number < len(members) else ""
        yield from _json(one, path + step, cut(name), comma, depth + 1)
    yield Line(f"{indent}{last}{after}")


def _scalar(value: Any) -> str:
    if isinstance(value, _Number):
        return value
    if isinstance(value, _Members):
        return "{}"
    return json.dumps(value, ensure_ascii=False)


def cut(text: str) -> str:
    """Return a line of a body or a header; of a long one, both ends."""
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT // 2]}…{text[-100:]}"
