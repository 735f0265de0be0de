"""Adds the notes of the contract, which the generator would drop, to the descriptions."""

from __future__ import annotations

import copy
from typing import Any

from scripts.contract_lint.sources import NOTES, places


def annotated(contract: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which each description ends with the notes beside it, by name.

    Of a parameter, the generator reads the description of its schema.
    """
    annotated_contract = copy.deepcopy(contract)
    for pointer, node in places(annotated_contract):
        notes = [f"{key.removeprefix('x-').title()}: {node[key]}" for key in NOTES if key in node]
        between = "\n\n" if pointer.startswith("/paths/") else " "
        if notes:
            node["description"] = between.join([str(node.get("description", "")).strip(), *notes])
        if "schema" in node and "$ref" not in node["schema"] and "description" in node:
            node["schema"].setdefault("description", node["description"])
    return annotated_contract
