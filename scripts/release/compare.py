"""Compares what is public in two trees of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract_tests.openapi_diff import Breaks, Document, NoCommonOperationError, differences, load

from . import public_list, python_names
from .version import Change, Weight

CONTRACT = "openapi.yaml"


def changes(old: Path, new: Path) -> list[Change]:
    """Return the public changes from one tree to the other, the heaviest first.

    Raises ``Problem`` if a contract cannot be read.
    """
    found = [*_contracts(old, new), *python_names.compare(old, new)]
    if not found and python_names.client(old) != python_names.client(new):
        found = [Change(Weight.PATCH, "the client's code differs, no name or type does", "")]
    found += public_list.compare(old, new)
    return sorted(dict.fromkeys(found), key=lambda change: -change.weight)


def _contracts(old: Path, new: Path) -> list[Change]:
    if (old / CONTRACT).read_bytes() == (new / CONTRACT).read_bytes():
        return []
    before, after = (load(str(tree / CONTRACT)) for tree in (old, new))
    found = [*_operations(before, after), *_phases(before.root, after.root)]
    for one in (before, after):
        del one.root["info"]["version"]  # it follows from the changes
    if not found and before.root != after.root:
        found = [Change(Weight.PATCH, f"{CONTRACT} differs, no operation does", "")]
    return found


def _operations(before: Document, after: Document) -> Iterator[Change]:
    try:
        found = differences(before, after, every=True)
    except NoCommonOperationError:  # no path in common
        yield Change(Weight.MAJOR, "operation-removed: every operation, breaks both", "")
        return
    for one in found:
        weight = Weight.MINOR if one.breaks is Breaks.NOBODY else Weight.MAJOR
        place = one.places[0]
        where = place if place.endswith(one.subject) else f"{place} {one.subject}"
        yield Change(weight, f"{one.kind}: {where}, breaks {one.breaks}", one.subject)


def _phases(before: Any, after: Any) -> Iterator[Change]:
    """Compare ``x-phase``: by it a client waits, returns or raises."""
    was, now = (
        document["components"]["schemas"]["ImageBuildStatus"]["x-phase"]
        for document in (before, after)
    )
    for status, phase in was.items():
        if now.get(status, phase) != phase:
            what = f"phase: {status} is {now[status]}, was {phase}, breaks both"
            yield Change(Weight.MAJOR, what, status)
