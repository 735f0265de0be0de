"""The verdicts on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..gate import Run
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
        seed = f", seed {run.target.seed}" if driver == "schemathesis" else ""
        yield f"{driver:<13} {requests} requests, {seconds:.1f} s{seed}"
    counts = ", ".join(f"{name} {count}" for name, count in run.tape.successes().items())
    yield f"successes     {counts}"
    fed: dict[str, int] = dict.fromkeys(run.tape.successes(), 0)
    for exchange in run.tape.exchanges:
        if exchange.driver == "schemathesis" and exchange.succeeded and exchange.operation:
            if exchange.intent != "a build for schemathesis: initiate":
                fed[exchange.operation] += 1
    if "schemathesis" in run.spent:
        counts = ", ".join(f"{name} {count}" for name, count in fed.items())
        yield f"  of them by schemathesis: {counts}"
