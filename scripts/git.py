"""Asks git about a folder, whatever repository the caller itself stands in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# In a hook, git names the repository of the commit in the environment: another one than is asked
# about, or the same one by paths that hold in another folder. What sets git up (its configuration,
# ssh, proxies) stays.
REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip


def ask(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder. Raises ``OSError`` or ``subprocess.TimeoutExpired`` if it does not."""
    clean = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    return subprocess.run(  # noqa: S603
        ["git", "-C", str(root), *words],  # noqa: S607
        env=clean, capture_output=True, check=False, timeout=60,
    )  # fmt: skip


def answer(root: Path, *words: str) -> bytes | None:
    """Return what git answers about a folder; None if there is no git, or it fails."""
    try:
        done = ask(root, *words)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def is_top(root: Path) -> bool:
    """Tell whether a folder is a clone of its own, a linked worktree included.

    It is not outside of git, and not where another project's git holds it.
    """
    top = answer(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(os.fsdecode(top).rstrip("\r\n")).resolve() == root.resolve()
