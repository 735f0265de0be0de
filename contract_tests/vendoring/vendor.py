"""Copies the client into a project, updates a copy, and checks whether there is an update."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from .. import escape, usage
from ..problems import Exit, Problem
from . import git, swap, vendor_check
from .source import Source
from .vendor_check import (
    EDITED,
    EDITS,
    ERROR,
    FRESH,
    IGNORED,
    LOCK,
    PACKAGE,
    UNKNOWN,
    UPDATE,
    CopyState,
    LockError,
    commit_of,
    listed,
    locate,
)


class Copied(NamedTuple):
    """What a copy changed.

    Attributes:
        package: The copy.
        before: The lock that was there; empty before the first copy.
        after: The lock that is there now.
        repaired: Files that were missing or had other line ends.
        overwritten: Edits that were overwritten, by ``force``.
        is_written: False if the copy was current.
        is_known: False if the copy that was there may have been edited together with its lock.

    """

    package: Path
    before: dict[str, Any]
    after: dict[str, Any]
    repaired: list[str]
    overwritten: dict[str, str]
    is_written: bool = True
    is_known: bool = True

    def __str__(self) -> str:
        version = self.after["contract"]["version"]
        if not self.is_written:
            return escape.line(f"nothing to do: {self.package} is contract {version}")
        was, now = (commit_of(lock) for lock in (self.before, self.after))
        lines = [f"vendored: {self.package}"]
        if not self.is_known:
            lines.append("replaced  a copy whose source is not known here: it may have been edited")
        if not self.before:
            files = len(self.after["files"])
            lines += [f"contract  {version}", f"source    {now}", f"files     {files}"]
        else:
            lines += news(self.before, self.after)
            lines += [f"source    {was} → {now}"] if was != now else []
        lines += [f"restored  {name}" for name in self.repaired]
        if self.overwritten:
            lines += [f"overwritten, by {usage.flag('FORCE')}:", *listed(self.overwritten)]
        return "\n".join(map(escape.line, lines))


def copy(
    source: Source, destination: Path, *, with_tests: bool | None = None, force: bool = False
) -> Copied:
    """Copy the client into a folder, or update the copy there.

    Args:
        source: What is copied.
        destination: The folder that holds the package, or will.
        with_tests: Whether to copy the reference server and the payload corpus; None for as before.
        force: Overwrite local edits.

    Raises ``Problem`` with the code 1 if the package there was edited or is not a copy, unless
    forced; with the code 4 if it cannot be written there.

    """
    try:
        return _copy(source, destination, with_tests, force=force)
    except OSError as error:
        raise Problem(str(error), "correct that, and run again") from error


def _copy(source: Source, destination: Path, with_tests: bool | None, *, force: bool) -> Copied:
    package = _package(source, destination)
    try:
        before = vendor_check.read_lock(package)
    except LockError:
        before = {}
    found = vendor_check.differences(package, before.get("files", {})) if package.is_dir() else {}
    forged = _edits(source, package, before) if before else {}
    edits = {name: kind for name, kind in {**(forged or {}), **found}.items() if kind in EDITS}
    if edits and not force:
        what = f"{package} {'was edited' if before else 'is not a copy'}"
        fix = f"keep that elsewhere, then vendor with {usage.flag('FORCE')}, which overwrites it"
        raise Problem(what, fix, Exit.FOUND, listed(edits))
    if with_tests is None:
        with_tests = bool(before.get("with_tests", False))
    files = source.files(with_tests=with_tests)
    after = source.lock(files, with_tests=with_tests)
    if before and not found and not news(before, after):
        return Copied(package, before, after, [], {}, is_written=False)
    package.parent.mkdir(parents=True, exist_ok=True)
    with swap.staging(package.parent, f".{PACKAGE}.vendor-") as folder:
        text = json.dumps(after, indent=2, ensure_ascii=False) + "\n"
        for name, content in {**files, LOCK: text.encode()}.items():
            path = folder / "fresh" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        swap.replace(folder / "fresh", package)
    repaired = [name for name, kind in found.items() if kind not in EDITS]
    return Copied(package, before, after, repaired, edits, is_known=forged is not None)


def _package(source: Source, destination: Path) -> Path:
    """Return where the package goes. Raises ``Problem`` if it cannot go there."""
    if (destination / LOCK).is_file():
        fix = f"give the folder that holds it: {destination.parent}"
        raise Problem(f"{destination} is a copy itself", fix)
    # A link to the folder is followed, so that all renames stay in one file system.
    package = Path(os.path.realpath(destination)) / PACKAGE
    for path in (package.parent, *package.parent.parents):
        if path.exists() and not path.is_dir():
            raise Problem(f"{path} is a file", "give a folder, or the name of a new one")
    if package.is_symlink() or (package.exists() and not package.is_dir()):
        raise Problem(f"{package} is a link or a file", "move it away, and run again")
    root = source.root.resolve()
    if root in package.parents or package in (root, *root.parents):
        what = f"{package} is inside the source {root}, or the other way round"
        raise Problem(what, "give a folder of your project")
    return package


def _edits(source: Source, package: Path, before: dict[str, Any]) -> dict[str, str] | None:
    """Return what was edited in a copy, though its lock may agree with it.

    A copy is what would be vendored now, or what the commit in its lock vendors. Where that commit
    cannot be had, the same contract has the same files; another one may have any: then None.
    """
    with_tests = bool(before.get("with_tests", False))
    now = source.made(with_tests=with_tests)
    if not news(before, now):
        return {}
    made = source.made_at(commit_of(before), with_tests=with_tests)
    if made is None and before["contract"] == now["contract"]:
        made = now
    if made is None:
        return None
    if not news(before, made):
        return {}
    return {**vendor_check.differences(package, made["files"]), LOCK: "edited"}


def news(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return what differs between the contracts and files of two locks, one line each."""
    was, now = before.get("files", {}), after["files"]
    kinds = dict.fromkeys(now.keys() - was.keys(), "added")
    kinds |= dict.fromkeys(was.keys() - now.keys(), "removed")
    kinds |= {name: "changed" for name in now.keys() & was.keys() if now[name] != was[name]}
    lines = [f"{kind:<9} {name}" for name, kind in sorted(kinds.items())]
    if before.get("contract") != after["contract"]:
        lines.insert(0, f"contract  {_versions(before, after)}")
    return lines


def _versions(before: dict[str, Any], after: dict[str, Any]) -> str:
    was, now = (one["contract"]["version"] for one in (before, after))
    return f"{was} → {now}" if was != now else f"{now}, changed"


def check(source: Source, package: Path) -> CopyState:
    """Compare a copy, or the one in a folder, with its lock and its source. Nothing is raised."""
    try:
        return _check(source, locate(package))
    except Problem as problem:
        return CopyState(ERROR, problem.what, problem.fix, problem.details)
    except OSError as error:
        return CopyState(ERROR, str(error), "correct that, and run again")


def _tracked_caches(package: Path) -> dict[str, str]:
    """Return what git tracks in the caches of a copy: Python runs what is in ``__pycache__``.

    Raises ``Problem`` if git does not tell, as in a clone of another owner.
    """
    names = os.fsdecode(git.run(package, "ls-files", "-z")).split("\0")
    return {name: "added" for name in names if IGNORED & {*PurePosixPath(name).parts}}


def _check(source: Source, package: Path) -> CopyState:
    state = vendor_check.check(package)
    if state.state != FRESH:
        return state
    before = vendor_check.read_lock(package)
    now = source.made(with_tests=bool(before.get("with_tests", False)))
    found, edits = news(before, now), _edits(source, package, before)
    compiled = sorted(path.relative_to(package).as_posix() for path in package.rglob("__pycache__"))
    untold = ""
    try:
        if caches := _tracked_caches(package):
            edits = {**(edits or {}), **caches}
    except Problem as problem:
        untold = problem.what.partition("\n")[0] if compiled else ""
    again = usage.command("vendor", DEST=str(package.parent))
    if edits:
        what = f"{package} was edited, though it agrees with its lock"
        fix = f"keep the edits elsewhere, then {again} {usage.flag('FORCE')}"
        return CopyState(EDITED, what, fix, listed(edits))
    if untold:
        what = f"whether the compiled modules in {package} are tracked is unknown: {untold}"
        fix = "remove them, or make git work there (safe.directory), and check again"
        return CopyState(UNKNOWN, what, fix, listed(dict.fromkeys(compiled, "compiled")))
    if edits is None:
        what = (
            f"whether {package} is older or edited is unknown: its source, "
            f"{commit_of(before)}, is not in the history of {source.root}"
        )
        fix = f"check it in a clone that has that, or {again}"
        return CopyState(UNKNOWN, what, fix, tuple(found))
    as_vendored = f"{package} is as vendored: {vendor_check.summary(before)}"
    if not found:
        return CopyState(FRESH, as_vendored)
    if _numbers(now) < _numbers(before):
        older = f"{as_vendored}; {source.root} is older: contract {_versions(before, now)}"
        return CopyState(FRESH, older)
    return CopyState(UPDATE, f"an update of {package} is available", again, tuple(found))


def _numbers(lock: dict[str, Any]) -> list[int]:
    parts = lock["contract"]["version"].partition("-")[0].split(".")
    return [int(part) if part.isdecimal() else 0 for part in parts]
