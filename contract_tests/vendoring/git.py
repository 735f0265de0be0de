"""Runs git in a folder, whatever repository the environment names. Standard library only."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from ..problems import Problem

# In a hook, git sets variables that name the repository of the commit: another one than the
# folder's, or the same one by paths relative to another folder. git's configuration, ssh and
# proxies are kept.
REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip


def run(root: Path, *words: str) -> bytes:
    """Return what git prints. Raises ``Problem`` if there is no git, or it fails."""
    clean = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607
            env=clean, capture_output=True, check=True, timeout=60,
        ).stdout  # fmt: skip
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip()
        raise Problem(f"git {words[0]} failed: {why}", "run it in a clone") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"git does not run: {error}", "install git") from error


def output(root: Path, *words: str) -> bytes | None:
    """Return what git prints; None if there is no git, or it fails."""
    with suppress(Problem):
        return run(root, *words)
    return None


def is_top(root: Path) -> bool:
    """Return whether a folder is the top of a clone or of a linked worktree.

    False outside of git, and in a folder inside another project's clone.
    """
    top = output(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(os.fsdecode(top).rstrip("\r\n")).resolve() == root.resolve()
