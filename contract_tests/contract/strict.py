"""The contract with the rules about one response as schemas, for any validator to apply.

A schema compares values within one body. So it can hold T3, T4, T5 and T7, S3, and the first half
of S4. What takes a clock, an earlier response or the request stays with the gate: S5 is about what
lasts for 60 s, and a FAILED group may list an artifact that still runs until then.
"""

from __future__ import annotations

import copy
from typing import Any

from .api import IMAGES, Api

Schema = dict[str, Any]

ENDS_WITH_OFFSET: Schema = {
    "pattern": r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
    # In Python, $ is also before a last line break.
    "not": {"type": "string", "pattern": r"[\r\n]"},
}
"""A date-time with an offset, for validators that do not check ``format``."""


def document(api: Api = IMAGES) -> dict[str, Any]:
    """Return the contract as an OpenAPI 3.1 document whose schemas have clauses for rules.

    Each clause has the rule it is from in ``x-rule``. All but T7 are derived, so no vendor's word.
    """
    contract = api.contract
    made = copy.deepcopy(contract.document)
    operation = contract.operations[api.status]
    reference = (contract.response_schema(operation, operation.success) or {})["$ref"]
    group = _at(made, reference)
    artifact = _at(made, group["properties"][api.build.artifacts]["items"]["$ref"])
    for schema in (group, artifact):
        schema["allOf"] = [*schema.get("allOf", ()), *_times(api)]
    artifact["allOf"] += _errors(api)
    group["allOf"] += _aggregate(api)
    return made


def _at(made: dict[str, Any], reference: str) -> Schema:
    found: Schema = made["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _times(api: Api) -> list[Schema]:
    names = api.build
    waiting, running, succeeded = (_in(api, one) for one in ("waiting", "running", "succeeded"))
    ended = [one for one in api.statuses if api.is_terminal(one)]
    going = [one for one in api.statuses if not api.is_terminal(one)]
    return [
        _clause("T3", api, waiting, _unset(names.started)),
        _clause("T4", api, running + succeeded, _set(names.started)),
        _clause("T5", api, ended, _set(names.completed)),
        _clause("T5", api, going, _unset(names.completed)),
        {"x-rule": "T7", "properties": dict.fromkeys(names.times, ENDS_WITH_OFFSET)},
    ]


def _errors(api: Api) -> list[Schema]:
    failed = _in(api, "failed") + _in(api, "cancelled")
    others = [one for one in api.statuses if one not in failed]
    empty = {"properties": {api.build.error: {"enum": [None, ""]}}}
    return [_clause("S4", api, others, empty)]


def _aggregate(api: Api) -> list[Schema]:
    names = api.build
    each = {"properties": {names.artifacts: {"items": _has(api, _in(api, "succeeded"))}}}
    one = {
        "properties": {
            names.artifacts: {
                "if": {"minItems": 1},
                "then": {"contains": _has(api, _in(api, "failed"))},
            }
        }
    }
    return [
        _clause("S3", api, _in(api, "succeeded"), each),
        _clause("S3", api, _in(api, "failed"), one),
    ]


def _clause(rule: str, api: Api, statuses: list[str], then: Schema) -> Schema:
    return {"x-rule": rule, "if": _has(api, statuses), "then": then}


def _has(api: Api, statuses: list[str]) -> Schema:
    return {"required": [api.build.status], "properties": {api.build.status: {"enum": statuses}}}


def _set(key: str) -> Schema:
    return {"required": [key], "properties": {key: {"type": "string"}}}


def _unset(key: str) -> Schema:
    return {"properties": {key: {"type": "null"}}}


def _in(api: Api, phase: str) -> list[str]:
    return [one for one in api.statuses if api.phase(one) == phase]
