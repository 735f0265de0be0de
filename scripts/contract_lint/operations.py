"""Finds what an operation has that the client could not do, or would do otherwise."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .names import python_name
from .problem import LintProblem, Part, below, resolve
from .structure import unknown_keys

PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+")
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Names that a module of an operation uses itself.
TAKEN = {
    "client", "body", "response", "parsed", "sync", "asyncio", "httpx", "write", "decode",
    "decode_error", "path_segment", "query", "str", "self",
}  # fmt: skip


def operations(contract: Part) -> Iterator[LintProblem]:
    """Find the problems of all operations."""
    names = Counter[str]()
    for path, item in contract["paths"].items():
        if not PATH.fullmatch(path):
            yield LintProblem(
                "path", below("/paths", path), f"the path {path}",
                "use letters, digits and . _ ~ -, and {parameter} for a whole segment",
            )  # fmt: skip
        for method, operation in item.items():
            at = below("/paths", path, method)
            names[operation.get("operationId", "")] += 1
            yield from unknown_keys("operation", at, operation)
            yield from _named(at, operation, names)
            yield from _secured(contract, at, operation)
            yield from _parameters(contract, at, path, operation)
            yield from _request(contract, at, operation)
            yield from _responses(contract, at, operation)


def _named(at: str, operation: Part, names: Counter[str]) -> Iterator[LintProblem]:
    for key in ("operationId", "summary", "security"):
        if key not in operation:
            yield LintProblem(f"no-{key.lower()}", at, f"no {key}", f"state {key}")
    name = operation.get("operationId", "get")
    if not IDENTIFIER.fullmatch(name) or keyword.iskeyword(name):
        yield LintProblem(
            "operation-name", f"{at}/operationId", f"{name} does not name a module of Python",
            "use words in lower case with _ between",
        )  # fmt: skip
    if names[name] > 1:
        yield LintProblem("operation-twice", f"{at}/operationId", f"{name} twice", "name each once")
    tags = operation.get("tags", [])
    if len(tags) != 1 or not re.match("[A-Za-z]", tags[0]):
        yield LintProblem(
            "tag", f"{at}/tags", "not exactly one tag that begins with a letter",
            "give it one tag, which names its folder, and begin it with a letter",
        )  # fmt: skip


def _secured(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    schemes = contract["components"].get("securitySchemes", {})
    bearers = [
        name for name, one in schemes.items()
        if resolve(contract, one).get("scheme") == "bearer"
    ]  # fmt: skip
    if operation.get("security") not in [None, *([{name: []}] for name in bearers)]:
        yield LintProblem(
            "security", f"{at}/security", "not the bearer token, which the client always sends",
            f"use security: {' or '.join(f'[{{{name}: []}}]' for name in bearers)}" if bearers
            else "declare a scheme of type http, scheme bearer, in components/securitySchemes",
        )  # fmt: skip


def _parameters(contract: Part, at: str, path: str, operation: Part) -> Iterator[LintProblem]:
    found = []
    for index, given in enumerate(operation.get("parameters", [])):
        place = f"{at}/parameters/{index}"
        parameter = resolve(contract, given)
        name = parameter["name"]
        yield from unknown_keys("parameter", place, parameter)
        if parameter["in"] not in ("path", "query"):
            yield LintProblem(
                "parameter-place", place, f"a {parameter['in']} parameter",
                "teach endpoint_module.py.jinja to send it, then allow it here",
            )  # fmt: skip
        is_query = parameter["in"] == "query"
        if is_query and parameter.get("required"):
            yield LintProblem(
                "parameter-required", place, "a required query parameter",
                "teach endpoint_module.py.jinja to require it, then allow it here",
            )  # fmt: skip
        wanted: Any = {"type": ["string", "null"]} if is_query else {"type": "string"}
        if parameter.get("schema", {}) != wanted:
            yield LintProblem(
                "parameter-type", f"{place}/schema", "a parameter that is not any string",
                f"use {'type: [string, null]' if is_query else 'type: string'}, and nothing else",
            )  # fmt: skip
        named = python_name(name) if is_query else name
        if not IDENTIFIER.fullmatch(named) or named in TAKEN or keyword.iskeyword(named):
            yield LintProblem(
                "parameter-name", place, f"the name {name}, which the client cannot use",
                "use words in lower case with _ between, and no name of Python or of the client",
            )  # fmt: skip
        if not is_query:
            found.append(name)
    if sorted(found) != sorted(re.findall(r"\{(.*?)\}", path)):
        yield LintProblem(
            "path-parameters", f"{at}/parameters", f"{found} are not the parameters of {path}",
            "state each parameter of the path once",
        )  # fmt: skip


def _request(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    if "requestBody" not in operation:
        return
    body = resolve(contract, operation["requestBody"])
    yield from unknown_keys("request body", f"{at}/requestBody", body)
    if not body.get("required"):
        yield LintProblem(
            "body-optional", f"{at}/requestBody", "an optional body", "make it required: true"
        )
    if not body.get("content"):
        yield LintProblem(
            "body-missing", f"{at}/requestBody", "a body without content",
            "state it as application/json",
        )  # fmt: skip
    yield from _content(contract, f"{at}/requestBody", body)


def _responses(contract: Part, at: str, operation: Part) -> Iterator[LintProblem]:
    codes = list(operation["responses"])
    successes = [code for code in codes if code.startswith("2")]
    if len(successes) != 1:
        yield LintProblem(
            "success-count", f"{at}/responses", "not exactly one success", "document one 2xx"
        )
    for code in codes:
        place = f"{at}/responses/{code}"
        if code == "2XX":
            yield LintProblem(
                "success-range", place, "a range of successes, of which the client takes one",
                "name the status, such as 200",
            )  # fmt: skip
        elif not re.fullmatch(r"[1-5](\d\d|XX)", code):
            yield LintProblem(
                "response-code", place, f"a response for {code}",
                "document a status, or a range such as 4XX",
            )  # fmt: skip
        response = resolve(contract, operation["responses"][code])
        yield from unknown_keys("response", place, response)
        if code == "204" and response.get("content"):
            yield LintProblem(
                "body-of-204", place, "a body of a 204, which has none (RFC 9110)", "take it out"
            )
        yield from _content(contract, place, response)


def _content(contract: Part, at: str, holder: Part) -> Iterator[LintProblem]:
    content = holder.get("content", {})
    if others := set(content) - {"application/json"}:
        yield LintProblem(
            "content-type", f"{at}/content",
            f"content other than application/json: {', '.join(sorted(others))}",
            "keep to application/json",
        )  # fmt: skip
    for kind, media in content.items():
        place = below(f"{at}/content", kind)
        yield from unknown_keys("media type", place, media)
        schema = media.get("schema", {})
        if not str(schema.get("$ref", "")).startswith("#/components/schemas/"):
            yield LintProblem(
                "body-unnamed", f"{place}/schema", "a body without a name of its own",
                "name it in components/schemas",
            )  # fmt: skip
        elif resolve(contract, schema).get("type") != "object":
            yield LintProblem(
                "body-type", f"{place}/schema", "a body that is not an object",
                "wrap it in an object with one property",
            )  # fmt: skip
        if not media.get("examples"):
            yield LintProblem(
                "example-missing", place, "a body without an example", "add a life-like one"
            )
