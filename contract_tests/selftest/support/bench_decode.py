"""Times the decoding of a status, against bare msgspec and the standard library, in one run.

Usage: PYTHONPATH=generated python -m contract_tests.selftest.support.bench_decode
"""

from __future__ import annotations

import json
import timeit
from importlib.metadata import version

import msgspec
from prime_image_builds._json import read
from prime_image_builds.models import BuildStatusResponse

from ...contract.openapi import contract


def main() -> None:
    """Print microseconds, least of seven, and the ratio to bare msgspec."""
    row = contract().document["components"]["examples"]["COMPLETED"]["value"]
    bare = msgspec.json.Decoder(BuildStatusResponse)
    print(f"msgspec {version('msgspec')}")  # noqa: T201
    for artifacts in (2, 100):
        content = json.dumps(row | {"artifacts": row["artifacts"][:1] * artifacts}).encode()
        number = 10_000 // artifacts
        ways = {
            "bare msgspec": lambda content=content: bare.decode(content),
            "json.loads": lambda content=content: json.loads(content),
            "this client": lambda content=content: read(content, BuildStatusResponse),
        }
        least = {
            name: min(timeit.repeat(way, number=number, repeat=7)) / number * 1e6
            for name, way in ways.items()
        }
        for name, micros in least.items():
            ratio = micros / least["bare msgspec"]
            size = f"{len(content):>6} B"
            print(f"{size}  {name:<13} {micros:8.1f} µs  {ratio:4.1f} x")  # noqa: T201


if __name__ == "__main__":
    main()
