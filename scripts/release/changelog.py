"""Reads CHANGELOG.md: one section for each version, one heading for each weight."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from contract_tests.problems import Problem

from .version import Version, Weight

HEADINGS = {Weight.MAJOR: "Breaking", Weight.MINOR: "Added", Weight.PATCH: "Fixed"}
_WEIGHTS = {heading: weight for weight, heading in HEADINGS.items()}
_FORM = "newest first: '## Unreleased' or '## 1.2.3, 2027-01-31'; '### {}'; '- entry'"


class ChangelogEntry(NamedTuple):
    """An entry; the version is that of its section, None for ``Unreleased``."""

    version: Version | None
    weight: Weight
    text: str


class ChangelogError(Problem):
    """A line that is not a section, a heading or an entry where it stands."""

    def __init__(self, number: int, line: str) -> None:
        fix = f"write, {_FORM.format(' or '.join(_WEIGHTS))}"
        super().__init__(f"CHANGELOG.md, line {number} is out of form: {line}", fix)
        self.line = number


def read(text: str) -> list[ChangelogEntry]:
    """Return all entries, the newest section first. Raises ``ChangelogError``."""
    entries: list[ChangelogEntry] = []
    sections: list[Version | None] = []
    weight = Weight.NONE
    for number, line in enumerate(text.splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if mark == "##":
            try:
                sections.append(_section(rest.strip(), sections))
            except ValueError as error:
                raise ChangelogError(number, line) from error
            weight = Weight.NONE
        elif mark == "###" and sections and rest.strip() in _WEIGHTS:
            weight = _WEIGHTS[rest.strip()]
        elif mark == "-" and weight:
            entries.append(ChangelogEntry(sections[-1], weight, rest.strip()))
        elif line.startswith("  ") and weight and entries:
            entries[-1] = entries[-1]._replace(text=f"{entries[-1].text} {line.strip()}")
        elif line.strip() and line != "# Changelog":
            raise ChangelogError(number, line)
    return entries


def _section(title: str, above: list[Version | None]) -> Version | None:
    if title == "Unreleased" and not above:
        return None
    version, _, day = title.partition(", ")
    datetime.datetime.strptime(day, "%Y-%m-%d")
    parsed = Version.parse(version)
    if above and above[-1] and above[-1] <= parsed:
        raise ValueError(f"{parsed} is below {above[-1]}")
    return parsed
