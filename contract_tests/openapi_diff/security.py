"""Compares which credentials open an operation, by what goes over the wire."""

from __future__ import annotations

from collections.abc import Callable

from .read import Node
from .schemas import Differences, Place

# What opens an operation: all of these, each with its kind and its scopes.
Credentials = frozenset[str]
BEARER = "bearer"


def compare_security(base: Node, revision: Node, place: Place) -> Differences:
    """Yield the difference of the credentials that either takes.

    Schemes with other names that put the same header on the wire break nobody.
    """
    old, new = _alternatives(base, _on_the_wire), _alternatives(revision, _on_the_wire)
    words = (_described(base), _described(revision))
    at = (_at(base), _at(revision))
    refused = any(not _opened(one, new) for one in old)
    let_in = any(not _opened(one, old) for one in new)
    if refused or let_in:
        kind = "changed" if refused and let_in else "narrowed" if refused else "widened"
        yield place.difference(f"security-{kind}", at, *words)
    elif words[0] != words[1]:
        yield place.difference("security-scheme", at, *words)


def _opened(credentials: Credentials, alternatives: list[Credentials]) -> bool:
    return any(needed <= credentials for needed in alternatives)


def _alternatives(operation: Node, spelled: Callable[[Node], str]) -> list[Credentials]:
    listed = operation.get("security") or operation.document.top.get("security")
    found = [
        frozenset(
            text
            for name, scopes in requirement.named()
            for text in _scheme(operation, name, scopes, spelled)
        )
        for requirement in (listed.entries() if listed else ())
    ]
    return found or [frozenset()]


def _scheme(operation: Node, name: str, scopes: Node, spelled: Callable[[Node], str]) -> list[str]:
    node: Node | None = operation.document.top
    for key in ("components", "securitySchemes", name):
        node = node.get(key) if node else None
    if node is None:
        return [f"undefined {name}"]
    kind = spelled(node.follow())
    return [kind, *(f"{kind}:{scope.value}" for scope in scopes.entries())]


def _on_the_wire(scheme: Node) -> str:
    """Return what a request carries: the header or the parameter, and its form where one is given.

    OAuth 2 and OpenID Connect send a bearer token (RFC 6750). An API key in the header
    Authorization is how documents without bearer schemes write one.
    """
    said = scheme.object()
    kind, where = str(said.get("type")), str(said.get("in"))
    if kind in ("oauth2", "openIdConnect"):
        return BEARER
    if kind == "http":
        return str(said.get("scheme")).lower()
    if kind == "apiKey":
        name = str(said.get("name"))
        if where == "header":
            return BEARER if name.lower() == "authorization" else f"header {name.lower()}"
        return f"{where} {name}"
    return kind


def _as_documented(scheme: Node) -> str:
    said = scheme.object()
    kind = str(said.get("type"))
    if kind == "http":
        return str(said.get("scheme")).lower()
    if kind == "apiKey":
        where, name = str(said.get("in")), str(said.get("name"))
        return f"{where} {name.lower() if where == 'header' else name}"
    return kind


def _at(operation: Node) -> str:
    if "security" in operation.object():
        return f"{operation.pointer}/security"
    return "/security" if "security" in operation.document.root else operation.pointer


def _described(operation: Node) -> str:
    alternatives = _alternatives(operation, _as_documented)
    return " or ".join(" and ".join(sorted(one)) or "nothing" for one in alternatives)
