"""Finds what the hand-written part of the client needs and the contract does not have.

``build_image``, ``wait`` and the errors are templates that name these operations, schemas and
properties; so do the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from contract_tests.contract.api import DELETE, INITIATE, START, STATUS
from contract_tests.nearest import nearest

from .names import python_name
from .problem import LintProblem, Part, below, refuse, resolve

TEACH = (
    "or teach scripts/templates/package to go without, then change scripts/contract_lint/needs.py"
)


class Needed(NamedTuple):
    """What an operation takes and returns, by the names of its parameters and schemas."""

    parameters: list[str]
    request: str | None
    response: str


OPERATIONS = {
    INITIATE: Needed([], "BuildImageRequest", "BuildImageResponse"),
    START: Needed(["build_id"], "StartBuildRequest", "BuildStatusResponse"),
    STATUS: Needed(["build_id"], None, "BuildStatusResponse"),
    DELETE: Needed(["image_name", "image_tag"], None, "DeleteImageResponse"),
}
PHASES = ({"waiting"}, {"succeeded"}, {"failed", "cancelled"})
# By Python name. ALWAYS: required, or with a default.
ALWAYS = {
    "BuildImageRequest": {"dockerfile_path": "text", "image_name": "text", "image_tag": "text"},
    "BuildImageResponse": {"build_id": "text", "upload_url": "text"},
    "BuildStatusResponse": {"id": "text", "image_name": "text", "image_tag": "text",
                            "status": "ImageBuildStatus"},
}  # fmt: skip
SOMETIMES = {
    "BuildStatusResponse": {"artifacts": "list of BuildArtifactStatusResponse"},
    "BuildArtifactStatusResponse": {"error_message": "text"},
}


def needs(contract: Part) -> Iterator[LintProblem]:
    """Find the operations, bodies and properties that are missing or different."""
    found = {
        operation.get("operationId", ""): (below("/paths", path, method), operation)
        for path, item in contract["paths"].items()
        for method, operation in item.items()
    }
    for name, needed in OPERATIONS.items():
        if name in found:
            yield from _operation(contract, *found[name], needed)
        else:
            yield _renamed(name, {other: at for other, (at, _) in found.items()})
    for named, always in ((ALWAYS, True), (SOMETIMES, False)):
        for name, properties in named.items():
            yield from _properties(contract, name, properties, always=always)
    yield from _start_body(contract)
    yield from _phases(contract)


def _renamed(name: str, found: dict[str, str]) -> LintProblem:
    near = nearest(name, set(found) - set(OPERATIONS), most=1)
    at = f"{found[near[0]]}/operationId" if near else "/paths"
    return refuse(
        "job-operation", at, f"no operation {name}; the client needs {', '.join(OPERATIONS)}",
        f"{f'rename {near[0]} to' if near else 'name an operation'} {name}; {TEACH}",
    )  # fmt: skip


def _operation(contract: Part, at: str, operation: Part, needed: Needed) -> Iterator[LintProblem]:
    parameters = [resolve(contract, one) for one in operation.get("parameters", [])]
    code = next((code for code in operation["responses"] if code.startswith("2")), "")
    given = {
        "parameters": [one["name"] for one in parameters if one["in"] == "path"],
        "requestBody": _schema(contract, operation.get("requestBody", {})),
        f"responses/{code}": _schema(contract, operation["responses"].get(code, {})),
    }
    kinds = ("job-parameters", "job-request", "job-response")
    for kind, (place, one), wanted in zip(kinds, given.items(), needed, strict=True):
        if one != wanted and (code or kind != "job-response"):
            what = f"{one or 'nothing'}, where the client needs {wanted or 'nothing'}"
            fix = f"use {wanted}" if wanted else "take it out"
            yield refuse(kind, f"{at}/{place}", what, f"{fix}; {TEACH}")


def _schema(contract: Part, holder: Part) -> str | None:
    media = resolve(contract, holder).get("content", {}).get("application/json", {})
    reference = media.get("schema", {}).get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _properties(
    contract: Part, name: str, needed: dict[str, str], *, always: bool
) -> Iterator[LintProblem]:
    at = below("/components/schemas", name)
    schema = contract["components"]["schemas"].get(name)
    if schema is None:
        yield refuse(
            "job-schema", "/components/schemas", f"no schema {name}, which the client needs",
            f"name it so again; {TEACH}",
        )  # fmt: skip
        return
    given = {python_name(key): (key, one) for key, one in schema.get("properties", {}).items()}
    for wanted, kind in needed.items():
        key, one = given.get(wanted, ("", {}))
        is_there = key in schema.get("required", []) or "default" in one or not always
        if not key or _kind(one) != kind or (always and _is_nullable(one)) or not is_there:
            place = below(f"{at}/properties", key) if key else f"{at}/properties"
            yield refuse(
                "job-property", place,
                f"the client needs {wanted}, a {kind}{' that is always there' if always else ''}",
                f"state it so{', and as required' if always else ''}; {TEACH}",
            )  # fmt: skip


def _start_body(contract: Part) -> Iterator[LintProblem]:
    schema = contract["components"]["schemas"].get("StartBuildRequest", {})
    for name in schema.get("required", []):
        yield refuse(
            "job-property", "/components/schemas/StartBuildRequest/required",
            f"{name} is required; the client starts a build with what is left out",
            f"give it a default instead; {TEACH}",
        )  # fmt: skip


def _phases(contract: Part) -> Iterator[LintProblem]:
    given = contract["components"]["schemas"]["ImageBuildStatus"].get("x-phase", {}).values()
    for phases in PHASES:
        if not phases & set(given):
            yield refuse(
                "job-phase", "/components/schemas/ImageBuildStatus/x-phase",
                f"no status is {' or '.join(sorted(phases))}, which the client waits by",
                f"give a status this phase; {TEACH}",
            )  # fmt: skip


def _kind(schema: Part) -> str:
    """Name what a property holds, but for null."""
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("allOf", "anyOf"):
        if key in schema:
            return _kind(schema[key][0])
    given = schema.get("type", [])
    kinds = {given} if isinstance(given, str) else set(given)
    return "text" if kinds - {"null"} == {"string"} and "format" not in schema else "other"


def _is_nullable(schema: Part) -> bool:
    return "anyOf" in schema or "null" in schema.get("type", [])
