"""Counts the faults that the gate and its peers catch: ours, and those made mechanically.

A fault takes minutes of the processor, so what was measured is kept: a run that is interrupted, or
that has other faults, adds to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from contract_tests.nearest import unknown
from contract_tests.problems import Problem
from contract_tests.reference.faults import FAULTS

from . import runs
from .checkers import CHECKERS, installed
from .mutations import MUTATIONS
from .plots import Chart

SAMPLE = "3"
ALL = "all"


def in_turn(groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the first of each group, then the second of each, and so on."""
    turns = zip_longest(*groups.values())
    return [name for name in chain.from_iterable(turns) if name is not None]


def ordered() -> list[str]:
    """Return all faults, so that those measured at any time are of many kinds."""
    ours: dict[str, list[str]] = {}
    mechanical: dict[str, list[str]] = {}
    for fault in FAULTS.values():
        ours.setdefault(fault.rule, []).append(fault.name)
    for name in MUTATIONS:
        mechanical.setdefault(operator(name), []).append(name)
    return in_turn({"ours": in_turn(ours), "mechanical": in_turn(mechanical)})


def operator(name: str) -> str:
    """Return what a mechanical fault does, by its name."""
    return name.rpartition(":")[2]


def chosen(value: str, known: Mapping[str, Any]) -> list[str]:
    """Parse ``--faults``: names, or how many more than the known ones; all is all others.

    Raises ``Problem``, which names the nearest, for an unknown name.
    """
    if value == ALL or value.isdigit():
        others = [name for name in ordered() if name not in known]
        return others if value == ALL else others[: int(value)]
    names = [name for name in value.replace(",", " ").split() if name]
    for name in names:
        if name not in FAULTS | MUTATIONS:
            raise unknown("fault", name, FAULTS | MUTATIONS, "docs/faults.md")
    return names


def kept(found: Mapping[str, Any], machine: str) -> dict[str, dict[str, bool]]:
    """Return what earlier runs with the same versions measured, of faults that there still are."""
    if found.get("machine") != machine:
        return {}
    known = FAULTS | MUTATIONS
    return {fault: by for fault, by in found.get("caught", {}).items() if fault in known}


def measure(
    faults: Sequence[str], known: dict[str, dict[str, bool]], show: Callable[[str], None],
    keep: Callable[[dict[str, Any]], None], names: Sequence[str] = tuple(CHECKERS),
) -> dict[str, Any]:  # fmt: skip
    """Run each checker once without a fault, and once for each; ``keep`` gets what there is so far.

    Raises ``Problem`` if the gate fails on the server without a fault.
    """
    programs, missing = installed(names, show)
    with ThreadPoolExecutor((os.cpu_count() or 1) + 2) as pool:  # not timed, and some of it waits
        ran = pool.map(lambda name: runs.over(CHECKERS[name], programs[name]), programs)
        sound = dict(zip(programs, map(runs.read, programs, ran), strict=True))
        if "gate" in sound and sound["gate"].code:
            raise Problem("the gate failed on the server without a fault", "see make gate")
        found: dict[str, Any] = {
            "caught": {**known}, "missing": missing,
            "clean": {name: list(one.kinds) for name, one in sound.items()},
        }  # fmt: skip
        for number, fault in enumerate(faults, 1):
            seen = pool.map(
                lambda name, fault=fault: catches(name, programs[name], fault, sound[name]),
                programs,
            )
            found["caught"][fault] = dict(zip(programs, seen, strict=True))
            show(f"faults: {number} of {len(faults)}, {fault}")
            keep(found)
    return found


def catches(name: str, programs: Path, fault: str, sound: runs.Finding) -> bool:
    """Run a checker on a server with a fault; a peer that is silent without it, to its mark."""
    if name == "gate" or sound.kinds:
        ran = runs.over(CHECKERS[name], programs, fault)
        return is_caught(name, fault, runs.read(name, ran), sound)
    return runs.over(CHECKERS[name], programs, fault, first=True).first is not None


def is_caught(name: str, fault: str, found: runs.Finding, sound: runs.Finding) -> bool:
    """Whether a checker finds what it does not without the fault; the gate, the rule of ours."""
    if name == "gate" and fault in FAULTS:
        return runs.is_caught_by_gate(found, FAULTS[fault].rule)
    if name in ("gate", "stock", "extended"):
        return runs.finds_more(found, sound)
    return not set(found.kinds) <= set(sound.kinds)  # Specmatic's program of npm exits 0 then


def lists(found: Mapping[str, Any]) -> dict[str, dict[str, dict[str, bool]]]:
    """Return who caught which: of our faults, and of the mechanical ones, unless there is none."""
    caught = found["caught"]
    ours = {fault: by for fault, by in caught.items() if fault in FAULTS}
    others = {fault: by for fault, by in caught.items() if fault not in FAULTS}
    return {kind: of for kind, of in (("ours", ours), ("mechanical", others)) if of}


def charts(found: Mapping[str, Any]) -> list[Chart]:
    """Return how many faults each caught."""
    return [
        Chart(
            f"{kind}, of {len(of)}",
            {CHECKERS[name].title: count for name, count in counts(of.values(), found).items()},
        )
        for kind, of in lists(found).items()
    ]


def counts(of: Iterable[dict[str, bool]], found: Mapping[str, Any]) -> dict[str, int]:
    """Return how many of some faults each caught; one that came later has seen fewer."""
    caught = list(of)
    return {name: sum(by.get(name, False) for by in caught) for name in found["clean"]}


def tables(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each caught, in all and by rule or kind of mutation, as Markdown."""
    kinds = lists(found)
    sizes = {"ours": len(FAULTS), "mechanical": len(MUTATIONS)}
    measured = [f"{len(of)} of {sizes[kind]} {kind}" for kind, of in kinds.items()]
    yield f"Measured: {', '.join(measured)}."
    yield ""
    yield f"| | {' | '.join(f'{kind} caught' for kind in kinds)} |"
    yield "|---|" + "---:|" * len(kinds)
    by_kind = {kind: counts(of.values(), found) for kind, of in kinds.items()}
    for name in sorted(found["clean"], key=lambda name: [-of[name] for of in by_kind.values()]):
        cells = [f"{by_kind[kind][name]} of {len(of)}" for kind, of in kinds.items()]
        yield f"| {CHECKERS[name].title} | {' | '.join(cells)} |"
    yield ""
    for name, reported in found["clean"].items():
        if reported:
            yield (
                f"Without a fault, {CHECKERS[name].title} reports {', '.join(reported)}: "
                "not counted."
            )
            yield ""
    for name, reason in found["missing"].items():
        yield f"{CHECKERS[name].title} was skipped: {reason}."
        yield ""
    for name in found["clean"]:
        if CHECKERS[name].note:
            yield f"{CHECKERS[name].title} {CHECKERS[name].note}"
            yield ""
    for kind, of in kinds.items():
        head = "rule of ours" if kind == "ours" else "mechanical"
        yield f"| {head} | faults | {' | '.join(found['clean'])} |"
        yield "|---|---:|" + "---:|" * len(found["clean"])
        grouped: dict[str, list[dict[str, bool]]] = {}
        for fault in [*FAULTS, *MUTATIONS]:
            if fault in of:
                group = FAULTS[fault].rule if fault in FAULTS else operator(fault)
                grouped.setdefault(group, []).append(of[fault])
        for group, caught in grouped.items():
            cells = [str(count) for count in counts(caught, found).values()]
            yield f"| {group} | {len(caught)} | {' | '.join(cells)} |"
        yield ""
