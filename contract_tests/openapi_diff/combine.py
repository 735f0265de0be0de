"""What a schema allows, and how schemas combine: all of them, or at least one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from ..problems import Problem
from .read import Node

ALL = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
LOWER = {"minimum", "minLength", "minItems", "minProperties"}
# The types that a keyword applies to.
APPLIES_TO = {
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), frozenset({"integer", "number"})),
    **dict.fromkeys(("minLength", "maxLength", "pattern"), frozenset({"string"})),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), frozenset({"array"})),
    **dict.fromkeys(("minProperties", "maxProperties"), frozenset({"object"})),
    "format": frozenset({"string", "integer", "number"}),
}
MOST_VARIANTS = 64
# Each variant is compared with each of the other document.
MOST_ALTERNATIVES = 256

Nodes = tuple[Node, ...]
# A bound, and whether it is itself left out.
Bound = tuple[float, bool]


@dataclass(frozen=True)
class Shape:
    """What a schema allows. Several nodes all apply; no node allows everything."""

    at: str
    types: frozenset[str] = ALL
    values: tuple[str, ...] | None = None  # as JSON, without null
    marks: dict[str, frozenset[str]] = field(default_factory=dict)
    bounds: dict[str, Bound] = field(default_factory=dict)
    properties: dict[str, Nodes] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    others: Nodes | None = ()  # the properties not named; None forbids them
    entries: Nodes = ()
    variants: tuple[Shape, ...] = ()
    opaque: dict[str, Any] = field(default_factory=dict)
    default: str | None = None  # as JSON
    deprecated: bool = False

    @property
    def plain(self) -> bool:
        """Whether the schema has no keyword but the type."""
        bare = Shape(self.at, self.types, default=self.default, deprecated=self.deprecated)
        return self == bare

    @property
    def key(self) -> str:
        """A text that is equal for equal schemas."""
        return repr((sorted(self.types), self._keys()))

    @property
    def size(self) -> int:
        """How many entries it has, its variants' included; ten characters count as one."""
        entries = len(self.properties) + len(self.required) + 5 * len(self.values or ())
        texts = (*(self.values or ()), *map(repr, self.opaque.values()), self.default or "")
        return entries + sum(map(len, texts)) // 10 + sum(1 + one.size for one in self.variants)

    def _keys(self) -> list[Any]:
        named = {name: [n.pointer for n in nodes] for name, nodes in self.properties.items()}
        return [
            sorted(self.values or ()), self.values is None,
            sorted((name, sorted(texts)) for name, texts in self.marks.items()),
            sorted(self.bounds.items()), sorted(named.items()), sorted(self.required),
            self.others and [node.pointer for node in self.others],
            [node.pointer for node in self.entries],
            sorted(one.key for one in self.variants), text_of(self.opaque),
        ]  # fmt: skip


def text_of(value: Any) -> str:
    """Return a value as JSON; equal values give equal texts."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def type_of(value: Any) -> str:
    """Return the type of a JSON value; 1.0 is an integer."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def tighter(key: str, one: Bound, other: Bound) -> Bound:
    """Return of two bounds the one that admits less."""
    if one[0] == other[0]:
        return (one[0], one[1] or other[1])
    return max(one, other) if key in LOWER else min(one, other)


def both(one: Shape, other: Shape) -> Shape:
    """Return what two shapes both admit."""
    values = one.values if other.values is None else other.values
    if one.values is not None and other.values is not None:
        allowed = set(other.values)
        values = tuple(value for value in one.values if value in allowed)
    bounds = {**one.bounds, **other.bounds}
    for key in one.bounds.keys() & other.bounds.keys():
        bounds[key] = tighter(key, one.bounds[key], other.bounds[key])
    opaque = {**one.opaque, **other.opaque}
    for key in one.opaque.keys() & other.opaque.keys():
        if one.opaque[key] != other.opaque[key]:
            opaque[key] = [one.opaque[key], other.opaque[key]]
    closed = one.others is None or other.others is None
    return tidy(
        Shape(
            one.at or other.at,
            types=one.types & other.types,
            values=values,
            marks={
                key: one.marks.get(key, frozenset()) | other.marks.get(key, frozenset())
                for key in one.marks | other.marks
            },
            bounds=bounds,
            properties={
                name: one.properties.get(name, ()) + other.properties.get(name, ())
                for name in one.properties | other.properties
            },
            required=one.required | other.required,
            others=None if closed else (one.others or ()) + (other.others or ()),
            entries=one.entries + other.entries,
            variants=_product(one, other),
            opaque=opaque,
            default=one.default if one.default is not None else other.default,
            deprecated=one.deprecated or other.deprecated,
        )
    )


def _product(one: Shape, other: Shape) -> tuple[Shape, ...]:
    if not one.variants or not other.variants:
        return one.variants or other.variants
    if len(one.variants) * len(other.variants) > MOST_VARIANTS:
        raise Problem(f"#{one.at}: too many unions of unions", "write them as one")
    return tuple(both(left, right) for left in one.variants for right in other.variants)


def union(parts: list[Shape], at: str) -> Shape:
    """Return what at least one shape admits; oneOf is taken for anyOf."""
    if len(parts) > MOST_ALTERNATIVES:
        raise Problem(f"#{at}: more than {MOST_ALTERNATIVES} alternatives", "compare without them")
    null = frozenset({"null"} if any("null" in part.types for part in parts) else ())
    apart = {part.key: part for part in (replace(p, types=p.types - null) for p in parts)}
    rest = [part for part in apart.values() if part.types]
    bare = frozenset[str]().union(*(part.types for part in rest if part.plain))
    rest = [part for part in rest if not part.types <= bare]
    rest += [Shape(at, types=bare)] if bare else []
    if not rest:
        return Shape(at, types=null)
    if len(rest) == 1:
        return replace(rest[0], types=rest[0].types | null, default=None)
    types = frozenset[str]().union(*(part.types for part in rest))
    if all(part.values is not None and replace(part, values=None).plain for part in rest):
        values = [value for part in rest for value in part.values or ()]
        return Shape(at, types=types | null, values=tuple(dict.fromkeys(values)))
    formats = sum("format" in part.marks for part in rest)
    mixed = [part.values is not None or part.variants or part.opaque for part in rest]
    if len(types) == sum(len(part.types) for part in rest) and formats < 2 and not any(mixed):
        # No two have a type in common, so each keyword still applies to the same type.
        merged = reduce(both, (replace(p, types=ALL) for p in rest), Shape(at))
        return replace(merged, types=types | null, default=None)
    return Shape(at, types=types | null, variants=tuple(rest))


def tidy(shape: Shape) -> Shape:
    """Drop keywords that do not apply to the types."""
    types, values = shape.types, shape.values
    if values is not None:
        admitted = {type_of(json.loads(value)) for value in values}
        values = tuple(value for value in values if type_of(json.loads(value)) in types)
        types &= admitted | {"null"}
        if types - {"null"} == {"boolean"} and len(values) == 2:
            values = None
    bounds = {key: bound for key, bound in shape.bounds.items() if APPLIES_TO[key] & types}
    if "number" not in types:
        bounds = {key: _whole(key, bound) for key, bound in bounds.items()}
    is_array, is_object = "array" in types, "object" in types
    return replace(
        shape,
        types=types,
        values=values,
        marks={key: mark for key, mark in shape.marks.items() if APPLIES_TO[key] & types},
        bounds=bounds,
        entries=shape.entries if is_array else (),
        properties=shape.properties if is_object else {},
        required=shape.required if is_object else frozenset(),
        others=shape.others if is_object else (),
    )


def _whole(key: str, bound: Bound) -> Bound:
    """Return the bound of an integer, itself within."""
    value, exclusive = bound
    if key in LOWER:
        return (math.floor(value) + 1 if exclusive else math.ceil(value), False)
    return (math.ceil(value) - 1 if exclusive else math.floor(value), False)
