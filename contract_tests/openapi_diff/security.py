"""Compares the credentials of an operation, by what a request carries."""

from __future__ import annotations

from .combine import MOST_ALTERNATIVES
from .read import Node
from .schemas import Differences, Place

# What a request must carry, all of it: kinds of credentials, and scopes.
Credentials = frozenset[str]
BEARER = "bearer"
# OAuth 2 and OpenID Connect send a bearer token (RFC 6750). An API key in the header Authorization
# is how documents without bearer schemes write one.
SENT_AS_BEARER = {"oauth2", "openIdConnect", "header authorization"}


def compare_security(base: Node, revision: Node, place: Place) -> Differences:
    """Yield the difference of the accepted credentials.

    Schemes with different names for the same header break nobody.
    """
    documented = [_alternatives(operation) for operation in (base, revision)]
    old, new = ([_on_the_wire(one) for one in alternatives] for alternatives in documented)
    words = [" or ".join(" and ".join(sorted(one)) or "nothing" for one in d) for d in documented]
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


def _alternatives(operation: Node) -> list[Credentials]:
    """Return the alternatives of an operation, in the words of the document."""
    listed = operation.get("security") or operation.document.top.get("security")
    found = [
        frozenset(
            text
            for name, scopes in requirement.named()
            for text in _scheme(operation, name, scopes)
        )
        for requirement in (listed.entries() if listed else ())
    ]
    if len(found) > MOST_ALTERNATIVES:  # each is compared with each of the other document
        raise operation.unexpected(f"at most {MOST_ALTERNATIVES} alternatives of security")
    return found or [frozenset()]


def _scheme(operation: Node, name: str, scopes: Node) -> list[str]:
    node: Node | None = operation.document.top
    for key in ("components", "securitySchemes", name):
        node = node.get(key) if node else None
    if node is None:
        return [f"undefined {name}"]
    value = node.follow().object()
    kind, where, parameter = (str(value.get(key)) for key in ("type", "in", "name"))
    if kind == "http":
        kind = str(value.get("scheme")).lower()
    elif kind == "apiKey":
        kind = f"{where} {parameter.lower() if where == 'header' else parameter}"
    return [kind, *(f"{kind}:{scope.value}" for scope in scopes.entries())]


def _on_the_wire(documented: Credentials) -> Credentials:
    """Return what a request carries for credentials: headers, parameters, scopes."""
    parts = (text.partition(":") for text in documented)
    return frozenset(
        (BEARER if kind in SENT_AS_BEARER else kind) + colon + scope for kind, colon, scope in parts
    )


def _at(operation: Node) -> str:
    if "security" in operation.object():
        return f"{operation.pointer}/security"
    return "/security" if "security" in operation.document.root else operation.pointer
