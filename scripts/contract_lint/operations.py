"""Finds what an operation has that the client could not do, or would do otherwise."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from openapi_python_client.strings import ClassName, PythonIdentifier

from .names import python_name
from .problem import LintProblem, Part, below, refuse, resolve
from .structure import unknown_keys
from .taken import attributes, imported

PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+")
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Names that the methods of a client use themselves, and those that a module of an operation does.
IN_METHODS = imported("endpoint_init.py.jinja")
TAKEN = imported("endpoint_module.py.jinja") | IN_METHODS | {
    "client", "body", "response", "parsed", "sync", "asyncio", "str", "self",
}  # fmt: skip
OF_CLIENT = attributes("client.py.jinja")
CLASSES = imported("client.py.jinja", "endpoint_init.py.jinja") | {"Client"}


def operations(contract: Part) -> Iterator[LintProblem]:
    """Find the problems of all operations."""
    names = Counter[str]()
    for path, item in contract["paths"].items():
        if not PATH.fullmatch(path):
            yield refuse("path", below("/paths", path), f"the path {path}")
        for method, operation in item.items():
            at = below("/paths", path, method)
            names[operation.get("operationId", "")] += 1
            yield from unknown_keys("operation", at, operation)
            yield from _named(at, operation, names)
            yield from _tagged(contract, at, operation)
            yield from _secured(contract, at, operation)
            yield from _parameters(contract, at, path, operation)
            yield from _request(contract, at, operation)
            yield from _responses(contract, at, operation)


def _named(at: str, operation: Part, names: Counter[str]) -> Iterator[LintProblem]:
    for key in ("operationId", "summary", "security"):
        if key not in operation:
            yield refuse(f"no-{key.lower()}", at, f"no {key}", f"state {key}")
    name = operation.get("operationId", "get")
    if not IDENTIFIER.fullmatch(name) or keyword.iskeyword(name):
        yield refuse(
            "operation-name", f"{at}/operationId", f"{name} does not name a module of Python"
        )
    if names[name] > 1:
        yield refuse("operation-twice", f"{at}/operationId", f"{name} twice")
    if name in IN_METHODS:
        yield refuse("operation-taken", f"{at}/operationId", f"{name}, which the client uses")


def _tagged(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    tags = operation.get("tags", [])
    if len(tags) != 1 or not re.match("[A-Za-z]", tags[0]):
        yield refuse("tag", f"{at}/tags", "not exactly one tag that begins with a letter")
        return
    taken = CLASSES | set(contract["components"]["schemas"])
    if PythonIdentifier(tags[0], "tag") in OF_CLIENT or ClassName(tags[0], "") in taken:
        yield refuse("tag-taken", f"{at}/tags/0", f"{tags[0]}, which the client has")


def _secured(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    schemes = contract["components"].get("securitySchemes", {})
    bearers = [
        name for name, one in schemes.items()
        if resolve(contract, one).get("scheme") == "bearer"
    ]  # fmt: skip
    if operation.get("security") not in [None, *([{name: []}] for name in bearers)]:
        use = " or ".join(f"security: [{{{name}: []}}]" for name in bearers)
        yield refuse(
            "security", f"{at}/security", "not the bearer token, which the client always sends",
            f"use {use or 'a scheme of type http, scheme bearer, declared in securitySchemes'}",
        )  # fmt: skip


def _parameters(contract: Part, at: str, path: str, operation: Part) -> Iterator[LintProblem]:
    found = []
    for index, given in enumerate(operation.get("parameters", [])):
        place = f"{at}/parameters/{index}"
        parameter = resolve(contract, given)
        name = parameter["name"]
        yield from unknown_keys("parameter", place, parameter)
        if parameter["in"] not in ("path", "query"):
            yield refuse("parameter-place", place, f"a {parameter['in']} parameter")
        is_query = parameter["in"] == "query"
        if is_query and parameter.get("required"):
            yield refuse("parameter-required", place, "a required query parameter")
        wanted: Any = {"type": ["string", "null"]} if is_query else {"type": "string"}
        if parameter.get("schema", {}) != wanted:
            yield refuse(
                "parameter-type", f"{place}/schema", "a parameter that is not any string",
                f"use {'type: [string, null]' if is_query else 'type: string'}, and nothing else",
            )  # fmt: skip
        named = python_name(name) if is_query else name
        taken = TAKEN | {operation.get("operationId")}
        if not IDENTIFIER.fullmatch(named) or named in taken or keyword.iskeyword(named):
            yield refuse("parameter-name", place, f"the name {name}, which the client cannot use")
        if not is_query:
            found.append(name)
    if sorted(found) != sorted(re.findall(r"\{(.*?)\}", path)):
        yield refuse(
            "path-parameters", f"{at}/parameters", f"{found} are not the parameters of {path}"
        )


def _request(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    if "requestBody" not in operation:
        return
    body = resolve(contract, operation["requestBody"])
    yield from unknown_keys("request body", f"{at}/requestBody", body)
    if not body.get("required"):
        yield refuse("body-optional", f"{at}/requestBody", "an optional body")
    if not body.get("content"):
        yield refuse("body-missing", f"{at}/requestBody", "a body without content")
    yield from _content(contract, f"{at}/requestBody", body)
    for media in body.get("content", {}).values():
        schema = media.get("schema", {})
        for key in resolve(contract, schema).get("properties", {}):
            if python_name(key) in IN_METHODS | {operation.get("operationId")}:
                place = below(str(schema.get("$ref", "#"))[1:], "properties", key)
                yield refuse("property-taken", place, f"the name {key}, which its method uses")


def _responses(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    codes = list(operation["responses"])
    successes = [code for code in codes if code.startswith("2")]
    if len(successes) != 1:
        yield refuse("success-count", f"{at}/responses", "not exactly one success")
    for code in codes:
        place = f"{at}/responses/{code}"
        if code == "2XX":
            yield refuse(
                "success-range", place, "a range of successes, of which the client takes one"
            )
        elif not re.fullmatch(r"[1-5](\d\d|XX)", code):
            yield refuse("response-code", place, f"a response for {code}")
        response = resolve(contract, operation["responses"][code])
        yield from unknown_keys("response", place, response)
        if code == "204" and response.get("content"):
            yield refuse("body-of-204", place, "a body of a 204, which has none (RFC 9110)")
        yield from _content(contract, place, response)


def _content(contract: Part, at: str, holder: Part) -> Iterator[LintProblem]:
    content = holder.get("content", {})
    if others := set(content) - {"application/json"}:
        yield refuse(
            "content-type", f"{at}/content",
            f"content other than application/json: {', '.join(sorted(others))}",
        )  # fmt: skip
    for kind, media in content.items():
        place = below(f"{at}/content", kind)
        yield from unknown_keys("media type", place, media)
        schema = media.get("schema", {})
        if not str(schema.get("$ref", "")).startswith("#/components/schemas/"):
            yield refuse("body-unnamed", f"{place}/schema", "a body without a name of its own")
        elif resolve(contract, schema).get("type") != "object":
            yield refuse("body-type", f"{place}/schema", "a body that is not an object")
        if not media.get("examples"):
            yield refuse("example-missing", place, "a body without an example")
