"""Runs the gate as make does: pytest over the client and the server, with what is given to it."""

from __future__ import annotations

import sys
from pathlib import Path

from . import process

HERE = Path(__file__).resolve().parent
MODULES = ("test_client.py", "test_server.py")


REPORTS = ("junit.xml", "summary.md", "verdicts.json")
OPTION = "--junitxml="


def main() -> int:
    """Run pytest; return its exit code."""
    # An early end (Ctrl-C while modules are loaded) must not leave the reports of the run before.
    for option in (one for one in sys.argv[1:] if one.startswith(OPTION)):
        for name in REPORTS:
            Path(option.removeprefix(OPTION)).with_name(name).unlink(missing_ok=True)
    import pytest  # here, where an interrupt is caught: it loads for a second

    modules = [str(HERE / name) for name in MODULES]
    return int(pytest.main(["-q", "--no-header", *modules, *sys.argv[1:]]))


if __name__ == "__main__":
    process.restart()
    process.run(main)
