"""The verdicts as a page of Markdown, for the summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..escape import code, fenced, line
from ..gate.result import Report
from ..gate.run import Run
from ..rules import RULES
from . import conclusion, terminal, text
from .cases import State, cases
from .causes import causes

MOST_CAUSES = 5
"""Causes that are shown; index.html has all of them."""


def page(report: Report, rules: str = "") -> str:
    """Return the page: the outcome first, then the causes to fix, then the rest in few lines.

    ``rules`` is the folder of the rules' pages, as a link from the page; empty if there is none.
    """
    lines = _lines(report, report.run, rules) if report.run else _unjudged(report)
    return "\n".join(lines) + "\n"


def _unjudged(report: Report) -> Iterator[str]:
    """Yield why nothing was judged."""
    if report.problem:
        yield from ("# Cannot judge", "", fenced(report.hide(str(report.problem))))
    else:
        yield from ("# Nothing was judged", "", f"Ended: {report.ended}.")


def _lines(report: Report, run: Run, rules: str) -> Iterator[str]:
    hide = run.redaction
    yield f"# Contract check of {code(hide(run.target.name))}"
    yield ""
    yield f"{conclusion.verdict(report).capitalize()}: {', '.join(conclusion.counts(report))}."
    if report.ended != "complete":
        yield from ("", f"Ended: {report.ended}.")
        yield from _listed(run.reasons)
    yield from _listed(terminal.fitting(run))
    if report.problem:
        yield from ("", fenced(hide(str(report.problem))))
    broken = [one for one in causes(run.verdicts.values()) if one.fails]
    for cause in broken[:MOST_CAUSES]:
        yield from ("", fenced(text.brief(cause.first, hide, text.seen(cause.groups, hide))))
    if len(broken) > MOST_CAUSES:
        yield from ("", f"{len(broken) - MOST_CAUSES} more are in index.html.")
    shown = {one.verdict.rule.id for one in broken}
    for case in cases(report):
        if case.state is State.FAILED and case.id not in shown:
            yield from ("", fenced(case.detail))
    for missing in run.missing:
        yield from ("", f"- required and not observed: {code(missing)}")
    found = [one for one in run.verdicts.values() if one.groups]
    if found:
        yield from ("", "| rule | level | verdict | exchanges | |", "|---|---|---|---|---|")
    for one in found:
        rule, counted = one.rule, text.count(one)
        name = f"[{rule.id}]({rules}/{rule.id}.md)" if rules and rule.id in RULES else rule.id
        yield f"| {name} | {rule.level} | {one.outcome} | {counted} | {rule.text} |"
    yield from _listed(text.advised(run.verdicts, hide))
    yield from _listed(terminal.waived(run))
    yield from _listed(terminal.not_applicable(run))
    others = (one for one in run.verdicts.values() if not one.groups)
    yield from _listed(one for one, _ in terminal.verdict_lines(others, short=True))
    yield from _listed(terminal.traffic(run))


def _listed(those: Iterable[str]) -> Iterator[str]:
    """Yield lines that may hold what others wrote, as one block of code."""
    if listed := "\n".join(map(line, those)):
        yield from ("", fenced(listed))
