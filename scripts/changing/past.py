"""Finds the last release in git, and lays its tree out."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import git

from .weight import Version


class NoPastError(Exception):
    """Nothing can be said of the past; the text says why, and the mend."""


def last_release(root: Path) -> Version | None:
    """Return the highest version that a tag of the present commit or of one before it names.

    None if nothing is released yet. Raises ``NoPastError`` where that cannot be known.
    """
    _git(root, "rev-parse", "--show-toplevel")
    if not git.is_top(root):
        raise NoPastError(f"problem: {root} is no clone of its own\n    fix: ask in a clone")
    told = _git(root, "tag", "--list", "v*", "--merged", "HEAD").decode().split()
    found = []
    for tag in told:
        try:
            found.append(Version.of(tag.removeprefix("v")))
        except ValueError:
            continue  # a candidate, say: only three numbers are a release
    if not found and _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise NoPastError(
            "problem: this clone is shallow, and knows no release\n"
            "    fix: git fetch --unshallow --tags"
        )
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
        raise NoPastError(f"problem: git does not run: {error}\n    fix: install git") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip()
        raise NoPastError(f"problem: git {words[0]} failed: {why}\n    fix: ask in a clone")
    return done.stdout
