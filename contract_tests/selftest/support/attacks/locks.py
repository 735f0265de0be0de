"""Copies that were edited together with their lock, and locks that lie about their source."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from ....problems import Exit, Problem
from ....vendoring import source, vendor
from ....vendoring.vendor_check import LOCK, PACKAGE
from ..vendoring import ROOT, advance, checkout, commit, git, write
from . import Attack, Family

# The client of the clone's head, the one before it, and one of nobody's history.
HEAD, OLD, FORK = "head", "old", "fork"
Edit = Callable[[Path], object]


class Places(NamedTuple):
    """A clone with two commits, the same files without git, and a copy of each client."""

    root: tempfile.TemporaryDirectory[str]
    clone: Path
    alone: Path
    copies: dict[str, Path]
    commits: dict[str, str]


@cache
def places() -> Places:
    """Make them once; they are not changed."""
    root = tempfile.TemporaryDirectory()
    folder = Path(root.name)
    clone, copies, commits = checkout(folder / "clone"), {}, {}
    for name, version in ((OLD, ""), (HEAD, "1.1.0"), (FORK, "6.6.6")):
        if version:
            advance(clone, version, rename=name == HEAD)
        commits[name] = commit(clone)
        copies[name] = vendor.copy(source.find(clone), folder / name).package
    git(clone, "reset", "-q", "--hard", commits[HEAD])
    shutil.copytree(clone, folder / "alone", ignore=shutil.ignore_patterns(".git"))
    return Places(root, clone, folder / "alone", copies, commits)


def forged(kind: str, where: str, edit: Edit, verdicts: set[str]) -> str | None:
    """Edit a copy, and let it be checked, and vendored over, in a clone or outside of one."""
    at = places()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, PACKAGE)
        shutil.copytree(at.copies[kind], package)
        edit(package)
        origin = source.find(getattr(at, where))
        found = vendor.check(origin, package)
        lines = str(found).splitlines()
        if found.state not in verdicts:
            return f"{found.state}: {lines[0]}"
        if not all(line.isprintable() and not line.startswith(("::", "fresh")) for line in lines):
            return f"printed {lines!r}"
        try:
            done = vendor.copy(origin, package.parent)
        except Problem as problem:
            return None if problem.code == Exit.FOUND else str(problem)
        return f"an update: {done}" if done.is_known else None


def lie(key: str, value: Any) -> Edit:
    """Return what changes a value of a lock; ``/`` parts the keys."""

    def edit(package: Path) -> None:
        inner = lock = json.loads((package / LOCK).read_text())
        *above, last = key.split("/")
        for one in above:
            inner = inner[one]
        inner[last] = value
        (package / LOCK).write_text(json.dumps(lock))

    return edit


def both(*edits: Edit) -> Edit:
    """Return what does several things."""

    def edit(package: Path) -> None:
        for one in edits:
            one(package)

    return edit


def named(which: str) -> Edit:
    """Return what names a commit of the clone as the source."""
    return lambda package: lie("source/commit", places().commits[which])(package)


def contract_of(which: str) -> Edit:
    """Return what gives a lock the contract of another copy."""
    return lambda package: lie(
        "contract", json.loads((places().copies[which] / LOCK).read_text())["contract"]
    )(package)


CODE = b"import os\n"
STATES = {"edited", "unknown"}
# What a check of this kind of copy in that place must find, where lock and files agree.
PLACES = ((HEAD, "clone", {"edited"}), (OLD, "clone", {"edited"}), (HEAD, "alone", {"edited"}),
          (OLD, "alone", {"unknown"}))  # fmt: skip
ADDED = ("own.py", "models/own.py", "sitecustomize.py", "client/__init__.py", ".hidden", "a b.py",
         "_native.so", "client.pyc", "testing/__init__.py",
         "a\n::error::b.py", "\x1b[2J.py")  # fmt: skip
COMMITS: tuple[Any, ...] = (
    "unknown", "", "HEAD", "main", "@", "HEAD~1", "--all", "--output=own", "-", ":/old", "0" * 40,
    "f" * 64, "0" * 39, "G" * 40, "a\nb", "\x1b[2J", "\ud800", "e" * 10**5, None, 1, [], {},
)  # fmt: skip
VERSIONS = ("0.0.1", "1.0.0 ", "99.0.0", "", "9" * 5000, "v2", "²", "1.0.0\n::error::x", "\x1b[2J",
            "\ud800", "x" * 10**5)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1e999, "", "x", "a\n::error::b", "\x1b[2J", "\ud800", "9" * 5000, [], {},
    {"": ""}, ["x"],
)  # fmt: skip
KEYS = ("lock", "package", "contract", "contract/version", "contract/sha256", "source",
        "source/commit", "generator", "templates", "with_tests", "files",
        "files/client.py")  # fmt: skip


def lies() -> Iterator[tuple[str, str, str, str, Edit, set[str]]]:
    """Yield kind, name, copy, place, edit and the states that may be found."""
    files = [*source.find(ROOT).files(with_tests=False)]
    for number, name in enumerate(files):
        for turn, content in enumerate((CODE, None)):
            copy, where, states = PLACES[(number + turn) % len(PLACES)]
            if copy == HEAD and name == "progress.py":  # which it does not have
                copy, where, states = PLACES[1]
            verb = "emptied but for code" if content else "removed"
            yield "file and lock edited", f"{name} {verb}, {copy}, {where}", copy, where, write(
                name, content), states  # fmt: skip
    for name in ADDED:
        for copy, where, states in PLACES:
            yield "file added, in the lock", f"{name!a}, {copy}, {where}", copy, where, write(
                name, CODE), states  # fmt: skip
    bad = write("client.py", CODE)
    for number, value in enumerate(COMMITS):
        for where in ("clone", "alone"):
            yield "commit forged", f"{number} {value!a:.40}, {where}", OLD, where, both(
                bad, lie("source/commit", value)), STATES  # fmt: skip
    for which in (HEAD, FORK):
        yield "commit forged", f"that of {which}", OLD, "clone", both(bad, named(which)), STATES
    for version in VERSIONS:
        for copy, where, _ in PLACES:
            yield "contract forged", f"{version!a:.40}, {copy}, {where}", copy, where, lie(
                "contract/version", version), STATES  # fmt: skip
    for origin in (HEAD, OLD, FORK):
        for contract in (HEAD, OLD, FORK):
            for where in ("clone", "alone"):
                yield "client of no history", f"commit {origin}, contract {contract}, {where}", \
                    FORK, where, both(named(origin), contract_of(contract)), STATES  # fmt: skip
    for key in KEYS:
        for value in VALUES:
            yield "value of the lock", f"{key} is {value!a:.40}", HEAD, "clone", both(
                bad, lie(key, value)), {*STATES, "broken"}  # fmt: skip


def attacks() -> Iterator[Attack]:
    """Make them all."""
    for kind, name, copy, where, edit, states in lies():
        yield Attack(kind, f"{kind}: {name}", partial(forged, copy, where, edit, states))


FAMILY = Family(
    "locks",
    "A copy that was edited together with its lock is neither fresh nor an update.",
    attacks,
)
