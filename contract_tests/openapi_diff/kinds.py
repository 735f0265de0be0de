"""What a difference is, and whom each kind of difference breaks."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Breaks(StrEnum):
    """Whom a difference breaks.

    ``CLIENTS`` are generated from the base and used with a server of the revision. ``SERVERS``
    implement the base and are checked against the revision.
    """

    CLIENTS = "clients"
    SERVERS = "servers"
    BOTH = "both"
    NOBODY = "nobody"


class Direction(StrEnum):
    """Whether a schema describes a request or a response."""

    RESPONSE = "response"
    REQUEST = "request"


class Difference(NamedTuple):
    """One difference.

    Attributes:
        kind: One of ``KINDS``.
        breaks: Whom it breaks.
        places: Each place it applies to, such as ``start 200 $.artifacts[].status``.
        base_at: The JSON pointer in the base.
        revision_at: The JSON pointer in the revision.
        base: What the base has there, in a few words.
        revision: What the revision has there.
        subject: The name of what differs: of a field, parameter or operation, or the values.
        directions: Whether it is in a response, in a request, or in both.

    """

    kind: str
    breaks: Breaks
    places: tuple[str, ...]
    base_at: str
    revision_at: str
    base: str
    revision: str
    subject: str
    directions: tuple[Direction, ...]


# Whom a kind breaks in a response, and in a request; None where it cannot occur.
Pair = tuple[Breaks | None, Breaks | None]

_CLIENTS, _SERVERS, _BOTH, _NOBODY = Breaks

# The revision allows more than the base: a client may receive what it cannot read, a server may be
# sent what it refuses. The revision allows less: a server may return, or a client may send, what is
# no longer valid.
_WIDER = (_CLIENTS, _SERVERS)
_NARROWER = (_SERVERS, _CLIENTS)
_NEITHER = (_BOTH, _BOTH)
_HARMLESS = (_NOBODY, _NOBODY)


def _parts(noun: str) -> dict[str, Pair]:
    """Return the kinds of an optional or required part of an object."""
    return {
        f"{noun}-added": _HARMLESS,
        f"required-{noun}-added": _NARROWER,
        f"{noun}-removed": (_CLIENTS, _CLIENTS),
        f"required-{noun}-removed": (_CLIENTS, _BOTH),
        f"{noun}-required": _NARROWER,
        f"{noun}-optional": _WIDER,
    }


def _one_way(kinds: dict[str, Pair], way: Direction) -> dict[str, Pair]:
    """Restrict kinds to one direction."""
    return {
        kind: (response, None) if way is Direction.RESPONSE else (None, request)
        for kind, (response, request) in kinds.items()
    }


KINDS: dict[str, Pair] = {
    "operation-removed": (_CLIENTS, _CLIENTS),
    "operation-added": _HARMLESS,
    "base-path": _HARMLESS,
    "deprecated": _HARMLESS,
    "security-widened": (None, _SERVERS),
    "security-narrowed": (None, _CLIENTS),
    "security-changed": (None, _BOTH),
    "security-scheme": (None, _NOBODY),
    "success-added": (_CLIENTS, None),
    "success-removed": (_SERVERS, None),
    "failure-added": (_NOBODY, None),
    "failure-removed": (_NOBODY, None),
    **_one_way(_parts("body"), Direction.REQUEST),
    "required-body-added": _NARROWER,
    "required-body-removed": (_CLIENTS, _BOTH),
    "media-type-added": _WIDER,
    "media-type-removed": _NARROWER,
    **_one_way(_parts("header"), Direction.RESPONSE),
    **_one_way(_parts("parameter"), Direction.REQUEST),
    "serialization-changed": _NEITHER,
    **_parts("field"),
    "field-allowed": _WIDER,
    "field-forbidden": _NARROWER,
    "other-fields-allowed": _WIDER,
    "other-fields-forbidden": _NARROWER,
    "type-widened": _WIDER,
    "type-narrowed": _NARROWER,
    "type-changed": _NEITHER,
    "became-nullable": _WIDER,
    "never-null": _NARROWER,
    "value-added": _WIDER,
    "value-removed": _NARROWER,
    "values-opened": _WIDER,
    "values-closed": _NARROWER,
    "format-removed": _WIDER,
    "format-added": _NARROWER,
    "format-changed": _NEITHER,
    "pattern-removed": _WIDER,
    "pattern-added": _NARROWER,
    "pattern-changed": _NEITHER,
    "bound-loosened": _WIDER,
    "bound-tightened": _NARROWER,
    "bound-changed": _NEITHER,
    "default-added": (_SERVERS, _SERVERS),
    "default-removed": (_CLIENTS, _CLIENTS),
    "default-changed": _NEITHER,
    "variant-added": _WIDER,
    "variant-removed": _NARROWER,
    "keyword-loosened": _WIDER,
    "keyword-tightened": _NARROWER,
    "keyword-changed": _NEITHER,
}


def breaks(kind: str, direction: Direction) -> Breaks:
    """Return whom a kind of difference breaks. Raises ``KeyError`` if it cannot occur there."""
    response, request = KINDS[kind]
    affected = response if direction is Direction.RESPONSE else request
    if affected is None:
        raise KeyError(f"{kind} in a {direction}")
    return affected
