"""Compares the gate with its peers: time to the verdict and to a first violation, faults caught.

All run alternately on the reference server, so that their ratio depends little on the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from contract_tests.nearest import unknown
from contract_tests.problems import Problem
from contract_tests.reference.faults import FAULTS, GROUPS

from . import clients, runs
from .checkers import CHECKERS
from .environments import MissingError
from .mutations import MUTATIONS
from .plots import Chart
from .targets import Target

SAMPLE = "7"
PAIR, FEW = ("gate", "stock"), 3
"""The two that are timed in all rounds, and the rounds of the others, which take minutes."""
FIRST = "created-null"
"""The fault whose first violation is timed: a schema states it, so others can find it."""


def sample(groups: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Return a deterministic sample: equal shares of the groups, evenly spaced within each."""
    quotas = dict.fromkeys(groups, 0)
    while sum(quotas.values()) < min(count, sum(map(len, groups.values()))):
        room = [group for group in groups if quotas[group] < len(groups[group])]
        quotas[min(room, key=quotas.__getitem__)] += 1
    return [
        names[(2 * i + 1) * len(names) // (2 * quotas[group])]
        for group, names in groups.items()
        for i in range(quotas[group])
    ]


def chosen(value: str) -> list[str]:
    """Parse ``--faults``: all, names, or how many of ours and how many mechanical ones.

    Raises ``Problem``, which names the nearest, for an unknown name.
    """
    known = FAULTS | MUTATIONS
    if value == "all":
        return list(known)
    if value.isdigit():
        groups = {group: [one.name for one in ones] for group, ones in GROUPS.items()}
        return sample(groups, int(value)) + sample({"": list(MUTATIONS)}, int(value))
    names = [name for name in value.replace(",", " ").split() if name]
    for name in names:
        if name not in known:
            raise unknown("fault", name, known, "docs/faults.md")
    return names


def measure(
    rounds: int, faults: Sequence[str], show: Callable[[str], None],
    names: Sequence[str] = tuple(CHECKERS),
) -> dict[str, Any]:  # fmt: skip
    """Run each once per fault; then time all in rounds, without a fault and with ``FIRST``.

    Raises ``Problem`` if the gate fails on the server without a fault.
    """
    programs: dict[str, Path] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            programs[name] = CHECKERS[name].install(name)
        except MissingError as error:
            missing[name] = str(error)
            show(f"skipped   {CHECKERS[name].title}: {error}")
    findings: dict[str, dict[str, runs.Finding]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # not timed; also compiles what is imported
        for number, fault in enumerate(faults, 1):
            ran = pool.map(
                lambda name, fault=fault: runs.over(CHECKERS[name], programs[name], fault), programs
            )
            findings[fault] = dict(zip(programs, map(runs.read, programs, ran), strict=True))
            show(f"gate: fault {number} of {len(faults)}, {fault}")
    found: dict[str, dict[str, list[float]]] = {
        what: {name: [] for name in programs} for what in ("seconds", "cpu", "first")
    }
    sound: dict[str, runs.Finding] = {}
    shares: list[float] = []
    for number in range(1, rounds + 1):
        for name, folder in programs.items():
            if number > FEW and name not in PAIR:
                continue
            done = runs.over(CHECKERS[name], folder)
            if name == "gate" and done.code:
                what = f"the gate failed on the server without a fault\n{done.out}"
                raise Problem(what, "see make gate")
            sound[name] = runs.read(name, done)
            found["seconds"][name].append(done.seconds)
            found["cpu"][name].append(done.cpu)
            if first := runs.over(CHECKERS[name], folder, FIRST, first=True).first:
                found["first"][name].append(first)
        shares.append(runs.rules_share())
        show(f"gate: round {number} of {rounds}")
    caught = {
        fault: {name: is_caught(name, fault, one, sound[name]) for name, one in by.items()}
        for fault, by in findings.items()
    }
    clean = {name: list(one.kinds) for name, one in sound.items()}
    return {**found, "rules": shares, "caught": caught, "clean": clean, "missing": missing}


def is_caught(name: str, fault: str, found: runs.Finding, sound: runs.Finding) -> bool:
    """Whether a checker finds what it does not without the fault; the gate, the rule of ours."""
    if name == "gate" and fault in FAULTS:
        return runs.is_caught_by_gate(found, FAULTS[fault].rule)
    if name in ("gate", "stock", "extended"):
        return runs.finds_more(found, sound)
    return not set(found.kinds) <= set(sound.kinds)  # Specmatic's program of npm exits 0 then


def ratio(found: dict[str, Any], name: str, what: str = "seconds") -> float:
    """Return the median of the ratios of pairs to the stock run."""
    of = found[what]
    return clients.ratio({**of, "stock": of["stock"][: len(of[name])]}, name, "stock")


def lists(found: dict[str, Any]) -> dict[str, dict[str, dict[str, bool]]]:
    """Return who caught which faults: of ours, and of the mechanical ones, unless there is none."""
    caught = found["caught"]
    ours = {fault: by for fault, by in caught.items() if fault in FAULTS}
    others = {fault: by for fault, by in caught.items() if fault not in FAULTS}
    return {
        kind: of for kind, of in (("faults of ours", ours), ("mechanical faults", others)) if of
    }


def charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians, and the faults that each caught."""
    titles = {name: CHECKERS[name].title for name in found["seconds"]}
    return [
        *(Chart(title, {titles[name]: median(of) for name, of in found[what].items() if of})
          for what, title in (("seconds", "to the verdict, s"), ("first", "first violation, s"))),
        *(Chart(f"{kind} caught, of {len(caught)}",
                {title: sum(by[name] for by in caught.values()) for name, title in titles.items()})
          for kind, caught in lists(found).items()),
    ]  # fmt: skip


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the times and what each caught, as Markdown."""
    yield (
        "| | s, median | least to most | x schemathesis, median of pairs | CPU, x schemathesis "
        f"| first violation, s | {' | '.join(f'{kind} caught' for kind in lists(found))} |"
    )
    yield "|---|---:|---:|---:|---:|---:|" + "---:|" * len(lists(found))
    names = [*found["seconds"]]
    for name in sorted(names, key=lambda name: median(found["seconds"][name])):
        values, first = found["seconds"][name], found["first"][name]
        counts = [f"{sum(by[name] for by in caught.values())} of {len(caught)}"
                  for caught in lists(found).values()]  # fmt: skip
        shown = f"{median(first):.1f} ({min(first):.1f} to {max(first):.1f})" if first else "none"
        yield (
            f"| {CHECKERS[name].title} | {median(values):.1f} "
            f"| {min(values):.1f} to {max(values):.1f} "
            f"| {ratio(found, name):.2f} | {ratio(found, name, 'cpu'):.2f} | {shown} "
            f"| {' | '.join(counts)} |"
        )
    yield ""
    for name, kinds in found["clean"].items():
        if kinds:
            shown = ", ".join(kinds)
            yield f"Without a fault, {CHECKERS[name].title} reports {shown}: not counted."
            yield ""
    for name, reason in found["missing"].items():
        yield f"{CHECKERS[name].title} was skipped: {reason}."
        yield ""
    for name in names:
        if CHECKERS[name].note:
            yield f"{CHECKERS[name].title} {CHECKERS[name].note}"
            yield ""
    yield f"| fault | rule | {' | '.join(names)} |"
    yield "|---|---|" + "---|" * len(names)
    for fault, by in found["caught"].items():
        words = " | ".join("caught" if by[name] else "missed" for name in names)
        yield f"| {fault} | {FAULTS[fault].rule if fault in FAULTS else 'none'} | {words} |"


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
