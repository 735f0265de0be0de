"""Finds what changed between two trees of the project, and what each change weighs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract_tests.contract import documents
from contract_tests.openapi_diff import Breaks, Difference, StrangersError, differences, load

from . import names
from .surface import ATTRIBUTES, LIST, name_of
from .weight import Change, Weight

CONTRACT = "openapi.yaml"
_BREAKS = {
    Breaks.NOBODY: "breaks nobody",
    Breaks.BOTH: "breaks clients and servers",
    Breaks.CLIENTS: "breaks clients",
    Breaks.SERVERS: "breaks servers",
}
# How a place ends that has no name of its own.
_NAMELESS = re.compile(r"[1-5](\d\d|XX)|request|security|[$*](\[\])?")


def changes(old: Path, new: Path) -> list[Change]:
    """Return what is public and changed from one tree to the other, the heaviest first.

    Raises ``Problem`` if a contract of the two cannot be read.
    """
    found = [*_contract(old, new), *names.compare(old, new)]
    if not found and _client(old) != _client(new):
        found = [
            Change(Weight.PATCH, "the code of the client differs, and no name or type does", "")
        ]
    found += _lists(old, new)
    return sorted(dict.fromkeys(found), key=lambda change: -change.weight)


def _contract(old: Path, new: Path) -> list[Change]:
    before, after = _document(old), _document(new)
    found = [*_operations(old, new), *_phases(before, after)]
    if not found and before != after:
        found = [Change(Weight.PATCH, f"{CONTRACT} differs, and no operation does", "")]
    return found


def _operations(old: Path, new: Path) -> Iterator[Change]:
    try:
        found = differences(load(str(old / CONTRACT)), load(str(new / CONTRACT)), every=True)
    except StrangersError:  # all paths are others
        for item in _document(old)["paths"].values():
            for name in (operation["operationId"] for operation in item.values()):
                yield Change(Weight.MAJOR, f"operation-removed: {name}, breaks clients", name)
        return
    for one in found:
        weight = Weight.MINOR if one.breaks is Breaks.NOBODY else Weight.MAJOR
        name, place = _name(one), one.places[0]
        where = place if place.endswith(name) else f"{place} {name}"
        yield Change(weight, f"{one.kind}: {where}, {_BREAKS[one.breaks]}", name)


def _phases(before: Any, after: Any) -> Iterator[Change]:
    """Compare what a client takes a status for: by that it waits on, returns or raises."""
    was, now = (
        document["components"]["schemas"]["ImageBuildStatus"]["x-phase"]
        for document in (before, after)
    )
    for status, phase in was.items():
        if now.get(status, phase) != phase:
            what = f"phase: {status} is {now[status]}, and was {phase}, breaks clients and servers"
            yield Change(Weight.MAJOR, what, status)


def _name(one: Difference) -> str:
    """Return what an entry must name: the value, the field or parameter, or the operation."""
    if one.kind in ("value-added", "value-removed"):
        return next(text for text in (one.revision, one.base) if text != "absent")
    parts = re.split(r"[ .]", one.places[0])
    return parts[0] if _NAMELESS.fullmatch(parts[-1]) else parts[-1].removesuffix("[]")


def _document(tree: Path) -> Any:
    """Return a contract without its version, which is no change but follows from them."""
    document = documents.load(tree / CONTRACT)
    del document["info"]["version"]
    return document


def _client(tree: Path) -> dict[str, bytes]:
    folder = tree / "generated/prime_image_builds"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.py")}


def _lists(old: Path, new: Path) -> Iterator[Change]:
    """Compare what is listed; a list that the older tree does not have tells nothing."""
    if not (old / LIST).is_file():
        return
    before, after = ({*(tree / LIST).read_text("utf-8").splitlines()} for tree in (old, new))
    known = {_bare(line) for line in before}
    for line in sorted(before - after):
        yield Change(Weight.MAJOR, f"no longer: {line}", name_of(line))
    for line in sorted(after - before):
        if _bare(line) in known:
            continue  # told as the line that went
        weight = Weight.MAJOR if line.endswith(" required") else Weight.MINOR
        yield Change(weight, f"new: {line}", name_of(line))


def _bare(line: str) -> str:
    return " ".join(word for word in line.split() if word not in ATTRIBUTES)
