"""Finds what changed between two trees of the project, and what each change weighs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
import yaml

from scripts.comparison import Breaks, Difference, differences, load

from .surface import ATTRIBUTES, LIST, name_of
from .weight import Change, Weight

CONTRACT = "openapi.yaml"
PYTHON = {
    "prime_image_builds": "generated",
    "contract_tests.mock": ".",
    "contract_tests.watch": ".",
}
"""The modules whose names are public, and the folder that each is found in."""
_BREAKS = {
    Breaks.NOBODY: "breaks nobody",
    Breaks.BOTH: "breaks clients and servers",
    Breaks.CLIENTS: "breaks clients",
    Breaks.SERVERS: "breaks servers",
}
# How a place ends that has no name of its own.
_NAMELESS = re.compile(r"[1-5](\d\d|XX)|request|security|[$*](\[\])?")
# What differs in such a value, the comparison of the contracts tells better.
_VALUES = griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE


def changes(old: Path, new: Path) -> list[Change]:
    """Return what is public and changed from one tree to the other, the heaviest first.

    Raises ``UnreadableError`` if a contract of the two cannot be read.
    """
    found = [*_contract(old, new), *_python(old, new)]
    if not found and _client(old) != _client(new):
        found = [Change(Weight.PATCH, "the client does the same by other code", "")]
    found += _lists(old, new)
    return sorted(dict.fromkeys(found), key=lambda change: -change.weight)


def _contract(old: Path, new: Path) -> Iterator[Change]:
    found = differences(load(str(old / CONTRACT)), load(str(new / CONTRACT)), every=True)
    for one in found:
        weight = Weight.MINOR if one.breaks is Breaks.NOBODY else Weight.MAJOR
        name, place = _name(one), one.places[0]
        where = place if place.endswith(name) else f"{place} {name}"
        yield Change(weight, f"{one.kind}: {where}, {_BREAKS[one.breaks]}", name)
    if not found and _document(old) != _document(new):
        yield Change(Weight.PATCH, f"{CONTRACT} says the same in other words", "")


def _name(one: Difference) -> str:
    """Return what an entry must name: the value, the field or parameter, or the operation."""
    if one.kind in ("value-added", "value-removed"):
        return next(text for text in (one.theirs, one.ours) if text != "absent")
    parts = re.split(r"[ .]", one.places[0])
    return parts[0] if _NAMELESS.fullmatch(parts[-1]) else parts[-1].removesuffix("[]")


def _document(tree: Path) -> Any:
    """Return a contract without its version, which is no change but follows from them."""
    document = yaml.safe_load((tree / CONTRACT).read_bytes())
    del document["info"]["version"]
    return document


def _python(old: Path, new: Path) -> Iterator[Change]:
    for module, folder in PYTHON.items():
        before, after = _loaded(old / folder, module), _loaded(new / folder, module)
        for one in griffe.find_breaking_changes(before, after):
            if one.kind is not _VALUES:
                what = f"{one.kind.value.lower()}: {one.obj.path}"
                yield Change(Weight.MAJOR, f"{what}, breaks callers", one.obj.name)
        for path in sorted({*_names(after)} - {*_names(before)}):
            yield Change(Weight.MINOR, f"new name: {path}", path.rpartition(".")[2])


def _loaded(folder: Path, module: str) -> griffe.Module:
    """Read a module or a whole package, without running it; what is not there has no names."""
    file = folder / f"{module.replace('.', '/')}.py"
    if file.is_file():
        return griffe.visit(module, filepath=file, code=file.read_text("utf-8"))
    if not (folder / module).is_dir():
        return griffe.Module(module)
    loaded = griffe.load(module, search_paths=[folder], allow_inspection=False)
    if not isinstance(loaded, griffe.Module):
        raise TypeError(f"{module} is no module")
    return loaded


def _names(place: griffe.Object) -> Iterator[str]:
    """List public names, down to the members of classes; what a model has is the contract's."""
    for member in place.members.values():
        if member.is_alias or not member.is_public:
            continue
        yield member.path
        if isinstance(member, griffe.Module) or (
            isinstance(member, griffe.Class) and ".models." not in member.path
        ):
            yield from _names(member)


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
