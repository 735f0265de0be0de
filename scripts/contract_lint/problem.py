"""A problem of the contract, as data; its place is a JSON pointer."""

from __future__ import annotations

from typing import Any, NamedTuple

from contract_tests import problems
from contract_tests.contract.pointers import below, find

from .fixes import FIXES

__all__ = ("LintProblem", "Part", "below", "refuse", "resolve")

Part = dict[str, Any]


class LintProblem(NamedTuple):
    """Something in the contract that must not stay: its kind, where, what, and the fix."""

    id: str
    pointer: str
    what: str
    fix: str

    @property
    def problem(self) -> problems.Problem:
        """What a person sees of it."""
        return problems.Problem(f"openapi.yaml#{self.pointer}: {self.what}", self.fix)

    def __str__(self) -> str:
        return str(self.problem)


def refuse(kind: str, pointer: str, what: str, fix: str = "") -> LintProblem:
    """Return a problem; one without a fix of its own has that of its kind."""
    return LintProblem(kind, pointer, what, fix or FIXES[kind])


def resolve(contract: Part, node: Part) -> Part:
    """Follow a reference, if the node is one. Raises ``LookupError`` if it leads nowhere."""
    seen = set[str]()
    while "$ref" in node:
        if node["$ref"] in seen:
            raise LookupError(node["$ref"])
        seen.add(node["$ref"])
        target = find(contract, node["$ref"])
        if not isinstance(target, dict):
            raise LookupError(node["$ref"])
        node = target
    return node
