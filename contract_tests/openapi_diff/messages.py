"""Compares the requests and responses of an operation."""

from __future__ import annotations

from .combine import Nodes
from .kinds import Difference, Direction
from .read import Node
from .schemas import LONGEST_TEXT, Differences, Place, SchemaPart, compare_parts, compare_schemas
from .words import ABSENT, fields_of

# OpenAPI describes these elsewhere than among the parameters and headers.
DESCRIBED_ELSEWHERE = {"accept", "content-type", "authorization"}
STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}


def compare_requests(base: Node, revision: Node, place: Place) -> Differences:
    """Yield the differences of the request bodies."""
    old, new = _body(base), _body(revision)
    place = place.below(" request")
    if old and new:
        if old[1] != new[1]:
            words = ("required", "optional") if old[1] else ("optional", "required")
            at = (old[0].pointer, new[0].pointer)
            yield place.difference("body-required" if new[1] else "body-optional", at, *words)
        yield from _contents(old[0], new[0], place)
    elif old:
        kind = "required-body-removed" if old[1] else "body-removed"
        yield place.difference(kind, (old[0].pointer, revision.pointer), _types(old[0]), ABSENT)
    elif new:
        kind = "required-body-added" if new[1] else "body-added"
        yield place.difference(kind, (base.pointer, new[0].pointer), ABSENT, _types(new[0]))


def _body(operation: Node) -> tuple[Node, bool] | None:
    body = operation.get("requestBody")
    if body is None:
        return None
    body = body.follow()
    return (body, body.object().get("required") is True) if _media(body) else None


def compare_responses(base: Node, revision: Node, label: str) -> Differences:
    """Yield the differences of the responses, by status code."""
    old, new = _statuses(base), _statuses(revision)
    for status in dict.fromkeys([*old, *new]):
        place, noun = Place(f"{label} {status}", Direction.RESPONSE, label), "failure"
        one, other = _covering(old, status), _covering(new, status)
        if succeeds := status.startswith("2"):
            noun = "success"
        exact = status in old and status in new
        # A range or default without a body does not describe the body.
        if one and other and (exact or succeeds or _media(one)):
            yield from _response(one, other, place)
        elif status not in old:
            at = (_at(base, "responses"), new[status].pointer)
            yield place.difference(f"{noun}-added", at, ABSENT, _types(new[status]))
        elif not other:
            at = (old[status].pointer, _at(revision, "responses"))
            yield place.difference(f"{noun}-removed", at, _types(old[status]), ABSENT)


def _statuses(operation: Node) -> dict[str, Node]:
    responses = operation.get("responses")
    found = {}
    for status, response in responses.fixed() if responses else ():
        if not status:
            raise response.unexpected("a status, a range such as 4XX, or default, as its key")
        found[str(status).upper()] = response.follow()
    return found


def _covering(statuses: dict[str, Node], status: str) -> Node | None:
    """Return the response for a status code: its own, that of its range, or the default."""
    return statuses.get(status) or statuses.get(f"{status[0]}XX") or statuses.get("DEFAULT")


def _at(node: Node, key: str) -> str:
    return f"{node.pointer}/{key}" if key in node.object() else node.pointer


def _response(base: Node, revision: Node, place: Place) -> Differences:
    at = (base.pointer, revision.pointer)
    old, new = _media(base), _media(revision)
    if old and new:
        yield from _moved(list(_contents(base, revision, place)), base, revision)
    elif old:
        yield place.difference("required-body-removed", at, _types(base), ABSENT)
    elif new:
        yield place.difference("required-body-added", at, ABSENT, _types(revision))
    yield from compare_parts("header", _headers(base), _headers(revision), at, place)


def _headers(response: Node) -> dict[str, SchemaPart]:
    headers = response.get("headers")
    found = {}
    for name, entry in headers.named() if headers else ():
        if name.lower() not in DESCRIBED_ELSEWHERE:
            header = entry.follow()
            required = header.object().get("required") is True
            found[name.lower()] = part_of(header, name, "header", required=required)
    return found


def _media(node: Node) -> dict[str, Node]:
    """Return the content by its media types, without their parameters."""
    content = node.get("content")
    listed = content.named() if content else ()
    return {name.partition(";")[0].strip().lower(): media for name, media in listed}


def _types(node: Node) -> str:
    return ", ".join(_media(node)) or "no body"


def _contents(base: Node, revision: Node, place: Place) -> Differences:
    old, new = _media(base), _media(revision)
    at = (_at(base, "content"), _at(revision, "content"))
    for name, media in old.items():
        other = new.get(name) or new.get(name.partition("/")[0] + "/*") or new.get("*/*")
        if other is None:
            yield place.difference("media-type-removed", (media.pointer, at[1]), name, ABSENT)
            continue
        yield from compare_schemas(
            _schema(media), _schema(other), place.below(" $"), (media.pointer, other.pointer)
        )
    for name, media in new.items():
        if name not in old and not {name.partition("/")[0] + "/*", "*/*"} & old.keys():
            yield place.difference("media-type-added", (at[0], media.pointer), ABSENT, name)


def _schema(media: Node) -> Nodes:
    schema = media.get("schema")
    return (schema,) if schema else ()


def _moved(found: list[Difference], base: Node, revision: Node) -> Differences:
    """Add to each removed field the new places of a field of that name."""
    is_removed = [one.kind.endswith("field-removed") for one in found]
    news: dict[str, list[str]] = {}
    if any(is_removed):
        for name, path in sorted(_paths(revision) - _paths(base)):
            news.setdefault(name, []).append(path)
    for one, removed in zip(found, is_removed, strict=True):
        now = ", ".join(news.get(one.subject, ()) if removed else ())
        yield one._replace(revision=f"moved to {now}"[:LONGEST_TEXT]) if now else one


def _paths(response: Node) -> set[tuple[str, str]]:
    return {path for media in _media(response).values() for path in fields_of(_schema(media))}


def part_of(node: Node, name: str, where: str, *, required: bool) -> SchemaPart:
    """Return a parameter or a header; its schema is under ``schema`` or in ``content``."""
    value, nodes, media = node.object(), _schema(node), ""
    if not nodes and (content := _media(node)):
        media, only = next(iter(content.items()))
        nodes = _schema(only)
    style = "" if media else str(value.get("style", STYLES.get(where)))
    return SchemaPart(
        name,
        f" {where} {name}",
        node.pointer,
        nodes,
        required,
        deprecated=value.get("deprecated") is True,
        style=style,
        explode=value.get("explode", style == "form") is True,
        media=media,
    )
