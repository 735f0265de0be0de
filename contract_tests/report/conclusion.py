"""How the gate ends on the terminal: failures whole, what was judged, the verdict on one line."""

from __future__ import annotations

from collections.abc import Iterator

from ..gate.plan import counted
from ..gate.result import Report
from ..problems import Exit
from ..verdicts.judge import Outcome
from . import cleanup, digest, terminal
from .cases import State, cases
from .causes import causes, precision

COLOURS: dict[str, str] = {
    Outcome.VIOLATED: "red",
    Outcome.ADVISED: "yellow",
    Outcome.WAIVED: "yellow",
    Outcome.NOT_OBSERVED: "yellow",
}
"""The colour of a line that shows an outcome."""
_VERDICT = {Exit.OK: "passed", Exit.FOUND: "failed", Exit.INTERRUPTED: "interrupted"}


def lines(report: Report, page: str = "") -> Iterator[tuple[str, str]]:
    """Yield what ends a run: lines, each with the outcome that it shows, or "".

    ``page`` is the file with all of it.
    """
    yield from judged(report)
    if report.resumed and report.target:
        listed = cleanup.lines(report.resumed, is_dry=report.target.dry_run)
        yield from ((report.hide(one), "") for one in listed)
    failures = [one for one in cases(report) if one.state is State.FAILED]
    if failures:
        yield from (("", ""), (_section("failures"), ""))
        ordered = sorted(failures, key=lambda one: precision(one.id))
        details = "\n\n".join(one.detail for one in ordered)
        yield from ((one, "") for one in details.split("\n"))
        if digest.is_needed(details):
            yield from (("", ""), (_section("to fix"), ""))
            yield from ((one, "") for one in digest.lines(report, ordered))
    if report.run or report.is_interrupted:
        see = f"; see {page}" if page else ""
        yield from (("", ""), (f"{verdict(report)}: {', '.join(counts(report))}{see}", ""))


def judged(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what was judged: a section for the client and one for the server."""
    if report.client:
        yield _section("client"), ""
        calls = max(one.calls for one in report.client.values())
        yield f"{calls} calls, sync and async, rules {', '.join(report.client)}", ""
    if report.run:
        yield _section(report.run.title), ""
        yield from terminal.summary(report.run)


def verdict(report: Report) -> str:
    """Return what became of a run, in one or two words: as its exit code."""
    return _VERDICT.get(report.code, "cannot judge")


def counts(report: Report) -> Iterator[str]:
    """Yield how many rules came to each outcome, and what else fails a run."""
    found, run = report.outcomes, report.run
    passed = found[Outcome.PASSED]
    of_client = sum(one.outcome is Outcome.PASSED for one in report.client.values())
    # RULE chooses rules of the server alone.
    part = f" ({of_client} of the client)" if run and run.target.rule and of_client else ""
    yield f"{counted(passed, 'rule')} passed{part}"
    others = (one for one in Outcome if one is not Outcome.PASSED)
    yield from (f"{found[one]} {one}" for one in others if found[one])
    if run and (broken := [one for one in causes(run.verdicts.values()) if one.fails]):
        yield f"{counted(len(broken), 'cause')} to fix"
    if run and run.without_response:
        yield f"{len(run.without_response)} without a response"
    if run and run.unneeded:
        yield f"{len(run.unneeded)} waived without need"
    if run and run.exceeded:
        yield f"{counted(len(run.exceeded), 'threshold')} exceeded"
    if run and run.missing:
        yield f"{len(run.missing)} required and not observed"


def _section(name: str) -> str:
    return f" {name} ".center(80, "-")
