"""Calls of make in a copy of the makefile, where what it would run is noted and not run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.dev.makefile import takes

from ...contract.openapi import PATH

ROOT = PATH.parent
LOCKS = ("requirements.txt", "requirements-load.txt", "requirements-docs.txt")
FILES = ("Makefile", "scripts/given.mk", "scripts/ci/install.sh", *LOCKS)
TAKES = takes((ROOT / "Makefile").read_text())
TARGETS = [
    "gate", "judge", "proxy", "replay", "load", "compare", "serve", "generate", "check", "changes",
    "vendor", "vendor-check", "test", "test-fast", "test-slow", "test-external", "test-all",
    "faults", "rules", "export", "fuzz", "attacks", "mutate", "bench", "docs", "lint",
]  # fmt: skip
EVERY = sorted({"PYTHON"}.union(*TAKES.values()))
FLAGS = {"WRITE", "WITH_TESTS", "FORCE", "FAIL_FAST"}
# What stands in place of the interpreter: it notes how it was called. A shell starts 20 times as
# fast as Python. PARENT is the program that would pass a signal on to it.
RECORDER = r"""#!/bin/sh
PARENT=$(ps -o comm= -p "$PPID"); export PARENT
{ printf '%s\0' "$#" "$@"; env -0; printf '\0'; } >> "${0%/*}/calls"
"""


@dataclass(frozen=True)
class Call:
    """A command that a recipe has run."""

    words: list[str]
    environment: dict[str, str]

    def settings(self) -> dict[str, str]:
        """Return what it was given by the names that make has for it; what is empty is not set."""
        options = [one[2:] for one in self.words if one.startswith("--") and "=" in one]
        found = {
            name.upper().replace("-", "_"): value
            for name, value in (one.split("=", 1) for one in options)
            if name != "junit"
        }
        for name, value in self.environment.items():
            if name.startswith("CONTRACT_") and name != "CONTRACT_TOKEN" and value:
                found[name.removeprefix("CONTRACT_")] = value
        return found


def noted(calls: bytes) -> Iterator[Call]:
    """Yield what was noted: a number of words, these, and variables up to an empty one."""
    fields = map(os.fsdecode, calls.split(b"\0"))
    while count := next(fields):
        words = [next(fields) for _ in range(int(count))]
        yield Call(words, dict(one.split("=", 1) for one in iter(fields.__next__, "")))


@dataclass(frozen=True)
class Done:
    """What became of a call of make."""

    code: int
    printed: str
    calls: list[Call]


@dataclass(frozen=True)
class Tree:
    """The makefile, with an environment in which nothing is run."""

    folder: Path

    def make(self, *words: str, **variables: str) -> Done:
        """Call make with words, and with variables in its environment."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        calls = self.folder / ".venv/bin/calls"
        calls.unlink(missing_ok=True)
        before = self._files()
        done = subprocess.run(  # noqa: S603
            ["make", *words],  # noqa: S607
            cwd=self.folder, env=kept | variables, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        found = [*noted(calls.read_bytes())] if calls.is_file() else []
        calls.unlink(missing_ok=True)
        assert self._files() == before
        printed = (done.stdout + done.stderr).decode(errors="replace")
        return Done(done.returncode, printed, found)

    def _files(self) -> list[Path]:
        return sorted(self.folder.rglob("*"))
