"""The detection table: each fault of the catalogue, and the rules that the gate reports for it."""

from __future__ import annotations

import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ... import cli
from ...cli.options import Command
from ...contract.openapi import PATH
from ...gate.run import Run
from ...gate.target import Target
from ...nearest import unknown
from ...problems import Exit
from ...reference.faults import FAULTS
from . import taped
from .judging import judge_server

PAGE = PATH.parent / "docs/faults.md"
PROCESSES, FEW = 2, 4
STUCK_AFTER = 900.0
"""Seconds, by the virtual clock, after which a build of a fault is not polled any more."""


@dataclass(frozen=True)
class Detection:
    """What the gate found for one fault, by scripted traffic alone.

    Attributes:
        broken: Ids of the violated rules.
        first: Number of the first exchange that violates the fault's own rule, or None.
        requests: How many requests were sent in all.

    """

    fault: str
    broken: frozenset[str]
    first: int | None
    requests: int

    @property
    def is_right(self) -> bool:
        """Whether it is caught under its own rule, and under no rule that it need not break."""
        fault = FAULTS[self.fault]
        return self.broken == {fault.rule} | fault.also


def claimed(fault: str) -> Detection:
    """Return the detection that the catalogue expects of a fault."""
    return Detection(fault, frozenset({FAULTS[fault].rule}) | FAULTS[fault].also, 1, 1)


def judged(fault: str) -> Run:
    """Judge the embedded server with one fault."""
    return judge_server(Target(fault=fault, level="advice", stuck_after=STUCK_AFTER), fuzzing=False)


def detect(fault: str) -> Detection:
    """Return what the gate finds for one fault."""
    return detection(fault, judged(fault))


def checked(fault: str) -> tuple[Detection, bool]:
    """Return what the gate finds for one fault, and whether the file of the run shows the same."""
    run = judged(fault)
    with TemporaryDirectory() as folder:
        return detection(fault, run), taped.read_back(run, Path(folder)) == taped.findings(run)


def detection(fault: str, run: Run) -> Detection:
    """Return what a run found for its fault."""
    broken = frozenset(verdict.rule.id for verdict in run.judge.violated)
    own = run.verdicts[FAULTS[fault].rule].violations
    first = own[0].exchange.number if own else None
    return Detection(fault, broken, first, run.pace.sent)


def alarms(*, fuzzing: bool) -> set[str]:
    """Judge the conforming server; return the rules that are violated nevertheless."""
    run = judge_server(Target(level="advice"), fuzzing=fuzzing)
    return {verdict.rule.id for verdict in run.judge.violated}


def page(detections: Iterable[Detection]) -> str:
    """Write the table as a page."""
    return "\n".join(_lines(list(detections))) + "\n"


def row(detection: Detection) -> str:
    """Return one row, without the number of requests, which differs between runs."""
    fault = FAULTS[detection.fault]
    others = " ".join(sorted(detection.broken - {fault.rule}))
    caught = "caught" if fault.rule in detection.broken else "**missed**"
    return f"| `{fault.name}` | {fault.summary} | {fault.rule} | {others} | {caught} |"


def _lines(detections: list[Detection]) -> Iterator[str]:
    caught = [one for one in detections if FAULTS[one.fault].rule in one.broken]
    groups = Counter(FAULTS[one.fault].group for one in detections)
    yield "# What the gate catches"
    yield ""
    yield f"{len(caught)} of {len(detections)} single faults on the reference server, each under"
    yield "its own rule, by the scripted lifecycles alone. The faultless server passes every rule."
    yield "This page is written by `make faults`; a test compares it with the catalogue."
    for group, count in groups.items():
        yield from ("", f"## {group}, {count}", "")
        yield "| fault | the server | rule | breaks too | |"
        yield "|---|---|---|---|---|"
        yield from (row(one) for one in detections if FAULTS[one.fault].group == group)


def _known(_: click.Context, __: click.Parameter, value: str | None) -> list[str]:
    names = [name.strip() for name in value.split(",")] if value else list(FAULTS)
    for name in names:
        if name not in FAULTS:
            raise unknown("fault", name, FAULTS, "docs/faults.md")
    return names


@click.command(cls=Command)
@click.option("--write", is_flag=True, help=f"Write docs/{PAGE.name}.")
@click.option("--faults", metavar="NAMES", callback=_known,
    help="Judge these alone; the rows of the others come from the catalogue.")  # fmt: skip
def main(write: bool, faults: list[str]) -> int:
    """Run the gate against each fault; show what it finds.

    Exit codes: 0 each is caught, and the faultless server passes; 1 otherwise.
    """
    # Who looks at a few faults makes no generated requests, which take longer than all else.
    alarms_raised = alarms(fuzzing=len(faults) == len(FAULTS))
    detections, wrong = [], 0
    with ExitStack() as stack:
        each: Iterable[tuple[Detection, bool]] = map(checked, faults)
        if len(faults) > FEW:  # a process takes as long to start as a few runs
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(PROCESSES))
            each = pool.imap(checked, faults)
        for one, is_same in each:
            detections.append(one)
            wrong += not (one.is_right and is_same)
            verdict = "ok   " if one.is_right and is_same else "FAIL "
            broken = " ".join(sorted(one.broken)) or "nothing"
            line = f"{verdict} {FAULTS[one.fault].group:<9} {one.fault:<30} {broken}"
            also = "" if is_same else "; judge finds another in its file"
            click.echo(f"{line}  (request {one.first} of {one.requests}{also})")
    shown = " ".join(sorted(alarms_raised)) or "none"
    click.echo(f"{len(detections) - wrong} of {len(detections)} right; false alarms: {shown}")
    if write and not wrong:
        PAGE.write_text(page(map(claimed, FAULTS)), encoding="utf-8")
    return Exit.FOUND if wrong or alarms_raised else Exit.OK


if __name__ == "__main__":
    sys.exit(cli.run(main, f"python -m {__spec__.name}"))
