"""Runs the gate as make does: pytest over the client and the server, with what is given to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from . import process

HERE = Path(__file__).resolve().parent
MODULES = ("test_client.py", "test_server.py")


def main() -> int:
    """Run pytest; return its exit code."""
    modules = [str(HERE / name) for name in MODULES]
    return int(pytest.main(["-q", "--no-header", *modules, *sys.argv[1:]]))


if __name__ == "__main__":
    process.restart()
    process.run(main)
