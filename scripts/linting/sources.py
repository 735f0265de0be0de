"""Finds what does not say how it is known."""

from __future__ import annotations

from collections.abc import Iterator

from .problem import Part, Problem, below, resolve

SOURCES = {"stated", "observed", "assumed"}


def sources(contract: Part) -> Iterator[Problem]:
    """Find operations, responses and schemas without a source."""
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            at = below("/paths", path, method)
            yield from _sourced(at, operation)
            for code, response in operation["responses"].items():
                yield from _sourced(f"{at}/responses/{code}", resolve(contract, response))
    for name, schema in contract["components"]["schemas"].items():
        yield from _sourced(below("/components/schemas", name), schema)


def _sourced(at: str, node: Part) -> Iterator[Problem]:
    if node.get("x-source") not in SOURCES:
        yield Problem(
            "source", at, f"x-source is {node.get('x-source')}", f"use one of {sorted(SOURCES)}"
        )
