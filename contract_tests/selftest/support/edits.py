"""Edits of the contract, by JSON pointer."""

from __future__ import annotations

import copy
from typing import Any

from ...contract.openapi import contract

Edits = dict[str, Any]
GROUP = "/components/schemas/BuildStatusResponse"
FIELDS = f"{GROUP}/properties"
REQUEST = "/components/schemas/BuildImageRequest/properties"
STATUS = "/paths/~1api~1v1~1images~1build~1{build_id}/get"
DELETE = "/paths/~1api~1v1~1images~1{image_name}~1{image_tag}/delete"
INITIATE = "/paths/~1api~1v1~1images~1build/post"
START = "/paths/~1api~1v1~1images~1build~1{build_id}~1start/post"
CANCEL = "/paths/~1api~1v1~1images~1build~1{build_id}/delete"
SCHEMAS = "/components/schemas"
SOURCE: Any = {"mark": "assumed"}
GONE = object()
"""Takes out what stands at a pointer."""


def schema(**given: Any) -> dict[str, Any]:
    """Return a schema of a component or property."""
    return {"description": "d", "x-source": SOURCE, **given}


def text(**given: Any) -> dict[str, Any]:
    """Return the schema of a text."""
    return schema(type="string", **given)


def operation(name: str, status: str, tag: str = "Images", **given: Any) -> dict[str, Any]:
    """Return an operation on a build."""
    return {
        "operationId": name, "summary": "s", "tags": [tag], "x-source": SOURCE,
        "security": [{"bearer": []}],
        "parameters": [{"$ref": "#/components/parameters/build_id"}],
        "responses": {status: {"description": "d", "x-source": SOURCE}}, **given,
    }  # fmt: skip


def ref(name: str) -> dict[str, Any]:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def edited(edits: Edits) -> dict[str, Any]:
    """Return the contract with an edit at each pointer."""
    document = copy.deepcopy(contract().document)
    for pointer, value in edits.items():
        node: Any = document
        *parents, last = (
            part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]
        )
        for part in parents:
            node = node[int(part) if isinstance(node, list) else part]
        if value is GONE:
            del node[last]
        else:
            node[int(last) if isinstance(node, list) else last] = value
    return document
