"""Checks the contract for what the generator would silently drop or change.

Constructs are allowed by name, so a new one is refused until the templates support it. Whenever a
client is made, ``client_check`` tests what is allowed here with values of each kind.
"""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from .examples import examples, statuses
from .needs import needs
from .operations import operations
from .problem import LintProblem, below, refuse
from .schemas import circles, defaults, schemas
from .sources import sources
from .structure import (
    METHODS,
    invalid_schemas,
    path_items,
    references,
    servers,
    unknown_keys,
)


def problems(contract: Any) -> list[LintProblem]:
    """Return the problems of a contract; none for a valid one."""
    missing = _missing(contract)
    if missing is not None:
        return [refuse("not-a-contract", missing, "not an object")]
    unfollowed = [*path_items(contract), *references(contract, contract)]
    if unfollowed:
        return unfollowed  # the checks below follow references
    # The validator does not end with circles, nor show the place of the other two.
    if unfit := [*invalid_schemas(contract)] or [*circles(contract)] or [*defaults(contract)]:
        return unfit
    invalid = [
        refuse("openapi", below("", *error.path), error.message)
        for error in OpenAPIV31SpecValidator(contract).iter_errors()
    ]
    if invalid:
        return invalid  # the checks below need a valid document
    return [
        *unknown_keys("document", "", contract),
        *unknown_keys("components", "/components", contract["components"]),
        *servers(contract),
        *operations(contract),
        *schemas(contract),
        *statuses(contract),
        *examples(contract),
        *sources(contract),
        *needs(contract),
    ]


def _missing(contract: Any) -> str | None:
    """Return the first place that every check needs and that is not an object; None if all are."""
    if not isinstance(contract, dict):
        return ""
    schemas = ("components", "schemas")
    for keys in (("paths",), schemas, ("components", "examples"), (*schemas, "ImageBuildStatus")):
        node: Any = contract
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            return below("", *keys)
    for path, item in contract["paths"].items():
        if not isinstance(item, dict):
            return below("/paths", path)
        for method, operation in item.items():
            if method in METHODS and not _is_object(operation, "responses"):
                return below("/paths", path, method, "responses")
    for name, schema in contract["components"]["schemas"].items():
        if not isinstance(schema, dict):
            return below("/components/schemas", name)
        for key, one in schema.get("properties", {}).items():
            if not isinstance(one, dict):
                return below("/components/schemas", name, "properties", key)
    return None


def _is_object(node: Any, key: str) -> bool:
    return isinstance(node, dict) and isinstance(node.get(key), dict)
