"""Brings the many ways to spell a schema to one.

A shape is what a schema admits, whatever the version of OpenAPI and the way of writing: references
followed, allOf merged, unions taken apart, null a type among others. Where a document breaks the
letter but not the meaning (``nullable`` beside a reference, ``properties`` without ``type``), it is
read as generators read it; docs/compare.md says how.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from .combine import (
    ALL,
    LOWER,
    Bound,
    Nodes,
    Shape,
    intersection,
    text_of,
    tidy,
    tighter,
    type_of,
    union,
)
from .read import Node

IGNORED = {"title", "description", "example", "examples", "externalDocs", "xml", "discriminator"}
IGNORED |= {
    "$comment",
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
    "readOnly",
    "writeOnly",
}
IGNORED |= {"contentEncoding", "contentMediaType", "contentSchema", "nullable"}
READ = {"$ref", "type", "enum", "const", "allOf", "anyOf", "oneOf", "properties", "required"}
READ |= {"additionalProperties", "items", "default", "deprecated"}
UPPER = {"maximum", "maxLength", "maxItems", "maxProperties"}
EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
BOUNDS = LOWER | UPPER
MARKS = {"format", "pattern", "multipleOf", "uniqueItems"}
READ |= BOUNDS | MARKS | set(EXCLUSIVE.values())


def shape_of(nodes: Nodes) -> Shape:
    """Return the shape of schemas that must all be met."""
    shape = intersection((_shape(node, frozenset()) for node in nodes), Shape(""))
    return replace(shape, at=_home(nodes[0]).pointer) if nodes else shape


def _home(node: Node) -> Node:
    """Return the schema that a node stands for: through references, alone or in an allOf of one.

    The shape of the node has been read, so there is no circle.
    """
    node = node.follow()
    keywords = node.value if isinstance(node.value, dict) else {}
    beside = {key for key in keywords if not key.startswith("x-")} - IGNORED
    parts = list(one.entries()) if beside == {"allOf"} and (one := node.get("allOf")) else []
    return _home(parts[0]) if len(parts) == 1 else node


def _shape(node: Node, above: frozenset[str]) -> Shape:
    node.document.step()
    if node.pointer in above:
        raise node.wrong("a schema that is not made of itself")
    above |= {node.pointer}
    if isinstance(node.value, bool):
        return Shape(node.pointer, types=ALL if node.value else frozenset())
    keywords = node.object()
    shape = Shape(node.pointer)
    if isinstance(keywords.get("$ref"), str):
        target = node.follow()
        shape = replace(_shape(target, above), at=target.pointer)
        beside = set(keywords) - {"$ref", "summary", "nullable"} - IGNORED
        if node.document.refs_stand_alone or not beside:
            return _nullable(node, shape)
    shape = intersection([_own(node)], shape)
    if parts := node.get("allOf"):
        shape = intersection((_shape(part, above) for part in parts.entries()), shape)
    for key in ("anyOf", "oneOf"):
        if parts := node.get(key):
            one_of = union([_shape(part, above) for part in parts.entries()], node.pointer)
            shape = intersection([one_of], shape)
    return tidy(replace(_nullable(node, shape), at=shape.at or node.pointer))


def _nullable(node: Node, shape: Shape) -> Shape:
    """Add null where ``nullable`` says so: beside a reference too, though the letter ignores it."""
    if node.object().get("nullable") is not True:
        return shape
    return replace(shape, types=shape.types | {"null"})


def _own(node: Node) -> Shape:
    """Return what a schema says by itself, without its references and combinations."""
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
        opaque={
            key: value
            for key, value in keywords.items()
            if key not in READ | IGNORED and not key.startswith("x-")
        },
        default=text_of(keywords["default"]) if "default" in keywords else None,
        deprecated=keywords.get("deprecated") is True,
    )


def _children(node: Node, key: str) -> Iterable[tuple[str, Node]]:
    below = node.get(key)
    return below.named() if below else ()


def _types(node: Node) -> frozenset[str]:
    said = node.object().get("type")
    if said is None:
        combined = {"allOf", "anyOf", "oneOf", "$ref", "enum", "const"} & node.object().keys()
        if not combined and {"properties", "additionalProperties"} & node.object().keys():
            return frozenset({"object"})
        if not combined and "items" in node.object():
            return frozenset({"array"})
        return ALL
    names = said if isinstance(said, list) else [said]
    if not all(isinstance(name, str) and name in ALL for name in names):
        raise node.wrong("a known type")
    if node.object().get("multipleOf") == 1:  # which of the numbers leaves the whole ones
        return frozenset("integer" if name == "number" else name for name in names)
    return frozenset([*names, "integer"] if "number" in names else names)


def _marks(node: Node) -> dict[str, frozenset[str]]:
    keywords = node.object()
    return {
        key: frozenset({text if isinstance(text := keywords[key], str) else text_of(text)})
        for key in MARKS
        if keywords.get(key) not in (None, False) and (key, keywords[key]) != ("multipleOf", 1)
    }


def _bounds(node: Node) -> dict[str, Bound]:
    """Return the bounds; a length or a count of at least 0 is none."""
    keywords = node.object()
    bounds: dict[str, Bound] = {}
    for key in BOUNDS:
        apart = keywords.get(EXCLUSIVE.get(key, ""))
        own = keywords.get(key)
        for bound, exclusive in ((own, apart is True), (apart, True)):
            if bound is None or isinstance(bound, bool):
                continue
            if not isinstance(bound, int | float) or math.isnan(bound):
                raise node.wrong(f"a number for {key}")
            if key in bounds:
                bounds[key] = tighter(key, bounds[key], (bound, exclusive))
            elif bound or key in EXCLUSIVE or key in UPPER:
                bounds[key] = (bound, exclusive)
    return bounds


def _others(node: Node) -> Nodes | None:
    """Return what is said of the properties not named; None if they are forbidden."""
    key = "additionalProperties"
    value = node.object().get(key, True)
    if value is False:
        return None
    below = node.get(key)
    return () if value in (True, {}) or below is None else (below,)
