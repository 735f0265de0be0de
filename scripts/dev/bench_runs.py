"""Run the gate and a stock schemathesis over the reference server, and read what they found."""

from __future__ import annotations

import functools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contract_tests.problems import Problem

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "bench-token"  # noqa: S105 (of a server on the loopback)
# Both meet builds that take long enough to be polled while they run.
BUILD_SECONDS = 0.08
# Some faults keep builds from ever ending; the gate waits for them as long as this.
DEADLINE = 120
# What has not ended by then hangs.
TIMEOUT = 300
TIMED_OUT = 124
SEED = 1


@dataclass(frozen=True)
class Ran:
    """A program that ran: its exit code, wall and processor seconds, and what it printed.

    Attributes:
        report: What the gate wrote in verdicts.json.

    """

    code: int
    seconds: float
    cpu: float
    out: str
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one of the two found: an exit code, and rules violated or kinds of failure."""

    code: int
    kinds: tuple[str, ...]
    seconds: float = 0.0


def gate(url: str) -> Ran:
    """Run the whole gate over a server, with all rules."""
    command = [sys.executable, "-m", "contract_tests", "gate"]
    settings = {
        "TARGET": url, "TOKEN": TOKEN, "SEED": str(SEED), "DEADLINE": str(DEADLINE),
        "SERVER_ONLY": "1",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        command.append(f"--junit={folder}/junit.xml")
        ran = _run(command, ROOT, {f"CONTRACT_{name}": one for name, one in settings.items()})
        written = Path(folder) / "verdicts.json"
        return replace(ran, report=json.loads(written.read_bytes())) if written.is_file() else ran


def stock(url: str) -> Ran:
    """Run schemathesis over a server as it comes, but for a fixed seed and no kept examples."""
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--seed", str(SEED), "--generation-database", "none", "--no-color"]
    header = ["-H", f"Authorization: Bearer {TOKEN}"]
    # What it keeps in its working directory would change the next run.
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "run", str(ROOT / "openapi.yaml"), "--url", url]
        return _run([*command, *header, *options], Path(folder), {})


def over(run: Callable[[str], Ran], fault: str | None = None) -> Ran:
    """Run one of the two over a server of its own, whose start is not timed."""
    with server(fault) as url:
        return run(url)


@contextmanager
def server(fault: str | None = None) -> Iterator[str]:
    """Yield the URL of a reference server in a process of its own."""
    command = [sys.executable, "-m", "contract_tests", "serve", "--port", "0", "--json"]
    command += ["--build-seconds", str(BUILD_SECONDS)]
    command += ["--fault", fault] if fault else []
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, env=_environment({"CONTRACT_TOKEN": TOKEN}),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise Problem("the reference server did not start", "see make serve")
            yield json.loads(line)["url"]
        finally:
            process.terminate()


def read_gate(ran: Ran) -> Finding:
    """Return which rules were violated."""
    verdicts = ran.report.get("verdicts", [])
    rules = tuple(one["rule"] for one in verdicts if one["outcome"] == "violated")
    return Finding(ran.code, rules, ran.seconds)


def read_stock(ran: Ran) -> Finding:
    """Read the kinds of failure and of error from the summary that schemathesis ends with."""
    summary = ran.out.rpartition("= SUMMARY =")[2]
    kinds = []
    for block in re.findall(r"^(?:Failures|Errors):\n((?: .*\n)+)", summary, re.M):
        kinds += re.findall(r"^\s+\S+ (.+): \d+$", block, re.M)
    return Finding(ran.code, tuple(kinds), ran.seconds)


def is_caught_by_gate(found: Finding, rule: str) -> bool:
    """Tell whether a fault was caught under its own rule; the gate's exit code must agree."""
    return found.code == 1 and rule in found.kinds


def is_caught_by_stock(found: Finding, sound: Finding) -> bool:
    """Tell whether schemathesis failed in a way that it does not over the faultless server."""
    return found.code == 1 and not set(found.kinds) <= set(sound.kinds)


def requests_of_gate(ran: Ran) -> tuple[int, float, int]:
    """Return how many requests the scripted part sent, its seconds, and what else was sent."""
    scripted, fuzzed = ran.report["sent"]["lifecycles"], ran.report["sent"]["schemathesis"]
    return scripted["requests"], scripted["seconds"], fuzzed["requests"]


def cases_of_stock(ran: Ran) -> int:
    """Read how many cases schemathesis made."""
    told = re.search(r"^ +(\d+) generated", ran.out, re.M)
    if not told:
        raise ValueError("schemathesis printed no counts of its requests")
    return int(told[1])


def _run(command: list[str], folder: Path, more: dict[str, str]) -> Ran:
    before, began = _cpu(), time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=_environment(more), timeout=TIMEOUT, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Ran(TIMED_OUT, time.monotonic() - began, _cpu() - before, "")
    return Ran(done.returncode, time.monotonic() - began, _cpu() - before, done.stdout)


def _environment(more: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONTRACT_")}
    # Where the environment forbids to keep bytecode, pytest compiles its plugins at every start.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode().name, "PYTHONUTF8": "1", **more}


@functools.cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Make the folder for bytecode, which goes with this process."""
    return tempfile.TemporaryDirectory()


def _cpu() -> float:
    """Return the processor seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
