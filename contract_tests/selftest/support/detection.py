"""The detection table: each fault of the catalogue, and the rules that the gate says it breaks.

Usage: python -m contract_tests.selftest.support.detection [--write] [--faults name,name]

With --faults it judges those alone, and takes of the others what the catalogue says of them, which
the tests hold it to.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ... import process
from ...arguments import Parser, choice
from ...contract.openapi import PATH
from ...gate import drive
from ...gate.target import Target
from ...reference.faults import FAULTS

PAGE = PATH.parent / "docs/faults.md"
PROCESSES = 2


@dataclass(frozen=True)
class Detection:
    """What the gate made of one fault, by its script alone.

    Attributes:
        broken: Ids of the rules that it says are violated.
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
    """Return what the catalogue says of a fault."""
    return Detection(fault, frozenset({FAULTS[fault].rule}) | FAULTS[fault].also, 1, 1)


def detect(fault: str) -> Detection:
    """Judge the embedded server with one fault."""
    run = drive.run(Target(fault=fault), fuzzing=False)
    broken = frozenset(verdict.rule.id for verdict in run.judge.violated)
    own = run.verdicts[FAULTS[fault].rule].violations
    first = own[0].exchange.number if own else None
    return Detection(fault, broken, first, run.pace.sent)


def alarms() -> set[str]:
    """Judge the faultless server; return the rules that cry wolf."""
    return {verdict.rule.id for verdict in drive.run(Target()).judge.violated}


def page(detections: Iterable[Detection]) -> str:
    """Write the table as a page."""
    return "\n".join(_lines(list(detections))) + "\n"


def row(detection: Detection) -> str:
    """Write one row; how many requests it took is another in each run, and not told."""
    fault = FAULTS[detection.fault]
    others = " ".join(sorted(detection.broken - {fault.rule}))
    caught = "caught" if fault.rule in detection.broken else "**missed**"
    return f"| `{fault.name}` | {fault.says} | {fault.rule} | {others} | {caught} |"


def _lines(detections: list[Detection]) -> Iterator[str]:
    caught = [one for one in detections if FAULTS[one.fault].rule in one.broken]
    groups = Counter(FAULTS[one.fault].group for one in detections)
    yield "# What the gate catches"
    yield ""
    yield f"{len(caught)} of {len(detections)} single faults on the reference server, each under"
    yield "its own rule, by the scripted lifecycles alone. The faultless server passes every rule."
    yield "This page is written by `make faults`; a test holds it to the catalogue."
    for group, count in groups.items():
        yield from ("", f"## {group}, {count}", "")
        yield "| fault | the server | rule | breaks too | |"
        yield "|---|---|---|---|---|"
        yield from (row(one) for one in detections if FAULTS[one.fault].group == group)


def main(arguments: list[str] | None = None) -> int:
    """Judge every fault; print the table; return 1 if one is missed or the sound server is not."""
    parser = Parser(prog="python -m contract_tests.selftest.support.detection")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}")
    parser.add_argument("--faults", metavar="NAMES", type=_known, default=list(FAULTS))
    options = parser.parse_args(arguments)
    cries = alarms()
    detections = []
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for one in pool.imap(detect, options.faults):
            detections.append(one)
            told = "ok   " if one.is_right else "WRONG"
            broken = " ".join(sorted(one.broken)) or "nothing"
            line = f"{told} {FAULTS[one.fault].group:<9} {one.fault:<30} {broken}"
            _say(f"{line}  (request {one.first} of {one.requests})")
    wrong = [one.fault for one in detections if not one.is_right]
    cried = " ".join(sorted(cries)) or "none"
    _say(f"{len(detections) - len(wrong)} of {len(detections)} right; false alarms: {cried}")
    if options.write and not wrong:
        PAGE.write_text(page(map(claimed, FAULTS)), encoding="utf-8")
    return 1 if wrong or cries else 0


def _known(names: str) -> list[str]:
    told = [name.strip() for name in names.split(",")]
    for name in told:
        if name not in FAULTS:
            fix = choice(name, FAULTS, "docs/faults.md")
            raise argparse.ArgumentTypeError(f"unknown fault {name}; {fix}")
    return told


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    process.run(main)
