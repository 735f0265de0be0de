"""Finds references and keys that the generator does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from .problem import LintProblem, Part, below, refuse, resolve

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
# The keys of each place that the generator reads, or that are for people only.
KEYS: dict[str, set[str]] = {
    "document": {"openapi", "info", "servers", "tags", "paths", "components", "x-sources"},
    "components": {"securitySchemes", "parameters", "requestBodies", "responses", "schemas",
                   "examples"},
    "operation": {"operationId", "tags", "security", "summary", "description", "parameters",
                  "requestBody", "responses"},
    "parameter": {"name", "in", "required", "description", "schema"},
    "request body": {"required", "description", "content"},
    "response": {"description", "content", "links"},
    "media type": {"schema", "examples"},
}  # fmt: skip
EXTENSIONS = {"x-source", "x-derived", "x-observed", "x-assumed"}
COMPONENT = re.compile(r"#/components/[a-zA-Z]+/[^/]+")
SCHEMA = re.compile(r"/components/schemas/[^/]+|(/components/[^/]+|/paths)/[^/]+/(.*/)?schema")
# The client adds the path of an operation, which has the version, and no variable is expanded.
SERVER = re.compile(
    r"https?://([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?(?!.*/api/v\d)[/\w.~-]*", re.ASCII
)


def references(contract: Part, node: Any, pointer: str = "") -> Iterator[LintProblem]:
    """Find references that the generator does not follow, except in the values of examples."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from references(contract, item, below(pointer, index))
    if not isinstance(node, dict) or pointer.endswith("/value"):
        return
    if isinstance(reference := node.get("$ref"), str):
        yield from _reference(contract, node, reference, pointer)
    for key, value in node.items():
        yield from references(contract, value, below(pointer, key))


def _reference(contract: Part, node: Part, reference: str, pointer: str) -> Iterator[LintProblem]:
    if not COMPONENT.fullmatch(reference):
        yield refuse(
            "ref-target", pointer, f"$ref to {reference}, which the generator does not follow"
        )
    elif beside := sorted(set(node) - {"$ref"}):
        yield refuse(
            "ref-sibling", pointer, f"{', '.join(beside)} beside $ref, which the generator drops"
        )
    else:
        try:
            resolve(contract, node)
        except (LookupError, TypeError):
            yield refuse("ref-missing", pointer, f"$ref to {reference}, which leads nowhere")


def invalid_schemas(node: Any, pointer: str = "") -> Iterator[LintProblem]:
    """Find what is not a schema; the validator of OpenAPI shows its place from the schema on."""
    if SCHEMA.fullmatch(pointer):
        try:
            jsonschema_rs.meta.validate(node)
        except jsonschema_rs.ValidationError as error:
            yield refuse("openapi", below(pointer, *error.instance_path), error.message)
    elif isinstance(node, dict | list) and not pointer.endswith("/value"):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from invalid_schemas(value, below(pointer, key))


def servers(contract: Part) -> Iterator[LintProblem]:
    """Find a first server, which is the client's default, that is not a base URL."""
    given = contract.get("servers") or [{}]
    if not SERVER.fullmatch(given[0].get("url", "")):  # not shown: it may have a password
        yield refuse("server", "/servers/0/url", "not a base URL, which the client begins with")


def path_items(contract: Part) -> Iterator[LintProblem]:
    """Find keys of a path item that are not operations."""
    for path, item in contract["paths"].items():
        for key in sorted(set(item) - METHODS):
            yield refuse(
                "path-key", below("/paths", path, key),
                f"{key} at a path, which the generator drops or applies unseen",
            )  # fmt: skip


def unknown_keys(kind: str, at: str, node: Part) -> Iterator[LintProblem]:
    """Find keys that are not read in such a place."""
    known = KEYS[kind] | (set() if kind in ("document", "media type") else EXTENSIONS)
    for key in sorted(set(node) - known):
        yield refuse("unknown-key", below(at, key), f"{key} of a {kind}, which the generator drops")
