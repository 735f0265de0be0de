"""What a child of ``builder`` runs: it checks one context after another, within limits.

It is imported without the package around this one, which may be anybody's.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

from . import build_check, context

try:
    import resource
except ImportError:  # a system without limits; there, time alone is limited, by the parent
    resource = None  # type: ignore[assignment]


def run() -> None:
    """Read a line of JSON and a context, write a line of JSON, until the input ends."""
    seconds, memory = map(int, sys.argv[2:4])
    while line := sys.stdin.buffer.readline():
        job = json.loads(line)
        _limit(seconds, memory + job["size"])
        print(json.dumps(_answer(job["size"], job["path"])), flush=True)  # noqa: T201


def _limit(seconds: int, memory: int) -> None:
    """Limit the processor time from now on, and all memory, which macOS refuses (cpython#78783)."""
    if resource is not None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + seconds + 1
        limits = [(resource.RLIMIT_CPU, until), (resource.RLIMIT_CORE, 0)]
        if sys.platform != "darwin":
            limits.append((resource.RLIMIT_AS, memory))
        for limit, most in limits:
            highest = resource.getrlimit(limit)[1]
            is_lower = highest in (resource.RLIM_INFINITY, -1) or most < highest
            resource.setrlimit(limit, (most if is_lower else highest, highest))


def _answer(size: int, path: str) -> dict[str, Any]:
    try:
        content = io.BytesIO(sys.stdin.buffer.read(size))
        return {"failure": build_check.of_context(content, size, path)}
    except context.Refused as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"failure": "the context takes too much memory to check"}
