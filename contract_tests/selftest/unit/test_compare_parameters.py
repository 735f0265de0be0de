"""Parameters and headers differ if what is sent differs."""

from __future__ import annotations

from typing import Any

import pytest

from ...openapi_diff import Breaks, Document, differences

TEXT, NULLABLE = {"type": "string"}, {"type": ["string", "null"]}
LIST, OBJECT = {"type": "array", "items": TEXT}, {"type": "object"}
NULLABLE_LIST = {"type": "array", "items": NULLABLE}


def json(schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    """Return a parameter in a media type."""
    return {"content": {media: {"schema": schema}}}


def plain(schema: dict[str, Any], **how: object) -> dict[str, Any]:
    """Return a parameter in a style."""
    return {"schema": schema, **how}


EXPLODED: dict[str, Any] = {"explode": True}
NOT_EXPLODED: dict[str, Any] = {"explode": False}
PLACES = ["query", "cookie", "path", "header", "answer"]
Case = tuple[list[str], dict[str, Any], dict[str, Any]]
SAME: dict[str, Case] = {
    "explode of a text": (PLACES, plain(TEXT, **EXPLODED), plain(TEXT, **NOT_EXPLODED)),
    "explode of an enum": (
        PLACES, plain({"enum": ["a", 1]}, **EXPLODED), plain({"enum": ["a", 1]}, **NOT_EXPLODED),
    ),
    "explode of a union": (
        PLACES,
        plain({"anyOf": [{"type": "integer"}, NULLABLE]}, **EXPLODED),
        plain({"anyOf": [{"type": "integer"}, NULLABLE]}, **NOT_EXPLODED),
    ),
    "explode of a list in simple": (
        ["path", "header", "answer"], plain(LIST, **EXPLODED), plain(LIST, **NOT_EXPLODED),
    ),
    "the style by word": (["query", "cookie"], plain(LIST), plain(LIST, style="form", **EXPLODED)),
    "null": (PLACES, plain(NULLABLE), plain(TEXT)),
    "null of 3.0": (PLACES, plain({"type": "string", "nullable": True}), plain(TEXT)),
    "null in an enum": (PLACES, plain({"enum": ["a", None]}), plain({"enum": ["a"]})),
    "null in a union": (
        PLACES,
        plain({"anyOf": [{"type": "integer"}, OBJECT, {"type": "null"}]}),
        plain({"anyOf": [{"type": "integer"}, OBJECT]}),
    ),
    "null in a list": (PLACES, plain(NULLABLE_LIST), plain(LIST)),
    "JSON": (PLACES, json(LIST), json(LIST, "Application/JSON; charset=utf-8")),
}  # fmt: skip
OTHER: dict[str, tuple[list[str], dict[str, Any], dict[str, Any], str]] = {
    "explode of a list": (
        ["query", "cookie"], plain(LIST, **EXPLODED), plain(LIST, **NOT_EXPLODED),
        "serialization-changed",
    ),
    "explode of a list in matrix": (
        ["path"], plain(LIST, style="matrix", **EXPLODED), plain(LIST, style="matrix"),
        "serialization-changed",
    ),
    "explode of an object": (
        PLACES, plain(OBJECT, **EXPLODED), plain(OBJECT, **NOT_EXPLODED), "serialization-changed",
    ),
    "explode of anything": (
        PLACES, plain({}, **EXPLODED), plain({}, **NOT_EXPLODED), "serialization-changed",
    ),
    "explode of a text or a list": (
        ["query"],
        plain({"anyOf": [TEXT, LIST]}, **EXPLODED),
        plain({"anyOf": [TEXT, LIST]}, **NOT_EXPLODED),
        "serialization-changed",
    ),
    "the style of a text": (
        ["path"], plain(TEXT), plain(TEXT, style="label"), "serialization-changed",
    ),
    "JSON for a text": (PLACES, plain(TEXT), json(TEXT), "serialization-changed"),
    "another media type": (PLACES, json(TEXT), json(TEXT, "text/plain"), "serialization-changed"),
    "null in JSON": (PLACES, json(TEXT), json(NULLABLE), "became-nullable"),
    "another type": (PLACES, plain(NULLABLE), plain({"type": "integer"}), "type-changed"),
}  # fmt: skip


def document(where: str, part: dict[str, Any]) -> Document:
    """Return a document with one parameter, or with a header of its answer."""
    answer: dict[str, Any] = {"description": ""}
    operation: dict[str, Any] = {"responses": {"200": answer}}
    if where == "answer":
        answer["headers"] = {"x": part}
    else:
        operation["parameters"] = [{"name": "x", "in": where, "required": True, **part}]
    root = {"openapi": "3.1.0", "info": {}, "paths": {"/things/{x}": {"get": operation}}}
    return Document(root, where)


def cases(table: dict[str, Any]) -> list[Any]:
    """Return each case of a table, once for each place."""
    return [
        pytest.param(where, *rest, id=f"{name}, {where}")
        for name, (wheres, *rest) in table.items()
        for where in wheres
    ]


@pytest.mark.parametrize(("where", "one", "other"), cases(SAME))
def test_same_bytes_are_no_difference(
    where: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    """Either way."""
    assert differences(document(where, one), document(where, other)) == []
    assert differences(document(where, other), document(where, one)) == []


@pytest.mark.parametrize(("where", "one", "other", "kind"), cases(OTHER))
def test_other_bytes_are_a_difference(
    where: str, one: dict[str, Any], other: dict[str, Any], kind: str
) -> None:
    """One alone, that breaks somebody."""
    [found] = differences(document(where, one), document(where, other))

    assert found.kind == kind
    assert found.breaks is not Breaks.NOBODY
