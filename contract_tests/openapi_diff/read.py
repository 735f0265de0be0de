"""An OpenAPI document as nodes, each with its JSON pointer, and its references followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

from ..problems import Problem

# A document that says little with many words (an alias of aliases) ends here, not in the memory.
MOST_STEPS = 20_000
ENDLESS = "it goes on without end, or by too many ways"


class AmbiguousError(Problem):
    """A document can be read in two ways."""


class StrangersError(Problem):
    """Two documents have no operation in common."""


@dataclass
class Document:
    """An OpenAPI document, and the name it goes by."""

    root: dict[str, Any]
    name: str
    steps: int = field(default=0, compare=False)

    @property
    def refs_stand_alone(self) -> bool:
        """Tell whether what stands beside a $ref counts for nothing, as in 3.0."""
        return str(self.root["openapi"]).startswith("3.0")

    def step(self) -> None:
        """Count one step through the document.

        Raises ``Problem`` if there is no end to it.
        """
        self.steps += 1
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
    """A place in a document: where it stands, as a JSON pointer, and what stands there."""

    document: Document
    pointer: str
    value: Any

    def get(self, key: str) -> Node | None:
        """Return what stands under a key of an object, if anything does."""
        found = self.object().get(key)
        return None if found is None else self._below(key, found)

    def fixed(self) -> Iterator[tuple[str, Node]]:
        """Yield what stands in an object, in its order, but for extensions."""
        for key, value in self.object().items():
            if not str(key).startswith("x-"):
                yield key, self._below(key, value)

    def named(self) -> Iterator[tuple[str, Node]]:
        """Yield what stands in an object whose keys are names of the API's own."""
        for key, value in self.object().items():
            yield key, self._below(key, value)

    def entries(self) -> Iterator[Node]:
        """Yield what stands in a list.

        Raises ``Problem`` if it is none.
        """
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            yield self._below(str(index), value)

    def object(self) -> dict[str, Any]:
        """Return the object that stands here.

        Raises ``Problem`` if it is none.
        """
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return cast(dict[str, Any], self.value)

    def follow(self) -> Node:
        """Return what a reference refers to, through references to references."""
        return list(self.chain())[-1]

    def chain(self) -> Iterator[Node]:
        """Yield this node, and each that a reference leads to from it."""
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
        node = self.document.top
        pointer = unquote(reference[1:])
        if pointer and not pointer.startswith("/"):
            raise self._lost(reference, "is no JSON pointer")
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            try:
                value = node.value[int(key) if isinstance(node.value, list) else key]
            except (KeyError, IndexError, TypeError, ValueError):
                raise self._lost(reference, "leads nowhere") from None
            node = node._below(key, value)
        return node

    def _below(self, key: str, value: Any) -> Node:
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        return Node(self.document, f"{self.pointer}/{escaped}", value)

    def _lost(self, reference: str, why: str) -> Problem:
        return Problem(
            f"{self.document.name}#{self.pointer}: $ref {reference} {why}",
            "bundle the document, so that each $ref is a JSON pointer into it",
        )

    def ambiguous(self, what: str) -> AmbiguousError:
        """Return the error that two things stand here, and OpenAPI allows one."""
        return AmbiguousError(f"{self.document.name}#{self.pointer}: {what}", "keep one of the two")

    def wrong(self, wanted: str) -> Problem:
        """Return the error that something else stands here than OpenAPI wants."""
        return Problem(
            f"{self.document.name}#{self.pointer}: {wanted} should stand here",
            "correct the document, or use another",
        )
