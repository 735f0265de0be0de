"""What it takes to judge a file of recorded traffic, beside reading and schema-checking it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs

from contract_tests.contract.api import IMAGES
from contract_tests.contract.openapi import contract
from contract_tests.problems import Problem

from . import clients
from .environments import ROOT
from .plots import Chart
from .targets import Target

SHAPES = {"many builds": 20, "one build": 0}
"""How many exchanges there are about a build; 0 for all of them."""
COUNTS = (10_000, 100_000)
JUDGED, CHECKED = "**make judge**", "read, and check schemas"
WHY = "47 rules look at each exchange, and at what came before it, in Python"
KEPT = "each exchange stays in memory, since a later one may contradict it"
_BEGAN = datetime(2026, 5, 4, 12, tzinfo=UTC)
_SITE = "https://builds.example/api/v1/images/build"
_HEADERS = {
    "Content-Type": "application/json", "Server": "uvicorn", "X-Request-Id": "a" * 36,
}  # fmt: skip


def write(path: Path, count: int, polls: int) -> None:
    """Write a recording of so many exchanges: builds are initiated, started, and polled."""
    with path.open("w") as file:
        file.write(
            '{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries":'
        )
        for number in range(count):
            build, step = divmod(number, polls or count)
            entry = _entry(number, build, step, polls or count)
            file.write(("," if number else "[") + json.dumps(entry))
        file.write("]}}")


def _entry(number: int, build: int, step: int, steps: int) -> dict[str, Any]:
    pause = timedelta(seconds=min(10, 1_500 / steps))  # a build that takes longer counts as stuck
    at = _BEGAN + pause * number
    examples = contract().document["components"]["examples"]
    name = f"bld_{build}"
    if step == 0:
        sent = {"image_name": f"web{build}", "image_tag": "v1"}
        issued = {"build_id": name, "upload_url": f"https://up.example/{name}?sig={'a' * 64}",
                  "expires_in": 3600, "fullImagePath": f"r.example/x/web{build}:v1"}  # fmt: skip
        return _exchange(at, "POST", _SITE, sent, issued, 201)
    row = dict(examples["COMPLETED" if step == steps - 1 else "BUILDING"]["value"])
    began = at - pause * step
    times = {"createdAt": began, "startedAt": began + pause}
    if step == steps - 1:
        times["completedAt"] = at
    row |= {"id": name, "imageName": f"web{build}", "imageTag": "v1"}
    row |= {key: value.isoformat() for key, value in times.items()}
    row["artifacts"] = [
        one | {"id": f"{name}-{index}"} | {key: row[key] for key in times}
        for index, one in enumerate(row["artifacts"])
    ]
    if step == 1:
        return _exchange(at, "POST", f"{_SITE}/{name}/start", {}, row)
    return _exchange(at, "GET", f"{_SITE}/{name}", None, row)


def _exchange(
    at: datetime, method: str, url: str, sent: Any, returned: Any, status: int = 200
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method, "url": url, "bodySize": 0,
        "headers": _pairs({"Authorization": "Bearer pit_4f9a7c2e81", "Accept": "*/*"}),
    }  # fmt: skip
    if sent is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(sent)}
    text, date = json.dumps(returned), format_datetime(at, usegmt=True)
    response = {
        "status": status, "headers": _pairs({**_HEADERS, "Date": date}),
        "content": {"size": len(text), "mimeType": "application/json", "text": text},
    }  # fmt: skip
    return {"startedDateTime": at.isoformat(), "time": 1, "request": request, "response": response}


def _pairs(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def check(path: str) -> int:
    """Read a recording at once, and check each response against its schema; count the invalid."""
    components, validators = contract().document["components"], {}
    for operation in contract().operations.values():
        schema = contract().response_schema(operation, operation.success) or {}
        whole = {**schema, "components": components}
        validators[operation.name] = jsonschema_rs.validator_for(whole)
    invalid = 0
    for entry in json.loads(Path(path).read_bytes())["log"]["entries"]:
        to = IMAGES.address(entry["request"]["method"], urlsplit(entry["request"]["url"]).path)
        body = json.loads(entry["response"]["content"]["text"])
        invalid += not validators[str(to.operation)].is_valid(body)
    return invalid


def measure(rounds: int, show: Callable[[str], None]) -> dict[str, Any]:
    """Time both on each recording, in rounds; return CPU seconds and MB, by recording and name."""
    programs = {
        JUDGED: ["-m", "contract_tests", "judge"], CHECKED: ["-m", "scripts.dev.bench.recorded"],
    }  # fmt: skip
    found: dict[str, dict[str, dict[str, list[float]]]] = {"seconds": {}, "megabytes": {}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "recording.har")
        for shape, count in itertools.product(SHAPES, COUNTS):
            write(path, count, SHAPES[shape])
            key = named(count, shape)
            for what in found.values():
                what[key] = {name: [] for name in programs}
            for number in range(1, rounds + 1):
                for name, words in programs.items():
                    seconds, megabytes = _spent([sys.executable, *words, str(path)])
                    found["seconds"][key][name].append(seconds)
                    found["megabytes"][key][name].append(megabytes)
                show(f"recorded: {key}, round {number} of {rounds}")
    return found


def named(count: int, shape: str) -> str:
    """Return how a recording is called."""
    return f"{count:,} exchanges of {shape}"


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield the times and the memory, as Markdown."""
    yield f"| | CPU s | ms each | MB | x {CHECKED} |"
    yield "|---|---:|---:|---:|---:|"
    for key, seconds in found["seconds"].items():
        spent, count = median(seconds[JUDGED]), int(key.split()[0].replace(",", ""))
        yield (
            f"| {key} | {spent:.1f} | {spent / count * 1e3:.2f} "
            f"| {median(found['megabytes'][key][JUDGED]):.0f} "
            f"| {clients.ratio(seconds, JUDGED, CHECKED):.1f} |"
        )


def charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians for the longest recordings."""
    longest = [named(COUNTS[-1], shape) for shape in SHAPES]
    return [
        Chart(f"{key}, CPU s", {name: median(of) for name, of in found["seconds"][key].items()})
        for key in longest
    ]  # fmt: skip


def targets(found: dict[str, Any]) -> Iterator[Target]:
    """Yield what is to be reached, by the longest recordings."""
    few, many = COUNTS
    for shape in SHAPES:
        key, seconds = named(many, shape), found["seconds"]
        spent = median(seconds[key][JUDGED])
        start = median(seconds[named(few, shape)][JUDGED])
        growth = spent / start * few / many
        times = clients.ratio(seconds[key], JUDGED, CHECKED)
        yield Target(f"judging {key}, CPU s", spent, 30.0, WHY)
        yield Target("the same, MB", median(found["megabytes"][key][JUDGED]), 500.0, KEPT)
        yield Target("the same, x reading and schema-checking them", times, 8.0, WHY)
        yield Target(f"one of these, x one of {few:,}", growth, 1.2, "it should not be slower")


def _spent(words: list[str]) -> tuple[float, float]:
    """Run a program; return its CPU seconds, and the most memory that it took, in MB."""
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL) as process:  # noqa: S603
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = code
    if code:
        raise Problem(f"{' '.join(words)} failed", "run it by hand")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


if __name__ == "__main__":
    sys.exit(check(sys.argv[1]) > 0)
