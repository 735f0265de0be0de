"""The verdicts on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..gate import FUZZ, Run
from ..verdict import Verdict, Violation, told


def announcement(violation: Violation) -> str:
    """Tell a violation as soon as it is seen."""
    return f"violated  {violation.title}\n          {told(violation.exchange, body=False)}"


def table(verdicts: dict[str, Verdict]) -> Iterator[str]:
    """Yield one line for each rule."""
    for verdict in verdicts.values():
        rule = verdict.rule
        yield (
            f"{rule.id:<3} {rule.level:<6}  {verdict.outcome:<12}  {verdict.count():>10}  "
            f"{rule.text}"
        )


def traffic(run: Run) -> Iterator[str]:
    """Yield what was judged, by how much traffic, and how much of it succeeded."""
    yield f"target        {run.target.name}"
    for driver, (requests, seconds) in run.spent.items():
        seed = f", seed {run.target.seed}" if driver == FUZZ else ""
        yield f"{driver:<13} {requests} requests, {seconds:.1f} s{seed}"
    yield f"successes     {_counted(run.tape.successes())}"
    if FUZZ in run.spent:
        yield f"  of schemathesis: {_counted(run.tape.successes(FUZZ))}"


def _counted(successes: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in successes.items())
