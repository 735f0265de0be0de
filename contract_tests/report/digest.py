"""What to fix, on one screen of a terminal: where failures are longer, these lines close them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from ..gate.result import Report
from ..rules.fixes import FIXES
from . import text
from .cases import Case
from .causes import Cause, causes

WIDTH, HEIGHT = 80, 24
"""Columns and rows of a terminal on which the end of a run has to be understood."""
# Below them are a blank, the last line and the prompt; the title of a rule may scroll away.
_FITTING = HEIGHT - 3
_MOST = HEIGHT - 6
_LONGEST = 3 * WIDTH


def is_needed(details: str) -> bool:
    """Whether failures are longer than a screen."""
    return _rows(details.split("\n")) > _FITTING


def _rows(lines: Iterable[str]) -> int:
    return sum(max(1, -(-len(one) // WIDTH)) for one in lines)


def lines(report: Report, failures: Sequence[Case]) -> Iterator[str]:
    """Yield the failures in few lines, the most precise rule first, each with the usual fix."""
    shown = 0
    items = [*_items(report, failures)]
    for number, item in enumerate(items):
        shown += _rows(item)
        if shown > _MOST:
            yield f"and {len(items) - number} more, above"
            return
        yield from item


def _items(report: Report, failures: Sequence[Case]) -> Iterator[list[str]]:
    """Yield what fails a run: for each rule a first line, and those that stand below it."""
    rules: dict[str, list[Cause]] = {}
    for cause in causes(report.run.verdicts.values()) if report.run else ():
        if cause.fails:
            rules.setdefault(cause.verdict.rule.id, []).append(cause)
    for rule, found in rules.items():
        first, *others = (one.first for one in found)
        what = f"{first.field}: expected {first.expected}, received {first.received}"
        also = f"also at {', '.join(dict.fromkeys(one.field for one in others))}" if others else ""
        fix = _wrapped(f"fix: {FIXES[rule]}") if rule in FIXES else ()
        below = [f"    {_shown(report, also)}"] if also else []
        yield [f"{rule:<3} {_shown(report, what)}", *below, *fix]
    for one in failures:
        if one.id not in rules:
            head, *rest = one.detail.splitlines()
            what = head if head.startswith(one.id) else f"{one.id:<3} {head}"
            below = [f"    {_shown(report, ' '.join(rest))}"] if rest else []
            yield [_shown(report, what), *below]


def _shown(report: Report, value: str) -> str:
    # It is not wrapped here: no line may begin with what others wrote.
    shown = text.one_line(text.hidden(value, report.hide))
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 61]}…{shown[-60:]}"


def _wrapped(ours: str) -> list[str]:
    return wrap(ours, WIDTH, initial_indent="    ", subsequent_indent="         ")
