"""The verdicts as a page of Markdown, for the summary of a CI job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..gate.run import Run
from ..problems import Problem
from ..verdicts import coverage
from . import terminal, text, verdicts


def page(run: Run) -> str:
    """Return the page: the outcome first, then what is broken, then all rules and the coverage."""
    return "\n".join(_lines(run)) + "\n"


def unjudged(problem: Problem | None) -> str:
    """Return the page of a run that could not start: the problem, and no verdict."""
    return f"# Cannot judge\n\n```\n{problem}\n```\n"


def _lines(run: Run) -> Iterator[str]:
    hide = run.redaction
    outcomes = Counter(verdict.outcome for verdict in run.verdicts.values())
    yield f"# Contract check of {run.target.name}"
    yield ""
    counts = [f"{count} {outcome}" for outcome, count in sorted(outcomes.items())]
    if idle := sum(len(one.unneeded(run.tape.exchanges)) for one in run.verdicts.values()):
        counts.append(f"{idle} waived without need")
    if run.missing:
        counts.append(f"{len(run.missing)} required and not observed")
    yield f"{'Passed' if verdicts.passed(run) else 'Failed'}: {', '.join(counts)}."
    if (ended := verdicts.ended(run)) != "complete":
        yield from ("", f"Ended: {ended}.", *(f"- {one}" for one in verdicts.reasons(run)))
    for verdict in run.judge.violated:
        yield from ("", "```", terminal.failure(run, verdict), "```")
    for line in terminal.waived(run):
        yield from ("", f"- {line}")
    yield from ("", "| rule | level | verdict | exchanges | |", "|---|---|---|---|---|")
    for verdict in run.verdicts.values():
        rule = verdict.rule
        counted = text.count(verdict)
        yield f"| {rule.id} | {rule.level} | {verdict.outcome} | {counted} | {rule.text} |"
    yield from (
        "",
        "| row | status | startedAt | completedAt | exchanges |",
        "|---|---|---|---|---|",
    )
    for cell, count in sorted(run.cells.items()):
        yield f"| {cell.row} | {hide(cell.status)} | {cell.started} | {cell.completed} | {count} |"
    for row, status, count in coverage.table(run.cells, run.tape.api):
        if not count:
            yield f"| {row} | {status} | | | not observed |"
    yield from ("", "```", *terminal.traffic(run), "```")
