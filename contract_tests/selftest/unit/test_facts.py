"""What openapi.yaml marks as stated is what the vendor's document states, fact by fact."""

from __future__ import annotations

import copy
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.contract_lint.sources import places

from ...contract import documents
from ...contract.openapi import contract

DOCUMENT = "openapi-2026-05-25"
HERE = Path(__file__).parents[1] / "support/facts"
FACTS = documents.load(HERE / f"{DOCUMENT}.yaml")
# Hashes of the document's own sentences, normalised by `normal`: enough to see that none is here.
SENTENCES = set((HERE / f"{DOCUMENT}.sentences").read_text().split())
WORDS = {"description", "title", "examples", "example"}
SCHEMAS = "/components/schemas"


def stated(document: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that a contract marks as stated in the document, in the fixture's form."""
    return {
        "operations": dict(_operations(document)),
        "schemas": {
            name: {
                key: _property(document, node, required=key in schema.get("required", []))
                for key, node in schema["properties"].items()
                if _is_stated(node)
            }
            for name, schema in document["components"]["schemas"].items()
            if _is_stated(schema) and "properties" in schema
        },
    }


def _is_stated(node: dict[str, Any]) -> bool:
    return bool(node.get("x-source") == {"mark": "stated", "in": DOCUMENT})


def _operations(document: dict[str, Any]) -> Any:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if not _is_stated(operation):
                continue
            parameters = [_at(document, one) for one in operation.get("parameters", [])]
            body = operation.get("requestBody", {})
            responses = {
                status: _at(document, one) for status, one in operation["responses"].items()
            }
            schemes = [_scheme(document, one) for one in operation["security"]]
            yield (
                operation["operationId"],
                {
                    "at": f"{method.upper()} {path}",
                    "path": {
                        one["name"]: one["schema"]["type"]
                        for one in parameters
                        if one["in"] == "path"
                    },
                    "query": {
                        one["name"]: sorted(one["schema"]["type"])
                        for one in parameters
                        if one["in"] == "query" and not one["required"]
                    },
                    "body": _name(body),
                    "body_required": body.get("required", False),
                    "bearer": schemes == [("http", "bearer")],
                    "responses": {s: _name(one) for s, one in responses.items() if _is_stated(one)},
                },
            )


def _scheme(document: dict[str, Any], requirement: dict[str, Any]) -> tuple[str, str]:
    [name] = requirement
    scheme = document["components"]["securitySchemes"][name]
    return scheme["type"], scheme["scheme"]


def _at(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    found: dict[str, Any] = node
    while "$ref" in found:
        at: Any = document
        for part in found["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        found = at
    return found


def _name(holder: dict[str, Any]) -> str | None:
    """Return the name of the schema of a JSON body, or None where there is no body."""
    content = holder.get("content")
    if content is None:
        return None
    assert list(content) == ["application/json"]
    return str(content["application/json"]["schema"]["$ref"].rpartition("/")[2])


def _property(document: dict[str, Any], node: dict[str, Any], *, required: bool) -> dict[str, Any]:
    """Return every keyword of a property but its words, with types and enums sorted."""
    merged: dict[str, Any] = {}
    for part in [_at(document, one) for one in node.get("allOf", [])] + [node]:
        merged |= {
            key: value
            for key, value in part.items()
            if key not in WORDS | {"allOf"} and not key.startswith("x-")
        }
    types = merged["type"]
    merged["type"] = sorted([types] if isinstance(types, str) else types)
    if "enum" in merged:
        merged["enum"] = sorted(merged["enum"])
    if "items" in merged:
        merged["items"] = merged["items"]["$ref"].rpartition("/")[2]
    return merged | ({"required": True} if required else {})


def test_what_is_marked_stated_is_stated() -> None:
    """Names, types, nullability, what is required, defaults, status codes and security."""
    assert stated(contract().document) == {
        "operations": FACTS["operations"],
        "schemas": {
            name: {
                key: fact | {"enum": sorted(fact["enum"])} if "enum" in fact else fact
                for key, fact in properties.items()
            }
            for name, properties in FACTS["schemas"].items()
        },
    }


GROUP, INITIATE = f"{SCHEMAS}/BuildStatusResponse", f"{SCHEMAS}/BuildImageRequest/properties"
PATHS = "/paths/~1api~1v1~1images~1build"
TEAM = "/components/parameters/teamId"
UNTRUE: dict[str, tuple[str, Any]] = {
    "a team that is never null": (f"{INITIATE}/teamId/type", "string"),
    "another default": (f"{INITIATE}/dockerfile_path/default", "./Dockerfile"),
    "no default": (f"{INITIATE}/visibility/default", ...),
    "a required visibility": (
        f"{SCHEMAS}/BuildImageResponse/required",
        ["build_id", "upload_url", "expires_in", "fullImagePath", "visibility"],
    ),
    "a time that is optional": (f"{GROUP}/required", ["id", "imageName", "imageTag", "status"]),
    "a time that is never null": (f"{GROUP}/properties/startedAt/type", "string"),
    "a time of no format": (f"{GROUP}/properties/createdAt/format", ...),
    "another type": (f"{SCHEMAS}/BuildImageResponse/properties/expires_in/type", "number"),
    "a bound": (f"{SCHEMAS}/BuildImageResponse/properties/expires_in/minimum", 1),
    "a status more": (
        f"{SCHEMAS}/ImageBuildStatus/enum",
        ["PENDING", "UPLOADING", "BUILDING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"],
    ),
    "a status less": (f"{SCHEMAS}/ImageBuildStatus/enum", ["PENDING"]),
    "a field more": (
        f"{GROUP}/properties/queue",
        {"type": "integer", "x-source": {"mark": "stated", "in": DOCUMENT}},
    ),
    "a field less": (f"{GROUP}/properties/artifacts", ...),
    "an optional body": (f"{PATHS}/post/requestBody/required", ...),
    "no security": (f"{PATHS}/post/security", []),
    "no 422": (f"{PATHS}/post/responses/422", ...),
    "a team that is required": (f"{TEAM}/required", True),
    "a team of a delete that is never null": (
        f"{TEAM}/schema/type", ["string"],
    ),
    "a message that is optional": (f"{SCHEMAS}/DeleteImageResponse/required", ["success"]),
}  # fmt: skip


@pytest.mark.parametrize(("pointer", "value"), UNTRUE.values(), ids=list(UNTRUE))
def test_what_is_not_stated_is_found(pointer: str, value: Any) -> None:
    """A contract that differs in one fact differs from the fixture."""
    document = copy.deepcopy(contract().document)
    *above, last = (part.replace("~1", "/") for part in pointer.strip("/").split("/"))
    node = document
    for part in above:
        node = node[part]
    if value is ...:
        del node[last]
    else:
        node[last] = value

    assert stated(document) != stated(contract().document)


def test_facts_are_only_required_where_marked_stated() -> None:
    """An addition of our own, marked so, is not a fact of the document."""
    document = copy.deepcopy(contract().document)
    group = document["components"]["schemas"]["BuildStatusResponse"]
    group["properties"]["queue"] = {"type": "integer", "x-source": {"mark": "assumed"}}

    assert stated(document) == stated(contract().document)


def normal(sentence: str) -> str:
    """Return the hash of a sentence: its letters and digits alone, in lower case."""
    bare = " ".join(re.findall(r"\w+", sentence.lower()))
    return hashlib.sha256(bare.encode()).hexdigest()[:16]


def sentences(text: str) -> list[str]:
    """Split a text into its sentences, and the whole."""
    return [one for one in {*re.split(r"(?<=[.!?])\s+|\n\n+", text), text} if one.strip()]


def test_no_sentence_is_the_documents() -> None:
    """Whatever describes a place does so in words of our own."""
    ours = [
        sentence
        for _, node in places(contract().document)
        for key in ("summary", "description", "x-derived", "x-observed", "x-assumed")
        for sentence in sentences(str(node.get(key, "")))
    ]

    assert len(SENTENCES) > 40
    assert len(ours) > 60
    assert [one for one in ours if normal(one) in SENTENCES] == []


def test_hashes_know_a_sentence_in_any_dress() -> None:
    """Case, line ends and full stops make no other sentence."""
    assert normal("The tag,\n of it.") == normal("the tag of it")
    assert normal("The tag of it") != normal("A tag of it")
