"""Compares what a command printed with what a document shows."""

from __future__ import annotations

import re

ANY = "…"


def fits(printed: str, shown: str) -> bool:
    """Return whether an output is the one shown.

    A line … stands for any number of lines, … within a line for any text.
    """
    lines = [one.rstrip() for one in printed.strip().splitlines()]
    parts: list[list[str]] = [[]]
    for line in shown.strip().splitlines():
        if line.strip() == ANY:
            parts.append([])
        else:
            parts[-1].append(line.rstrip())
    if len(parts) == 1:
        return len(lines) == len(parts[0]) and _at(lines, parts[0], 0)
    first, *middle, last = parts
    if len(first) + len(last) > len(lines) or not _at(lines, first, 0):
        return False
    end, position = len(lines) - len(last), len(first)
    for part in middle:
        found = range(position, end - len(part) + 1)
        start = next((one for one in found if _at(lines, part, one)), None)
        if start is None:
            return False
        position = start + len(part)
    return position <= end and _at(lines, last, end)


def _at(lines: list[str], part: list[str], position: int) -> bool:
    """Return whether the lines of a part stand at a position."""
    there = lines[position : position + len(part)]
    return len(there) == len(part) and all(map(_is_shown, there, part))


def _is_shown(line: str, shown: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, shown.split(ANY))), line) is not None
