"""Compares the gate with a stock schemathesis run: time, and faults caught.

Both run alternately on the reference server, so that their ratio depends little on the machine.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import click

from contract_tests import cli
from contract_tests.cli.options import Command
from contract_tests.nearest import unknown
from contract_tests.problems import Exit, Problem
from contract_tests.reference.faults import FAULTS, GROUPS, Fault
from scripts.dev import bench_runs
from scripts.dev.bench_runs import Finding, Ran

SAMPLE = "12"
Pair = tuple[Ran, Ran]
Both = tuple[Finding, Finding]


@dataclass(frozen=True)
class Caught:
    """A fault, and which of the two caught it."""

    fault: Fault
    gate: bool
    stock: bool
    kinds: tuple[str, ...] = ()


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
        return sample({group: [one.name for one in ones] for group, ones in GROUPS.items()},
                      int(value))  # fmt: skip
    names = [name for name in value.replace(",", " ").split() if name]
    for name in names:
        if name not in FAULTS:
            raise unknown("fault", name, FAULTS, "docs/faults.md")
    return names


def versions() -> dict[str, str]:
    """Return versions and kind of machine, without anything that identifies the machine."""
    found = {name: importlib.metadata.version(name) for name in ("schemathesis", "hypothesis")}
    found["python"] = platform.python_version()
    found["platform"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return found


def timing(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the times as Markdown: the ratio of each pair, and the medians."""
    gates, stocks = zip(*pairs, strict=True)
    walls = [one.seconds / other.seconds for one, other in pairs]
    cpus = [one.cpu / other.cpu for one, other in pairs]
    scripted, seconds, fuzzed = bench_runs.requests_of_gate(gates[-1])
    cases = bench_runs.cases_of_stock(stocks[-1])
    yield f"The gate takes **{median(walls):.2f}** times as long as the stock run (wall), with"
    yield f"{median(cpus):.2f} times the CPU time. The two ran alternately, {len(pairs)} rounds:"
    yield ""
    yield "| | gate | stock | gate / stock, per pair | median |\n|---|---|---|---|---|"
    for name, ratios in (("wall", walls), ("cpu", cpus)):
        attribute = "seconds" if name == "wall" else "cpu"
        one, other = (median(getattr(ran, attribute) for ran in runs) for runs in (gates, stocks))
        each_ratio = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        yield f"| {name} | {one:.1f} s | {other:.1f} s | {each_ratio} | {median(ratios):.2f} |"
    yield ""
    yield f"The gate sent {scripted} scripted requests in {seconds:.1f} s of that, and {fuzzed}"
    yield f"generated ones; the stock run generated {cases} cases. The start of Python is included"
    yield "for both, that of the server is not: each run has its own. Bytecode is already compiled."


def by_group(caught: Sequence[Caught]) -> Iterator[str]:
    """Yield a Markdown table: how many faults of each group each of the two caught."""
    yield "| group | faults | gate | stock |\n|---|---:|---:|---:|"
    for group in [*dict.fromkeys(one.fault.group for one in caught), "all"]:
        ones = [one for one in caught if group in (one.fault.group, "all")]
        counts = (len(ones), sum(one.gate for one in ones), sum(one.stock for one in ones))
        yield f"| {group} | {' | '.join(map(str, counts))} |"


def catches(caught: Sequence[Caught], sound: Finding, spent: tuple[float, float]) -> Iterator[str]:
    """Yield what each caught as Markdown, by group and by rule."""
    gate, stock = sum(one.gate for one in caught), sum(one.stock for one in caught)
    alone = [one.fault.name for one in caught if one.stock and not one.gate]
    missed = [one.fault.name for one in caught if not one.gate]
    yield f"Of {len(caught)} faults of the catalogue, the gate caught **{gate}**, each"
    yield f"by the rule that it violates; the stock run caught **{stock}** by any check."
    if stock and all(spent):
        rate = (gate / spent[0]) / (stock / spent[1])
        yield f"Per second of run time, the gate caught {rate:.1f} times as many."
    yield f"Missed by the gate: {', '.join(missed) or 'none'}."
    yield f"Caught only by the stock run: {', '.join(alone) or 'none'}."
    clean = ", ".join(sound.kinds)
    yield (
        f"On the server without a fault the stock run reports {clean}, which is not counted."
        if clean
        else "On the server without a fault the stock run reports nothing."
    )
    yield ""
    yield from by_group(caught)


def each(caught: Iterable[Caught]) -> Iterator[str]:
    """Yield one row for each fault."""
    yield "| fault | rule | gate | stock |\n|---|---|---|---|"
    for one in caught:
        stock = "; ".join(one.kinds) if one.stock else "missed"
        gate = "caught" if one.gate else "missed"
        yield f"| {one.fault.name} | {one.fault.rule} | {gate} | {stock} |"


def when() -> str:
    """Return the day, the versions and the load of a measurement."""
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    today = datetime.datetime.now(datetime.UTC).date()
    return f"Measured on {today}: {used}, load {os.getloadavg()[0]:.1f}."


def measure(rounds: int) -> list[Pair]:
    """Time both on the server without a fault. Raises ``Problem`` if the gate fails.

    A first round is not counted, because it compiles the imports.
    """
    pairs = []
    for number in range(rounds + 1 if rounds else 0):
        pair = bench_runs.over(bench_runs.gate), bench_runs.over(bench_runs.stock)
        if pair[0].code:
            raise Problem(
                f"the gate failed on the server without a fault\n{pair[0].out}", "see make gate"
            )
        one, other = (ran.seconds for ran in pair)
        times = f"gate {one:.1f} s, stock {other:.1f} s, ratio {one / other:.2f}"
        echo(f"round {number or 'to warm up'}: {times}")
        pairs.append(pair)
    return pairs[1:]


def find(name: str) -> Both:
    """Run both on a server with a fault; ``""`` for none."""
    fault = name or None
    return (
        bench_runs.read_gate(bench_runs.over(bench_runs.gate, fault)),
        bench_runs.read_stock(bench_runs.over(bench_runs.stock, fault)),
    )


def findings(names: Sequence[str]) -> dict[str, Both]:
    """Run both for each fault, and for none."""
    found = {}
    for count, name in enumerate(("", *names)):
        found[name] = find(name)
        shown = ", ".join(f"{' '.join(one.kinds) or 'nothing'} ({one.code})" for one in found[name])
        echo(f"{count}/{len(names)}  {name or 'no fault'}: {shown}")
    return found


def echo(*lines: str) -> None:
    """Print lines, unbuffered."""
    print("\n".join(lines), flush=True)  # noqa: T201


@click.command(cls=Command)
@click.option("--rounds", metavar="N", type=click.IntRange(0), default=3,
    help="Rounds of timing; 0 for none; default 3.")  # fmt: skip
@click.option("--faults", metavar="all|N|NAMES", default=SAMPLE,
    help=f"Faults to run; default {SAMPLE}, from all groups.")  # fmt: skip
def main(rounds: int, faults: str) -> int:
    """Compare the gate with a stock schemathesis run; docs/bench.md has the method and a result.

    Exit codes: 0 measured, 4 the gate fails on the server without a fault.
    """
    names = chosen(faults)
    page = [when(), ""]
    if pairs := measure(rounds):
        page += ["## Time", "", *timing(pairs), ""]
    if names:
        found = findings(names)
        sound = found[""]
        if sound[0].code:
            raise Problem("the gate failed on the server without a fault", "see make gate")
        caught = [result_of(name, *found[name], sound[1]) for name in names]
        gate, stock = (sum(found[name][i].seconds for name in names) for i in (0, 1))
        page += ["## Faults", "", *catches(caught, sound[1], (gate, stock)), ""]
        page += ["## Each fault", "", *each(caught), ""]
    echo("", *page)
    return Exit.OK


def result_of(name: str, gate: Finding, stock: Finding, sound: Finding) -> Caught:
    """Return which of the two caught a fault."""
    fault = FAULTS[name]
    return Caught(
        fault,
        bench_runs.is_caught_by_gate(gate, fault.rule),
        bench_runs.is_caught_by_stock(stock, sound),
        tuple(kind for kind in stock.kinds if kind not in sound.kinds),
    )


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m scripts.dev.bench_gate"))
