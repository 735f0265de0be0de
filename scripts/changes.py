"""Weigh what changed since the last release, and hold the changelog and the version to it.

Usage: changes.py [--write]

The version is that of openapi.yaml. --write sets it, and lists anew, in docs/public.txt, what is
public.

Exit codes: 0 all agree, 1 something does not, 100 nothing can be said.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.changing.changelog import HEADINGS, ChangelogError, Entry, read  # noqa: E402
from scripts.changing.past import NoPastError, last_release, tree  # noqa: E402
from scripts.changing.surface import LIST, listed  # noqa: E402
from scripts.changing.weigh import CONTRACT, changes  # noqa: E402
from scripts.changing.weight import Change, Version, Weight  # noqa: E402
from scripts.comparison import UnreadableError  # noqa: E402

AGREE, DISAGREE, FAILED = 0, 1, 100
_VERSION = re.compile(r"^(info:\n(?: .*\n)*?  version: )(.+)$", re.MULTILINE)


def untold(found: list[Change], entries: list[Entry]) -> Iterator[str]:
    """Yield a problem for each change that no entry of its weight, or of a higher one, names."""
    for change in found:
        if any(change.weight <= one.weight and change.is_told_by(one.text) for one in entries):
            continue
        heading = next(head for head, weight in HEADINGS.items() if weight is change.weight)
        named = f" that names {change.name}" if change.name else ""
        yield (
            f"problem: CHANGELOG.md has no new entry{named} below ### {heading}\n"
            f"    for: {change.what}\n"
            "    fix: say there what it means to those who use it"
        )


def misplaced(entries: list[Entry], last: Version) -> Iterator[str]:
    """Yield a problem for each new entry in a section that is released."""
    for one in entries:
        if one.version is not None and one.version <= last:
            yield (
                f"problem: CHANGELOG.md has a new entry below {one.version}, which is released: "
                f"{one.text[:60]}\n    fix: put it below ## Unreleased"
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
    if not public.is_file() or public.read_text(encoding="utf-8") != listed(root):
        public.write_text(listed(root), encoding="utf-8")
        yield f"written   {LIST}"


def problems(root: Path, last: Version | None, *, writes: bool) -> Iterator[str]:
    """Yield what is to be said, line by line; problems begin with that word."""
    entries = read((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if last is None:
        yield from write(root, version_of(root)) if writes else ()
        yield f"nothing is released yet; the first tag will be v{version_of(root)}"
        if not entries:
            yield "problem: CHANGELOG.md has no entry\n    fix: say what the first release has"
        yield from _stale(root)
        return
    if writes:
        yield from write(root, version_of(root))  # what is listed is weighed
    with tree(root, last) as released:
        found = changes(released, root)
        known = {(one.weight, one.text) for one in read((released / "CHANGELOG.md").read_text())}
    new = [one for one in entries if (one.weight, one.text) not in known]
    told = max((one.weight for one in new), default=Weight.NONE)
    weight = max([told, *(change.weight for change in found)])
    due = last.after(weight)
    if writes:
        yield from write(root, due)
    yield f"since v{last}: {weight if weight else 'nothing'}, so this is {due}"
    yield from (f"{change.weight!s:9} {change.what}" for change in found)
    yield from untold(found, new)
    yield from misplaced(new, last)
    if (said := version_of(root)) != due:
        yield (
            f"problem: {CONTRACT} says version {said}; after v{last} and what changed it is {due}\n"
            "    fix: make changes WRITE=1, then make generate"
        )
    yield from _stale(root)


def _stale(root: Path) -> Iterator[str]:
    public = root / LIST
    if not public.is_file() or public.read_text(encoding="utf-8") != listed(root):
        yield f"problem: {LIST} does not list what is public\n    fix: make changes WRITE=1"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="changes.py", description=str(__doc__).split("\n")[0])
    parser.add_argument("--write", action="store_true", help="set the version, write the list")
    options = parser.parse_args(arguments)
    try:
        told = list(problems(ROOT, last_release(ROOT), writes=options.write))
    except (NoPastError, ChangelogError, UnreadableError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return FAILED
    except (OSError, ValueError, ImportError) as error:
        print(f"problem: {error}\n    fix: restore the file", file=sys.stderr)  # noqa: T201
        return FAILED
    print("\n".join(told))  # noqa: T201
    return DISAGREE if any(one.startswith("problem:") for one in told) else AGREE


if __name__ == "__main__":
    sys.exit(main())
