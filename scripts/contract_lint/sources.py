"""Finds parts of the contract without a source, and notes inside descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .problem import LintProblem, Part, below, refuse
from .structure import METHODS

MARKS = ("stated", "observed", "assumed")
NOTES = ("x-derived", "x-observed", "x-assumed")
"""What is known beyond the description, which only paraphrases the source."""

_SOURCED = ("schemas", "responses", "parameters", "headers", "securitySchemes")
_MARKED = re.compile(r"\((?:stated|observed|assumed|derived)\b[^)]*\)")


def sources(contract: Part) -> Iterator[LintProblem]:
    """Find invalid sources and notes: those of each place, and those declared."""
    given = contract.get("x-sources")
    marks: dict[str, str] = {}
    for name, source in given.items() if isinstance(given, dict) else ():
        is_known = isinstance(source, dict) and source.get("mark") in ("stated", "observed")
        if is_known and _is_text(source.get("title")):
            marks[name] = source["mark"]
        else:
            yield refuse("source-declared", below("/x-sources", name), "not a source")
    for pointer, node in places(contract):
        yield from _source(pointer, node, marks)
        yield from _notes(pointer, node)


def places(contract: Part) -> Iterator[tuple[str, Part]]:
    """Yield each place that needs a source, with its JSON pointer; references are not followed."""
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            at = below("/paths", path, method)
            yield at, operation
            yield from _own(f"{at}/parameters", enumerate(operation.get("parameters", [])))
            yield from _own(f"{at}/responses", operation["responses"].items())
    components = contract["components"]
    for kind in _SOURCED:
        yield from _own(below("/components", kind), components.get(kind, {}).items())
    for name, schema in components["schemas"].items():
        yield from _properties(below("/components/schemas", name), schema)


def _own(at: str, nodes: Any) -> Iterator[tuple[str, Part]]:
    for key, node in nodes:
        if "$ref" not in node:
            yield below(at, key), node


def _properties(at: str, schema: Part) -> Iterator[tuple[str, Part]]:
    for name, inner in schema.get("properties", {}).items():
        pointer = below(at, "properties", name)
        yield pointer, inner
        yield from _properties(pointer, inner)
    if isinstance(schema.get("items"), dict):
        yield from _properties(f"{at}/items", schema["items"])


def _source(at: str, node: Part, declared: dict[str, str]) -> Iterator[LintProblem]:
    if "$ref" in node:
        yield refuse(
            "source", at, "no x-source, since nothing may stand beside $ref",
            "wrap the $ref in allOf, and give x-source beside it",
        )  # fmt: skip
        return
    source = node.get("x-source")
    mark = source.get("mark") if isinstance(source, dict) else None
    names = sorted(name for name, one in declared.items() if one == mark)
    if not isinstance(source, dict) or mark not in MARKS:
        fix = f"give x-source: {{mark: …}}, one of {', '.join(MARKS)}"
    elif mark == "assumed" and set(source) != {"mark"}:
        fix = "give mark alone: no source assumes"
    elif mark != "assumed" and (set(source) != {"mark", "in"} or source["in"] not in names):
        fix = f"give mark, and in: one of {', '.join(names) or 'those that x-sources declares'}"
    else:
        return
    yield refuse("source", at, f"x-source is {source}", fix)


def _notes(at: str, node: Part) -> Iterator[LintProblem]:
    for key in NOTES:
        if key in node and not _is_text(node[key]):
            yield refuse("note", f"{at}/{key}", "not a text")
    for key in ("summary", "description"):
        if found := _MARKED.search(str(node.get(key, ""))):
            yield refuse(
                "note-within", f"{at}/{key}", f"a mark within it: {found[0]}",
                f"keep to the words of the source; put other facts under {', '.join(NOTES)}",
            )  # fmt: skip


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
