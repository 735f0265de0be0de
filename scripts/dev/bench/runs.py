"""Runs the gate and its peers on the reference server, and reads their findings."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contract_tests.problems import Problem

from .checkers import CHECKERS, TOKEN, Checker, Command
from .environments import CACHE, ROOT

# Long enough for both to poll a build while it runs.
BUILD_SECONDS = 0.08
# A program that runs longer counts as hanging.
TIMEOUT = 300
TIMED_OUT = 124


@dataclass(frozen=True)
class Ran:
    """A finished program: its exit code, wall and CPU seconds, and its output.

    Attributes:
        report: The gate's verdicts.json.
        first: Seconds until it printed a first violation, or None.

    """

    code: int
    seconds: float
    cpu: float
    out: str
    report: dict[str, Any] = field(default_factory=dict)
    first: float | None = None


@dataclass(frozen=True)
class Finding:
    """The result of one of the two: exit code, and violated rules or kinds of failure."""

    code: int
    kinds: tuple[str, ...]


def over(checker: Checker, programs: Path, fault: str | None = None, *, first: bool = False) -> Ran:
    """Run a checker on a new server; ``first`` ends it at its mark. Preparation is not timed."""
    with server(fault) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = checker.command(url, folder, programs)
        ran = run(command, checker.mark, first=first)
        written = folder / "verdicts.json"
        return replace(ran, report=json.loads(written.read_bytes())) if written.is_file() else ran


def rules_share() -> float:
    """Return the CPU time that the rules take of a whole gate run."""
    with server() as url, tempfile.TemporaryDirectory() as name:
        file, gate = Path(name) / "share", CHECKERS["gate"].command(url, Path(name), CACHE)
        words = [sys.executable, "-m", "scripts.dev.bench.judged", str(file), *gate.words[3:]]
        run(replace(gate, words=words))
        return float(file.read_text())


def command(name: str) -> Ran:
    """Run a command of the project. Raises ``Problem`` if it fails."""
    ran = run(Command([sys.executable, "-m", "contract_tests", name], ROOT))
    if ran.code:
        raise Problem(f"{name} failed\n{ran.out}", f"see make {name}")
    return ran


@contextmanager
def server(fault: str | None = None) -> Iterator[str]:
    """Yield the URL of a reference server in its own process, which writes no access log."""
    command = [sys.executable, "-m", "scripts.dev.bench.mutations", "serve", "--port", "0"]
    command += ["--json", "--quiet", "--build-seconds", str(BUILD_SECONDS)]
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
    """Return the violated rules of a gate run."""
    verdicts = ran.report.get("verdicts", [])
    rules = tuple(one["rule"] for one in verdicts if one["outcome"] == "violated")
    return Finding(ran.code, rules)


def read_stock(ran: Ran) -> Finding:
    """Read the kinds of failure and error from the summary at the end of schemathesis' output."""
    summary = ran.out.rpartition("= SUMMARY =")[2]
    kinds = []
    for block in re.findall(r"^(?:Failures|Errors):\n((?: .*\n)+)", summary, re.M):
        kinds += re.findall(r"^\s+\S+ (.+): \d+$", block, re.M)
    return Finding(ran.code, tuple(kinds))


def read(name: str, ran: Ran) -> Finding:
    """Return what a checker found; of most, the kinds that its lines show."""
    if name == "gate":
        return read_gate(ran)
    if name in ("stock", "extended"):
        return read_stock(ran)
    marks = map(CHECKERS[name].mark.match, ran.out.splitlines())
    return Finding(ran.code, tuple(dict.fromkeys(one[1] for one in marks if one)))


def is_caught_by_gate(found: Finding, rule: str) -> bool:
    """Whether the fault's own rule is violated, and the exit code agrees."""
    return found.code == 1 and rule in found.kinds


def finds_more(found: Finding, sound: Finding) -> bool:
    """Whether a checker failed in a way that it does not on the server without a fault."""
    return found.code == 1 and not set(found.kinds) <= set(sound.kinds)


def run(command: Command, mark: re.Pattern[str] | None = None, *, first: bool = False) -> Ran:
    """Run a program; time its end and the first line of its mark, at which ``first`` ends it."""
    before, began = _cpu(), time.monotonic()
    seen, lines = None, []
    with subprocess.Popen(  # noqa: S603
        command.words, cwd=command.folder, env=_environment(command.environment),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        stop = functools.partial(_stop, process)
        timer = threading.Timer(TIMEOUT, stop)
        timer.start()
        for line in process.stdout or ():
            lines.append(line)
            if seen is None and mark and mark.match(line):
                seen = time.monotonic() - began
                if first:
                    stop()
        process.wait()
        is_late = not timer.is_alive()
        timer.cancel()
    code = TIMED_OUT if is_late else process.returncode
    spent = time.monotonic() - began
    return Ran(code, spent, _cpu() - before, "" if is_late else "".join(lines), first=seen)


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop a program with all that it started; it has a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONTRACT_")}
    # Without bytecode files, each start would compile all imports, which would be timed.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode"), "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1", **more}  # fmt: skip


def _cpu() -> float:
    """Return the CPU seconds of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
