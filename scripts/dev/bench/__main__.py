"""Runs the benchmarks, and writes docs/benchmarks.md of what is in docs/benchmarks.json.

A part that runs replaces its own results, and leaves those of the others.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import click

from contract_tests import cli
from contract_tests.cli.options import Command
from contract_tests.escape import show
from contract_tests.problems import Exit

from .. import npm
from . import caught, clients, gate, recorded, runs, serve
from .environments import ROOT
from .plots import Chart, svg
from .targets import Target

RESULTS = ROOT / "docs/benchmarks.json"
PAGE = ROOT / "docs/benchmarks.md"
INTRODUCTION = """\
`make bench` writes this page; `make bench PART=decode` runs one part of it. Each peer has an
environment of its own below `.bench`, with exact versions. All run in turn in each round; ratios
are within a round, and the first round is not counted."""
WORDS = {
    "decode": "CPU time from bytes to a value, as each client decodes a status.",
    "call": """CPU time of a call of status whose response is made in the process (`mock`, also
awaited), and time of a call over a socket (`loopback`). The number is that of the artifacts.
openapi-generator's client is over urllib3, which no mock transport replaces. The plot has the calls
in the process.""",
    "import": """CPU time of the import after that of httpx, and memory of a status with two
artifacts (tracemalloc, mean of 2,000).""",
    "generate": "`make generate` and `make check`, without the start of make.",
    "gate": f"""A whole run on the reference server, whose builds take {runs.BUILD_SECONDS} s, with
the start of the program, the gate and schemathesis in all rounds and the others in {gate.FEW}; and
the time from that start to the line of a first violation, on a server with the fault
`{gate.FIRST}`.""",
    "faults": """Each program alone, once on a server with each fault. Those of ours are this
project's [catalogue](faults.md), each made for a rule of it. The mechanical ones are what the usual
mutations make of the contract's responses, whatever our rules check: a key dropped or in
snake_case, a value of another type, null or another text, a status code, a media type or a body
replaced. Those that leave a documented response are left out; a date-time moved by a day is not,
though no schema excludes it, since the build is made during the run. A fault is caught if anything
is reported that is not without it; of ours by the gate, with `LEVEL=advice`, if its own rule is
violated. All of them take all programs hours: `FAULTS=all` measures those that no earlier run with
the same versions has, and `FAULTS=n` the next n. schemathesis runs with its defaults (stock), and
with the document of `make export FORM=strict` and a hook that uploads (extended). The others run
without scripts of their own, but for Prism, and no document describes the upload: they get that
document and a server with builds that have ended, and see no build that waits or runs.""",
    "recorded": f"""CPU time and memory of `make judge` for a file of clean recorded traffic,
entries of 1.1 kB: builds of {recorded.SHAPES["many builds"]} exchanges, and one build that is
polled all the time. Beside it, a program that reads the file at once and checks each response
against its schema, and nothing else.""",
    "serve": f"""Requests per second under {serve.CONNECTIONS} connections of autocannon
{npm.PACKAGES["autocannon"]} for {serve.SECONDS} s, each of which initiates a build and asks
{serve.POLLS} times for the status of another, again and again. No server writes an access log. The
reference server keeps each build and computes its status; Prism returns the examples of the
contract, and Mockoon values that it makes up for each response.""",
}


def generation(rounds: int) -> dict[str, Any]:
    """Time generate and check."""
    found: dict[str, list[float]] = {"generate": [], "check": []}
    for number in range(rounds + 1):
        for name, values in found.items():
            ran = runs.command(name)
            if number:
                values.append(ran.seconds)
        show(f"generate: round {number} of {rounds}")
    return {"rounds": found}


def machine() -> str:
    """Return versions and kind of machine, without anything that identifies the machine."""
    names = ("httpx", "msgspec", "schemathesis", "hypothesis")
    used = [f"{name} {importlib.metadata.version(name)}" for name in names]
    kind = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return ", ".join([f"Python {platform.python_version()}", *used, kind])


def generation_tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the table of generate and check."""
    yield "| | s, median | least to most |\n|---|---:|---:|"
    for name, values in found["rounds"].items():
        shown = f"{min(values):.1f} to {max(values):.1f}"
        yield f"| make {name} | {median(values):.1f} | {shown} |"


def generation_charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians."""
    bars = {f"**make {name}**": median(of) for name, of in found["rounds"].items()}
    return [Chart("s", bars)]


TABLES = {
    "generate": generation_tables, "gate": gate.tables, "faults": caught.tables,
    "recorded": recorded.tables, "serve": serve.tables,
}  # fmt: skip
CHARTS = {
    "generate": generation_charts, "gate": gate.charts, "faults": caught.charts,
    "recorded": recorded.charts, "serve": serve.charts,
}  # fmt: skip
ROUNDS = {"generate": 3, "faults": 1, "recorded": 1}
"""How often the parts that take minutes are run."""


def page(results: dict[str, Any]) -> str:
    """Return the whole page."""
    reached: list[Target] = []
    for part, found in results.items():
        if part in ("gate", "recorded"):
            reached += {"gate": gate, "recorded": recorded}[part].targets(found)
        elif part not in TABLES:
            reached += clients.targets(part, found)
    text = [
        "# Benchmarks", "", INTRODUCTION, "",
        "## Targets", "", "| | measured | at most | |", "|---|---:|---:|---|",
    ]  # fmt: skip
    text += [one.row() for one in reached]
    for part, found in results.items():
        text += ["", f"## {part}", "", WORDS[part], "", f"![{part}](benchmarks/{part}.svg)", ""]
        text += TABLES.get(part, clients.tables)(found)
        text += ["", f"{found['when']}: {found['machine']}; load {found['load']:.1f}, "
                 f"{found['count']} rounds, {found['took']:.0f} s."]  # fmt: skip
    return "\n".join(text).replace("\n\n\n", "\n\n") + "\n"


def written(results: dict[str, Any]) -> dict[Path, str]:
    """Return the content of the page, and of a plot for each part."""
    plots = {
        PAGE.with_suffix("") / f"{part}.svg": svg(part, CHARTS.get(part, clients.charts)(found))
        for part, found in results.items()
    }
    return {PAGE: page(results), **plots}


@click.command(cls=Command)
@click.option("--part", type=click.Choice([*WORDS]), help="One part; default all.")
@click.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(1),
    help="Default 10; 3 for generate, 1 for recorded and faults.",
)
@click.option("--faults", metavar="all|N|NAMES", default=caught.SAMPLE,
    help="For the part faults: names, or N more; all is all that are not measured. "
    f"Default {caught.SAMPLE}.")  # fmt: skip
def main(part: str | None, rounds: int | None, faults: str) -> int:
    """Measure this project beside its peers; write docs/benchmarks.md.

    Exit codes: 0 measured, whatever came of it; 4 nothing can be measured.
    """
    known = caught.kept(earlier().get("faults", {}), machine())
    names = caught.chosen(faults, known)
    measures: dict[str, Callable[[int, Callable[[dict[str, Any]], None]], dict[str, Any]]] = {
        "generate": lambda count, _: generation(count),
        "gate": lambda count, _: gate.measure(count, show),
        "faults": lambda _, keep: caught.measure(names, known, show, keep),
        "recorded": lambda count, _: recorded.measure(count, show),
        "serve": lambda count, _: serve.measure(count, show),
    }
    for one in [part] if part else WORDS:
        count = rounds or ROUNDS.get(one, 10)
        began, load = time.monotonic(), os.getloadavg()[0]

        def keep(
            found: dict[str, Any], one: str = one, count: int = count, began: float = began,
            load: float = load,
        ) -> None:  # fmt: skip
            took = time.monotonic() - began
            write(one, found | {
                "when": str(datetime.datetime.now(datetime.UTC).date()), "machine": machine(),
                "load": load, "count": count, "took": took,
            })  # fmt: skip

        measure = measures.get(one, lambda count, _, one=one: clients.measure(one, count, show))
        try:
            found = measure(count, keep)
        except npm.NotSetUpError as error:
            show(f"skipped   {one}: {error}")
            continue
        keep(found)
        show("\n".join(["", f"## {one}", "", *TABLES.get(one, clients.tables)(found)]))
    return Exit.OK


def earlier() -> dict[str, Any]:
    """Return the results of earlier runs, by part."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    return found


def write(part: str, found: dict[str, Any]) -> None:
    """Replace the results of a part; write the page and the plots anew."""
    results = earlier() | {part: found}
    results = {name: results[name] for name in WORDS if name in results}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for path, content in written(results).items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m scripts.dev.bench"))
