"""Normalises schemas.

A shape is what a schema allows, whatever the version of OpenAPI and the spelling: references are
followed, allOf is merged, unions are split, null is a type. What OpenAPI does not define but
generators accept (``nullable`` beside a reference, ``properties`` without ``type``) is read as they
read it; docs/compare.md has the list.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .combine import ALL, Bound, Nodes, Shape, both, text_of, tidy, tighter, type_of, union
from .keywords import BOUNDS, COUNTED, EXCLUSIVE, MARKS, VACUOUS, opaque
from .read import Node

_STEPS = 20


def shape_of(nodes: Nodes) -> Shape:
    """Return the shape of schemas that all apply."""
    shape = Shape("")
    for node in nodes:
        shape = _with(node, shape, _shape(node, frozenset()))
    return replace(shape, at=_home(nodes[0]).pointer) if nodes else shape


def _home(node: Node) -> Node:
    """Return the target of a node that is a reference, alone or in an allOf of one.

    The shape of the node was read before, so there is no cycle.
    """
    node = node.follow()
    keywords = node.value if isinstance(node.value, dict) else {}
    beside = COUNTED & keywords.keys()
    parts = list(one.entries()) if beside == {"allOf"} and (one := node.get("allOf")) else []
    return _home(parts[0]) if len(parts) == 1 else node


def _shape(node: Node, above: frozenset[str]) -> Shape:
    node.document.step(_STEPS)
    if node.pointer in above:
        raise node.unexpected("a schema that does not contain itself")
    above |= {node.pointer}
    if isinstance(node.value, bool):
        return Shape(node.pointer, types=ALL if node.value else frozenset())
    keywords = node.object()
    shape = Shape(node.pointer)
    if isinstance(keywords.get("$ref"), str):
        target = node.follow()
        shape = replace(_shape(target, above), at=target.pointer)
        if node.document.refs_stand_alone or COUNTED & keywords.keys() == {"$ref"}:
            return _nullable(node, shape)
    shape = _with(node, shape, _own(node))
    if parts := node.get("allOf"):
        for part in parts.entries():
            shape = _with(node, shape, _shape(part, above))
    for key in ("anyOf", "oneOf"):
        if parts := node.get(key):
            one_of = union([_shape(part, above) for part in parts.entries()], node.pointer)
            shape = _with(node, shape, one_of)
    return tidy(replace(_nullable(node, shape), at=shape.at or node.pointer))


def _with(node: Node, one: Shape, other: Shape) -> Shape:
    """Return what two shapes of a node both admit; combining them takes time for each entry."""
    node.document.step(one.size + other.size)
    return both(one, other)


def _nullable(node: Node, shape: Shape) -> Shape:
    """Add null for ``nullable``, also beside a reference, where OpenAPI 3.0 ignores it."""
    if node.object().get("nullable") is not True:
        return shape
    return replace(shape, types=shape.types | {"null"})


def _own(node: Node) -> Shape:
    """Return the shape of a schema without its references and combinations."""
    keywords = node.object()
    types, values = _types(node), None
    if (enum := node.get("enum")) or "const" in keywords:
        given = [entry.value for entry in enum.entries()] if enum else [keywords["const"]]
        values = tuple(dict.fromkeys(text_of(value) for value in given if value is not None))
        null = {"null"} if None in given else set[str]()
        types &= frozenset(type_of(value) for value in given if value is not None) | null
    fields: dict[str, Nodes] = {name: (child,) for name, child in _children(node, "properties")}
    needed = node.get("required")
    required = frozenset(str(entry.value) for entry in needed.entries()) if needed else frozenset()
    items = node.get("items")
    return Shape(
        node.pointer,
        types=types,
        values=values,
        marks=_marks(node),
        bounds=_bounds(node),
        properties=fields,
        required=required,
        others=_others(node),
        entries=(items,) if items and items.value not in (True, {}) else (),
        opaque=opaque(keywords),
        default=text_of(keywords["default"]) if "default" in keywords else None,
        deprecated=keywords.get("deprecated") is True,
    )


def _children(node: Node, key: str) -> Iterable[tuple[str, Node]]:
    below = node.get(key)
    return below.named() if below else ()


def _types(node: Node) -> frozenset[str]:
    value = node.object().get("type")
    if value is None:
        combined = {"allOf", "anyOf", "oneOf", "$ref", "enum", "const"} & node.object().keys()
        if not combined and {"properties", "additionalProperties"} & node.object().keys():
            return frozenset({"object"})
        if not combined and "items" in node.object():
            return frozenset({"array"})
        return ALL
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) and name in ALL for name in names):
        raise node.unexpected("a known type")
    if node.object().get("multipleOf") == 1:  # an integer
        return frozenset("integer" if name == "number" else name for name in names)
    return frozenset([*names, "integer"] if "number" in names else names)


def _marks(node: Node) -> dict[str, frozenset[str]]:
    keywords = node.object()
    return {
        key: frozenset({text if isinstance(text := keywords[key], str) else text_of(text)})
        for key in MARKS & keywords.keys()
        if keywords[key] not in (None, *VACUOUS.get(key, ()))
        and (key, keywords[key]) != ("multipleOf", 1)
    }


def _bounds(node: Node) -> dict[str, Bound]:
    """Return the bounds that forbid something."""
    keywords = node.object()
    bounds: dict[str, Bound] = {}
    for key in BOUNDS:
        apart = keywords.get(EXCLUSIVE.get(key, ""))
        own = keywords.get(key)
        for bound, exclusive in ((own, apart is True), (apart, True)):
            if bound is None or isinstance(bound, bool):
                continue
            if not isinstance(bound, int | float) or math.isnan(bound):
                raise node.unexpected(f"a number for {key}")
            if key in bounds:
                bounds[key] = tighter(key, bounds[key], (bound, exclusive))
            elif bound not in VACUOUS.get(key, ()):
                bounds[key] = (bound, exclusive)
    return bounds


def _others(node: Node) -> Nodes | None:
    """Return the schema of properties that are not named; None if they are forbidden."""
    key = "additionalProperties"
    value = node.object().get(key, True)
    if value is False:
        return None
    below = node.get(key)
    return () if value in (True, {}) or below is None else (below,)
