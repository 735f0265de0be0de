"""Reads CHANGELOG.md: sections of versions, headings of weights, one entry for each point."""

from __future__ import annotations

import datetime
import re
from typing import NamedTuple

from contract_tests.problems import Problem

from .weight import Version, Weight

HEADINGS = {"Breaking": Weight.MAJOR, "Added": Weight.MINOR, "Fixed": Weight.PATCH}
"""The headings of a section, by what the entries below them weigh."""
UNRELEASED = "Unreleased"
_VERSION_HEAD = re.compile(r"(\S+), (\d{4}-\d\d-\d\d)")


class ChangelogEntry(NamedTuple):
    """One point: where it stands, and what it says.

    Attributes:
        version: The version of its section; None for what is unreleased.
        weight: The weight of its heading.
        text: Its words, on one line.

    """

    version: Version | None
    weight: Weight
    text: str


def read(text: str) -> list[ChangelogEntry]:
    """Return all entries, those of the newest section first.

    Raises ``Problem`` for a heading that is none of the known ones, an entry without one,
    sections that are not in order, and text that belongs to no entry.
    """
    found: list[ChangelogEntry] = []
    versions: list[Version | None] = []
    weight: Weight | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            versions.append(_section(number, line[3:].strip(), versions))
            weight = None
        elif line.startswith("### "):
            weight = HEADINGS.get(line[4:].strip())
            if weight is None or not versions:
                raise _wrong(
                    number, f"{line} is no heading here", f"use one of {', '.join(HEADINGS)}"
                )
        elif line.startswith("- "):
            if weight is None:
                raise _wrong(
                    number, "an entry below no heading", f"put it below ### {' or '.join(HEADINGS)}"
                )
            found.append(ChangelogEntry(versions[-1], weight, line[2:].strip()))
        elif line.startswith("  ") and found and weight is not None:
            found[-1] = found[-1]._replace(text=f"{found[-1].text} {line.strip()}")
        elif line.strip() and line != "# Changelog":
            raise _wrong(number, "text that is no entry", "begin an entry with '- '")
    return found


def _section(number: int, head: str, before: list[Version | None]) -> Version | None:
    if head == UNRELEASED:
        if before:
            raise _wrong(number, f"{UNRELEASED} below a version", "put it on top, once")
        return None
    dated = _VERSION_HEAD.fullmatch(head)
    try:
        version = Version.of(dated[1] if dated else "")
        datetime.date.fromisoformat(dated[2] if dated else "")
    except ValueError as error:
        fix = f"write '## 1.2.3, 2027-01-31' or '## {UNRELEASED}'"
        raise _wrong(number, f"{head} is no section", fix) from error
    if before and before[-1] is not None and before[-1] <= version:
        raise _wrong(number, f"{version} below {before[-1]}", "put the newest on top")
    return version


def _wrong(line: int, what: str, fix: str) -> Problem:
    return Problem(f"CHANGELOG.md, line {line}: {what}", fix)
