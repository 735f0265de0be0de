"""Compares which credentials open an operation."""

from __future__ import annotations

from .read import Node
from .schemas import Differences, Place

# What opens an operation: all of these, each told by its kind and its scopes.
Credentials = frozenset[str]


def compare_security(ours: Node, theirs: Node, place: Place) -> Differences:
    """Yield the difference of the credentials that either takes."""
    mine, yours = _alternatives(ours), _alternatives(theirs)
    refused = any(not _opened(one, yours) for one in mine)
    let_in = any(not _opened(one, mine) for one in yours)
    if refused or let_in:
        kind = "changed" if refused and let_in else "narrowed" if refused else "widened"
        at = (_at(ours), _at(theirs))
        yield place.told(f"security-{kind}", at, _described(mine), _described(yours))


def _opened(credentials: Credentials, alternatives: list[Credentials]) -> bool:
    return any(needed <= credentials for needed in alternatives)


def _alternatives(operation: Node) -> list[Credentials]:
    listed = operation.get("security") or operation.document.top.get("security")
    found = [
        frozenset(
            text
            for name, scopes in requirement.named()
            for text in _scheme(operation, name, [str(scope.value) for scope in scopes.entries()])
        )
        for requirement in (listed.entries() if listed else ())
    ]
    return found or [frozenset()]


def _scheme(operation: Node, name: str, scopes: list[str]) -> list[str]:
    """Tell a scheme by what goes over the wire, not by its name."""
    node: Node | None = operation.document.top
    for key in ("components", "securitySchemes", name):
        node = node.get(key) if node else None
    if node is None:
        return [f"undefined {name}"]
    said = node.follow().object()
    kind = str(said.get("type"))
    if kind == "http":
        kind = str(said.get("scheme")).lower()
    elif kind == "apiKey":
        where = str(said.get("in"))
        key = str(said.get("name"))
        kind = f"{where} {key.lower() if where == 'header' else key}"
    return [kind, *(f"{kind}:{scope}" for scope in scopes)]


def _at(operation: Node) -> str:
    if "security" in operation.object():
        return f"{operation.pointer}/security"
    return "/security" if "security" in operation.document.root else operation.pointer


def _described(alternatives: list[Credentials]) -> str:
    return " or ".join(" and ".join(sorted(one)) or "nothing" for one in alternatives)
