"""P: what any request gets."""

from __future__ import annotations

from ..contract import START, contract
from ..tape import NOT_JSON, UPLOAD, Credential, Exchange, History, broken_request
from .base import HELD, Broken, Judgement, Level, exchanges, histories, rule, shown

# A limit may answer before anything else is looked at.
LIMITS = {413, 429}


@rule(
    "P1", Level.MUST,
    "A documented success answers with the documented status code and application/json.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses/200",
    over=exchanges,
)  # fmt: skip
def documented_success(exchange: Exchange) -> Judgement:
    """Look at every 2xx of an operation."""
    operation = contract().operations.get(exchange.operation or "")
    if operation is None or not exchange.response.is_success:
        return None
    if exchange.response.status != operation.success:
        return Broken("the status code", str(operation.success), str(exchange.response.status))
    if exchange.response.media_type != "application/json":
        told = exchange.response.headers.get("content-type", "no content type")
        return Broken("the content type", "application/json", told)
    return HELD


@rule(
    "P2", Level.MUST,
    "A request without a valid bearer token gets 401, and changes nothing.",
    source="#/components/responses/Unauthorized",
    over=histories,
)  # fmt: skip
def needs_token(history: History) -> Judgement:
    """Look at each request without the token, and at the status that follows one."""
    exchange = history.last
    if _operated(exchange) and exchange.request.credential is not Credential.VALID:
        if exchange.response.status in LIMITS:
            return None
        if exchange.response.status != 401:
            how = f"401, since the token was {_TOLD[exchange.request.credential]}"
            return Broken("the status code", how, str(exchange.response.status))
        return HELD
    return _unmoved(history, lambda one: one.request.credential is not Credential.VALID, "a token")


@rule(
    "P3", Level.MUST,
    "A body that breaks the request schema gets 422, and changes nothing.",
    source="#/components/responses/Invalid",
    over=histories,
)  # fmt: skip
def needs_valid_body(history: History) -> Judgement:
    """Look at each JSON body that breaks its schema, and at the status that follows one.

    An unknown build, or one already started, may be refused for that before its body is read.
    """
    exchange = history.last
    if exchange.request.credential is Credential.VALID and (broken := broken_request(exchange)):
        if exchange.response.status in LIMITS:
            return None
        if exchange.operation == START and (history.is_started or not history.is_issued):
            return None
        if exchange.response.status != 422:
            return Broken("the status code", f"422, since {broken}", str(exchange.response.status))
        return HELD
    return _unmoved(history, lambda one: broken_request(one) is not None, "a valid body")


@rule(
    "P5", Level.MUST,
    "No request, however odd, gets 5xx.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses",
    over=exchanges,
)  # fmt: skip
def never_fails(exchange: Exchange) -> Judgement:
    """Look at every answer of the API; where uploads go is somebody else's server."""
    if exchange.operation == UPLOAD:
        return None
    if exchange.response.status >= 500:
        return Broken("the status code", "below 500", str(exchange.response.status))
    return HELD


@rule(
    "P6", Level.MUST,
    "Every response body matches the schema documented for its status code.",
    source="#/components/schemas",
    over=exchanges,
)  # fmt: skip
def matches_schema(exchange: Exchange) -> Judgement:
    """Look at every body that is documented; where none is, any will do."""
    operation = contract().operations.get(exchange.operation or "")
    if operation is None:
        return None
    schema = contract().response_schema(operation, exchange.response.status)
    if schema is None:
        return None
    name = schema["$ref"].rpartition("/")[2]
    body = exchange.response.json
    if body is NOT_JSON:
        if exchange.response.media_type == "application/json":
            return None  # P8's
        start = exchange.response.content[:60].decode(errors="replace")
        return Broken("$", f"a {name}, as JSON", shown(start))
    errors = contract().errors(schema, body)
    if errors:
        return Broken(errors[0].at, f"a {name}", errors[0].what)
    return HELD


@rule(
    "P8", Level.MUST,
    "A JSON body is strict JSON: UTF-8 without BOM, no key twice, no NaN, nothing after the value.",
    source="#/components/schemas",
    over=exchanges,
)  # fmt: skip
def strict_json(exchange: Exchange) -> Judgement:
    """Look at every body that calls itself JSON."""
    response = exchange.response
    if not _operated(exchange) or response.media_type != "application/json":
        return None
    if not response.content and not _documented_body(exchange):
        return None  # a content type over nothing
    if response.json_error:
        start = response.content[:60].decode(errors="replace")
        return Broken("$", "strict JSON", f"{shown(start)}: {response.json_error}")
    return HELD


_TOLD = {Credential.ABSENT: "missing", Credential.OTHER: "not the valid one"}


def _documented_body(exchange: Exchange) -> bool:
    operation = contract().operations[exchange.operation or ""]
    return contract().response_schema(operation, exchange.response.status) is not None


def _operated(exchange: Exchange) -> bool:
    return exchange.operation in contract().operations


def _unmoved(history: History, was_refused: object, needs: str) -> Judgement:
    """Judge the status that follows a start that had to be refused, while none was accepted."""
    assert callable(was_refused)
    group = next(iter(history.last.rows), None)
    refused = [one for one in history.before if one.operation == START and was_refused(one)]
    if group is None or not refused or history.is_started or history.last.operation == START:
        return None
    if group.phase in ("running", "succeeded") or group.is_set("startedAt"):
        told = f"{group.status}, startedAt {shown(group.data.get('startedAt'))}"
        return Broken("$.status", f"not started: the only start came without {needs}", told)
    return HELD
