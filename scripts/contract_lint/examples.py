"""Finds examples that violate their schemas, and statuses without an example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from scripts.generation.schema_values import resolve as resolve_wrapped

from .problem import LintProblem, Part, below, refuse, resolve

PHASES = {"waiting", "running", "succeeded", "failed", "cancelled"}


def statuses(contract: Part) -> Iterator[LintProblem]:
    """Find statuses without a phase or an example."""
    schema = contract["components"]["schemas"]["ImageBuildStatus"]
    at = "/components/schemas/ImageBuildStatus"
    shown = {
        example["value"].get("status") for example in contract["components"]["examples"].values()
    }
    for status in schema["enum"]:
        if schema["x-phase"].get(status) not in PHASES:
            yield refuse(
                "status-phase", f"{at}/x-phase", f"{status} has no phase",
                f"give it one of {sorted(PHASES)}",
            )  # fmt: skip
        if status not in shown:
            yield refuse("status-example", "/components/examples", f"no example shows {status}")
    for status in schema["x-phase"]:
        if status not in schema["enum"]:
            yield refuse("status-unknown", f"{at}/x-phase", f"{status} is not a status")


def examples(contract: Part) -> Iterator[LintProblem]:
    """Validate every example of a body against its schema."""
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            at = below("/paths", path, method)
            places = {f"{at}/responses/{code}": one for code, one in operation["responses"].items()}
            if "requestBody" in operation:
                places[f"{at}/requestBody"] = operation["requestBody"]
            for place, holder in places.items():
                for kind, media in resolve(contract, holder).get("content", {}).items():
                    yield from _of_media(contract, below(f"{place}/content", kind), media)


def _of_media(contract: Part, at: str, media: Part) -> Iterator[LintProblem]:
    validator = jsonschema_rs.Draft202012Validator(
        {**media["schema"], "components": contract["components"]}, validate_formats=True
    )
    for name, example in media.get("examples", {}).items():
        place = below(f"{at}/examples", name)
        resolved = resolve(contract, example)
        if "value" not in resolved:
            yield refuse("example-value", place, "an example without a value")
            continue
        for error in validator.iter_errors(resolved["value"]):
            yield refuse("example-invalid", place, error.message)
        for key in _unknown(contract, media["schema"], resolved["value"]):
            yield refuse(
                "example-unknown", place, f"{key} is not in the schema, and the client drops it"
            )


def _unknown(contract: Part, schema: Part, value: Any, at: str = "$") -> Iterator[str]:
    """Yield the keys of an example that its schema does not have."""
    schema = resolve_wrapped(contract, schema.get("anyOf", [schema])[0])
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _unknown(contract, schema.get("items", {}), one, f"{at}[{index}]")
    elif isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, one in value.items():
            if key in properties:
                yield from _unknown(contract, properties[key], one, f"{at}.{key}")
            else:
                yield f"{at}.{key}"
