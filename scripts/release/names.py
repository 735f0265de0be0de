"""Compares the public names of Python modules, without running them.

griffe finds what is gone and what calls no longer fit; what it does not look at is compared here:
the types of parameters and results, values, what is async, and what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import griffe

from .weight import Change, Weight

MODULES = {
    "prime_image_builds": "generated",
    "contract_tests.mock": ".",
    "contract_tests.watch": ".",
}
"""The modules whose names are public, and the folder that each is found in."""
# Its fields and members are the contract's, which the comparison of contracts tells better.
_MODELS = ".models."


def compare(old: Path, new: Path) -> Iterator[Change]:
    """Yield what changed between the modules of two trees."""
    for module, folder in MODULES.items():
        before, after = _loaded(old / folder, module), _loaded(new / folder, module)
        for one in griffe.find_breaking_changes(before, after):
            yield _breaks(one.kind.value.lower(), one.obj.path, one.obj.name)
        was, now = dict(_public(before)), dict(_public(after))
        for path in sorted({*now} - {*was}):
            yield Change(Weight.MINOR, f"new name: {path}", path.rpartition(".")[2])
        for path in sorted({*now} & {*was}):
            first, then = was[path], now[path]
            if isinstance(first, griffe.Function) and isinstance(then, griffe.Function):
                yield from _functions(first, then)
            elif isinstance(first, griffe.Attribute) and isinstance(then, griffe.Attribute):
                yield from _values(first, then)


def _functions(old: griffe.Function, new: griffe.Function) -> Iterator[Change]:
    if ("async" in old.labels) is not ("async" in new.labels):
        yield _breaks("no longer async, or newly so", new.path, new.name)
    if not _types(new.returns) <= _types(old.returns):
        yield _breaks(f"returns {new.returns}", new.path, new.name)
    known = {one.name: one for one in old.parameters}
    for parameter in new.parameters:
        where = f"{new.path}({parameter.name})"
        if parameter.name not in known:
            if not parameter.required:
                yield Change(Weight.MINOR, f"new parameter: {where}", parameter.name)
        elif not _types(known[parameter.name].annotation) <= _types(parameter.annotation):
            yield _breaks(f"takes {parameter.annotation}", where, new.name)


def _values(old: griffe.Attribute, new: griffe.Attribute) -> Iterator[Change]:
    """Compare constants and members of enums; what an instance holds is its own affair."""
    stands = {"class-attribute", "module-attribute"} & new.labels
    if str(old.value) != str(new.value) and stands:
        yield _breaks(f"is {new.value}, and was {old.value}", new.path, new.name)


def _types(annotation: object) -> set[str]:
    """Return the alternatives of a type; one that says nothing says the same as before."""
    return set() if annotation is None else {part.strip() for part in str(annotation).split("|")}


def _breaks(what: str, where: str, name: str) -> Change:
    return Change(Weight.MAJOR, f"{what}: {where}, breaks callers", name)


def _loaded(folder: Path, module: str) -> griffe.Module:
    """Read a module or a whole package; what is not there has no names."""
    file = folder / f"{module.replace('.', '/')}.py"
    if file.is_file():
        return griffe.visit(module, filepath=file, code=file.read_text("utf-8"))
    if not (folder / module).is_dir():
        return griffe.Module(module)
    loaded = griffe.load(module, search_paths=[folder], allow_inspection=False)
    if not isinstance(loaded, griffe.Module):
        raise TypeError(f"{module} is no module")
    return loaded


def _public(place: griffe.Object) -> Iterator[tuple[str, griffe.Object | griffe.Alias]]:
    """Yield public names; those that a package hands on are names, too."""
    for member in place.members.values():
        if not member.is_public:
            continue
        yield member.path if not member.is_alias else f"{place.path}.{member.name}", member
        if isinstance(member, griffe.Module) or (
            isinstance(member, griffe.Class) and _MODELS not in member.path
        ):
            yield from _public(member)
