"""What decoding, a call, an import and a model cost: this client beside others, in rounds.

All peers run once in each round, one after the other, so that a ratio within a round depends little
on what else the machine does.
"""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Any

from contract_tests.contract.openapi import contract

from .environments import CACHE, PEERS, Installed, MissingError, install
from .plots import Chart
from .targets import Target

WORKER = Path(__file__).with_name("worker.py")
SIZES = (2, 100)
OPTIONS = ("--quiet", "--processes=1", "--values=7", "--warmups=1", "--min-time=0.03")
Rounds = dict[str, dict[str, list[float]]]
"""By benchmark and peer, a number for each round."""


def bodies() -> dict[int, bytes]:
    """Return a status with 2 and with 100 artifacts, from the example of the contract."""
    row = contract().document["components"]["examples"]["COMPLETED"]["value"]
    rows = row["artifacts"] * max(SIZES)
    return {size: json.dumps(row | {"artifacts": rows[:size]}).encode() for size in SIZES}


def measure(
    part: str, rounds: int, show: Any, names: Sequence[str] = tuple(PEERS)
) -> dict[str, Any]:
    """Run a part; return its numbers, and why a peer is missing."""
    found: Rounds = defaultdict(lambda: defaultdict(list))
    missing: dict[str, str] = {}
    peers: dict[str, Installed] = {}
    for name in names:
        try:
            peers[name] = install(name)
        except MissingError as error:
            missing[name] = str(error)
            show(f"skipped   {PEERS[name].title}: {error}")
    whats = ("import", "memory") if part == "import" else (part,)
    with _served() as (url, folder):
        for number in range(rounds + 1):
            for name, peer in peers.items():
                for what in whats:
                    for benchmark, value in _run(what, name, peer, url, folder).items():
                        if number:  # a first round compiles what is imported
                            found[benchmark][name].append(value)
            show(f"{part}: round {number} of {rounds}")
    return {"rounds": {key: dict(values) for key, values in found.items()}, "missing": missing}


def _run(what: str, name: str, peer: Installed, url: str, folder: Path) -> dict[str, float]:
    """Run the worker once; return a number for each benchmark: seconds, or bytes."""
    out = folder / "out.json"
    out.unlink(missing_ok=True)
    command = [str(peer.python), str(WORKER)]
    timed = what in ("decode", "call")
    if timed:
        command += [*OPTIONS, f"--output={out}", "--inherit-environ=" + ",".join(_OURS)]
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "TMPDIR")}
    kept["PYTHONPYCACHEPREFIX"] = str(CACHE / "bytecode")
    ours = dict(zip(_OURS, (name, what, url, str(folder), ":".join(map(str, peer.paths)), "1"),
                    strict=True))  # fmt: skip
    done = subprocess.run(  # noqa: S603
        command, env=kept | ours, capture_output=True, text=True, check=False, cwd=folder
    )
    if done.returncode:
        raise RuntimeError(f"{name}, {what}: {done.stderr.strip()[-2000:]}")
    if not timed:
        return {what: float(done.stdout)}
    suite = json.loads(out.read_bytes())
    shared = suite.get("metadata", {})
    return {
        (shared | one.get("metadata", {}))["name"]: min(
            value for run in one["runs"] for value in run.get("values", ())
        )
        for one in suite["benchmarks"]
    }


_OURS = ("BENCH_PEER", "BENCH_PART", "BENCH_URL", "BENCH_FOLDER", "PYTHONPATH", "PYTHONUTF8")


@contextmanager
def _served() -> Iterator[tuple[str, Path]]:
    """Yield the URL of a server that has the bodies, and a folder that has them."""
    contents = bodies()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            content = contents[int(self.path.rpartition("/b")[2])]
            head = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}".encode() + content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with tempfile.TemporaryDirectory() as name, Server(("127.0.0.1", 0), Handler) as server:
        for size, content in contents.items():
            Path(name, f"body-{size}.json").write_bytes(content)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", Path(name)
        finally:
            server.shutdown()


def ratio(rounds: dict[str, list[float]], name: str, base: str) -> float:
    """Return the median of the ratios within each round."""
    return median(a / b for a, b in zip(rounds[name], rounds[base], strict=True))


def title(name: str) -> str:
    """Return how a peer is shown; ours in bold."""
    return f"**{PEERS[name].title}**" if name == "ours" else PEERS[name].title


def unit(benchmark: str) -> tuple[str, float]:
    """Return the unit that a benchmark is shown in, and the factor to it."""
    return {"memory": ("B", 1.0), "import": ("ms", 1e3)}.get(benchmark, ("µs", 1e6))


def charts(found: dict[str, Any]) -> list[Chart]:
    """Return the medians of each benchmark but the noisy ones over sockets."""
    return [
        Chart(f"{benchmark}, {unit(benchmark)[0]}",
              {title(name): median(of) * unit(benchmark)[1] for name, of in rounds.items()})
        for benchmark, rounds in found["rounds"].items()
        if not benchmark.startswith("loopback")
    ]  # fmt: skip


def tables(found: dict[str, Any]) -> Iterator[str]:
    """Yield Markdown: a table for each benchmark, its fastest first."""
    base = "msgspec"
    for benchmark, rounds in found["rounds"].items():
        shown, scale = unit(benchmark)
        yield f"### {benchmark}"
        yield ""
        yield f"| | {shown}, median | least to most | x {base}, median of rounds |"
        yield "|---|---:|---:|---:|"
        for name in sorted(rounds, key=lambda name: median(rounds[name])):
            values = [value * scale for value in rounds[name]]
            spread = f"{min(values):,.1f} to {max(values):,.1f}"
            times = f"{ratio(rounds, name, base):.2f}" if base in rounds else ""
            yield f"| {title(name)} | {median(values):,.1f} | {spread} | {times} |"
        yield ""
    for name, reason in found["missing"].items():
        yield f"{PEERS[name].title} was skipped: {reason}."
        yield ""


def targets(part: str, found: dict[str, Any]) -> Iterator[Target]:
    """Yield what is to be reached."""
    rounds = found["rounds"]
    strict = "each value is checked, and no key may stand twice"
    if part == "decode":
        for size in SIZES:
            of = rounds[f"decode {size}"]
            times = ratio(of, "ours", "msgspec")
            yield Target(f"decode of {size} artifacts, x bare msgspec", times, 3.0, strict)
            if "pydantic" in of:
                yield Target("the same, x pydantic", ratio(of, "ours", "pydantic"), 1.0, strict)
    elif part == "call":
        for size, most in zip(SIZES, (1.3, 1.8), strict=True):
            times = ratio(rounds[f"mock {size}"], "ours", "msgspec")
            yield Target(f"a call of {size} artifacts, x httpx and msgspec", times, most, strict)
    else:
        spent = {name: median(of) * 1e3 for name, of in rounds["import"].items()}
        why = f"msgspec alone takes {spent['msgspec']:.1f} ms of it"
        yield Target("import, ms over httpx", spent["ours"], 25.0, why)
