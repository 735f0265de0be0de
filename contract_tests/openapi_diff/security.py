"""Compares the credentials of an operation, by what a request carries."""

from __future__ import annotations

from collections.abc import Callable

from .read import Node
from .schemas import Differences, Place

# What a request must carry, all of it: kinds of credentials, and scopes.
Credentials = frozenset[str]
BEARER = "bearer"


def compare_security(base: Node, revision: Node, place: Place) -> Differences:
    """Yield the difference of the accepted credentials.

    Schemes with different names for the same header break nobody.
    """
    old, new = _alternatives(base, _on_the_wire), _alternatives(revision, _on_the_wire)
    words = (_described(base), _described(revision))
    at = (_at(base), _at(revision))
    narrowed = any(not _accepted(one, new) for one in old)
    widened = any(not _accepted(one, old) for one in new)
    if narrowed or widened:
        kind = "changed" if narrowed and widened else "narrowed" if narrowed else "widened"
        yield place.difference(f"security-{kind}", at, *words)
    elif words[0] != words[1]:
        yield place.difference("security-scheme", at, *words)


def _accepted(credentials: Credentials, alternatives: list[Credentials]) -> bool:
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
    """Return what a request carries: the header or the parameter, and its form if it has one.

    OAuth 2 and OpenID Connect send a bearer token (RFC 6750). An API key in the header
    Authorization is how documents without bearer schemes write one.
    """
    value = scheme.object()
    kind, where = str(value.get("type")), str(value.get("in"))
    if kind in ("oauth2", "openIdConnect"):
        return BEARER
    if kind == "http":
        return str(value.get("scheme")).lower()
    if kind == "apiKey":
        name = str(value.get("name"))
        if where == "header":
            return BEARER if name.lower() == "authorization" else f"header {name.lower()}"
        return f"{where} {name}"
    return kind


def _as_documented(scheme: Node) -> str:
    value = scheme.object()
    kind = str(value.get("type"))
    if kind == "http":
        return str(value.get("scheme")).lower()
    if kind == "apiKey":
        where, name = str(value.get("in")), str(value.get("name"))
        return f"{where} {name.lower() if where == 'header' else name}"
    return kind


def _at(operation: Node) -> str:
    if "security" in operation.object():
        return f"{operation.pointer}/security"
    return "/security" if "security" in operation.document.root else operation.pointer


def _described(operation: Node) -> str:
    alternatives = _alternatives(operation, _as_documented)
    return " or ".join(" and ".join(sorted(one)) or "nothing" for one in alternatives)
