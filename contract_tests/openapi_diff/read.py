"""An OpenAPI document as nodes: each has its JSON pointer, and follows references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

from ..contract import pointers
from ..problems import Problem

# Limits documents that expand without bound, such as references to references. A step is as much
# work as reading one entry; a schema takes some twenty. Our own contract takes about 5,000.
MOST_STEPS = 500_000
# A longer one is in no document written for people, and each difference shows some.
LONGEST_POINTER = 2000
ENDLESS = "it refers to itself without end, or is too large"


class AmbiguousError(Problem):
    """A document can be read in two ways."""


class NoCommonOperationError(Problem):
    """Two documents have no operation in common."""


@dataclass
class Document:
    """An OpenAPI document, and its name in messages."""

    root: dict[str, Any]
    name: str
    steps: int = field(default=0, compare=False)

    @property
    def refs_stand_alone(self) -> bool:
        """Whether keywords beside a ``$ref`` are ignored, as in OpenAPI 3.0."""
        return str(self.root["openapi"]).startswith("3.0")

    def step(self, steps: int) -> None:
        """Count steps through the document. Raises ``Problem`` beyond the limit."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise Problem(
                f"{self.name}: {ENDLESS}",
                "write it without aliases in aliases, and with fewer variants",
            )

    @property
    def top(self) -> Node:
        """Return the document as a node."""
        return Node(self, "", self.root)


@dataclass(frozen=True, eq=False)
class Node:
    """A value in a document, with its JSON pointer."""

    document: Document
    pointer: str
    value: Any

    def get(self, key: str) -> Node | None:
        """Return the value under a key of an object, or None."""
        found = self.object().get(key)
        return None if found is None else self._below(key, found)

    def fixed(self) -> Iterator[tuple[str, Node]]:
        """Yield the entries of an object, in its order, without extensions."""
        for key, value in self.object().items():
            if not str(key).startswith("x-"):
                yield key, self._below(key, value)

    def named(self) -> Iterator[tuple[str, Node]]:
        """Yield the entries of an object whose keys are names of the API."""
        for key, value in self.object().items():
            yield key, self._below(key, value)

    def entries(self) -> Iterator[Node]:
        """Yield the entries of a list. Raises ``Problem`` if it is not a list."""
        if not isinstance(self.value, list):
            raise self.unexpected("a list")
        for index, value in enumerate(self.value):
            yield self._below(str(index), value)

    def object(self) -> dict[str, Any]:
        """Return the value as an object. Raises ``Problem`` if it is not an object."""
        if not isinstance(self.value, dict):
            raise self.unexpected("an object")
        return cast(dict[str, Any], self.value)

    def follow(self) -> Node:
        """Return the target of a reference, through references to references."""
        return list(self.chain())[-1]

    def chain(self) -> Iterator[Node]:
        """Yield this node, and each target of its reference."""
        node, seen = self, set[str]()
        yield node
        while isinstance(node.value, dict) and isinstance(node.value.get("$ref"), str):
            reference = node.value["$ref"]
            if reference in seen:
                raise node._lost(reference, "refers to itself")
            seen.add(reference)
            node = node._referred(reference)
            yield node

    def _referred(self, reference: str) -> Node:
        if not reference.startswith("#"):
            raise self._lost(reference, "is outside the document")
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            raise self._lost(reference, "is not a JSON pointer")
        self.document.step(1 + pointer.count("/"))
        try:
            value = pointers.find(self.document.root, pointer)
        except (LookupError, TypeError, ValueError):
            raise self._lost(reference, "has no target") from None
        return self._at(pointer, value)

    def _below(self, key: str, value: Any) -> Node:
        return self._at(pointers.below(self.pointer, key), value)

    def _at(self, pointer: str, value: Any) -> Node:
        if len(pointer) > LONGEST_POINTER:
            raise Problem(
                f"{self.document.name}#{self.pointer}: a key there is too long",
                f"compare a document whose JSON pointers have at most {LONGEST_POINTER} characters",
            )
        return Node(self.document, pointer, value)

    def _lost(self, reference: str, why: str) -> Problem:
        return Problem(
            f"{self.document.name}#{self.pointer}: $ref {reference[:LONGEST_POINTER]} {why}",
            "bundle the document, so that each $ref is a JSON pointer into it",
        )

    def ambiguous(self, what: str) -> AmbiguousError:
        """Return the error that a place has two values, where OpenAPI allows one."""
        return AmbiguousError(f"{self.document.name}#{self.pointer}: {what}", "keep one of the two")

    def unexpected(self, expected: str) -> Problem:
        """Return the error that a value is not what OpenAPI requires there."""
        return Problem(
            f"{self.document.name}#{self.pointer}: expected {expected}",
            "correct the document, or use another",
        )
