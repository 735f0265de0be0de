"""Values that a schema allows, and what the client loses of them (``client_check``)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contract_tests.contract.pointers import find

Schema = dict[str, Any]
STRINGS = ("x", "", 'say "hi" to C:\\new\n\tin \N{SNOWMAN} and \N{GRINNING FACE}')
INSTANTS = ("2026-11-24T09:00:00Z", "2026-11-24T10:00:04.25+01:00")
INTEGERS = (7, 0, -1, 2**40)


def resolve(contract: Schema, node: Schema) -> Schema:
    """Follow a reference, also one in allOf."""
    while "$ref" in node or "allOf" in node:
        if "allOf" in node:
            beside = {key: value for key, value in node.items() if key != "allOf"}
            node = {**resolve(contract, node["allOf"][0]), **beside}
            continue
        node = find(contract, node["$ref"])
    return node


def values(contract: Schema, schema: Schema) -> list[Any]:
    """Return values of a schema: each type, each value of an enum, each key present and absent."""
    schema = resolve(contract, schema)
    if "anyOf" in schema:
        return [value for one in schema["anyOf"] for value in values(contract, one)]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found: list[Any] = []
    for kind in kinds:
        found += _of_kind(contract, schema, kind)
    return found


def _of_kind(contract: Schema, schema: Schema, kind: str) -> list[Any]:
    if kind == "null":
        return [None]
    if "enum" in schema:
        return [value for value in schema["enum"] if value is not None]
    if kind == "string":
        return list(INSTANTS if schema.get("format") == "date-time" else STRINGS)
    if kind == "integer":
        return list(INTEGERS)
    if kind == "boolean":
        return [True, False]
    if kind == "array":
        return [[], values(contract, schema["items"])]
    return list(_objects(contract, schema)) if kind == "object" else []


def _objects(contract: Schema, schema: Schema) -> Iterator[Schema]:
    """Yield the smallest object, the full one, and for each key one with each of its values."""
    each = {name: values(contract, given) for name, given in schema.get("properties", {}).items()}
    whole = {name: given[0] for name, given in each.items() if given}
    yield {name: value for name, value in whole.items() if name in schema.get("required", [])}
    yield whole
    for name, given in each.items():
        for value in itertools.islice(given, 1, None):
            yield {**whole, name: value}


def losses(contract: Schema, schema: Schema, sent: Any, got: Any, at: str = "$") -> Iterator[str]:
    """Yield each difference between a value and what the client made of it.

    An absent key with a default has that default; a date-time may have another spelling.
    """
    schema = resolve(contract, schema)
    if isinstance(sent, dict) and isinstance(got, dict):
        properties = schema.get("properties", {})
        for key in sent:
            if key not in got:
                yield f"{at}.{key} is lost"
            else:
                inner = properties.get(key, {})
                yield from losses(contract, inner, sent[key], got[key], f"{at}.{key}")
        for key in [*got, *(name for name in properties if name not in got)]:
            default = resolve(contract, properties.get(key, {})).get("default")
            if key not in sent and not _same(default, got.get(key)):
                yield f"{at}.{key}, which was not given, is {got.get(key)!r} and not {default!r}"
    elif isinstance(sent, list) and isinstance(got, list) and len(sent) == len(got):
        for index, (one, other) in enumerate(zip(sent, got, strict=True)):
            inner = schema.get("items", {})
            yield from losses(contract, inner, one, other, f"{at}[{index}]")
    elif schema.get("format") == "date-time" and isinstance(sent, str) and isinstance(got, str):
        if datetime.fromisoformat(sent) != datetime.fromisoformat(got):
            yield f"{at} was {sent!r} and is {got!r}"
    elif not _same(sent, got):
        yield f"{at} was {sent!r} and is {got!r}"


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
