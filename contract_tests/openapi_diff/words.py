"""Describes what a schema allows, in a few words."""

from __future__ import annotations

from collections.abc import Iterator

from .combine import ALL, Nodes, Shape
from .shape import shape_of

ABSENT = "absent"
NULL = frozenset({"null"})


def described(shape: Shape) -> str:
    """Return a shape in a few words."""
    types = shape.types - NULL
    if shape.types == ALL and shape.values is None:
        return "anything"
    names: list[str] = [
        name for name in ("boolean", "integer", "number", "string") if name in types
    ]
    if "number" in names:
        names = [name for name in names if name != "integer"]
    if shape.values is not None and shape.values:
        names = [listed(shape.values)]
    elif names == ["string"] and shape.marks.get("format"):
        names = ["/".join(sorted(shape.marks["format"]))]
    names += [name for name in ("array", "object", "null") if name in shape.types]
    return " or ".join(names) or "nothing"


def fields_of(
    nodes: Nodes, path: str = "$", above: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Yield name and path of each field of a schema, each schema once on the way down."""
    shape = shape_of(nodes)
    pointers = {node.follow().pointer for node in nodes}
    if not pointers or pointers & above:
        return
    for name, below in shape.properties.items():
        yield name, f"{path}.{name}"
        yield from fields_of(below, f"{path}.{name}", above | pointers)
    yield from fields_of(shape.entries, f"{path}[]", above | pointers)


def listed(values: tuple[str, ...] | list[str]) -> str:
    """Return values as one text, those that would be blank in quotes."""
    bare = (value[1:-1] if value.startswith('"') else value for value in values)
    return ", ".join(text if text.strip() else f'"{text}"' for text in bare)
