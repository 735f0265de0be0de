"""Refuses, in the contract, what the generator would drop or change without a word.

Constructs are allowed by name, so that a new one is refused until the templates know it.

Usage: contract_lint.py [FILE]

Exit codes: 0 sound, 1 problems, 100 it cannot be read as a contract.
"""

from __future__ import annotations

import builtins
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
from openapi_spec_validator import OpenAPIV31SpecValidator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from contract_tests import documents
from scripts.arguments import Parser

SOUND, UNSOUND, BROKEN = 0, 1, 100
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
SOURCES = {"stated", "observed", "assumed"}
SCHEMA_KEYWORDS = {"type", "format", "enum", "properties", "required", "items", "default"}
SCHEMA_KEYWORDS |= {"allOf", "description", "x-source", "x-phase", "x-enum-varnames"}
TYPES = {"string", "integer", "boolean", "object", "array"}
PHASES = {"waiting", "running", "succeeded", "failed", "cancelled"}
# Names that the body of a generated model already uses.
TAKEN = {"field", "to_dict", "from_dict", "datetime"} | set(dir(builtins)) - {"id"}
COMPONENT = re.compile(r"#/components/[a-zA-Z]+/[^/]+")


class Problem(NamedTuple):
    """Something in the contract that must not stay: where, what, and the mend."""

    pointer: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"problem: openapi.yaml#{self.pointer}: {self.what}\n    fix: {self.fix}"


def problems(contract: dict[str, Any]) -> list[Problem]:
    """Return all that is wrong with the contract; an empty list is a sound one."""
    unfollowed = [*_path_items(contract), *_references(contract, "")]
    if unfollowed:
        return unfollowed  # what follows reads through the references
    invalid = [
        Problem("/" + "/".join(map(str, error.path)), error.message, "follow OpenAPI 3.1")
        for error in OpenAPIV31SpecValidator(contract).iter_errors()
    ]
    if invalid:
        return invalid  # and reads the document as a valid one
    return [
        *_operations(contract),
        *_schemas(contract),
        *_statuses(contract),
        *_examples(contract),
    ]


def resolve(contract: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, if the node is one."""
    while "$ref" in node:
        target: Any = contract
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _references(node: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _references(item, f"{pointer}/{index}")
    if not isinstance(node, dict) or pointer.endswith("/value"):
        return
    if isinstance(reference := node.get("$ref"), str):
        if not COMPONENT.fullmatch(reference):
            yield Problem(
                pointer, f"$ref to {reference}, which the generator does not follow",
                "name the part in components, and refer to that",
            )  # fmt: skip
        if beside := sorted(set(node) - {"$ref"}):
            yield Problem(
                pointer, f"{', '.join(beside)} beside $ref, which the generator drops",
                "wrap the $ref in allOf",
            )  # fmt: skip
    for key, value in node.items():
        escaped = str(key).replace("~", "~0").replace("/", "~1")
        yield from _references(value, f"{pointer}/{escaped}")


def _path_items(contract: dict[str, Any]) -> Iterator[Problem]:
    for path, item in contract["paths"].items():
        at = "/paths/" + path.replace("~", "~0").replace("/", "~1")
        for key in sorted(set(item) - METHODS):
            yield Problem(
                f"{at}/{key}",
                f"{key} at a path, which the generator drops or applies unseen",
                "state it at each operation",
            )


def _operations(contract: dict[str, Any]) -> Iterator[Problem]:
    for path, item in contract["paths"].items():
        at = "/paths/" + path.replace("~", "~0").replace("/", "~1")
        for method, operation in item.items():
            yield from _operation(contract, f"{at}/{method}", operation)


def _operation(contract: dict[str, Any], at: str, operation: dict[str, Any]) -> Iterator[Problem]:
    for key in ("operationId", "summary", "security"):
        if key not in operation:
            yield Problem(at, f"no {key}", f"state {key}")
    if len(operation.get("tags", [])) != 1:
        yield Problem(at, "not exactly one tag", "give it the one tag of its module")
    yield from _sourced(at, operation)
    for index, parameter in enumerate(operation.get("parameters", [])):
        parameter = resolve(contract, parameter)
        if parameter["in"] != "path":
            yield Problem(
                f"{at}/parameters/{index}", f"a {parameter['in']} parameter",
                "teach endpoint_module.py.jinja to send it, then allow it here",
            )  # fmt: skip
    body = operation.get("requestBody")
    if body is not None:
        if not body.get("required"):
            yield Problem(f"{at}/requestBody", "an optional body", "make it required: true")
        yield from _content(f"{at}/requestBody", body)
    codes = [str(code) for code in operation["responses"]]
    if len([code for code in codes if code.startswith("2")]) != 1:
        yield Problem(f"{at}/responses", "not exactly one success", "document one 2xx")
    for code in codes:
        if not re.fullmatch(r"[1-5](\d\d|XX)", code):
            yield Problem(
                f"{at}/responses/{code}", f"a response for {code}",
                "document a status, or a range such as 4XX",
            )  # fmt: skip
        response = resolve(contract, operation["responses"][code])
        yield from _sourced(f"{at}/responses/{code}", response)
        yield from _content(f"{at}/responses/{code}", response)


def _content(at: str, holder: dict[str, Any]) -> Iterator[Problem]:
    content = holder.get("content", {})
    if set(content) - {"application/json"}:
        yield Problem(
            f"{at}/content", f"content other than application/json: {', '.join(content)}",
            "keep to application/json",
        )  # fmt: skip
    for media in content.values():
        if not str(media.get("schema", {}).get("$ref", "")).startswith("#/components/schemas/"):
            yield Problem(
                f"{at}/content", "a body without a name of its own", "name it in components/schemas"
            )


def _schemas(contract: dict[str, Any]) -> Iterator[Problem]:
    schemas = contract["components"]["schemas"]
    for name, schema in schemas.items():
        at = f"/components/schemas/{name}"
        yield from _sourced(at, schema)
        if "description" not in schema:
            yield Problem(at, "no description", "say in one sentence what it is")
        yield from _schema(at, schema, top=True)
        yield from _names(at, schema)
        if _reaches(schemas, name, name, set()):
            yield Problem(at, "refers back to itself", "models import each other; break the circle")


def _schema(at: str, schema: dict[str, Any], *, top: bool = False) -> Iterator[Problem]:
    if "$ref" in schema:
        return
    for key in sorted(set(schema) - SCHEMA_KEYWORDS):
        yield Problem(
            f"{at}/{key}", f"keyword {key}, which the templates do not render",
            "teach the templates and the client to hold it, then allow it here",
        )  # fmt: skip
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if kinds - {"null"} - TYPES or len(kinds - {"null"}) > 1:
        yield Problem(f"{at}/type", f"type {sorted(kinds)}", "use one type, and 'null' if need be")
    if schema.get("format", "date-time") != "date-time":
        yield Problem(f"{at}/format", f"format {schema['format']}", "use date-time, or none")
    if not top and ("enum" in schema or "properties" in schema):
        yield Problem(at, "a schema without a name of its own", "name it in components/schemas")
    if "allOf" in schema and (len(schema["allOf"]) != 1 or "$ref" not in schema["allOf"][0]):
        yield Problem(f"{at}/allOf", "more than a wrapped $ref", "wrap exactly one $ref")
    if "array" in kinds and "items" not in schema:
        yield Problem(at, "an array of anything", "state its items")
    for name, inner in schema.get("properties", {}).items():
        yield from _schema(f"{at}/properties/{name}", inner)
    if "items" in schema:
        yield from _schema(f"{at}/items", schema["items"])


def _names(at: str, schema: dict[str, Any]) -> Iterator[Problem]:
    """Find properties whose Python names would collide or be changed."""
    seen: dict[str, str] = {}
    for name in schema.get("properties", {}):
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        if snake in TAKEN or keyword.iskeyword(snake) or not snake.isidentifier():
            yield Problem(
                f"{at}/properties/{name}", f"the name {name}, which Python or a model needs itself",
                "the generator would rename it; teach the templates first",
            )  # fmt: skip
        if snake in seen:
            yield Problem(
                f"{at}/properties/{name}", f"{name} and {seen[snake]} are both {snake} in Python",
                "keep one of them",
            )  # fmt: skip
        seen[snake] = name
    for name in schema.get("required", []):
        if name not in schema.get("properties", {}):
            yield Problem(f"{at}/required", f"{name} is no property", "name one of the properties")


def _reaches(schemas: dict[str, Any], start: str, goal: str, seen: set[str]) -> bool:
    for reference in re.findall(r"'#/components/schemas/([^']+)'", repr(schemas[start])):
        if reference == goal:
            return True
        if reference not in seen:
            seen.add(reference)
            if _reaches(schemas, reference, goal, seen):
                return True
    return False


def _statuses(contract: dict[str, Any]) -> Iterator[Problem]:
    """Find the places that do not know a status yet."""
    schema = contract["components"]["schemas"]["ImageBuildStatus"]
    at = "/components/schemas/ImageBuildStatus"
    shown = {
        example["value"].get("status") for example in contract["components"]["examples"].values()
    }
    for status in schema["enum"]:
        if schema["x-phase"].get(status) not in PHASES:
            yield Problem(
                f"{at}/x-phase", f"{status} has no phase", f"give it one of {sorted(PHASES)}"
            )
        if status not in shown:
            yield Problem(
                "/components/examples", f"no example shows {status}", "add a life-like one"
            )
    for status in schema["x-phase"]:
        if status not in schema["enum"]:
            yield Problem(f"{at}/x-phase", f"{status} is no status", "take it out")


def _examples(contract: dict[str, Any]) -> Iterator[Problem]:
    """Hold every example of a body to its schema."""
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            holders = {"requestBody": operation.get("requestBody", {}), **operation["responses"]}
            for key, holder in holders.items():
                for media in resolve(contract, holder).get("content", {}).values():
                    validator = validator_for(contract, media["schema"])
                    for name, example in media.get("examples", {}).items():
                        for error in validator.iter_errors(resolve(contract, example)["value"]):
                            at = f"{method} {path} {key}, example {name}"
                            yield Problem("/paths", f"{at}: {error.message}", "mend the example")


def validator_for(contract: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Validator:
    """Make a validator of a schema of the contract, formats included."""
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": contract["components"]}, validate_formats=True
    )


def _sourced(at: str, node: dict[str, Any]) -> Iterator[Problem]:
    if node.get("x-source") not in SOURCES:
        yield Problem(at, f"x-source is {node.get('x-source')}", f"use one of {sorted(SOURCES)}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = Parser(prog="contract_lint.py", description=str(__doc__).split("\n")[0])
    parser.add_argument("file", nargs="?", type=Path, default=Path("openapi.yaml"))
    file: Path = parser.parse_args(arguments).file
    try:
        found = problems(documents.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        print(f"problem: {file} is no contract: {told}\n    fix: mend it", file=sys.stderr)  # noqa: T201
        return BROKEN
    print("\n".join([*map(str, found)] or [f"{file} is sound"]))  # noqa: T201
    return UNSOUND if found else SOUND


if __name__ == "__main__":
    sys.exit(main())
