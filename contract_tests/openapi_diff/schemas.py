"""Compares what two schemas allow; each difference has a kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from ..problems import Problem
from .combine import ALL, Nodes, Shape, both, tighter
from .keywords import BOUNDS, MARKS
from .kinds import Difference, Direction, breaks
from .read import Node
from .shape import shape_of
from .words import ABSENT, NULL, described, listed

# Each is shown with its place; a path through references can be longer than any pointer.
LONGEST_PLACE = 2000
LONGEST_TEXT = 1000
# Larger ones are not proven to be covered: jsonschema_rs takes seconds for an enum of 200 values.
LARGEST_OPAQUE = 300
REFERENCES = ("$ref", "$dynamicRef")

# A request does not contain what only the server may set; and the other way round.
HIDDEN = {Direction.REQUEST: "readOnly", Direction.RESPONSE: "writeOnly"}

Differences = Iterator[Difference]


@dataclass(frozen=True)
class Place:
    """The place of two schemas: the operation, the direction, and the path in the message."""

    label: str
    direction: Direction
    subject: str
    above: frozenset[tuple[tuple[str, ...], tuple[str, ...]]] = frozenset()
    carries_null: bool = True

    def __post_init__(self) -> None:
        if len(self.label) > LONGEST_PLACE:
            raise Problem(
                f"{self.label[:60]}…: the place is longer than {LONGEST_PLACE} characters",
                "compare documents with shorter names, or that are nested less",
            )

    def below(self, step: str, subject: str = "") -> Place:
        """Return the place of a part; a part without a name has the subject of what it is in."""
        return replace(self, label=self.label + step, subject=subject or self.subject)

    def difference(
        self, kind: str, at: tuple[str, str], base: str, revision: str, subject: str = ""
    ) -> Difference:
        """Return a difference at this place."""
        affected = breaks(kind, self.direction)
        base, revision, name = (
            text[:LONGEST_TEXT] for text in (base, revision, subject or self.subject)
        )
        places, ways = (self.label,), (self.direction,)
        return Difference(kind, affected, places, *at, base, revision, name, ways)


def compare_schemas(
    base: Nodes, revision: Nodes, place: Place, at: tuple[str, str] = ("", "")
) -> Differences:
    """Yield each difference of two schemas and of their parts.

    ``at`` has the pointers for a schema that is not in its document.
    """
    pair = tuple(node.pointer for node in base), tuple(node.pointer for node in revision)
    if pair not in place.above:
        place = replace(place, above=place.above | {pair})
        one, other = shape_of(base), shape_of(revision)
        one, other = replace(one, at=one.at or at[0]), replace(other, at=other.at or at[1])
        yield from _shapes(one, other, place)


def compare_parts(
    noun: str,
    base: dict[str, SchemaPart],
    revision: dict[str, SchemaPart],
    at: tuple[str, str],
    place: Place,
) -> Differences:
    """Yield the differences of fields, parameters or headers, by their names."""
    for name, old in base.items():
        here = place.below(old.step, old.name)
        if name in revision:
            yield from _part(noun, old, revision[name], here)
            continue
        kind = f"required-{noun}-removed" if old.required else f"{noun}-removed"
        yield here.difference(kind, (old.at or at[0], at[1]), old.described(), ABSENT)
    for name, new in revision.items():
        if name not in base:
            kind = f"required-{noun}-added" if new.required else f"{noun}-added"
            here = place.below(new.step, new.name)
            yield here.difference(kind, (at[0], new.at or at[1]), ABSENT, new.described())


@dataclass(frozen=True)
class SchemaPart:
    """A field, parameter or header: its schema, and whether it is required.

    A parameter or a header has a style, or is in the media type ``media``.
    """

    name: str
    step: str
    at: str
    nodes: Nodes
    required: bool
    deprecated: bool = False
    style: str = ""
    explode: bool = False
    media: str = ""

    def written(self, types: frozenset[str]) -> str:
        """Return how values of these types are written.

        ``explode`` has no effect on others than lists and objects; in ``simple``, on lists neither.
        """
        affected = {"object"} if self.style == "simple" else {"array", "object"}
        return self.media or self.style + (
            ", exploded" if self.explode and affected & types else ""
        )

    def described(self) -> str:
        """Return it in a few words."""
        return described(shape_of(self.nodes)) + (", required" if self.required else "")


def _part(noun: str, old: SchemaPart, new: SchemaPart, place: Place) -> Differences:
    at = (old.at, new.at)
    if old.required != new.required:
        kind = f"{noun}-required" if new.required else f"{noun}-optional"
        words = ("required", "optional") if old.required else ("optional", "required")
        yield place.difference(kind, at, *words)
    one, other = shape_of(old.nodes), shape_of(new.nodes)
    ways = tuple(part.written(one.types | other.types) for part in (old, new))
    if ways[0] != ways[1]:
        yield place.difference("serialization-changed", at, *ways)
    if old.style and new.style:  # RFC 6570, section 2.3: null is left out
        place = replace(place, carries_null=False)
    if one.default != other.default and not (old.required and new.required):
        kind = "default-changed"
        if one.default is None or other.default is None:
            kind = "default-added" if one.default is None else "default-removed"
        yield place.difference(kind, at, one.default or "no default", other.default or "no default")
    is_announced = one.deprecated or old.deprecated
    if not is_announced and (other.deprecated or new.deprecated):
        yield place.difference("deprecated", at, "", "deprecated")
    yield from compare_schemas(old.nodes, new.nodes, place, at)


def _shapes(base: Shape, revision: Shape, place: Place) -> Differences:
    if base.variants or revision.variants:
        yield from _null(base, revision, place)
        yield from _variants(_spread(base), _spread(revision), place)
        return
    yield from _types(base, revision, place)
    common = base.types & revision.types - NULL
    if not common:
        return
    yield from _values(base, revision, place)
    yield from _marks(base, revision, place)
    yield from _bounds(base, revision, place)
    if "object" in common:
        yield from _objects(base, revision, place)
    if base.entries or revision.entries:
        at = (base.at, revision.at)
        yield from compare_schemas(base.entries, revision.entries, place.below("[]"), at)
    yield from _opaque(base, revision, place)


def _null(base: Shape, revision: Shape, place: Place) -> Differences:
    if place.carries_null and (base.types ^ revision.types) & NULL:
        kind = "became-nullable" if revision.types & NULL else "never-null"
        yield place.difference(kind, (base.at, revision.at), described(base), described(revision))


def _types(base: Shape, revision: Shape, place: Place) -> Differences:
    one, other = base.types, revision.types
    if ALL not in (one, other):
        yield from _null(base, revision, place)
        one, other = one - NULL, other - NULL
    if one == other:
        return
    kind = "type-widened" if one < other else "type-narrowed" if other < one else "type-changed"
    yield place.difference(kind, (base.at, revision.at), described(base), described(revision))


def _values(base: Shape, revision: Shape, place: Place) -> Differences:
    at = (base.at, revision.at)
    if base.values is None or revision.values is None:
        if base.values is not revision.values:
            kind = "values-closed" if base.values is None else "values-opened"
            yield place.difference(kind, at, described(base), described(revision))
        return
    before, after = set(base.values), set(revision.values)
    if new := [value for value in revision.values if value not in before]:
        yield place.difference("value-added", at, ABSENT, listed(new), listed(new))
    if old := [value for value in base.values if value not in after]:
        yield place.difference("value-removed", at, listed(old), ABSENT, listed(old))


def _marks(base: Shape, revision: Shape, place: Place) -> Differences:
    for key in sorted(MARKS):
        one, other = (shape.marks.get(key, frozenset[str]()) for shape in (base, revision))
        if one == other:
            continue
        added, removed, changed = "added", "removed", "changed"
        noun = key
        if key not in ("format", "pattern"):
            noun, added, removed = "bound", "tightened", "loosened"
        kind = added if one < other else removed if other < one else changed
        texts = (" and ".join(sorted(texts)) or f"no {key}" for texts in (one, other))
        yield place.difference(f"{noun}-{kind}", (base.at, revision.at), *texts)


def _bounds(base: Shape, revision: Shape, place: Place) -> Differences:
    for key in sorted(BOUNDS):
        one, other = base.bounds.get(key), revision.bounds.get(key)
        if one == other:
            continue
        tight = one is None or (other is not None and tighter(key, one, other) == other)
        texts = (
            f"{key} {bound[0]}{' excluded' if bound[1] else ''}" if bound else f"no {key}"
            for bound in (one, other)
        )
        kind = "bound-tightened" if tight else "bound-loosened"
        yield place.difference(kind, (base.at, revision.at), *texts)


def _objects(base: Shape, revision: Shape, place: Place) -> Differences:
    at = (base.at, revision.at)
    old, new = _fields(base, place.direction), _fields(revision, place.direction)
    yield from compare_parts("field", old, new, at, place)
    for name, part in old.items():
        if name not in new:
            yield from _unnamed(part, revision, at, place)
    for name, part in new.items():
        if name not in old:
            yield from _unnamed(part, base, at, place, in_base=True)
    if (base.others is None) != (revision.others is None):
        closed = revision.others is None
        words = ("allowed", "forbidden") if closed else ("forbidden", "allowed")
        yield place.difference(f"other-fields-{words[1]}", at, *words)
    elif base.others or revision.others:
        yield from compare_schemas(base.others or (), revision.others or (), place.below(".*"), at)


def _unnamed(
    part: SchemaPart, other: Shape, at: tuple[str, str], place: Place, *, in_base: bool = False
) -> Differences:
    """Compare a field with ``additionalProperties`` of the document that does not name it.

    Args:
        part: The field.
        other: The schema that does not name it.
        at: The pointers of the objects.
        place: The place of the objects.
        in_base: Whether the document without the field is the base.

    """
    here = place.below(part.step, part.name)
    if in_base and other.others is None:
        yield here.difference("field-allowed", (at[0], part.at), "forbidden", part.described())
    elif in_base and other.others:
        yield from compare_schemas(other.others, part.nodes, here, (at[0], part.at))
    elif other.others is None:
        yield here.difference("field-forbidden", (part.at, at[1]), part.described(), "forbidden")
    elif other.others:
        yield from compare_schemas(part.nodes, other.others, here, (part.at, at[1]))


def _fields(shape: Shape, direction: Direction) -> dict[str, SchemaPart]:
    names = [*shape.properties, *sorted(shape.required - shape.properties.keys())]
    found = {name: shape.properties.get(name, ()) for name in names}
    return {
        name: SchemaPart(
            name, f".{name}", nodes[0].pointer if nodes else shape.at, nodes, name in shape.required
        )
        for name, nodes in found.items()
        if not any(_hidden(node, direction) for node in nodes)
    }


def _hidden(node: Node, direction: Direction) -> bool:
    """Return whether a field, or the target of its reference, is for the other direction only."""
    return any(
        isinstance(one.value, dict) and one.value.get(HIDDEN[direction]) is True
        for one in node.chain()
    )


def _spread(shape: Shape) -> list[Shape]:
    """Return the variants of a shape, each with the keywords of the whole."""
    whole = replace(shape, variants=(), types=shape.types - NULL)
    found = [replace(both(whole, one), at=one.at) for one in shape.variants]
    nothing = replace(whole, types=frozenset())
    return [one for one in found if one.types] or [nothing if shape.variants else whole]


def _variants(base: list[Shape], revision: list[Shape], place: Place) -> Differences:
    """Compare the variants that differ least; the others were added or removed."""
    at = (base[0].at, revision[0].at)
    pairs = [
        (len(found), one, other, found)
        for one in range(len(base))
        for other in range(len(revision))
        if base[one].types & revision[other].types
        for found in [list(_shapes(base[one], revision[other], place))]
    ]
    left, right = set(range(len(base))), set(range(len(revision)))
    for _, one, other, found in sorted(pairs, key=lambda pair: pair[:3]):
        if one in left and other in right:
            left.discard(one)
            right.discard(other)
            yield from found
    for index in sorted(left):
        text = described(base[index])
        yield place.difference("variant-removed", (base[index].at, at[1]), text, ABSENT)
    for index in sorted(right):
        text = described(revision[index])
        yield place.difference("variant-added", (at[0], revision[index].at), ABSENT, text)


def _opaque(base: Shape, revision: Shape, place: Place) -> Differences:
    """Compare other keywords (not, if, contains) by jsonschema_rs: which side allows less."""
    if base.opaque == revision.opaque:
        return
    wider, narrower = _covers(revision.opaque, base.opaque), _covers(base.opaque, revision.opaque)
    if wider and narrower:
        return
    kind = "loosened" if wider else "tightened" if narrower else "changed"
    texts = (", ".join(sorted(keywords)) or "none" for keywords in (base.opaque, revision.opaque))
    yield place.difference(f"keyword-{kind}", (base.at, revision.at), *texts)


def _covers(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether it is proven that one allows all that the other allows."""
    text = f"{one}{other}"
    # A reference has its target outside.
    if any(f"'{key}'" in text for key in REFERENCES) or len(text) > LARGEST_OPAQUE:
        return False
    try:
        return bool(
            jsonschema_rs.canonicalize(one, draft=jsonschema_rs.Draft202012).covers(
                jsonschema_rs.canonicalize(other, draft=jsonschema_rs.Draft202012)
            )
            == Containment.YES
        )
    except ValueError:
        return False
