"""A comparison of two OpenAPI documents, as a table or as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass

from .. import escape, usage
from ..contract.openapi import PATH
from ..escape import line
from ..openapi_diff import Breaks, Difference, Document
from ..openapi_diff.accepted import Accepted

Taken = list[tuple[Difference, Accepted]]

SAME, ALL_ACCEPTED, COMPATIBLE, BREAKING = "same", "accepted", "compatible", "breaking"
WIDEST = 40
HEADS = ("breaks", "kind", "where", "base", "revision")


@dataclass(frozen=True)
class Compared:
    """Two documents, and what differs between them.

    Attributes:
        found: The differences that count.
        taken: Those that are accepted.
        hidden: How many operations only the revision has, where they are not listed.

    """

    base: Document
    revision: Document
    found: list[Difference]
    taken: Taken
    hidden: int = 0


def repeat(base: str, revision: str, accepted: str | None) -> str:
    """Return the command that compares again; make's has the contract as its base."""
    if base == str(PATH):
        return usage.command("compare", UPSTREAM=revision, ACCEPTED=accepted)
    words = ["compare", revision, "--contract", base]
    words += ["--accepted", accepted] if accepted else []
    program = usage.program() if usage.is_console() else ".venv/bin/python -m contract_tests"
    return f"{program} {shlex.join(words)}"


def table(found: list[Difference]) -> str:
    """Return the differences as a table, two lines each: what differs, and where it stands."""
    rows = [HEADS, *(_row(one) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [_aligned(HEADS, widths)]
    for row, one in zip(rows[1:], found, strict=True):
        lines.append(_aligned(row, widths))
        indent = " " * (widths[0] + 2)
        lines += [line(f"{indent}also {place}") for place in one.places[1:]]
        lines.append(line(f"{indent}base #{one.base_at}  revision #{one.revision_at}"))
    return "\n".join(lines)


def excused(taken: Taken) -> str:
    """Return the accepted differences, a line each."""
    return "\n".join(
        line(f"accepted  {one.kind}  {one.places[0]}  until {entry.expires}: {entry.reason}")
        for one, entry in taken
    )


def summary(found: list[Difference], taken: Taken, hidden: int = 0) -> str:
    """Return one line on all differences; ``hidden`` operations were added, and are not listed."""
    beyond = f"; the revision adds {hidden} more: --all lists them" if hidden else ""
    if not found:
        if taken:
            return f"accepted: no difference beside {len(taken)} accepted{beyond}"
        return f"the same: no difference in any operation of the base{beyond}"
    counted = Counter(one.breaks for one in found)
    verbs = {breaks: f"{counted[breaks]} {_verb(breaks, counted[breaks])}" for breaks in Breaks}
    counts = ", ".join(verbs[breaks] for breaks in Breaks if counted[breaks])
    noun = "difference" if len(found) == 1 else "differences"
    return f"{len(found)} {noun}: {counts}{beyond}"


def as_json(base: Document, revision: Document, found: list[Difference], taken: Taken) -> str:
    """Return the differences as JSON, with the verdict."""
    report = {
        "verdict": verdict(found, taken),
        "base": base.name,
        "revision": revision.name,
        "differences": [one._asdict() for one in found],
        "accepted": [
            {**one._asdict(), "reason": entry.reason, "expires": str(entry.expires)}
            for one, entry in taken
        ],
    }
    return escape.as_json(report, indent=2)


def verdict(found: list[Difference], taken: Taken) -> str:
    """Return the verdict on differences: same, accepted, compatible or breaking.

    Accepted: beside those there is none. Compatible: they break nobody.
    """
    if not found:
        return ALL_ACCEPTED if taken else SAME
    return COMPATIBLE if all(one.breaks is Breaks.NOBODY for one in found) else BREAKING


def _verb(breaks: Breaks, count: int) -> str:
    verb = "breaks" if count == 1 else "break"
    return f"{verb} {breaks}"


def _row(one: Difference) -> tuple[str, ...]:
    return (str(one.breaks), one.kind, line(one.places[0]), _cut(one.base), _cut(one.revision))


def _cut(text: str) -> str:
    return line(text if len(text) <= WIDEST else text[: WIDEST - 1] + "…")


def _aligned(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
