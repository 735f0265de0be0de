"""Finds names that Python or the client already uses."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator

from .problem import LintProblem, Part, below, refuse

CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
# Names that a module of a model or of an operation uses itself.
CLASSES = {
    "Any", "ApiError", "AuthenticatedClient", "Mapping", "Model", "Response", "StrEnum", "Struct",
    "Timestamp", "Unset", "UNSET",
} | {name for name in dir(builtins) if name[0].isupper()}  # fmt: skip
FIELDS = {
    "to_dict": "a method of every model",
    "from_dict": "a method of every model",
    "field": "a function that every model calls",
}
"""Python names that a property cannot have, and why."""


def schema_names(named: Part) -> Iterator[LintProblem]:
    """Find schemas whose name cannot be that of a class and a module."""
    seen: dict[str, str] = {}
    for name in named:
        at = below("/components/schemas", name)
        if not CLASS.fullmatch(name) or name in CLASSES:
            yield refuse("schema-name", at, f"the name {name}, which is not free for a class")
        if other := seen.get(name.lower()):
            yield refuse("schema-twice", at, f"{name} and {other} are one name but for the case")
        seen[name.lower()] = name


def python_name(name: str) -> str:
    """Return the name of a property in Python, except for dots and dashes."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def property_names(at: str, schema: Part) -> Iterator[LintProblem]:
    """Find properties whose Python names collide or are not possible."""
    seen: dict[str, str] = {}
    for name in schema.get("properties", {}):
        place = below(f"{at}/properties", name)
        snake = python_name(name)
        if snake in FIELDS:
            yield refuse("property-taken", place, f"the name {name}, which is {FIELDS[snake]}")
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
            yield refuse("property-name", place, f"the name {name}, which has no name in Python")
        plain = re.sub("[_.-]", "", snake)
        if plain in seen:
            yield refuse(
                "property-twice", place, f"{name} and {seen[plain]} are one name in Python"
            )
        seen[plain] = name
    for name in schema.get("required", []):
        if name not in schema.get("properties", {}):
            yield refuse("required-unknown", f"{at}/required", f"{name} is not a property")
