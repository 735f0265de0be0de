"""Load test of the reference server.

Concurrent clients run builds from initiate to their end, and check each response: the right build,
no step back, the end that its Dockerfile has.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from contract_tests import cli
from contract_tests.cli.options import Command
from contract_tests.problems import Exit

BUILD = "/api/v1/images/build"
TOKEN = "load-token"  # noqa: S105 (of a server that lives as long as the run)
RANKS = ("PENDING", "UPLOADING", "BUILDING", "COMPLETED", "FAILED")
_FAILS_EACH = 4
_JSON = "application/json"


@dataclass
class LoadResult:
    """The results of a run.

    Attributes:
        times: Seconds of each request.
        errors: Responses that were not as expected, in words.
        ends: The number of builds by last status.
        memory: The peak memory of the server, in MiB.

    """

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    memory: float = 0.0

    def lines(self) -> Iterator[str]:
        """Return the report."""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(self.ends.items()))
        yield f"builds      {self.ends.total()}: {counts}"
        yield f"requests    {len(self.times)} in {self.seconds:.1f} s"
        yield f"throughput  {len(self.times) / max(self.seconds, 1e-9):.0f} requests/s"
        yield f"latency     p50 {self.quantile(0.5):.1f} ms, p99 {self.quantile(0.99):.1f} ms"
        yield f"memory      {self.memory:.0f} MiB, peak of the server"
        yield f"errors      {len(self.errors)}"
        yield from (f"            {one}" for one in self.errors[:10])

    def quantile(self, share: float) -> float:
        """Return the milliseconds of a quantile of the requests."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class LoadClient:
    """One HTTP connection, kept alive: only what the server needs, so that it is fast."""

    def __init__(self, host: str, port: int, result: LoadResult) -> None:
        self._host, self._port, self._result = host, port, result
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self, method: str, path: str, content: bytes = b"", kind: str = _JSON
    ) -> tuple[int, Any]:
        """Send one request; return the status and the JSON of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        began = time.perf_counter()
        writer.write(head.encode() + content)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._result.times.append(time.perf_counter() - began)
        return int(answer[9:12]), json.loads(body) if body else None

    async def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()


def packed(dockerfile: str) -> bytes:
    """Pack a context that holds a Dockerfile alone."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    return gzip.compress(made.getvalue())


_CONTEXTS = {
    "COMPLETED": packed("FROM scratch\nCOPY Dockerfile /\n"),
    "FAILED": packed("FROM scratch\nRUN exit 3\n"),
}


async def build(client: LoadClient, number: int, result: LoadResult, pause: float) -> None:
    """Run one build from initiate to its end, and note each error."""
    due = "COMPLETED" if number % _FAILS_EACH else "FAILED"
    name, tag = f"load-{number}", f"v{number}"
    body = json.dumps({"image_name": name, "image_tag": tag}).encode()
    status, issued = await client.request("POST", BUILD, body)
    if status != 201:
        result.errors.append(f"initiate {number}: {status} {issued}")
        return
    build_id, url = issued["build_id"], urlsplit(issued["upload_url"])
    path, rank = f"{BUILD}/{build_id}", 0

    def expect(what: str, answer: tuple[int, Any], least: int) -> str:
        nonlocal rank
        status, group = answer
        named = status == 200 and (group["id"], group["imageName"], group["imageTag"])
        now = RANKS.index(group["status"]) if named and group["status"] in RANKS else -1
        if named != (build_id, name, tag) or now < max(rank, least):
            result.errors.append(f"{what} of {number}: {status} {group}")
        rank = max(rank, now)
        return RANKS[now] if now >= 0 else "?"

    expect("status", await client.request("GET", path), 0)
    kind = "application/octet-stream"
    status, issued = await client.request("PUT", f"{url.path}?{url.query}", _CONTEXTS[due], kind)
    if status != 204:
        result.errors.append(f"upload of {number}: {status} {issued}")
    expect("status once uploaded", await client.request("GET", path), 1)
    ended = expect("start", await client.request("POST", f"{path}/start", b"{}"), 2)
    while ended not in ("COMPLETED", "FAILED", "?"):
        await asyncio.sleep(pause)
        ended = expect("status once started", await client.request("GET", path), 2)
    if ended != due:
        result.errors.append(f"build {number}: {ended}, and not {due}")
    result.ends[ended] += 1


async def load(host: str, port: int, builds: int, clients: int, pause: float) -> LoadResult:
    """Run builds with concurrent clients."""
    result, numbers = LoadResult(), iter(range(builds))

    async def work() -> None:
        client = LoadClient(host, port, result)
        try:
            for number in numbers:
                try:
                    await build(client, number, result, pause)
                except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
                    result.errors.append(f"build {number}: {error!r}")
                    await client.close()
                    client = LoadClient(host, port, result)
        finally:
            await client.close()

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(clients)))
    result.seconds = time.perf_counter() - began
    return result


def run(builds: int, clients: int, build_seconds: float) -> LoadResult:
    """Start a server in a process of its own, and run the load test."""
    command = [sys.executable, "-m", "contract_tests", "serve", "--port", "0", "--quiet", "--json"]
    command += ["--token", TOKEN, "--build-seconds", str(build_seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            first = server.stdout.readline() if server.stdout else ""
            if not first:
                raise RuntimeError("the server did not start")
            port = urlsplit(json.loads(first)["url"]).port or 0
            result = asyncio.run(
                load("127.0.0.1", port, builds, clients, max(0.02, build_seconds / 4))
            )
            result.memory = _memory(server.pid)
        finally:
            server.terminate()
    if server.returncode != 0:
        result.errors.append(f"the server ended with {server.returncode}")
    return result


def _memory(process: int) -> float:
    """Return the peak memory of a process in MiB; zero without /proc."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


@click.command(cls=Command)
@click.option("--builds", metavar="N", type=click.IntRange(1), default=10_000,
    help="Default 10000.")  # fmt: skip
@click.option("--clients", metavar="N", type=click.IntRange(1), default=200,
    help="At once; default 200.")  # fmt: skip
@click.option("--build-seconds", metavar="S", type=float, default=1.0, help="Default 1.")
def main(builds: int, clients: int, build_seconds: float) -> int:
    """Load-test a new reference server, and show throughput, latency, memory and errors."""
    result = run(builds, clients, build_seconds)
    click.echo(f"{clients} clients at once, {os.cpu_count()} cores")
    for line in result.lines():
        click.echo(line)
    is_sound = not result.errors and result.ends.total() == builds
    return Exit.OK if is_sound else Exit.FOUND


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m scripts.dev.load"))
