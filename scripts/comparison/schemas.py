"""Compares what two schemas admit, and says each difference by its kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from .combine import ALL, Nodes, Shape, both, tighter
from .kinds import Difference, Direction, breaks
from .read import Node
from .shape import BOUNDS, MARKS, shape_of
from .words import ABSENT, NULL, described, listed

# In a request, what the server alone may set is none of the client's; and the other way round.
HIDDEN = {Direction.REQUEST: "readOnly", Direction.RESPONSE: "writeOnly"}

Differences = Iterator[Difference]


@dataclass(frozen=True)
class Place:
    """Where two schemas stand: the operation, which way they travel, and the path within."""

    label: str
    direction: Direction
    above: frozenset[tuple[tuple[str, ...], tuple[str, ...]]] = frozenset()

    def below(self, step: str) -> Place:
        """Return the place of a part."""
        return replace(self, label=self.label + step)

    def told(self, kind: str, at: tuple[str, str], ours: str, theirs: str) -> Difference:
        """Return a difference of this place."""
        return Difference(kind, breaks(kind, self.direction), (self.label,), *at, ours, theirs)


def compare_schemas(
    ours: Nodes, theirs: Nodes, place: Place, at: tuple[str, str] = ("", "")
) -> Differences:
    """Yield each difference of two schemas, down to their parts.

    Where either says nothing, its difference stands at the pointer that is given.
    """
    pair = tuple(node.pointer for node in ours), tuple(node.pointer for node in theirs)
    if pair not in place.above:
        place = replace(place, above=place.above | {pair})
        one, other = shape_of(ours), shape_of(theirs)
        one, other = replace(one, at=one.at or at[0]), replace(other, at=other.at or at[1])
        yield from _shapes(one, other, place)


def compare_parts(
    noun: str,
    ours: dict[str, Part],
    theirs: dict[str, Part],
    at: tuple[str, str],
    place: Place,
) -> Differences:
    """Yield the differences of fields, of parameters or of headers, by their names."""
    for name, mine in ours.items():
        here = place.below(mine.step)
        if name in theirs:
            yield from _part(noun, mine, theirs[name], here)
            continue
        kind = f"required-{noun}-removed" if mine.required else f"{noun}-removed"
        yield here.told(kind, (mine.at or at[0], at[1]), mine.described(), ABSENT)
    for name, new in theirs.items():
        if name not in ours:
            kind = f"required-{noun}-added" if new.required else f"{noun}-added"
            here = place.below(new.step)
            yield here.told(kind, (at[0], new.at or at[1]), ABSENT, new.described())


@dataclass(frozen=True)
class Part:
    """A field, a parameter or a header: its schema, and whether it must be there."""

    step: str
    at: str
    nodes: Nodes
    required: bool
    deprecated: bool = False

    def described(self) -> str:
        """Return it in a few words."""
        return described(shape_of(self.nodes)) + (", required" if self.required else "")


def _part(noun: str, mine: Part, yours: Part, place: Place) -> Differences:
    at = (mine.at, yours.at)
    if mine.required != yours.required:
        kind = f"{noun}-required" if yours.required else f"{noun}-optional"
        words = ("required", "optional") if mine.required else ("optional", "required")
        yield place.told(kind, at, *words)
    one, other = shape_of(mine.nodes), shape_of(yours.nodes)
    if one.default != other.default and not (mine.required and yours.required):
        kind = "default-changed"
        if one.default is None or other.default is None:
            kind = "default-added" if one.default is None else "default-removed"
        yield place.told(kind, at, one.default or "no default", other.default or "no default")
    if one.deprecated or mine.deprecated:
        pass  # what we have announced ourselves is no news
    elif other.deprecated or yours.deprecated:
        yield place.told("deprecated", at, "", "deprecated")
    yield from compare_schemas(mine.nodes, yours.nodes, place, at)


def _shapes(ours: Shape, theirs: Shape, place: Place) -> Differences:
    if ours.variants or theirs.variants:
        yield from _null(ours, theirs, place)
        yield from _variants(_spread(ours), _spread(theirs), place)
        return
    yield from _types(ours, theirs, place)
    common = ours.types & theirs.types - NULL
    if not common:
        return
    yield from _values(ours, theirs, place)
    yield from _marks(ours, theirs, place)
    yield from _bounds(ours, theirs, place)
    if "object" in common:
        yield from _objects(ours, theirs, place)
    if ours.entries or theirs.entries:
        at = (ours.at, theirs.at)
        yield from compare_schemas(ours.entries, theirs.entries, place.below("[]"), at)
    yield from _opaque(ours, theirs, place)


def _null(ours: Shape, theirs: Shape, place: Place) -> Differences:
    if (ours.types ^ theirs.types) & NULL:
        kind = "became-nullable" if theirs.types & NULL else "never-null"
        yield place.told(kind, (ours.at, theirs.at), described(ours), described(theirs))


def _types(ours: Shape, theirs: Shape, place: Place) -> Differences:
    one, other = ours.types, theirs.types
    if ALL not in (one, other):
        yield from _null(ours, theirs, place)
        one, other = one - NULL, other - NULL
    if one == other:
        return
    kind = "type-widened" if one < other else "type-narrowed" if other < one else "type-changed"
    yield place.told(kind, (ours.at, theirs.at), described(ours), described(theirs))


def _values(ours: Shape, theirs: Shape, place: Place) -> Differences:
    at = (ours.at, theirs.at)
    if ours.values is None or theirs.values is None:
        if ours.values is not theirs.values:
            kind = "values-closed" if ours.values is None else "values-opened"
            yield place.told(kind, at, described(ours), described(theirs))
        return
    if new := [value for value in theirs.values if value not in ours.values]:
        yield place.told("value-added", at, ABSENT, listed(new))
    if old := [value for value in ours.values if value not in theirs.values]:
        yield place.told("value-removed", at, listed(old), ABSENT)


def _marks(ours: Shape, theirs: Shape, place: Place) -> Differences:
    for key in sorted(MARKS):
        one, other = (shape.marks.get(key, frozenset[str]()) for shape in (ours, theirs))
        if one == other:
            continue
        added, removed, changed = "added", "removed", "changed"
        noun = key
        if key not in ("format", "pattern"):
            noun, added, removed = "bound", "tightened", "loosened"
        kind = added if one < other else removed if other < one else changed
        texts = (" and ".join(sorted(texts)) or f"no {key}" for texts in (one, other))
        yield place.told(f"{noun}-{kind}", (ours.at, theirs.at), *texts)


def _bounds(ours: Shape, theirs: Shape, place: Place) -> Differences:
    for key in sorted(BOUNDS):
        one, other = ours.bounds.get(key), theirs.bounds.get(key)
        if one == other:
            continue
        tight = one is None or (other is not None and tighter(key, one, other) == other)
        texts = (
            f"{key} {bound[0]}{' excluded' if bound[1] else ''}" if bound else f"no {key}"
            for bound in (one, other)
        )
        kind = "bound-tightened" if tight else "bound-loosened"
        yield place.told(kind, (ours.at, theirs.at), *texts)


def _objects(ours: Shape, theirs: Shape, place: Place) -> Differences:
    at = (ours.at, theirs.at)
    mine, yours = _fields(ours, place.direction), _fields(theirs, place.direction)
    yield from compare_parts("field", mine, yours, at, place)
    for name, part in mine.items():
        if name not in yours:
            yield from _unnamed(part, theirs, at, place)
    for name, part in yours.items():
        if name not in mine:
            yield from _unnamed(part, ours, at, place, ours=True)
    if (ours.others is None) != (theirs.others is None):
        closed = theirs.others is None
        words = ("allowed", "forbidden") if closed else ("forbidden", "allowed")
        yield place.told(f"other-fields-{words[1]}", at, *words)
    elif ours.others or theirs.others:
        yield from compare_schemas(ours.others or (), theirs.others or (), place.below(".*"), at)


def _unnamed(
    part: Part, other: Shape, at: tuple[str, str], place: Place, *, ours: bool = False
) -> Differences:
    """Yield what the one without a field says of it by what it says of all it does not name."""
    here = place.below(part.step)
    if ours and other.others is None:
        yield here.told("field-allowed", (at[0], part.at), "forbidden", part.described())
    elif ours and other.others:
        yield from compare_schemas(other.others, part.nodes, here, (at[0], part.at))
    elif other.others is None:
        yield here.told("field-forbidden", (part.at, at[1]), part.described(), "forbidden")
    elif other.others:
        yield from compare_schemas(part.nodes, other.others, here, (part.at, at[1]))


def _fields(shape: Shape, direction: Direction) -> dict[str, Part]:
    names = [*shape.properties, *sorted(shape.required - shape.properties.keys())]
    found = {name: shape.properties.get(name, ()) for name in names}
    return {
        name: Part(
            f".{name}", nodes[0].pointer if nodes else shape.at, nodes, name in shape.required
        )
        for name, nodes in found.items()
        if not any(_hidden(node, direction) for node in nodes)
    }


def _hidden(node: Node, direction: Direction) -> bool:
    """Whether it is only for the other direction: said of the field, or of what it refers to."""
    return any(
        isinstance(one.value, dict) and one.value.get(HIDDEN[direction]) is True
        for one in node.chain()
    )


def _spread(shape: Shape) -> list[Shape]:
    """Return the variants of a shape, each with what is said of all of them."""
    whole = replace(shape, variants=(), types=shape.types - NULL)
    found = [replace(both(whole, one), at=one.at) for one in shape.variants]
    nothing = replace(whole, types=frozenset())
    return [one for one in found if one.types] or [nothing if shape.variants else whole]


def _variants(ours: list[Shape], theirs: list[Shape], place: Place) -> Differences:
    """Pair the variants that differ least; tell what is left, either way."""
    at = (ours[0].at, theirs[0].at)
    pairs = [
        (len(found), one, other, found)
        for one in range(len(ours))
        for other in range(len(theirs))
        if ours[one].types & theirs[other].types
        for found in [list(_shapes(ours[one], theirs[other], place))]
    ]
    left, right = set(range(len(ours))), set(range(len(theirs)))
    for _, one, other, found in sorted(pairs, key=lambda pair: pair[:3]):
        if one in left and other in right:
            left.discard(one)
            right.discard(other)
            yield from found
    for index in sorted(left):
        text = described(ours[index])
        yield place.told("variant-removed", (ours[index].at, at[1]), text, ABSENT)
    for index in sorted(right):
        text = described(theirs[index])
        yield place.told("variant-added", (at[0], theirs[index].at), ABSENT, text)


def _opaque(ours: Shape, theirs: Shape, place: Place) -> Differences:
    """Leave other keywords (not, if, contains) to jsonschema_rs: which of the two admits less."""
    if ours.opaque == theirs.opaque:
        return
    wider, narrower = _covers(theirs.opaque, ours.opaque), _covers(ours.opaque, theirs.opaque)
    if wider and narrower:
        return
    kind = "loosened" if wider else "tightened" if narrower else "changed"
    texts = (", ".join(sorted(keywords)) or "none" for keywords in (ours.opaque, theirs.opaque))
    yield place.told(f"keyword-{kind}", (ours.at, theirs.at), *texts)


def _covers(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether it is proven that one admits whatever the other admits."""
    if "$" in "".join([*map(repr, one.values()), *map(repr, other.values())]):
        return False  # a reference leads out of what is looked at
    try:
        return bool(
            jsonschema_rs.canonicalize(one, draft=jsonschema_rs.Draft202012).covers(
                jsonschema_rs.canonicalize(other, draft=jsonschema_rs.Draft202012)
            )
            == Containment.YES
        )
    except ValueError:
        return False
