"""Compare a published OpenAPI document with the contract: what differs, and whom it breaks.

Usage: compare.py UPSTREAM [--contract openapi.yaml] [--accepted FILE] [--json] [--all]

Exit codes: 0 the same, or compatible (what differs breaks nobody), 1 breaking, 4 cannot tell.
Differences that are accepted in FILE are listed, and do not count.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from contract_tests import front, process  # noqa: E402
from contract_tests.arguments import Parser  # noqa: E402
from contract_tests.openapi_diff import Breaks, Difference, Document, differences, load  # noqa: E402
from contract_tests.openapi_diff.accepted import Accepted, split  # noqa: E402
from contract_tests.openapi_diff.accepted import load as load_accepted  # noqa: E402
from contract_tests.problems import Exit, Problem  # noqa: E402

Taken = list[tuple[Difference, Accepted]]

SAME, COMPATIBLE, BREAKING = "same", "compatible", "breaking"
WIDEST = 40
HEADS = ("breaks", "kind", "where", "base", "revision")


def table(found: list[Difference]) -> str:
    """Return the differences as a table, two lines each: what differs, and where it stands."""
    rows = [HEADS, *(_row(one) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = [_line(HEADS, widths)]
    for row, one in zip(rows[1:], found, strict=True):
        lines.append(_line(row, widths))
        indent = " " * (widths[0] + 2)
        lines += [f"{indent}also {_clean(place)}" for place in one.places[1:]]
        lines.append(_clean(f"{indent}base #{one.base_at}  revision #{one.revision_at}"))
    return "\n".join(lines)


def excused(taken: Taken) -> str:
    """Return the accepted differences, a line each."""
    return "\n".join(
        _clean(f"accepted  {one.kind}  {one.places[0]}  until {entry.expires}: {entry.reason}")
        for one, entry in taken
    )


def summary(found: list[Difference], taken: Taken, hidden: int = 0) -> str:
    """Return one line on all differences; ``hidden`` operations were added, and are not listed."""
    beyond = f"; the revision adds {hidden} more: --all lists them" if hidden else ""
    if not found:
        beside = f" beside {len(taken)} accepted" if taken else " in any operation of the base"
        return f"the same: no difference{beside}{beyond}"
    counted = Counter(one.breaks for one in found)
    verbs = {breaks: f"{counted[breaks]} {_verb(breaks, counted[breaks])}" for breaks in Breaks}
    told = ", ".join(verbs[breaks] for breaks in Breaks if counted[breaks])
    noun = "difference" if len(found) == 1 else "differences"
    return f"{len(found)} {noun}: {told}{beyond}"


def as_json(base: Document, revision: Document, found: list[Difference], taken: Taken) -> str:
    """Return the differences as JSON, with the verdict."""
    report = {
        "verdict": verdict(found),
        "base": base.name,
        "revision": revision.name,
        "differences": [one._asdict() for one in found],
        "accepted": [
            {**one._asdict(), "reason": entry.reason, "expires": str(entry.expires)}
            for one, entry in taken
        ],
    }
    return json.dumps(report, indent=2, ensure_ascii=False)


def verdict(found: list[Difference]) -> str:
    """Return the verdict on differences."""
    if not found:
        return SAME
    return COMPATIBLE if all(one.breaks is Breaks.NOBODY for one in found) else BREAKING


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _verb(breaks: Breaks, count: int) -> str:
    verb = "breaks" if count == 1 else "break"
    return f"{verb} {breaks}"


def _row(one: Difference) -> tuple[str, ...]:
    return (str(one.breaks), one.kind, _clean(one.places[0]), _cut(one.base), _cut(one.revision))


def _cut(text: str) -> str:
    return _clean(text if len(text) <= WIDEST else text[: WIDEST - 1] + "…")


def _clean(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def parser(prog: str = "compare.py") -> Parser:
    """Say what the command line takes."""
    made = Parser(
        prog=prog,
        description="Compare a published OpenAPI document with the contract: what differs, and "
        "whom it breaks.",
    )
    made.add_argument("upstream", metavar="UPSTREAM", help="the revision: a file or a URL")
    made.add_argument("--contract", default=str(ROOT / "openapi.yaml"), help="the base")
    made.add_argument("--accepted", metavar="FILE", help="differences that are accepted for now")
    made.add_argument("--json", action="store_true", help="write JSON")
    made.add_argument(
        "--all", action="store_true", help="list operations that only the revision has, too"
    )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = parser().parse_args(arguments)
    try:
        if not options.upstream:
            fix = front.command("compare", UPSTREAM="FILE-OR-URL")
            raise Problem("nothing to compare with", fix)
        base, revision = load(options.contract), load(options.upstream)
        known = load_accepted(Path(options.accepted), _today()) if options.accepted else ()
        every = differences(base, revision, every=True)
        shown = [one for one in every if options.all or one.kind != "operation-added"]
        found, taken = split(shown, known)
    except RecursionError:
        deep = Problem(
            f"{options.upstream} is nested too deep, or refers to itself by too many ways",
            "compare a document with less in it: the operations, and what they refer to",
        )
        print(deep, file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    except Problem as error:
        print(error, file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    if options.json:
        print(as_json(base, revision, found, taken))  # noqa: T201
    else:
        parts = [
            table(found) if found else "",
            excused(taken),
            summary(found, taken, len(every) - len(shown)),
        ]
        print("\n\n".join(filter(None, parts)))  # noqa: T201
    return Exit.FOUND if verdict(found) == BREAKING else Exit.OK


if __name__ == "__main__":
    process.run(main)
