"""Finds examples that violate their schemas, and statuses without an example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from scripts.generation.schema_values import resolve as resolve_wrapped

from .problem import LintProblem, Part, below, resolve

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
            yield LintProblem(
                "status-phase", f"{at}/x-phase", f"{status} has no phase",
                f"give it one of {sorted(PHASES)}",
            )  # fmt: skip
        if status not in shown:
            yield LintProblem(
                "status-example", "/components/examples", f"no example shows {status}",
                "add a life-like one",
            )  # fmt: skip
    for status in schema["x-phase"]:
        if status not in schema["enum"]:
            yield LintProblem(
                "status-unknown", f"{at}/x-phase", f"{status} is not a status",
                "take it out, or add it to enum",
            )  # fmt: skip


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
            yield LintProblem(
                "example-value", place, "an example without a value", "state its value"
            )
            continue
        for error in validator.iter_errors(resolved["value"]):
            yield LintProblem(
                "example-invalid", place, error.message, "correct the example, or the schema"
            )
        for key in _unknown(contract, media["schema"], resolved["value"]):
            yield LintProblem(
                "example-unknown", place, f"{key} is not in the schema, and the client drops it",
                "take it out of the example, or add it to the schema",
            )  # fmt: skip


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
