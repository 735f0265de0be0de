"""Finds parts of a schema that the models do not support."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import jsonschema_rs

from .names import property_names, schema_names
from .problem import LintProblem, Part, below, refuse, resolve
from .structure import EXTENSIONS

KEYWORDS = {"type", "format", "enum", "properties", "required", "items", "default", "allOf",
            "anyOf", "description", "x-phase", "x-enum-varnames"} | EXTENSIONS  # fmt: skip
TYPES = {"string", "integer", "boolean", "object", "array"}
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
# The keys beside a wrapped reference that the generator reads.
BESIDE = {"allOf", "anyOf", "description", "default"} | EXTENSIONS


def schemas(contract: Part) -> Iterator[LintProblem]:
    """Find the problems of all schemas."""
    named = contract["components"]["schemas"]
    yield from schema_names(named)
    for name, schema in named.items():
        at = below("/components/schemas", name)
        if "description" not in schema:
            yield refuse("no-description", at, "no description")
        yield from _schema(contract, at, schema, top=True)


def circles(contract: Part) -> Iterator[LintProblem]:
    """Find schemas that refer back to themselves."""
    named = contract["components"]["schemas"]
    refers = {
        name: set(re.findall(r"'#/components/schemas/([^']+)'", repr(schema)))
        for name, schema in named.items()
    }
    try:
        TopologicalSorter(refers).prepare()
    except CycleError as error:
        for name in error.args[1][1:]:
            yield refuse(
                "schema-circle", below("/components/schemas", name), "refers back to itself"
            )


def defaults(contract: Part) -> Iterator[LintProblem]:
    """Find defaults that are not of their schemas."""
    for name, schema in contract["components"]["schemas"].items():
        properties = schema.get("properties", {}).items()
        at = below("/components/schemas", name)
        places = {at: schema, **{below(f"{at}/properties", key): one for key, one in properties}}
        for place, one in places.items():
            if one.get("default") is None:
                continue
            try:
                jsonschema_rs.Draft202012Validator(
                    {**one, "components": contract["components"]}, validate_formats=True
                ).validate(one["default"])
            except jsonschema_rs.ValidationError as error:
                yield refuse("default-invalid", f"{place}/default", error.message)
            except ValueError:
                continue  # no schema, which is found elsewhere


def _schema(contract: Part, at: str, schema: Part, *, top: bool = False) -> Iterator[LintProblem]:
    if "$ref" in schema and not top:
        return
    for key in sorted(set(schema) - KEYWORDS):
        yield refuse("keyword", f"{at}/{key}", f"keyword {key}, which the templates do not render")
    if not top and ("enum" in schema or "properties" in schema):
        yield refuse("schema-unnamed", at, "a schema without a name of its own")
        return
    if {"$ref", "allOf", "anyOf"} & set(schema):
        yield from _wrapped(at, schema, top=top)
    else:
        yield from _typed(at, schema)
    yield from _default(contract, at, schema)
    if "enum" in schema:
        yield from _enum(at, schema)
    yield from property_names(at, schema)
    for name, inner in schema.get("properties", {}).items():
        place = below(f"{at}/properties", name)
        if name in schema.get("required", []) and "default" in inner:
            yield refuse(
                "required-default", place, "required, and has a default, so that it is neither"
            )
        yield from _schema(contract, place, inner)
    if "items" in schema:
        yield from _schema(contract, f"{at}/items", schema["items"])


def _wrapped(at: str, schema: Part, *, top: bool) -> Iterator[LintProblem]:
    """Allow one reference, or one reference or null."""
    key = next(key for key in ("allOf", "anyOf", "$ref") if key in schema)
    wrapped = schema[key] if key != "$ref" else []
    first = len(wrapped) >= 1 and set(wrapped[0]) == {"$ref"}
    rest = wrapped[1:] == ([{"type": "null"}] if key == "anyOf" else [])
    if top or not first or not rest or set(schema) - BESIDE or {"allOf", "anyOf"} <= set(schema):
        yield refuse("wrapped", f"{at}/{key}", f"{key} that is more than one wrapped $ref")


def _typed(at: str, schema: Part) -> Iterator[LintProblem]:
    given = schema.get("type", [])
    kinds = {given} if isinstance(given, str) else set(given)
    if len(kinds - {"null"}) != 1 or kinds - {"null"} - TYPES:
        yield refuse(
            "type", f"{at}/type", f"type {sorted(kinds)}",
            f"use one of {', '.join(sorted(TYPES))}, and 'null' if need be",
        )  # fmt: skip
    if schema.get("format", "date-time") != "date-time" or (
        "format" in schema and "string" not in kinds
    ):
        yield refuse("format", f"{at}/format", f"format {schema['format']}")
    if "array" in kinds and "items" not in schema:
        yield refuse("array-items", at, "an array of anything")
    if "object" in kinds and not schema.get("properties"):
        yield refuse(
            "free-form", at, "an object without properties, whose content the client would drop"
        )
    if "object" in kinds and "null" in kinds:
        yield refuse("null-object", f"{at}/type", "an object that may be null")


def _default(contract: Part, at: str, schema: Part) -> Iterator[LintProblem]:
    if "default" not in schema:
        return
    default, at = schema["default"], f"{at}/default"
    inner = resolve(contract, schema["allOf"][0]) if len(schema.get("allOf", [])) == 1 else schema
    if default is None:
        yield refuse(
            "default-null", at, "a default of null, which is not distinct from an absent key"
        )
    elif "format" in inner or "anyOf" in schema or not isinstance(default, str | int):
        yield refuse(
            "default-type", at, "a default other than a text, an integer, a boolean or of an enum"
        )
    elif "enum" in inner and re.search(r'["\\]', str(default)):
        yield refuse(
            "default-escaped", at, "a default with a quote or a backslash among an enum's values"
        )


def _enum(at: str, schema: Part) -> Iterator[LintProblem]:
    values: list[Any] = schema["enum"]
    at = f"{at}/enum"
    if None in values or "null" in schema.get("type", []):
        yield refuse("enum-null", at, "an enum that may be null")
        return
    if not values or schema.get("type") != "string" or not all(isinstance(v, str) for v in values):
        yield refuse("enum-type", at, "an enum that is not of texts")
        return
    if any(
        unicodedata.category(one)[0] == "C" or one in "\u2028\u2029" for v in values for one in v
    ):
        yield refuse("enum-text", at, "a control character in a value")
    if twice := sorted({value for value in values if values.count(value) > 1}):
        yield refuse("enum-twice", at, f"{', '.join(twice)} twice")
        return
    names = schema.get("x-enum-varnames")
    if names is not None and len(names) != len(values):
        yield refuse(
            "enum-names", at.replace("/enum", "/x-enum-varnames"),
            f"{len(names)} names for {len(values)} values",
            "give each value one name, in order",
        )  # fmt: skip
        return
    python_names = names or [re.sub(r"\W|_", "", value).upper() or value for value in values]
    if len(set(python_names)) != len(values):
        yield refuse(
            "enum-names", at, "values that are one name in Python",
            "give each a name of its own in x-enum-varnames",
        )  # fmt: skip
    elif names and not all(VARIABLE.fullmatch(name) for name in names):
        yield refuse(
            "enum-names", at.replace("/enum", "/x-enum-varnames"), f"the names {names}",
            "use words in upper case with _ between",
        )  # fmt: skip
