"""Holds the changelog, the version and the list of what is public to what changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from contract_tests.problems import Problem

from .changelog import HEADINGS, ChangelogEntry, read
from .past import last_release, tree
from .surface import LIST, listed
from .weigh import CONTRACT, changes
from .weight import Change, Version, Weight

_VERSION = re.compile(r"^(info:\n(?: .*\n)*?  version: )(.+)$", re.MULTILINE)


def problems(root: Path, *, writes: bool = False) -> Iterator[str | Problem]:
    """Yield what is to be said of a project, line by line, and its problems.

    With ``writes``, the version is set and the list written first. Raises ``Problem`` where
    nothing can be said.
    """
    last = last_release(root)
    entries = _entries(root)
    if last is None:
        yield from _unreleased(root, entries, writes=writes)
        return
    if writes:
        yield from write(root, version_of(root))  # what is listed is weighed
    with tree(root, last) as released:
        found = changes(released, root)
    new = [one for one in entries if one.version is None or one.version > last]
    weights = [*(one.weight for one in new), *(one.weight for one in found)]
    weight = max(weights, default=Weight.NONE)
    due = last.after(weight)
    if writes:
        yield from write(root, due)
    yield f"since v{last}: {weight if weight else 'nothing'}, so this is {due}"
    yield from (f"{change.weight!s:9} {change.what}" for change in found)
    yield from untold(found, new)
    yield from _misplaced(new, due)
    if (said := version_of(root)) != due:
        yield Problem(
            f"{CONTRACT} says version {said}; after v{last} and what changed it is {due}",
            "make changes WRITE=1, then make generate",
        )
    yield from _stale(root)


def _unreleased(
    root: Path, entries: list[ChangelogEntry], *, writes: bool
) -> Iterator[str | Problem]:
    tells = next((one.version for one in entries if one.version), None)
    if tells:
        raise Problem(
            f"CHANGELOG.md tells of {tells}, and this clone has no tag of a release",
            f"git fetch --tags; or git tag v{tells}, where that is what is released now",
        )
    if writes:
        yield from write(root, version_of(root))
    yield f"nothing is released yet; the first tag will be v{version_of(root)}"
    if not entries:
        yield Problem("CHANGELOG.md has no entry", "say what the first release has")
    yield from _stale(root)


def untold(found: list[Change], entries: list[ChangelogEntry]) -> Iterator[Problem]:
    """Yield a problem for each change that no entry of its weight, or of a higher one, names."""
    for change in found:
        if any(change.weight <= one.weight and change.is_told_by(one.text) for one in entries):
            continue
        heading = next(head for head, weight in HEADINGS.items() if weight is change.weight)
        named = f" that names {change.name}" if change.name else ""
        yield Problem(
            f"CHANGELOG.md has no new entry{named} below ### {heading}\n    for: {change.what}",
            "say there what it means to those who use it",
        )


def _misplaced(new: list[ChangelogEntry], due: Version) -> Iterator[Problem]:
    """Yield a problem for each section of a version that is not the due one."""
    for version in dict.fromkeys(one.version for one in new):
        if version not in (None, due):
            yield Problem(
                f"CHANGELOG.md has a section {version}, and what comes is {due}",
                f"call it {due}, or Unreleased",
            )


def version_of(root: Path) -> Version:
    """Return the version that a contract says. Raises ``ValueError`` if it says none."""
    told = _VERSION.search((root / CONTRACT).read_text(encoding="utf-8"))
    if told is None:
        raise ValueError(f"{CONTRACT} has no info.version")
    return Version.of(told[2].strip("'\""))


def write(root: Path, version: Version) -> Iterator[str]:
    """Set the version and write the list; yield what was changed."""
    contract, public = root / CONTRACT, root / LIST
    text = contract.read_text(encoding="utf-8")
    if version_of(root) != version:
        contract.write_text(_VERSION.sub(rf"\g<1>{version}", text, count=1), encoding="utf-8")
        yield f"written   {CONTRACT}: version {version}; now make generate"
    if not _is_listed(root):
        public.write_text(listed(root), encoding="utf-8")
        yield f"written   {LIST}"


def _stale(root: Path) -> Iterator[Problem]:
    if not _is_listed(root):
        yield Problem(f"{LIST} does not list what is public", "make changes WRITE=1")


def _is_listed(root: Path) -> bool:
    public = root / LIST
    return public.is_file() and public.read_text(encoding="utf-8") == listed(root)


def _entries(root: Path) -> list[ChangelogEntry]:
    return read((root / "CHANGELOG.md").read_text(encoding="utf-8-sig"))
