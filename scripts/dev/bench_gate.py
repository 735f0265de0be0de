"""Compare the gate with a stock schemathesis run: how long each takes, and what each catches.

One run measures both, in turn, on the reference server; ratios are what to read.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click

from contract_tests import cli
from contract_tests.cli.options import Command
from contract_tests.nearest import unknown
from contract_tests.problems import Exit, Problem
from contract_tests.reference.faults import FAULTS, GROUPS, Fault
from scripts.dev import bench_runs
from scripts.dev.bench_runs import Finding, Ran

PAGE = bench_runs.ROOT / "docs/bench.md"
SAMPLE = "12"
Pair = tuple[Ran, Ran]
Both = tuple[Finding, Finding]


@dataclass(frozen=True)
class Caught:
    """A fault, and who caught it."""

    fault: Fault
    gate: bool
    stock: bool
    kinds: tuple[str, ...] = ()


def sample(groups: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """Choose names, always the same: as many of each group as can be, evenly within it."""
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
    """Read the faults of the command line. Raises ``Problem``, which names the nearest."""
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
    """Return what the figures depend on. Nothing tells one machine from another of its kind."""
    told = {name: importlib.metadata.version(name) for name in ("schemathesis", "hypothesis")}
    told["python"] = platform.python_version()
    told["platform"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return told


def timing(pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield the times as Markdown: the ratio of each pair, then the medians."""
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
        told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        yield f"| {name} | {one:.1f} s | {other:.1f} s | {told} | {median(ratios):.2f} |"
    yield ""
    yield f"The gate sent {scripted} scripted requests in {seconds:.1f} s of that, and {fuzzed}"
    yield f"generated ones; the stock run generated {cases} cases. The start of Python is included"
    yield "for both, that of the server is not: each run has its own. Bytecode is already compiled."


def table(title: str, rows: Mapping[str, Sequence[Caught]]) -> Iterator[str]:
    """Yield a Markdown table: how many of each row's faults each of the two caught."""
    yield f"| {title} | faults | gate | stock |\n|---|---:|---:|---:|"
    for name, ones in rows.items():
        counts = (len(ones), sum(one.gate for one in ones), sum(one.stock for one in ones))
        yield f"| {name} | {' | '.join(map(str, counts))} |"


def grouped(caught: Iterable[Caught], by: str) -> dict[str, list[Caught]]:
    """Sort what was caught by an attribute of its fault, and all of it under ``all``."""
    rows: dict[str, list[Caught]] = {}
    caught = list(caught)
    for one in caught:
        rows.setdefault(getattr(one.fault, by), []).append(one)
    return {**rows, "all": caught}


def catches(caught: Sequence[Caught], sound: Finding, spent: tuple[float, float]) -> Iterator[str]:
    """Yield what each caught as Markdown, by group and by rule."""
    gate, stock = sum(one.gate for one in caught), sum(one.stock for one in caught)
    alone = [one.fault.name for one in caught if one.stock and not one.gate]
    missed = [one.fault.name for one in caught if not one.gate]
    yield f"Of {len(caught)} faults (of {len(FAULTS)} there are), the gate caught **{gate}**, each"
    yield f"by the rule that it breaks; the stock run caught **{stock}** by any check."
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
    yield from table("group", grouped(caught, "group"))
    yield ""
    rows = grouped(caught, "rule")
    yield from table("rule", {name: rows[name] for name in sorted(rows, key=_by_rule)})


def each(caught: Iterable[Caught]) -> Iterator[str]:
    """Yield one row for each fault."""
    yield "| fault | rule | gate | stock |\n|---|---|---|---|"
    for one in caught:
        told = "; ".join(one.kinds) if one.stock else "missed"
        gate = "caught" if one.gate else "missed"
        yield f"| {one.fault.name} | {one.fault.rule} | {gate} | {told} |"


def compared() -> Iterator[str]:
    """Yield what is held against what, and by which versions."""
    yield "The full gate on a server (`SERVER_ONLY=1`: all rules, scripted and generated requests)"
    yield "compared with `schemathesis run openapi.yaml` with its default"
    yield "phases and checks. Both use the same contract, server, token and seed"
    yield f"({bench_runs.SEED}); builds take {bench_runs.BUILD_SECONDS:g} s."
    yield ""
    yield "The gate catches a fault if it exits with 1 and the fault's own rule is violated. The"
    yield "stock run catches a fault if it exits with 1 and reports a failure or error that it does"
    yield "not report for the server without a fault. Each runs once per fault. Both generate"
    yield "requests: another seed may catch a few more or fewer. The faults are this project's own,"
    yield "each made for a rule of the gate."
    yield ""
    told = ", ".join(f"{name} {version}" for name, version in versions().items())
    load = os.getloadavg()[0]
    today = datetime.datetime.now(datetime.UTC).date()
    yield f"Measured on {today}: {told}, with other work on the machine (load {load:.1f})."


def measure(rounds: int) -> list[Pair]:
    """Time both over the faultless server, in turn. Raises ``Problem`` if the gate fails.

    A first round is not counted: it compiles what is imported.
    """
    pairs = []
    for number in range(rounds + 1 if rounds else 0):
        pair = bench_runs.over(bench_runs.gate), bench_runs.over(bench_runs.stock)
        if pair[0].code:
            raise Problem(
                f"the gate failed over the faultless server\n{pair[0].out}", "see make gate"
            )
        one, other = (ran.seconds for ran in pair)
        told = f"gate {one:.1f} s, stock {other:.1f} s, ratio {one / other:.2f}"
        say(f"round {number or 'to warm up'}: {told}")
        pairs.append(pair)
    return pairs[1:]


def find(name: str) -> Both:
    """Run both over a server with a fault; ``""`` for none."""
    fault = name or None
    return (
        bench_runs.read_gate(bench_runs.over(bench_runs.gate, fault)),
        bench_runs.read_stock(bench_runs.over(bench_runs.stock, fault)),
    )


def findings(names: Sequence[str], jobs: int, kept: Path | None) -> dict[str, Both]:
    """Run both over each fault, and over none; go on from what is kept in the file."""
    found = restored(kept.read_text(encoding="utf-8")) if kept and kept.is_file() else {}
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(find, name): name for name in ("", *names) if name not in found}
        for count, future in enumerate(as_completed(waiting), 1):
            name, both = waiting[future], _result(pool, future)
            found[name] = both
            told = ", ".join(f"{' '.join(one.kinds) or 'nothing'} ({one.code})" for one in both)
            say(f"{count}/{len(waiting)}  {name or 'no fault'}: {told}")
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([name, *map(asdict, both)]) + "\n")
    return found


def restored(text: str) -> dict[str, Both]:
    """Read what was kept, one fault a line."""
    return {
        name: (_finding(gate), _finding(stock))
        for name, gate, stock in map(json.loads, text.splitlines())
    }


def say(*lines: str) -> None:
    """Print lines at once."""
    print("\n".join(lines), flush=True)  # noqa: T201


@click.command(cls=Command)
@click.option("--rounds", metavar="N", type=click.IntRange(0), default=3,
    help="Of timing; 0 for none; default 3.")  # fmt: skip
@click.option("--faults", metavar="all|N|NAMES", default=SAMPLE,
    help=f"Faults to catch; default {SAMPLE}, from all groups.")  # fmt: skip
@click.option("--jobs", metavar="N", type=click.IntRange(1), default=1,
    help="Faults at a time; not while timing.")  # fmt: skip
@click.option("--results", metavar="FILE", type=Path, help="Keep findings there; go on from them.")
@click.option("--write", is_flag=True, help="Write docs/bench.md.")
def main(rounds: int, faults: str, jobs: int, results: Path | None, write: bool) -> int:
    """Compare the gate with a stock schemathesis run.

    Exit codes: 0 measured, 4 one of the two fails on the faultless server.
    """
    names = chosen(faults)
    page = ["# The gate compared with a stock schemathesis run", "", *compared(), ""]
    if pairs := measure(rounds):
        page += ["## Time", "", *timing(pairs), ""]
    if names:
        found = findings(names, jobs, results)
        sound = found[""]
        if sound[0].code:
            raise Problem("the gate failed over the faultless server", "see make gate")
        caught = [judged(name, *found[name], sound[1]) for name in names]
        gate, stock = (sum(found[name][i].seconds for name in names) for i in (0, 1))
        page += ["## Faults", "", *catches(caught, sound[1], (gate, stock)), ""]
        page += ["## Each fault", "", *each(caught), ""]
    say("", *page)
    if write:
        PAGE.write_text("\n".join(page), encoding="utf-8")
    return Exit.OK


def judged(name: str, gate: Finding, stock: Finding, sound: Finding) -> Caught:
    """Tell who caught a fault."""
    fault = FAULTS[name]
    return Caught(
        fault,
        bench_runs.is_caught_by_gate(gate, fault.rule),
        bench_runs.is_caught_by_stock(stock, sound),
        tuple(kind for kind in stock.kinds if kind not in sound.kinds),
    )


def _finding(kept: dict[str, Any]) -> Finding:
    return Finding(kept["code"], tuple(kept["kinds"]), kept["seconds"])


def _result(pool: ThreadPoolExecutor, future: Future[Both]) -> Both:
    """Return what was found; where that failed, leave the rest undone."""
    try:
        return future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _by_rule(name: str) -> tuple[bool, str, int]:
    return name == "all", name[:1], int(name[1:]) if name[1:].isdigit() else 0


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m scripts.dev.bench_gate"))
