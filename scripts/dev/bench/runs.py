"""Runs the gate and schemathesis, in two forms, on the reference server; reads their findings."""

from __future__ import annotations

import copy
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

from contract_tests.contract.openapi import contract
from contract_tests.problems import Problem

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "bench-token"  # noqa: S105 (of a server on the loopback)
# Long enough for both to poll a build while it runs.
BUILD_SECONDS = 0.08
# With some faults builds never end; the gate waits this long.
DEADLINE = 120
# A program that runs longer counts as hanging.
TIMEOUT = 300
TIMED_OUT = 124
SEED = 1


@dataclass(frozen=True)
class Ran:
    """A finished program: its exit code, wall and CPU seconds, and its output.

    Attributes:
        report: The gate's verdicts.json.

    """

    code: int
    seconds: float
    cpu: float
    out: str
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """The result of one of the two: exit code, and violated rules or kinds of failure."""

    code: int
    kinds: tuple[str, ...]
    seconds: float = 0.0


def gate(url: str) -> Ran:
    """Run the whole gate on a server, with all rules."""
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
    """Run schemathesis on a server with its defaults, a fixed seed and no example database."""
    return _schemathesis(url, ROOT / "openapi.yaml", {})


def extended(url: str) -> Ran:
    """Run it with T3 to T5 as ``if`` and ``then`` of the document, and with uploads by a hook."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(with_timestamps(contract().document)))
        hooks = Path(folder) / "uploads.py"
        hooks.write_text(_HOOK)
        more = {"SCHEMATHESIS_HOOKS": "uploads", "PYTHONPATH": folder}
        return _schemathesis(url, document, more)


_HOOK = """
import httpx
import schemathesis


@schemathesis.hook
def after_call(context, case, response):
    if case.method == "POST" and response.status_code == 200 and b"upload_url" in response.content:
        httpx.put(response.json()["upload_url"], content=b"context", trust_env=False)
"""


def with_timestamps(document: dict[str, Any]) -> dict[str, Any]:
    """Return a contract that states T3, T4 and T5 for builds and artifacts."""
    copied: dict[str, Any] = copy.deepcopy(document)
    schemas = copied["components"]["schemas"]
    phases = schemas["ImageBuildStatus"]["x-phase"]
    for name in ("BuildStatusResponse", "BuildArtifactStatusResponse"):
        rules = []
        for status, phase in phases.items():
            is_ended = phase in ("succeeded", "failed", "cancelled")
            of = {"completedAt": is_ended}
            if phase in ("waiting", "running", "succeeded"):
                of["startedAt"] = phase != "waiting"
            kinds = {key: {"type": "string" if is_set else "null"} for key, is_set in of.items()}
            then = {"properties": kinds, "required": [key for key, is_set in of.items() if is_set]}
            rules.append({"if": {"properties": {"status": {"const": status}}}, "then": then})
        schemas[name]["allOf"] = rules
    return copied


def _schemathesis(url: str, document: Path, more: dict[str, str]) -> Ran:
    program = Path(sys.executable).with_name("schemathesis")
    options = ["--seed", str(SEED), "--generation-database", "none", "--no-color"]
    header = ["-H", f"Authorization: Bearer {TOKEN}"]
    # In a temporary directory: files that it keeps there would change the next run.
    with tempfile.TemporaryDirectory() as folder:
        command = [str(program), "run", str(document), "--url", url]
        return _run([*command, *header, *options], Path(folder), more)


def command(name: str) -> Ran:
    """Run a command of the project. Raises ``Problem`` if it fails."""
    ran = _run([sys.executable, "-m", "contract_tests", name], ROOT, {})
    if ran.code:
        raise Problem(f"{name} failed\n{ran.out}", f"see make {name}")
    return ran


def over(run: Callable[[str], Ran], fault: str | None = None) -> Ran:
    """Run one of the two on a new server, whose start is not timed."""
    with server(fault) as url:
        return run(url)


@contextmanager
def server(fault: str | None = None) -> Iterator[str]:
    """Yield the URL of a reference server in its own process, which writes no access log."""
    command = [sys.executable, "-m", "contract_tests", "serve", "--port", "0", "--json", "--quiet"]
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
    """Return the violated rules of a gate run."""
    verdicts = ran.report.get("verdicts", [])
    rules = tuple(one["rule"] for one in verdicts if one["outcome"] == "violated")
    return Finding(ran.code, rules, ran.seconds)


def read_stock(ran: Ran) -> Finding:
    """Read the kinds of failure and error from the summary at the end of schemathesis' output."""
    summary = ran.out.rpartition("= SUMMARY =")[2]
    kinds = []
    for block in re.findall(r"^(?:Failures|Errors):\n((?: .*\n)+)", summary, re.M):
        kinds += re.findall(r"^\s+\S+ (.+): \d+$", block, re.M)
    return Finding(ran.code, tuple(kinds), ran.seconds)


def is_caught_by_gate(found: Finding, rule: str) -> bool:
    """Whether the fault's own rule is violated, and the exit code agrees."""
    return found.code == 1 and rule in found.kinds


def is_caught_by_stock(found: Finding, sound: Finding) -> bool:
    """Whether schemathesis failed in a way that it does not on the server without a fault."""
    return found.code == 1 and not set(found.kinds) <= set(sound.kinds)


def requests_of_gate(ran: Ran) -> tuple[int, float, int]:
    """Return scripted requests, their seconds, and generated requests."""
    scripted, fuzzed = ran.report["sent"]["lifecycles"], ran.report["sent"]["schemathesis"]
    return scripted["requests"], scripted["seconds"], fuzzed["requests"]


def cases_of_stock(ran: Ran) -> int:
    """Return the number of cases that schemathesis generated."""
    found = re.search(r"^ +(\d+) generated", ran.out, re.M)
    if not found:
        raise ValueError("schemathesis printed no number of cases")
    return int(found[1])


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
    # Without bytecode files, each start would compile all imports, which would be timed.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": _bytecode().name, "PYTHONUTF8": "1", **more}


@functools.cache
def _bytecode() -> tempfile.TemporaryDirectory[str]:
    """Create the folder for bytecode; it is deleted when this process ends."""
    return tempfile.TemporaryDirectory()


def _cpu() -> float:
    """Return the CPU seconds of all finished child processes."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
