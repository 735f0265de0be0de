"""Compares the gate with its peers: time to the verdict, and to a first violation.

All run alternately on the reference server, so that their ratio depends little on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from contract_tests.problems import Problem

from . import clients, runs
from .checkers import CHECKERS, installed
from .plots import Chart
from .targets import Target

PAIR, FEW = ("gate", "stock"), 3
"""The two that are timed in all rounds, and the rounds of the others, which take minutes."""
FIRST = "created-null"
"""The fault whose first violation is timed: a schema states it, so others can find it."""


def measure(
    rounds: int, show: Callable[[str], None], names: Sequence[str] = tuple(CHECKERS)
) -> dict[str, Any]:
    """Time all in rounds, without a fault and with ``FIRST``; the first round is not counted.

    Raises ``Problem`` if the gate fails on the server without a fault.
    """
    programs, missing = installed(names, show)
    found: dict[str, dict[str, list[float]]] = {
        what: {name: [] for name in programs} for what in ("seconds", "cpu", "first")
    }
    shares: list[float] = []
    for number in range(rounds + 1):
        for name, folder in programs.items():
            if number > FEW and name not in PAIR:
                continue
            done = runs.over(CHECKERS[name], folder)
            if name == "gate" and done.code:
                what = f"the gate failed on the server without a fault\n{done.out}"
                raise Problem(what, "see make gate")
            if not number:
                continue  # it also compiles what is imported
            found["seconds"][name].append(done.seconds)
            found["cpu"][name].append(done.cpu)
            if first := runs.over(CHECKERS[name], folder, FIRST, first=True).first:
                found["first"][name].append(first)
        if number:
            shares.append(runs.rules_share())
            show(f"gate: round {number} of {rounds}")
    return {**found, "rules": shares, "missing": missing}


def ratio(found: dict[str, Any], name: str, what: str = "seconds") -> float:
    """Return the median of the ratios of pairs to the stock run."""
    of = found[what]
    return clients.ratio({**of, "stock": of["stock"][: len(of[name])]}, name, "stock")


def charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians."""
    titles = {name: CHECKERS[name].title for name in found["seconds"]}
    return [
        Chart(title, {titles[name]: median(of) for name, of in found[what].items() if of})
        for what, title in (("seconds", "to the verdict, s"), ("first", "first violation, s"))
    ]


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the times as Markdown."""
    yield (
        "| | s, median | least to most | x schemathesis, median of pairs | CPU, x schemathesis "
        "| first violation, s |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for name in sorted(found["seconds"], key=lambda name: median(found["seconds"][name])):
        values, first = found["seconds"][name], found["first"][name]
        shown = f"{median(first):.1f} ({min(first):.1f} to {max(first):.1f})" if first else "none"
        yield (
            f"| {CHECKERS[name].title} | {median(values):.1f} "
            f"| {min(values):.1f} to {max(values):.1f} "
            f"| {ratio(found, name):.2f} | {ratio(found, name, 'cpu'):.2f} | {shown} |"
        )
    yield ""
    for name, reason in found["missing"].items():
        yield f"{CHECKERS[name].title} was skipped: {reason}."
        yield ""


def targets(found: dict[str, Any]) -> Iterator[Target]:
    """Yield what is to be reached."""
    why = "the gate sends more requests"
    yield Target("the gate's time, x stock schemathesis", ratio(found, "gate"), 0.7, why)
    if first := found["first"]["gate"]:
        why = "Python and the program start first"
        yield Target("the gate's first violation, s", median(first), 2.0, why)
    if shares := found.get("rules"):  # results of an earlier version have none
        why = "every rule sees each exchange"
        yield Target("the rules' CPU time, % of the gate's", 100 * median(shares), 10, why)
