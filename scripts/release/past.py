"""Finds the last release in git, and lays its tree out."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract_tests.problems import Problem
from scripts import git

from .weight import Version


def last_release(root: Path) -> Version | None:
    """Return the highest version that a tag of the present commit or of one before it names.

    None if nothing is released yet. Raises ``Problem`` where that cannot be known.
    """
    _git(root, "rev-parse", "--show-toplevel")
    if not git.is_top(root):
        raise Problem(f"{root} is no clone of its own", "ask in a clone")
    told = _git(root, "tag", "--list", "v*", "--merged", "HEAD").decode().split()
    found = []
    for tag in told:
        try:
            found.append(Version.of(tag.removeprefix("v")))
        except ValueError:
            continue  # a candidate, say: only three numbers are a release
    if not found and _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise Problem("this clone is shallow, and knows no release", "git fetch --unshallow --tags")
    return max(found, default=None)


@contextmanager
def tree(root: Path, version: Version) -> Iterator[Path]:
    """Lay a released tree out in a folder that goes again."""
    packed = _git(root, "archive", "--format=tar", f"v{version}")
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def _git(root: Path, *words: str) -> bytes:
    try:
        done = git.ask(root, *words)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Problem(f"git does not run: {error}", "install git") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        raise Problem(f"git {words[0]} failed: {why}", "ask in a clone")
    return done.stdout
