"""Fields: places in a response body as JSON paths, and the contract's words for each.

A *field* names one value, with indexes: ``$.artifacts[1].createdAt``. Its *place* is the same for
any index: ``$.artifacts[*].createdAt``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .openapi import Contract, Operation

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\*|\d+)\]")
_COMBINED = ("allOf", "anyOf", "oneOf")
_TYPES = {
    "string": "a string", "integer": "an integer", "number": "a number", "boolean": "a boolean",
    "array": "an array", "object": "an object", "null": "null",
}  # fmt: skip


class Quote(NamedTuple):
    """Words of the contract.

    Attributes:
        mark: How they are known: stated, observed, assumed, or derived.
        words: The words.
        pointer: Their place, as a JSON pointer into openapi.yaml.
        document: The document that states them; empty if the contract does not name it.

    """

    mark: str
    words: str
    pointer: str
    document: str


def is_field(text: str) -> bool:
    """Whether a text is a place in a body, not another part of a response."""
    return text.startswith("$")


def place(field: str) -> str:
    """Return the place of a field: the same path for any index."""
    return re.sub(r"\[\d+\]", "[*]", field)


def keys(field: str) -> list[str | int]:
    """Split a field into keys and indexes. Raises ValueError for anything else."""
    names = steps(field)
    found = [one[2] for one in _STEP.finditer(field, 1)]
    return [int(index) if index and index != "*" else name
            for name, index in zip(names, found, strict=True)]  # fmt: skip


def steps(path: str) -> list[str]:
    """Split a JSON path into keys and ``*``. Raises ValueError for anything but ``$.key[*].key``.

    An index counts as ``*``.
    """
    found = list(_STEP.finditer(path, 1))
    if not path.startswith("$") or "".join(one[0] for one in found) != path[1:]:
        raise ValueError(f"not a JSON path: {path!r}")
    return [one[1] or "*" for one in found]


def values(body: Any, path: list[str]) -> Iterator[Any]:
    """Yield the values of a body at a path."""
    if not path:
        yield body
    elif path[0] == "*" and isinstance(body, list):
        for one in body:
            yield from values(one, path[1:])
    elif isinstance(body, dict) and path[0] in body:
        yield from values(body[path[0]], path[1:])


def pointer(contract: Contract, operation: str | None, status: int, field: str) -> str | None:
    """Return the JSON pointer of a response field's schema, or None if the contract has none."""
    known = contract.operations.get(operation or "")
    if known is None or not is_field(field):
        return None
    try:
        at = _schema(contract, known, status)
        for step in steps(field):
            at = _below(contract, at, step) if at else None
    except (KeyError, ValueError):
        return None
    return at


def places(contract: Contract) -> list[str]:
    """Return every place in a response that the contract describes, in the contract's order."""
    found: dict[str, None] = {}
    for operation in contract.operations.values():
        for code in operation.responses:
            if at := _schema(contract, operation, int(code.replace("X", "0"))):
                found |= dict.fromkeys(_all_below(contract, at, "$"))
    return list(found)


def listed(contract: Contract, operation: str, key: str) -> list[Any]:
    """Return the values that a key of a request body has in the contract.

    Those of its enum, its default, and null where it is a type of the key.
    """
    body = f"{contract.operations[operation].pointer}/requestBody/content/application~1json/schema"
    at, found = _below(contract, body, key), list[Any]()
    for node in [contract.node(one) for one in (_family(contract, at) if at else ())]:
        found += node.get("enum", [])
        found += [node["default"]] if "default" in node else []
        found += [None] if "null" in node.get("type", ()) else []
    return found


def wanted(contract: Contract, at: str) -> str:
    """Describe the values that the schema at a pointer accepts."""
    names: list[str] = []
    enum: list[Any] = []
    types: list[str] = []
    date_time = False
    for end in _family(contract, at):
        node = contract.node(end)
        names += [end.rpartition("/")[2]] if end.startswith("#/components/schemas/") else []
        enum = enum or node.get("enum", [])
        kinds = node.get("type", [])
        types = types or ([kinds] if isinstance(kinds, str) else list(kinds))
        date_time |= node.get("format") == "date-time"
    if enum:
        shown = [one for one in enum if one is not None]
        return f"one of {', '.join(map(str, shown))}" + (
            " or null" if len(shown) < len(enum) else ""
        )
    if types == ["object"] and names:
        return a(names[-1].partition("/")[0])
    words = [
        "a date-time" if one == "string" and date_time else _TYPES.get(one, one) for one in types
    ]
    return " or ".join(words) or "what its schema accepts"


def a(noun: str) -> str:
    """Return a name with its article: an ErrorResponse, a BuildStatusResponse."""
    return f"an {noun}" if noun[:1].lower() in set("aeiou") else f"a {noun}"


def quotes(contract: Contract, at: str, keys: Iterable[str]) -> list[Quote]:
    """Return the values of keys at a pointer, or in the nearest schema that it refers to.

    A description and our notes (``x-derived``) are words; another key is quoted with its value.
    Where a key is missing, nothing is returned for it.
    """
    found = []
    for key in keys:
        where = next((one for one in _family(contract, at) if key in contract.node(one)), None)
        if where is None:
            continue
        value = contract.node(where)[key]
        words = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
        if key.startswith("x-"):
            found.append(Quote(key.removeprefix("x-"), words, where, ""))
            continue
        mark, document = _source(contract, where)
        words = words if key == "description" else f"{key}: {words}"
        found.append(Quote(mark, words, where, document))
    return found


def _source(contract: Contract, at: str) -> tuple[str, str]:
    """Return the nearest x-source at or above a pointer: its mark, and its document."""
    while at.startswith("#/"):
        node = contract.node(at)
        source = node.get("x-source") if isinstance(node, dict) else None
        if isinstance(source, dict):
            return str(source.get("mark", "stated")), str(source.get("in", ""))
        if source:
            return str(source), ""
        at = at.rpartition("/")[0]
    return "stated", ""


def _schema(contract: Contract, operation: Operation, status: int) -> str | None:
    """Return the pointer of the schema of a response body."""
    code = next((c for c in (str(status), f"{status // 100}XX") if c in operation.responses), None)
    response = contract.follow(f"{operation.pointer}/responses/{code}") if code else ""
    if not code or "application/json" not in contract.node(response).get("content", {}):
        return None
    return f"{response}/content/application~1json/schema"


def _family(contract: Contract, at: str) -> Iterator[str]:
    """Yield a schema's pointer, and those of the schemas that it refers to."""
    yield at
    node = contract.node(at)
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield from _family(contract, node["$ref"])
    for word in _COMBINED:
        for index in range(len(node.get(word, []))):
            yield from _family(contract, f"{at}/{word}/{index}")


def _below(contract: Contract, at: str, step: str) -> str | None:
    for one in _family(contract, at):
        node = contract.node(one)
        if step == "*" and "items" in node:
            return f"{one}/items"
        if step in node.get("properties", {}):
            return f"{one}/properties/{step}"
    return None


def _all_below(contract: Contract, at: str, path: str) -> Iterator[str]:
    yield path
    for one in _family(contract, at):
        node = contract.node(one)
        for key in node.get("properties", {}):
            yield from _all_below(contract, f"{one}/properties/{key}", f"{path}.{key}")
        if "items" in node:
            yield from _all_below(contract, f"{one}/items", f"{path}[*]")
