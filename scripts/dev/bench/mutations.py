"""Faults that are not ours: the usual mutations of a response, made from openapi.yaml alone.

Each operator is applied at each place, whatever our rules check. A mutation counts if it makes a
documented response one that is not; what the contract allows, such as a dropped optional key, is
left out. ``python -m scripts.dev.bench.mutations serve --fault NAME`` is the reference server with
one of them.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from contract_tests import cli
from contract_tests.contract.openapi import Operation, contract, is_instant
from contract_tests.reference.faults import FAULTS, Fault, ServerRequest, ServerResponse
from contract_tests.reference.faults.base import JSON, set_header
from contract_tests.reference.faults.edits import later

Row = dict[str, Any]
Edit = Callable[[Row, str], None]
Change = Callable[[ServerResponse], None]


def _put(new: Callable[[Any], Any], kind: type = object) -> Edit:
    """Replace a value, if it is of a kind."""

    def edit(row: Row, key: str) -> None:
        if isinstance(row[key], kind):
            row[key] = new(row[key])

    return edit


def _move(days: int) -> Edit:
    return _put(lambda text: later(text, days=days) if is_instant(text) else text, str)


def _snake(row: Row, key: str) -> None:
    row[re.sub("([A-Z])", r"_\1", key).lower()] = row.pop(key)


MOVES = {"day-later": _move(1), "day-earlier": _move(-1)}
"""No schema excludes these, but each is false: the builds are made while a checker runs."""
OF_VALUES: dict[str, Edit] = {
    "drop": lambda row, key: row.pop(key),
    "type": _put(lambda value: "7" if isinstance(value, int) else 7),
    "null": _put(lambda _: None),
    "text": _put(lambda _: "none-such", str),
    "snake-case": _snake,
    **MOVES,
}
OF_RESPONSES: dict[str, Change] = {
    "text-html": lambda response: set_header(response.headers, b"content-type", b"text/html"),
    "truncated": lambda response: _cut(response, len(response.content) // 2),
    "empty": lambda response: _cut(response, 0),
}
CODES, NOT_FOUND = (200, 202, 500), 404


def _cut(response: ServerResponse, size: int) -> None:
    response.content = response.content[:size]


def _status(code: int, response: ServerResponse) -> None:
    response.status = code


def _edit(place: tuple[str, ...], edit: Edit, response: ServerResponse) -> None:
    """Edit the value at a place, in each row of a list."""
    body = json.loads(response.content)
    rows = [body]
    for key in place[:-1]:
        rows = [one for row in rows for one in row.get(key) or ()]
    for row in rows:
        if place[-1] in row:
            edit(row, place[-1])
    response.content = json.dumps(body).encode()


def _places(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the keys that lead to each property, through lists."""
    schema = contract().at(schema["$ref"]) if "$ref" in schema else schema
    for key, child in schema.get("properties", {}).items():
        yield (key,)
        yield from ((key, *rest) for rest in _places(child.get("items", child)))


def examples(operation: Operation, status: int) -> Iterator[ServerResponse]:
    """Yield the examples of a response; of one without a schema, a body that others have."""
    content = (operation.documented(status) or {}).get("content", {})
    given = content.get("application/json", {}).get("examples", {"any": {"value": {"detail": ""}}})
    for one in given.values():
        value = (contract().at(one["$ref"]) if "$ref" in one else one)["value"]
        yield ServerResponse(status, [(b"content-type", JSON)], json.dumps(value).encode())


def is_allowed(operation: Operation, response: ServerResponse) -> bool:
    """Whether the contract documents the status and the media type, and the body is valid."""
    documented = operation.documented(response.status)
    if documented is None or "content" not in documented:
        return documented is not None
    if dict(response.headers)[b"content-type"].decode() not in documented["content"]:
        return False
    try:
        body = json.loads(response.content)
    except ValueError:
        return False
    return not contract().errors(contract().response_schema(operation, response.status) or {}, body)


def _changes(operation: Operation) -> Iterator[tuple[str, str, int, Change]]:
    """Yield place, operator, the status of the changed responses, and the change."""
    success = operation.success
    for place in _places(contract().response_schema(operation, success) or {}):
        for name, edit in OF_VALUES.items():
            yield ".".join(place), name, success, partial(_edit, place, edit)
    for name, change in OF_RESPONSES.items():
        yield str(success), name, success, change
    for status in (success, NOT_FOUND) if "{" in operation.path else (success,):
        for code in CODES:
            yield str(status), f"as-{code}", status, partial(_status, code)


def _counts(operation: Operation, operator: str, status: int, change: Change) -> bool:
    for example in examples(operation, status):
        mutated = copy.deepcopy(example)
        change(mutated)
        if not is_allowed(operation, mutated):
            return True
        if operator in MOVES and mutated.content != example.content:
            return True
    return False


def _at(operation: Operation, status: int, change: Change) -> Any:
    def response(request: ServerRequest, response: ServerResponse) -> None:
        is_same = request.method == operation.method and response.status == status
        if is_same and operation.match(request.path.decode("latin-1")) is not None:
            change(response)

    return response


def made() -> Iterator[Fault]:
    """Yield those that count, in the order of the contract."""
    for operation in contract().operations.values():
        for place, operator, status, change in _changes(operation):
            if _counts(operation, operator, status, change):
                name = f"{operation.name}:{place}:{operator}"
                response = _at(operation, status, change)
                yield Fault(name, "", f"{operator} of {place}", response=response)


MUTATIONS = {one.name: one for one in made()}
"""By names such as ``get_build_status:artifacts.createdAt:drop``, which a shell leaves as it is."""


if __name__ == "__main__":
    FAULTS.update(MUTATIONS)
    sys.exit(cli.main())
