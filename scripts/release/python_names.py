"""Compares the public names of Python modules, without running them.

griffe finds removed names and calls that no longer fit. It does not compare types, values and
``async``, nor list new names; that is done here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import griffe

from .version import Change, Weight

MODULES = {"prime_image_builds": "generated", "mock": "contract_tests", "watch": "contract_tests"}
"""The modules whose names are public, and the folder of each."""
_MODELS = ".models."
"""The members of models are the contract's, whose comparison describes them better."""


def compare(old: Path, new: Path) -> Iterator[Change]:
    """Yield the changes between the public modules of two trees."""
    for module, folder in MODULES.items():
        if _code(old / folder, module) == _code(new / folder, module):
            continue
        before, after = (_load(tree / folder, module) for tree in (old, new))
        for one in griffe.find_breaking_changes(before, after):
            yield _breaking(one.kind.value.lower(), one.obj.path, one.obj.name)
        was, now = (dict(_public(loaded)) for loaded in (before, after))
        for path in sorted(now.keys() - was.keys()):
            yield Change(Weight.MINOR, f"new name: {path}", now[path].name)
        for path in sorted(now.keys() & was.keys()):
            yield from _differences(was[path], now[path])


def client(tree: Path) -> dict[Path, bytes]:
    """Return the code of the client, by the name of each file."""
    return _code(tree / "generated", "prime_image_builds")


def _code(folder: Path, module: str) -> dict[Path, bytes]:
    """Return the code of a module or package, by the name of each file."""
    paths = (*folder.glob(f"{module}.py"), *folder.glob(f"{module}/**/*.py"))
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def _differences(
    old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias
) -> Iterator[Change]:
    if isinstance(old, griffe.Attribute) and isinstance(new, griffe.Attribute):
        # Constants and members of enums; what an instance holds is not compared.
        is_constant = {"class-attribute", "module-attribute"} & new.labels
        if is_constant and str(old.value) != str(new.value):
            yield _breaking(f"is {new.value}, was {old.value}", new.path, new.name)
    if not (isinstance(old, griffe.Function) and isinstance(new, griffe.Function)):
        return
    if ("async" in old.labels) is not ("async" in new.labels):
        yield _breaking("async added or removed", new.path, new.name)
    if not _types(new.returns) <= _types(old.returns):
        yield _breaking(f"returns {new.returns}", new.path, new.name)
    known = {one.name: one for one in old.parameters}
    for parameter in new.parameters:
        path = f"{new.path}({parameter.name})"
        if parameter.name not in known:
            if not parameter.required:
                yield Change(Weight.MINOR, f"new parameter: {path}", parameter.name)
        elif not _types(known[parameter.name].annotation) <= _types(parameter.annotation):
            yield _breaking(f"takes {parameter.annotation}", path, new.name)


def _types(annotation: object) -> set[str]:
    """Return the members of a union; none without an annotation."""
    return set() if annotation is None else {part.strip() for part in str(annotation).split("|")}


def _breaking(what: str, path: str, name: str) -> Change:
    return Change(Weight.MAJOR, f"{what}: {path}, breaks callers", name)


def _load(folder: Path, module: str) -> griffe.Module:
    """Read a module or package; one that does not exist has no names."""
    try:
        loaded = griffe.load(module, search_paths=[folder], allow_inspection=False)
    except ModuleNotFoundError:
        return griffe.Module(module)
    assert isinstance(loaded, griffe.Module)
    return loaded


def _public(place: griffe.Object) -> Iterator[tuple[str, griffe.Object | griffe.Alias]]:
    """Yield the public names, with those that a package re-exports."""
    for member in place.members.values():
        if not member.is_public:
            continue
        yield f"{place.path}.{member.name}", member
        if isinstance(member, griffe.Module) or (
            isinstance(member, griffe.Class) and _MODELS not in member.path
        ):
            yield from _public(member)
