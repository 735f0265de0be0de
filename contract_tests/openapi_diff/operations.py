"""Finds the operations of the base document in the revision, and compares each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..problems import Problem
from .kinds import Breaks, Difference, Direction
from .messages import DESCRIBED_ELSEWHERE, compare_requests, compare_responses, part_of
from .read import LONGEST_POINTER, Document, NoCommonOperationError, Node
from .schemas import Differences, Place, SchemaPart, compare_parts
from .security import compare_security
from .words import ABSENT

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TEMPLATE = re.compile(r"\{[^{}]*\}")
MOST_DIFFERENCES = 10_000
REQUEST = Direction.REQUEST
ORDER = [Breaks.BOTH, Breaks.CLIENTS, Breaks.SERVERS, Breaks.NOBODY]


@dataclass(frozen=True)
class DocumentOperation:
    """One operation: its method and path, and its place in the document."""

    method: str
    path: str  # with the servers' base path, and without the names of its templates
    templates: tuple[str, ...]
    items: tuple[Node, ...]  # the path item, and what its $ref leads to
    node: Node

    @property
    def label(self) -> str:
        """Return what to call it: its operationId, or its method and path."""
        name = self.node.object().get("operationId")
        return str(name or f"{self.method.upper()} {self.path}")


def differences(base: Document, revision: Document, *, every: bool = False) -> list[Difference]:
    """Return each difference, those that break first.

    Args:
        base: The contract that clients and servers keep.
        revision: The document that is compared with it.
        every: Whether operations that only the revision has are listed, too.

    Raises ``Problem`` if the revision has none of the base's operations, or either cannot
    be followed.

    """
    base.steps = revision.steps = 0
    old, new = _operations(base), _operations(revision)
    prefix = _prefix(old, new)
    if prefix is None:
        raise NoCommonOperationError(
            f"{revision.name} has none of the operations of {base.name}",
            "name the document of this API; its paths may have another base path",
        )
    found: list[Difference] = []
    for (method, path), operation in old.items():
        other = new.pop((method, _shifted(path, prefix)), None)
        place = Place(operation.label, REQUEST, operation.label)
        if other is None:
            at = (operation.node.pointer, "/paths")
            found.append(place.difference("operation-removed", at, operation.label, ABSENT))
            continue
        for one in _operation(operation, other):
            found.append(one)
            _bound(found, revision)
    if every:
        for added in new.values():
            place = Place(added.label, REQUEST, added.label)
            at = ("/paths", added.node.pointer)
            found.append(place.difference("operation-added", at, ABSENT, added.label))
            _bound(found, revision)
    if prefix != ("", ""):
        text = (f"paths under {end or '/'}" for end in prefix)
        place = Place("servers", REQUEST, "servers")
        found.append(place.difference("base-path", ("/paths", "/paths"), *text))
    return sorted(_merged(found), key=lambda one: ORDER.index(one.breaks))


def _bound(found: list[Difference], revision: Document) -> None:
    if len(found) > MOST_DIFFERENCES:
        raise Problem(
            f"{revision.name} differs in more than {MOST_DIFFERENCES} places",
            "name a document of the same API",
        )


def _operations(document: Document) -> dict[tuple[str, str], DocumentOperation]:
    """Return the operations of a document, by method and path.

    Raises ``Problem`` if a method and path have two.
    """
    paths = document.top.get("paths")
    found: dict[tuple[str, str], DocumentOperation] = {}
    for path, item in paths.fixed() if paths else ():
        document.step(20 + len(path) // 10)
        items, templates = tuple(item.chain()), tuple(TEMPLATE.findall(path))
        for method, node in _methods(items).items():
            servers = map(_base_path, (node, *items, document.top))
            prefix = next((one for one in servers if one is not None), "")
            whole = TEMPLATE.sub("{}", prefix.rstrip("/") + path)
            if (method, whole) in found:
                raise node.ambiguous(f"{method.upper()} {whole} is defined twice")
            found[method, whole] = DocumentOperation(method, whole, templates, items, node)
    return found


def _methods(items: tuple[Node, ...]) -> dict[str, Node]:
    """Return the operations of a path item, those beside its $ref and those it refers to."""
    found: dict[str, Node] = {}
    for item in items:
        for method, node in item.fixed():
            if method not in METHODS:
                continue
            if found.setdefault(method, node).value != node.value:
                raise node.ambiguous(
                    f"{method.upper()} is defined beside the $ref of its path, too"
                )
    return found


def _base_path(node: Node) -> str | None:
    """Return the path of the first server here, with its variables; None without a server."""
    servers = node.get("servers")
    first = next(servers.entries(), None) if servers else None
    return _path_of(first) if first else None


def _path_of(server: Node) -> str:
    variables = server.get("variables")
    values = {
        "{" + name + "}": str(variable.object().get("default", ""))[:LONGEST_POINTER]
        for name, variable in (variables.named() if variables else ())
    }
    url = str(server.object().get("url", ""))
    # Once each: a value that has variables again would grow without bound.
    url = TEMPLATE.sub(lambda found: values.get(found[0], found[0]), url)
    server.document.step(len(url) // 10)
    try:
        return urlsplit(url).path
    except ValueError:
        raise server.unexpected("a URL") from None


Operations = dict[tuple[str, str], DocumentOperation]


def _prefix(base: Operations, revision: Operations) -> tuple[str, str] | None:
    """Return the prefixes of base and revision under which most paths of the base are found.

    At least one of the two is empty. None if no prefix has a path in common.
    """
    if all(key in revision for key in base):
        return ("", "") if base else None
    document = next(iter(base.values())).node.document
    document.step(len(base) * len(revision) // 10)
    tries = {("", "")}
    for method, path in base:
        for _, other in (one for one in revision if one[0] == method):
            if path.endswith(other) and not other.startswith("/{"):
                tries.add((path.removesuffix(other), ""))
            elif other.endswith(path):
                tries.add(("", other.removesuffix(path)))

    def found(prefix: tuple[str, str]) -> int:
        return sum((method, _shifted(path, prefix)) in revision for method, path in base)

    document.step(len(base) * len(tries) // 5)
    best = max(sorted(tries), key=lambda prefix: (found(prefix), -len("".join(prefix))))
    return best if found(best) else None


def _shifted(path: str, prefix: tuple[str, str]) -> str:
    old, new = prefix
    return new + path.removeprefix(old) if path.startswith(old) else path


def _operation(base: DocumentOperation, revision: DocumentOperation) -> Differences:
    place = Place(base.label, REQUEST, base.label)
    at = (base.node.pointer, revision.node.pointer)
    if revision.node.value.get("deprecated") and not base.node.value.get("deprecated"):
        yield place.difference("deprecated", at, "", "deprecated")
    yield from compare_security(base.node, revision.node, place.below(" security"))
    yield from _parameters(base, revision, at, place)
    yield from compare_requests(base.node, revision.node, place)
    yield from compare_responses(base.node, revision.node, base.label)


def _parameters(
    base: DocumentOperation, revision: DocumentOperation, at: tuple[str, str], place: Place
) -> Differences:
    yield from compare_parts("parameter", _parts(base), _parts(revision), at, place)


def _parts(operation: DocumentOperation) -> dict[str, SchemaPart]:
    """Return the parameters; those of the path by their order."""
    found: dict[str, SchemaPart] = {}
    for node in (*reversed(operation.items), operation.node):
        listed, seen = node.get("parameters"), set[tuple[str, str]]()
        for entry in listed.entries() if listed else ():
            parameter = entry.follow()
            value = parameter.object()
            name, where = str(value.get("name")), str(value.get("in"))
            if (name, where) in seen:
                raise entry.ambiguous(f"the {where} parameter {name} is defined twice")
            seen.add((name, where))
            if where == "header" and (name := name.lower()) in DESCRIBED_ELSEWHERE:
                continue
            key = f"{where} {name}"
            if where == "path" and f"{{{name}}}" in operation.templates:
                key = f"path {operation.templates.index(f'{{{name}}}')}"
            required = value.get("required") is True or where == "path"
            found[key] = part_of(parameter, name, where, required=required)
    return found


def _merged(found: list[Difference]) -> list[Difference]:
    """Merge the differences of one schema that several places use."""
    alike: dict[Difference, list[Difference]] = {}
    for one in found:
        alike.setdefault(one._replace(places=(), subject="", directions=()), []).append(one)
    return [
        all_[0]._replace(
            places=tuple(dict.fromkeys(place for one in all_ for place in one.places)),
            directions=tuple(dict.fromkeys(way for one in all_ for way in one.directions)),
        )
        for all_ in alike.values()
    ]
