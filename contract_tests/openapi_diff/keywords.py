"""The keywords that count; in JSON Schema 2020-12 any other is an annotation."""

from __future__ import annotations

from typing import Any

from .combine import LOWER

UPPER = {"maximum", "maxLength", "maxItems", "maxProperties"}
EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}
BOUNDS = LOWER | UPPER
MARKS = {"format", "pattern", "multipleOf", "uniqueItems"}

# Those that hold a schema, or several in a list or by name.
_PARTS = {"allOf", "anyOf", "oneOf", "properties", "additionalProperties", "items"}
_OPAQUE_PARTS = {
    "not", "if", "then", "else", "contains", "prefixItems", "propertyNames", "patternProperties",
    "dependentSchemas", "dependencies", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
_BY_NAME = {"properties", "patternProperties", "dependentSchemas", "dependencies"}
OPAQUE = _OPAQUE_PARTS | {"minContains", "maxContains", "dependentRequired", "$dynamicRef"}
"""Compared as a whole, not part by part."""

_ASSERTIONS = {"$ref", "type", "enum", "const", "required", *EXCLUSIVE.values()}
_ASSERTIONS |= _PARTS | OPAQUE | BOUNDS | MARKS
COUNTED = _ASSERTIONS | {"default", "deprecated"}

# A value that forbids nothing is as none. A dot does not match each line break, so "^.*$" is not.
VACUOUS: dict[str, tuple[Any, ...]] = {
    "format": ("",),
    "pattern": ("", "^", ".*", "^.*"),
    "uniqueItems": (False,),
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (0,)),
}


def opaque(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of a schema that are compared as a whole, without annotations."""
    whole = {key: value for key, value in schema.items() if key in OPAQUE}
    return dict(_asserted(whole))


def _asserted(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {
        key: _parts(key, value) if key in _PARTS | _OPAQUE_PARTS else value
        for key, value in schema.items()
        if key in _ASSERTIONS and value not in VACUOUS.get(key, ())
    }


def _parts(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_asserted(part) for part in value]
    if isinstance(value, dict) and key in _BY_NAME:
        return {name: _asserted(part) for name, part in value.items()}
    return _asserted(value)
