"""The environment is made once from the hashed lock, by one process at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ...contract.openapi import PATH

ROOT = PATH.parent
# Stands in place of the interpreter: it notes how it was called, and makes an empty environment.
FAKE = f"""#!/bin/sh
echo "$@" >> "$NOTES/calls"
case "$*" in
  *fcntl*) exec '{sys.executable}' "$@" ;;
  *"-m venv"*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  *"-m pip"*) eval "$PIP" ;;
esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with the interpreter."""
    (tmp_path / "python").write_text(FAKE)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def start(folder: Path, pip: str = ":") -> subprocess.Popen[bytes]:
    """Start the script; ``pip`` is what pip does, as a shell's command."""
    return subprocess.Popen(  # noqa: S603
        ["sh", ROOT / "scripts/ci/install.sh", folder / "made", folder / "python"],  # noqa: S607
        env={"PATH": os.environ["PATH"], "NOTES": str(folder), "PIP": pip}, start_new_session=True,
    )  # fmt: skip


def calls(folder: Path) -> list[str]:
    """Return how the interpreter was called, as far as it made something."""
    lines = (folder / "calls").read_text().splitlines()
    return [one for one in lines if one.startswith("-m")]


def test_hashed_lock_is_installed_once(folder: Path) -> None:
    """The second call finds the environment up to date."""
    codes = [start(folder).wait(60), start(folder).wait(60)]
    venv, pip = calls(folder)

    assert codes == [0, 0]
    assert venv == f"-m venv --clear {folder}/made"
    assert "--require-hashes --no-deps" in pip
    assert pip.endswith(f"-r {ROOT}/requirements.txt")


def test_second_of_two_at_once_waits_for_the_first(folder: Path) -> None:
    """It would clear the environment that the first has begun to fill."""
    # pip goes on when both have found no environment: each has looked at the version by then.
    both = 'until [ "$(grep -c sys.exit "$NOTES/calls")" = 2 ]; do :; done'
    runs = [start(folder, both) for _ in range(2)]

    assert [one.wait(60) for one in runs] == [0, 0]
    assert [one[:6] for one in calls(folder)] == ["-m ven", "-m pip"]


def test_killed_run_leaves_no_lock(folder: Path) -> None:
    """The kernel holds it; the next run makes the environment from the start."""
    os.mkfifo(folder / "wait")
    os.mkfifo(folder / "begun")
    killed = start(folder, 'echo > "$NOTES/begun"; read line < "$NOTES/wait"')
    (folder / "begun").read_bytes()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(60)

    assert start(folder).wait(60) == 0
    assert [one[:6] for one in calls(folder)] == ["-m ven", "-m pip"] * 2
