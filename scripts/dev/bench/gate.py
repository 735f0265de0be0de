"""Compares the gate with schemathesis, stock and extended: time, and faults caught.

All run alternately on the reference server, so that their ratio depends little on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from contract_tests.nearest import unknown
from contract_tests.problems import Problem
from contract_tests.reference.faults import FAULTS, GROUPS

from . import runs

SAMPLE = "12"
CONTESTANTS: Mapping[str, Callable[[str], runs.Ran]] = {
    "gate": runs.gate, "stock": runs.stock, "extended": runs.extended,
}  # fmt: skip
TITLES = {
    "gate": "`make gate`", "stock": "schemathesis, stock",
    "extended": "schemathesis with T3 to T5 as `if`/`then`, and a hook that uploads",
}  # fmt: skip


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
    """Parse ``--faults``. Raises ``Problem``, which names the nearest, for an unknown name."""
    if value == "all":
        return list(FAULTS)
    if value.isdigit():
        groups = {group: [one.name for one in ones] for group, ones in GROUPS.items()}
        return sample(groups, int(value))
    names = [name for name in value.replace(",", " ").split() if name]
    for name in names:
        if name not in FAULTS:
            raise unknown("fault", name, FAULTS, "docs/faults.md")
    return names


def measure(rounds: int, faults: Sequence[str], show: Callable[[str], None]) -> dict[str, Any]:
    """Time all on the server without a fault, and run each once per fault.

    Raises ``Problem`` if the gate fails on the server without a fault.
    """
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    cpu: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    sound: dict[str, runs.Finding] = {}
    for number in range(rounds + 1):  # the first compiles the imports
        for name, run in CONTESTANTS.items():
            ran = runs.over(run)
            if name == "gate" and ran.code:
                what = f"the gate failed on the server without a fault\n{ran.out}"
                raise Problem(what, "see make gate")
            sound[name] = runs.read_gate(ran) if name == "gate" else runs.read_stock(ran)
            if number:
                seconds[name].append(ran.seconds)
                cpu[name].append(ran.cpu)
        show(f"gate: round {number} of {rounds}")
    caught = {}
    for number, fault in enumerate(faults, 1):
        caught[fault] = {name: caught_by(name, fault, sound[name]) for name in CONTESTANTS}
        shown = ", ".join(name for name, is_caught in caught[fault].items() if is_caught)
        show(f"gate: fault {number} of {len(faults)}, {fault}: {shown or 'none'}")
    clean = {name: list(found.kinds) for name, found in sound.items()}
    return {"seconds": seconds, "cpu": cpu, "caught": caught, "clean": clean}


def caught_by(name: str, fault: str, sound: runs.Finding) -> bool:
    """Run one of them on a server with a fault; return whether it catches it."""
    ran = runs.over(CONTESTANTS[name], fault)
    if name == "gate":
        return runs.is_caught_by_gate(runs.read_gate(ran), FAULTS[fault].rule)
    return runs.is_caught_by_stock(runs.read_stock(ran), sound)


def ratio(found: dict[str, Any], name: str, what: str = "seconds") -> float:
    """Return the median of the ratios of pairs to the stock run."""
    pairs = zip(found[what][name], found[what]["stock"], strict=True)
    return float(median(one / other for one, other in pairs))


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the times and what each caught, as Markdown."""
    yield "| | s, median | least to most | x stock, median of pairs | CPU, x stock | caught |"
    yield "|---|---:|---:|---:|---:|---:|"
    caught = found["caught"]
    for name, title in TITLES.items():
        values = found["seconds"][name]
        count = sum(one[name] for one in caught.values())
        yield (
            f"| {title} | {median(values):.1f} | {min(values):.1f} to {max(values):.1f} "
            f"| {ratio(found, name):.2f} | {ratio(found, name, 'cpu'):.2f} "
            f"| {count} of {len(caught)} |"
        )
    yield ""
    for name, kinds in found["clean"].items():
        if kinds:
            yield f"Without a fault, {TITLES[name]} reports {', '.join(kinds)}: not counted."
            yield ""
    yield "| fault | rule | gate | stock | extended |"
    yield "|---|---|---|---|---|"
    for fault, by in caught.items():
        words = " | ".join("caught" if by[name] else "missed" for name in CONTESTANTS)
        yield f"| {fault} | {FAULTS[fault].rule} | {words} |"


def targets(found: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """Yield what is to be reached: a sentence, the measured number, and the most that it may be."""
    yield "the gate's time, x stock schemathesis", ratio(found, "gate"), 0.7
