"""Runs git in a folder, whatever repository the environment names. Standard library only."""

from __future__ import annotations

import io
import os
import re
import subprocess
from collections.abc import Iterable
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


def run(root: Path, *words: str, given: bytes = b"") -> bytes:
    """Return what git prints. Raises ``Problem`` if there is no git, or it fails.

    ``given`` is what git reads from its standard input.
    """
    clean = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    try:
        return subprocess.run(  # noqa: S603
            ["git", "-C", str(root), *words],  # noqa: S607
            env=clean, input=given, capture_output=True, check=True, timeout=60,
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


def is_published(root: Path, commit: str) -> bool:
    """Return whether a commit is in the history of a clone: of its HEAD, a branch or a tag.

    Any other commit may be anybody's: a host serves those of forks by their digest, too.
    """
    if not re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", commit):
        return False
    if output(root, "merge-base", "--is-ancestor", commit, "HEAD") is not None:
        return True
    refs = ("refs/heads", "refs/remotes", "refs/tags")
    return bool(output(root, "for-each-ref", "--count=1", f"--contains={commit}", *refs))


def files(root: Path, commit: str, names: Iterable[str]) -> dict[str, bytes]:
    """Return the files of a commit below some names, as they were committed. Raises ``Problem``."""
    listed = run(root, "ls-tree", "-r", "-z", "--full-tree", commit, "--", *names)
    rows = [line.partition(b"\t") for line in listed.split(b"\0") if line]
    wanted = b"".join(about.split()[2] + b"\n" for about, _, _ in rows)
    printed = io.BytesIO(run(root, "cat-file", "--batch", given=wanted))
    found = {}
    for _, _, name in rows:
        size = int(printed.readline().split()[2])
        found[os.fsdecode(name)] = printed.read(size)
        printed.read(1)
    return found


def is_top(root: Path) -> bool:
    """Return whether a folder is the top of a clone or of a linked worktree.

    False outside of git, and in a folder inside another project's clone.
    """
    top = output(root, "rev-parse", "--show-toplevel")
    return top is not None and Path(os.fsdecode(top).rstrip("\r\n")).resolve() == root.resolve()
