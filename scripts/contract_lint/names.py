"""Finds names that Python or the client already uses."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator

from openapi_python_client.strings import PythonIdentifier

from .problem import LintProblem, Part, below, refuse
from .taken import attributes, imported

CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
# Names that a module of a model or of an operation uses itself.
CLASSES = (
    imported(
        "model.py.jinja", "str_enum.py.jinja", "endpoint_module.py.jinja", "endpoint_init.py.jinja"
    )
    | {"Any", "Mapping", "StrEnum", "Struct"}
    | {name for name in dir(builtins) if name[0].isupper()}
)
FIELDS = attributes("model.py.jinja", "types.py.jinja") | imported("model.py.jinja")
"""Python names that a property cannot have: a model has them, or calls them in its class."""


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
    """Return the name of a property in Python, as the generator makes it."""
    return str(PythonIdentifier(name, "field_"))


def property_names(at: str, schema: Part) -> Iterator[LintProblem]:
    """Find properties whose Python names collide or are not possible."""
    seen: dict[str, str] = {}
    properties = schema.get("properties", {})
    # An array that may be absent is stored beside the property that reads it.
    stored = {f"{python_name(name)}_or_unset" for name, one in properties.items() if "items" in one}
    for name in properties:
        place = below(f"{at}/properties", name)
        snake = python_name(name)
        if snake in FIELDS | stored:
            yield refuse("property-taken", place, f"the name {name}, which the models use")
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name):
            yield refuse("property-name", place, f"the name {name}, which has no name in Python")
        plain = re.sub("[_.-]", "", snake)
        if plain in seen:
            yield refuse(
                "property-twice", place, f"{name} and {seen[plain]} are one name in Python"
            )
        seen[plain] = name
    for name in schema.get("required", []):
        if name not in properties:
            yield refuse("required-unknown", f"{at}/required", f"{name} is not a property")
