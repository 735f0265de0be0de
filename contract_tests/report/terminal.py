"""The verdicts on the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from ..drivers.schemathesis.result import DRIVER as FUZZ
from ..escape import line
from ..gate import fits, hollow
from ..gate.plan import counted
from ..gate.run import Run
from ..gate.target import FULL
from ..problems import Problem
from ..verdicts import coverage
from ..verdicts.judge import Outcome, Verdict, Violation
from . import text

# Seconds between two lines of progress where a line cannot be written over.
SELDOM = 10.0
_SHORT = (Outcome.PASSED, Outcome.NOT_OBSERVED, Outcome.NOT_APPLICABLE)


def announcement(run: Run, violation: Violation) -> str:
    """Show the first violation of a group as soon as it is seen."""
    exchange = text.numbered(violation.exchange, run.redaction)
    where = line(text.hidden(violation.field, run.redaction))
    return f"{violation.outcome:<9} {text.title(violation)}\n          {where}, exchange {exchange}"


def failure(run: Run, verdict: Verdict) -> str:
    """Show each group of violations of a rule that is not waived."""
    return text.failures(verdict, run.redaction, run.target.repeat(verdict.rule))


def failed(run: Run, verdict: Verdict) -> str:
    """Show why a rule fails a run: its violations, and its waivers that cover none."""
    return "\n\n".join(filter(None, [failure(run, verdict), unneeded(run, verdict)]))


def verdict_lines(verdicts: Iterable[Verdict], *, short: bool) -> Iterator[tuple[str, str]]:
    """Yield the verdicts: lines, each with the outcome that it shows.

    ``short`` is one line for the rules of one letter that came to the same, but for what is broken.
    """
    kept, alike = [], dict[tuple[str, str], list[str]]()
    for one in verdicts:
        if short and one.outcome in _SHORT:
            tool, _, name = one.rule.id.rpartition(":")
            what = (tool or name[0]) if one.outcome is Outcome.PASSED else tool
            alike.setdefault((one.outcome, what), [f"{tool}:"] if tool else []).append(name)
        else:
            kept.append(one)
    for (outcome, _), ids in sorted(alike.items(), key=lambda item: _SHORT.index(item[0][0])):
        yield f"{outcome:<14} {' '.join(ids)}", outcome
    yield from zip(text.table(kept), (str(one.outcome) for one in kept), strict=True)


def summary(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what was judged and a verdict for each rule: lines, with the rule's outcome or ""."""
    yield from ((one, "") for one in (*traffic(run), ""))
    yield from verdict_lines(run.verdicts.values(), short=not run.target.rule)
    yield from ((one, Outcome.ADVISED) for one in text.advised(run.verdicts, run.redaction))
    yield from ((one, "") for one in waived(run))
    yield from ((one, "") for one in not_applicable(run))
    yield from ((one, Outcome.ADVISED) for one in fitting(run))


def not_applicable(run: Run) -> Iterator[str]:
    """Yield one line for each reason why rules are not applicable."""
    rules: dict[str, list[str]] = {}
    for verdict in run.verdicts.values():
        if verdict.not_applicable:
            rules.setdefault(verdict.not_applicable, []).append(verdict.rule.id)
    for reason, ids in rules.items():
        yield f"not applicable {', '.join(ids)}: {reason}"


def fitting(run: Run) -> Iterator[str]:
    """Yield which profile fits the server, if it is another one."""
    if (better := fits.better(run)) is not None:
        what, fix = map(run.redaction, (better.what, better.fix))
        yield from ("", f"profile       {what}", f"    fix: {fix}")


def unneeded(run: Run, verdict: Verdict) -> str:
    """Show the waivers of a rule that cover no violation, which fails a run."""
    return "\n".join(
        str(Problem(f"{one.scope} is waived ({one.reason}), but passes", "remove the waiver"))
        for one in verdict.unneeded(run.tape.exchanges)
    )


def waived(run: Run) -> Iterator[str]:
    """Yield one line for each waiver that covers a violation, and for each that is not needed."""
    for verdict in run.verdicts.values():
        idle = verdict.unneeded(run.tape.exchanges)
        for waiver in verdict.waivers:
            until = f"{waiver.scope} until {waiver.expires}: {waiver.reason}"
            if waiver in verdict.used:
                found = [one for one in verdict.violations if one.waiver == waiver]
                on = counted(len({one.exchange.number for one in found}), "exchange")
                yield f"waived        {until} ({counted(len(found), 'violation')}, on {on})"
            if waiver in idle:
                yield f"not needed    {until}"


def traffic(run: Run) -> Iterator[str]:
    """Yield what was judged, by how much traffic, and how much of it succeeded."""
    yield f"target        {run.target.name}"
    if run.target.profile != FULL:
        yield f"profile       {run.target.profile}"
    for driver, (requests, seconds) in run.spent.items():
        took = f", {seconds:.1f} s" if run.target.url else ""  # the embedded server's is virtual
        seed = f", seed {run.target.seed}" if driver == FUZZ else ""
        yield f"{driver:<13} {requests} request{'s' * (requests != 1)}{took}{seed}"
        if driver == FUZZ and run.fuzzed is not None:
            if run.fuzzed.links:
                yield f"  links walked    {_counted(run.fuzzed.links)}"
            successes = run.tape.successes(FUZZ)
            del successes[run.tape.api.delete]  # nothing generated is sent to it
            yield f"  its successes   {_counted(successes)}"
    yield from run.notes
    yield f"successes     {_counted(run.tape.successes())}"
    if run.uploads:
        yield f"uploads       {hollow.counted(run.uploads)}"
    if why := hollow.not_uploaded(run):
        yield f"  none to         {why}"
    if run.not_deleted:
        yield f"delete        {run.not_deleted}"
    if run.unanswered:
        yield f"no response   {hollow.counted(run.unanswered)}"
        yield f"  the first     {text.numbered(run.without_response[0], run.redaction)}"
    for row in coverage.ROWS:
        counts = {
            status: n for one, status, n in coverage.table(run.cells, run.tape.api) if one == row
        }
        yield f"{row}s seen".ljust(16) + _counted(counts)
    if run.pace.slowed:
        yield f"slowed        waited {run.pace.slowed:.0f} s in all after 429"
    if run.is_interrupted:
        yield "ended         interrupted"
    for what in map(str, run.cut):
        yield f"cut off       {what}"
    if run.target.url:
        yield from left(run)
    if run.problem:
        yield from run.redaction(str(run.problem)).split("\n")


def left(run: Run) -> Iterator[str]:
    """Yield the builds and images that a run left behind, and the command that deletes them."""
    issued, started = run.left_behind
    if run.is_of_a_mock or not (issued or run.own.made):
        return
    names = f": {', '.join(map(run.redaction, started))}" if started else ""
    yield f"left behind   {counted(len(issued), 'build')}, {len(started)} started{names}"
    reasons: dict[str, list[str]] = {}
    for image, why in run.images_left_behind.items():
        reasons.setdefault(why, []).append(image)
    for why, images in reasons.items():
        yield run.redaction(f"  their images    {', '.join(images)} ({why})")
    if run.clean_up:
        yield run.redaction(f"  delete them     {run.clean_up}")


def progress(
    run: Run, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Callable[[str], None]:
    """Return a function that shows progress, with the seconds that are over by this clock.

    On a terminal, on one line that is overwritten; elsewhere, on a line every ``SELDOM`` seconds.
    An empty text clears the line.
    """
    began = last = clock()
    is_first = True

    def show(text: str) -> None:
        nonlocal last, is_first
        out = stream or sys.stdout  # as it is now: pytest puts another in its place at times
        sent, issued = counted(run.pace.sent, "request"), counted(run.pace.issued, "build")
        now = clock()
        shown = line(f"{now - began:.0f} s, {sent}, {issued}: {text}")
        if out.isatty():
            out.write("\n" if is_first else "")
            out.write(f"\r\x1b[2K{shown if text else ''}")
            is_first = False
        elif text and now - last >= SELDOM:
            last = now
            out.write(f"{shown}\n")
        out.flush()

    return show


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
