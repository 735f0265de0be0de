"""Checks changelog, version and public list against what changed since the last release."""

from __future__ import annotations

import io
import re
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from contract_tests.escape import line
from contract_tests.problems import Exit, Problem
from contract_tests.vendoring import git

from . import changelog, public_list
from .changelog import HEADINGS, ChangelogEntry
from .compare import CONTRACT, changes
from .version import Change, Version, Weight

_VERSION = re.compile(r"^(info:\n(?: .*\n)*?  version: )['\"]?([^\s'\"]+).*$", re.MULTILINE)
_WRITE = "make changes WRITE=1"


class MissingEntry(Problem):
    """A change that no new changelog entry of its weight, or a heavier one, names."""

    def __init__(self, change: Change) -> None:
        named = f" that names {change.name}" if change.name else ""
        heading = HEADINGS[change.weight]
        super().__init__(
            f"CHANGELOG.md has no new entry{named} below ### {heading}",
            "describe there what it means to users",
            details=[f"    for: {change.what}"],
        )
        self.change = change


class ReleaseCheck(NamedTuple):
    """What changed since the last release (None before the first), and which version is due."""

    last: Version | None
    due: Version
    weight: Weight
    changes: list[Change]
    written: list[str]
    problems: list[Problem]

    @property
    def code(self) -> Exit:
        """The exit code."""
        return Exit.FOUND if self.problems else Exit.OK

    def __str__(self) -> str:
        lines = [f"written   {name}" for name in self.written]
        if self.last is None:
            lines.append(f"nothing is released yet; the first tag will be v{self.due}")
        else:
            lines.append(f"since v{self.last}: {self.weight or 'nothing'}, so this is {self.due}")
        lines += [f"{change.weight!s:9} {change.what}" for change in self.changes]
        return "\n".join([*map(line, lines), *map(str, self.problems)])


def check(root: Path, *, writes: bool = False) -> ReleaseCheck:
    """Compare a clone with its last release; ``writes`` updates the public list and the version.

    Raises ``Problem`` if the folder is not a clone with its tags, or a file cannot be read.
    """
    last, version = last_release(root), version_of(root)
    entries = changelog.read((root / "CHANGELOG.md").read_text(encoding="utf-8-sig"))
    written = []
    listed, public = root / public_list.LIST, public_list.text(root)
    is_listed = listed.is_file() and listed.read_text(encoding="utf-8") == public
    if writes and not is_listed:
        listed.write_text(public, encoding="utf-8")
        written.append(public_list.LIST)
    released = {one.version for one in entries if one.version}
    if last is None and released:
        what = f"CHANGELOG.md has a section {max(released)}, and this clone has no release tag"
        raise Problem(what, f"git fetch --tags; or git tag v{max(released)}, if that is it")
    found = _changes(root, last) if last else []
    new = [one for one in entries if not (one.version and last and one.version <= last)]
    weights = [*(one.weight for one in new), *(one.weight for one in found)]
    weight = max(weights, default=Weight.NONE) if last else Weight.NONE
    due = last.after(weight) if last else version
    if writes and version != due:
        text = (root / CONTRACT).read_text(encoding="utf-8")
        text = _VERSION.sub(rf"\g<1>{due}", text, count=1)
        (root / CONTRACT).write_text(text, encoding="utf-8")
        written.append(f"{CONTRACT}: version {due}; now make generate")
    problems: list[Problem] = [MissingEntry(one) for one in found if not _is_named(one, new)]
    for other in {one.version for one in new} - {None, due}:
        what = f"CHANGELOG.md has a section {other}; the next version is {due}"
        problems.append(Problem(what, f"name it {due}, or Unreleased"))
    if not entries:
        problems.append(Problem("CHANGELOG.md has no entry", "describe the first release there"))
    if version != due and not writes:
        what = f"{CONTRACT} has version {version}; the next after v{last} is {due}"
        problems.append(Problem(what, f"{_WRITE}, then make generate"))
    if not is_listed and not writes:
        problems.append(Problem(f"{public_list.LIST} does not list what is public", _WRITE))
    return ReleaseCheck(last, due, weight, found, written, problems)


def version_of(root: Path) -> Version:
    """Return the version of a contract. Raises ``ValueError`` without one."""
    match = _VERSION.search((root / CONTRACT).read_text(encoding="utf-8"))
    if match is None:
        raise ValueError(f"{CONTRACT} has no info.version")
    return Version.parse(match[2])


def last_release(root: Path) -> Version | None:
    """Return the highest version tag of the current commit or an ancestor; None without any.

    Raises ``Problem`` if the folder is not a clone, or a shallow one without a release.
    """
    tags = git.run(root, "tag", "--list", "v*", "--merged", "HEAD").decode().split()
    if not git.is_top(root):
        raise Problem(f"{root} is not a clone of its own", "run it in a clone")
    found = []
    for tag in tags:
        with suppress(ValueError):  # a release candidate: only three numbers are a release
            found.append(Version.parse(tag.removeprefix("v")))
    if not found and git.run(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise Problem("this clone is shallow and has no release", "git fetch --unshallow --tags")
    return max(found, default=None)


def _changes(root: Path, last: Version) -> list[Change]:
    packed = io.BytesIO(git.run(root, "archive", "--format=tar", f"v{last}"))
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        with tarfile.open(fileobj=packed) as archive:
            archive.extractall(folder, filter="data")
        return changes(Path(folder), root)


def _is_named(change: Change, entries: list[ChangelogEntry]) -> bool:
    return any(change.weight <= one.weight and change.is_named_in(one.text) for one in entries)
