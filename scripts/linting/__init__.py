"""Refuses, in the contract, what the generator would drop or change without a word.

Constructs are allowed by name, so that a new one is refused until the templates know it. What is
allowed here is shown to work, with values of each kind, whenever a client is made: client_check.py.
"""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from .examples import examples, statuses
from .operations import operations
from .problem import Problem, below
from .schemas import defaults, schemas
from .sources import sources
from .structure import path_items, references, unknown_keys

__all__ = ("Problem", "problems")


def problems(contract: Any) -> list[Problem]:
    """Return all that is wrong with the contract; an empty list is a sound one."""
    missing = _missing(contract)
    if missing is not None:
        return [Problem("not-a-contract", missing, "no object stands there", "restore it")]
    unfollowed = [*path_items(contract), *references(contract, contract)]
    if unfollowed:
        return unfollowed  # what follows reads through the references
    if unfit := [*defaults(contract)]:
        return unfit  # the validator finds them too, and names no place
    invalid = [
        Problem("openapi", below("", *error.path), error.message, "follow OpenAPI 3.1")
        for error in OpenAPIV31SpecValidator(contract).iter_errors()
    ]
    if invalid:
        return invalid  # and reads the document as a valid one
    return [
        *unknown_keys("document", "", contract),
        *unknown_keys("components", "/components", contract["components"]),
        *operations(contract),
        *schemas(contract),
        *statuses(contract),
        *examples(contract),
        *sources(contract),
    ]


def _missing(contract: Any) -> str | None:
    """Return the first place without which nothing can be said."""
    if not isinstance(contract, dict):
        return ""
    schemas = ("components", "schemas")
    for keys in (("paths",), schemas, ("components", "examples"), (*schemas, "ImageBuildStatus")):
        node: Any = contract
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            return below("", *keys)
    return next(
        (
            below("/paths", path)
            for path, item in contract["paths"].items()
            if not isinstance(item, dict)
        ),
        None,
    )
