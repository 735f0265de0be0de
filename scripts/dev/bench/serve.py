"""Requests per second of the reference server, beside mocks of others, under one closed loop.

The load is autocannon's. All servers run from the start to the end, and are loaded in turn.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from contract_tests.contract.openapi import PATH
from contract_tests.gate.server import started
from contract_tests.gate.server_log import ServerLog
from contract_tests.problems import Problem

from .. import npm
from . import runs
from .checkers import TOKEN
from .clients import ratio
from .plots import Chart

CONNECTIONS, SECONDS, POLLS = 4, 3, 3
COMMANDS = {"prism": npm.PRISM.replace("{how}", "--verboseLevel silent"), "mockoon": npm.MOCKOON}
OURS = "reference"
TITLES = {OURS: "**reference server**", **dict(
    zip(COMMANDS, (f"{name} {version}" for name, version in npm.MOCKS.items()), strict=True)
)}  # fmt: skip
BUILDS = "/api/v1/images/build"
JSON = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
NEW = {"image_name": "web", "image_tag": "v1"}


def measure(rounds: int, show: Callable[[str], None]) -> dict[str, Any]:
    """Load all in each round. Raises ``NotSetUpError`` without npm."""
    programs = npm.set_up()
    found: dict[str, list[float]] = {name: [] for name in TITLES}
    refused = dict.fromkeys(TITLES, 0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        urls = {OURS: stack.enter_context(runs.server())}
        for name, command in COMMANDS.items():
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            words = shlex.split(command.format(port=port, contract=shlex.quote(str(PATH))))
            urls[name] = f"http://127.0.0.1:{port}"
            words[0] = str(programs / words[0])
            stack.enter_context(started(words, urls[name], ServerLog(), os.environ, folder=folder))
        for name, url in urls.items():
            (folder / f"{name}.har").write_text(json.dumps(loop(url)))
        for number in range(rounds + 1):  # in the first, each server compiles what it runs
            for name, url in urls.items():
                done = _load(programs, folder / f"{name}.har", url)
                if number:
                    found[name].append(done["requests"]["total"] / done["duration"])
                    refused[name] += done["non2xx"] + done["errors"]
            show(f"serve: round {number} of {rounds}")
    return {"rounds": {"requests per second": found}, "refused": refused}


def loop(url: str) -> dict[str, Any]:
    """Return the requests of the loop as HAR: a build is initiated, and another one polled."""
    build = httpx.post(url + BUILDS, headers=JSON, json=NEW, trust_env=False).raise_for_status()
    headers = [{"name": name, "value": value} for name, value in JSON.items()]
    initiate = {
        "method": "POST", "url": url + BUILDS, "headers": headers,
        "postData": {"mimeType": JSON["Content-Type"], "text": json.dumps(NEW)},
    }  # fmt: skip
    name = build.json()["build_id"] or "bld_1"  # Mockoon's ids are empty
    status = {"method": "GET", "url": f"{url}{BUILDS}/{name}", "headers": headers[:1]}
    return {"log": {"entries": [{"request": one} for one in (initiate, *[status] * POLLS)]}}


def _load(programs: Path, har: Path, url: str) -> Mapping[str, Any]:
    """Run autocannon once; return its result."""
    command = [str(programs / "autocannon"), "--json", "--har", str(har),
               f"--connections={CONNECTIONS}", f"--duration={SECONDS}", url]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Problem(f"autocannon failed\n{done.stderr[-2000:]}", f"see {programs}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians."""
    return [
        Chart(what, {TITLES[name]: median(of) for name, of in rounds.items()})
        for what, rounds in found["rounds"].items()
    ]


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield a table, the fastest first, and what was not a success."""
    (rounds,) = found["rounds"].values()
    yield "| | requests/s, median | least to most | x reference server, median of rounds |"
    yield "|---|---:|---:|---:|"
    for name in sorted(rounds, key=lambda name: -median(rounds[name])):
        values = rounds[name]
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        yield (
            f"| {TITLES[name]} | {median(values):,.0f} | {spread} "
            f"| {ratio(rounds, name, OURS):.2f} |"
        )
    for name, count in found["refused"].items():
        if count:
            yield ""
            yield f"Of {TITLES[name]}, {count:,} responses were not 2xx, and are counted."
