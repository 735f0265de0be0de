"""P: rules about any request and its response."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from ..contract import fields
from ..contract.openapi import SchemaError
from ..tape.exchange import NOT_JSON, UPLOAD, Credential, Exchange
from ..tape.history import History, is_start, is_unsafe
from .base import (
    HELD,
    LIMITS,
    Broken,
    Judgement,
    Judgements,
    Level,
    each,
    exchanges,
    histories,
    rule,
    shown,
)
from .status import known_artifact, known_status
from .timestamps import created, has_offset, nullable

# They refuse the client, or the moment, and not the body: token, payment, permission, a lock.
OF_CALLER = {401, 402, 403, 408, 423, 425, 431, 451}
# What a server returns for an operation that it does not have.
NOT_OFFERED = {404, 405, 501}
# The rules about single fields, whose violations P6 does not repeat.
NARROWER = (known_status, known_artifact, created, nullable, has_offset)


@rule(
    "P1", Level.MUST,
    "A documented success has the documented status code and application/json.",
    source="#/paths",
    over=exchanges,
)  # fmt: skip
def documented_success(exchange: Exchange) -> Judgement:
    """Check every 2xx of an operation.

    Source: stated, the one success that each operation documents.

    Not a violation:

    - parameters of the content type, such as a charset, and upper case in it;
    - any other status code than 2xx;
    - a 2xx of an upload, or of a method that the contract does not have.
    """
    operation = exchange.documented
    if operation is None or not exchange.response.is_success:
        return None
    if exchange.response.status != operation.success:
        return Broken("the status code", str(operation.success), str(exchange.response.status))
    if exchange.response.media_type != "application/json":
        content_type = exchange.response.headers.get("content-type", "no content type")
        return Broken("the content type", "application/json", content_type)
    return HELD


@rule(
    "P2", Level.MUST,
    "A request without a valid bearer token returns 401 and changes nothing.",
    source="#/components/responses/Unauthorized",
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def needs_token(history: History) -> Judgement:
    """Check each request without a valid token, and the status that follows one.

    Source: stated, the response 401 of each operation.

    Not a violation:

    - 413 and 429, since a limit may be checked before the token;
    - any body of the 401, or none;
    - an upload without a token, which the vendor's clients send so (observed);
    - a request whose token a recording left out;
    - any response to a method that the contract does not have (P9);
    - 404, 405 and 501 for a delete where none succeeded: the server may not offer it (assumed);
    - a build that is not found after such a delete, where the server has also lost one that nobody
      asked to delete (L10);
    - a build that runs, where something else that may start it was sent too, or where another one
      runs without any start (L11).
    """
    exchange = history.last
    if exchange.documented and _is_refusable(exchange):
        if exchange.response.status in LIMITS or _is_not_offered(history):
            return None
        if exchange.response.status != 401:
            expected = f"401, since the token was {_IN_WORDS[exchange.request.credential]}"
            return Broken("the status code", expected, str(exchange.response.status))
        return HELD
    refused = history.refused_deletes
    if refused and all(map(_is_refusable, refused)):
        return _still_found(history)
    return _unmoved(history, _is_refusable, "every request to start it had no valid token")


@rule(
    "P3", Level.MUST,
    "A body that breaks the request schema returns 422 and changes nothing.",
    source="#/components/responses/Invalid",
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def needs_valid_body(history: History) -> Judgement:
    """Check each JSON body that breaks its schema, and the status that follows one.

    Source: stated, the response 422 of initiate and start.

    Not a violation:

    - 413 and 429, since a limit may be checked before the body;
    - any response to an invalid start of an unknown build, or of one already started, since that
      may be checked before the body;
    - a word or number for context_uploaded that a lenient reader takes for a boolean
      (``"yes"``, 1), whether it is accepted or refused;
    - any 4xx for a body that is not JSON, since it has no schema to break;
    - unknown keys, and what strict JSON alone forbids: a key twice, NaN, text after the value;
    - a body with another content type than application/json, or none, or with another charset
      than UTF-8;
    - in a recording, or through the proxy, 401, 402, 403 and other refusals of the client: its
      token may have expired, and its account may be empty;
    - a build that runs after such a body, where another one runs without any start (L11).
    """
    exchange = history.last
    if not history.is_whole and exchange.response.status in OF_CALLER:
        return None
    if not _is_refusable(exchange) and _is_not_json(exchange):
        if exchange.response.is_success:
            status = str(exchange.response.status)
            return Broken("the status code", "4xx, since the request body is not JSON", status)
        return HELD if 400 <= exchange.response.status <= 499 else None
    if not _is_refusable(exchange) and (broken := exchange.request_error):
        if exchange.response.status in LIMITS or exchange.is_read_leniently:
            return None
        if exchange.operation == exchange.api.start and (history.is_started or not history.issue):
            return None
        if exchange.response.status != 422:
            return Broken("the status code", f"422, since {broken}", str(exchange.response.status))
        return HELD
    return _unmoved(history, _has_broken_body, "the body of the only start was invalid")


@rule(
    "P4", Level.SHOULD,
    "An operation on a build that does not exist returns 4xx.",
    source="#/components/responses/Refused",
    over=exchanges,
    quotes=("description", "x-assumed"),
    needs_memory=True,
)  # fmt: skip
def needs_build(exchange: Exchange) -> Judgement:
    """Check requests for builds that cannot exist.

    Source: observed. The vendor's clients know 404; that it is the one for this is assumed.

    Not a violation:

    - any 4xx;
    - a redirect, since some routers redirect unusual paths;
    - a 5xx, which is P5's;
    - a request without a valid token, which is P2's.
    """
    about_a_build = (exchange.api.start, exchange.api.status)
    if not exchange.is_absent or exchange.operation not in about_a_build:
        return None
    if exchange.request.credential is not Credential.VALID:
        return None
    if exchange.response.is_success:
        return Broken(
            "the status code", "4xx, since no such build exists", str(exchange.response.status)
        )
    return HELD if 400 <= exchange.response.status <= 499 else None


@rule(
    "P5", Level.MUST,
    "No request for a path of the contract causes a 5xx.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses",
    over=histories,
)  # fmt: skip
def never_fails(history: History) -> Judgement:
    """Check every response of the API.

    Source: stated. No operation documents a 5xx.

    Not a violation:

    - a 5xx of an upload, which may go to another server;
    - 501 for a delete where none succeeded: the server may not offer it (assumed);
    - 501 for a method that is of no operation: RFC 9110 has it for one that a server does not know;
    - a 5xx of a path that the contract does not have.
    """
    exchange = history.last
    if exchange.operation == UPLOAD or exchange.template is None or _is_not_offered(history):
        return None
    if exchange.operation is None and exchange.response.status == 501:
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
def matches_schema(exchange: Exchange) -> Judgements:
    """Check every body that is documented.

    Source: stated, the schema of each response.

    Not a violation:

    - keys that the contract does not have, and optional keys that are left out;
    - any body of a response without a documented one, such as 401 or 404;
    - a body that a recording left out;
    - what a narrower rule reports of the same field: S1, S2, T1, T2 or T7;
    - a body that is not JSON: P8 if its content type is JSON, P1 if a success has another one.
    """
    schema = _schema(exchange)
    if schema is None:
        return None
    body = exchange.response.json
    if exchange.response.content is None:
        return None
    if body is NOT_JSON:
        if exchange.response.media_type == "application/json" or exchange.response.is_success:
            return None
        return Broken("$", f"{_expected(exchange, '$')}, as JSON", shown(exchange.response))
    errors = {error.at: error for error in reversed(exchange.api.contract.errors(schema, body))}
    if not errors:
        return HELD
    reported = {
        one.at
        for row in exchange.rows
        for judge in NARROWER
        for one in each(judge(row))
        if isinstance(one, Broken)
    }
    kept: dict[str, SchemaError] = {}  # the first at each place
    for at, error in reversed(errors.items()):
        if at not in reported:
            kept.setdefault(fields.place(at), error)
    broken = kept.values()
    return [Broken(one.at, _expected(exchange, one.at), shown(one.value)) for one in broken] or HELD


@rule(
    "P7", Level.MUST,
    "{} and {\"context_uploaded\": true} mean the same to start.",
    source="#/components/schemas/StartBuildRequest/properties/context_uploaded",
    over=histories,
    quotes=("default",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def same_default(history: History) -> Judgement:
    """Compare first starts of uploaded builds with one that used the other spelling.

    Source: stated, the default of ``context_uploaded``.

    Not a violation:

    - two different refusals of the two spellings;
    - a refusal of a spelling that another build began to run with: an upload may be lost;
    - different statuses of the two builds, unless a start with false returned the same as {} did
      and true did not;
    - 401, 402, 403 and other refusals of the client, 413, 429 and 5xx, which are not compared;
    - a start of a build that is not uploaded, or that was started before.
    """
    if not _is_first_start(history):
        return None
    start = history.last
    if not (_is_plain(history) or _is_explicit(history)):
        return None
    own, other = _is_plain, _is_explicit
    if _is_explicit(history):
        own, other = other, own
    like = history.first_elsewhere(_is_first_start, other)
    if like is None:
        return None
    cause = f"as in exchange {like.number}, which sent {shown(like.request.json)}"
    if start.response.is_success is not like.response.is_success:
        refused = other if start.response.is_success else own
        if history.first_elsewhere(_is_first_start, refused, _runs):
            return None
        return Broken("the status code", f"{like.response.status}, {cause}", _outcome(start))
    unlike = history.first_elsewhere(_is_first_start, _is_denied)
    plain = start if start.request.json == {} else like
    explicit = like if plain is start else start
    if unlike and _phase(unlike) == _phase(plain) != _phase(explicit):
        at = f"$.{history.api.build.status}"
        return Broken(at, f"{_outcome(explicit)}, {cause}", _outcome(plain))
    return HELD


@rule(
    "P8", Level.MUST,
    "A JSON body is strict JSON: UTF-8 without BOM, no key twice, no NaN, nothing after the value.",
    source="#/components/schemas",
    over=exchanges,
)  # fmt: skip
def strict_json(exchange: Exchange) -> Judgement:
    """Check every body whose content type is JSON.

    Source: stated. ``application/json`` is RFC 8259; I-JSON (RFC 7493) forbids a key twice and lone
    surrogates.

    Not a violation:

    - white space around the value, any order of keys, and characters written as escapes;
    - a content type without a body, where none is documented;
    - up to 100,000 values, nested up to 100 deep: RFC 8259 lets a parser set such limits, and of
      what is beyond them nothing else is checked;
    - a body with another content type, or one that a recording left out.
    """
    response = exchange.response
    if not exchange.documented or response.content is None:
        return None
    if response.media_type != "application/json":
        return None
    if not response.content and _schema(exchange) is None:
        return None  # a content type over nothing
    if response.json_error:
        return Broken("$", f"strict JSON: {response.json_error}", shown(response))
    return HELD


@rule(
    "P9", Level.SHOULD,
    "A method that the contract does not have for a path is refused and changes nothing.",
    source="#/paths",
    over=histories,
)  # fmt: skip
def needs_known_method(history: History) -> Judgement:
    """Check requests with other methods, and the status that follows one.

    Source: derived. The contract lists the methods of each path.

    Not a violation:

    - any 4xx, whether 405 or another, 501, and a redirect;
    - any response to OPTIONS, which belongs to HTTP, and 413 or 429, since a limit may come first;
    - any response to HEAD of a path that has a GET (RFC 9110);
    - any response to DELETE of the URL of a status, which is a delete of an image named ``build``;
    - a build that runs, where something else that may start it was sent too, or where another one
      runs without any start (L11).
    """
    exchange = history.last
    if not _is_other_method(exchange):
        return _unmoved(history, _is_other_method, "the only request had another method")
    if exchange.request.method == "OPTIONS" or exchange.response.status in LIMITS:
        return None
    status_path = history.api.contract.operations[history.api.status].path
    if exchange.request.method == "HEAD" and exchange.template == status_path:
        return None
    if exchange.response.is_success:
        received = f"{exchange.response.status} to {exchange.request.method}"
        return Broken("the status code", "4xx", received)
    return HELD if 400 <= exchange.response.status <= 499 else None


_IN_WORDS = {Credential.ABSENT: "missing", Credential.OTHER: "invalid"}


def _expected(exchange: Exchange, field: str) -> str:
    contract = exchange.api.contract
    at = fields.pointer(contract, exchange.operation, exchange.response.status, field)
    return fields.wanted(contract, at) if at else "what its schema accepts"


def _schema(exchange: Exchange) -> dict[str, Any] | None:
    """Return the schema of the response's body, or None if none is documented."""
    operation, status = exchange.documented, exchange.response.status
    return exchange.api.contract.response_schema(operation, status) if operation else None


def _is_refusable(exchange: Exchange) -> bool:
    """Whether it is a request to the API without a valid token; an upload needs none."""
    refusable = exchange.request.credential in (Credential.ABSENT, Credential.OTHER)
    return refusable and exchange.template is not None


def _is_not_offered(history: History) -> bool:
    """Whether the newest exchange is a delete that the server may not have at all (assumed)."""
    last = history.last
    if last.deletes is None or last.response.status not in NOT_OFFERED:
        return False
    return history.first_elsewhere(_has_deleted) is None


def _still_found(history: History) -> Judgement:
    """Check a status after a delete that had to be refused."""
    last = history.last
    if last.operation != history.api.status or last.request.credential is not Credential.VALID:
        return None
    if last.response.status in (404, 410) and history.is_whole:
        if history.first_elsewhere(_is_lost):
            return None
        expected = "200, since every request to delete it had no valid token"
        return Broken("the status code", expected, str(last.response.status))
    return HELD if last.succeeded else None


def _is_lost(history: History) -> bool:
    """Whether a build is not found that initiate has issued, and nobody asked to delete."""
    last = history.last
    if last.operation != history.api.status or last.request.credential is not Credential.VALID:
        return False
    is_gone = last.response.status in (404, 410)
    return is_gone and history.issue is not None and not history.refused_deletes


def _has_broken_body(exchange: Exchange) -> bool:
    if _is_not_json(exchange):
        return True
    return exchange.request_error is not None and not exchange.is_read_leniently


def _is_not_json(exchange: Exchange) -> bool:
    """Whether a JSON body is invalid even for a parser that ignores what follows the value."""
    operation, request = exchange.documented, exchange.request
    if operation is None or operation.request_schema is None or request.content is None:
        return False
    if request.media_type != "application/json" or request.json is not NOT_JSON:
        return False
    try:
        json.JSONDecoder().raw_decode(request.text.lstrip())
    except (ValueError, RecursionError):
        return True
    return False


def _is_other_method(exchange: Exchange) -> bool:
    return exchange.template is not None and exchange.operation is None


def _is_first_start(history: History) -> bool:
    """Whether the newest exchange starts a build that is issued, uploaded, and not started."""
    if not history.last.is_valid_start or history.first(is_start):
        return False
    status = history.last.response.status
    limited = status in LIMITS | OF_CALLER or status >= 500 or not history.last.is_answered
    spelled = history.last.request.media_type == "application/json"
    ready = history.issue is not None and history.is_uploaded
    return spelled and ready and not limited


def _is_plain(history: History) -> bool:
    return bool(history.last.request.json == {})


def _is_explicit(history: History) -> bool:
    return bool(history.last.request.json == {history.api.sent.is_uploaded: True})


def _runs(history: History) -> bool:
    return _phase(history.last) == "running"


def _is_denied(history: History) -> bool:
    return history.last.says_uploaded is False


def _has_deleted(history: History) -> bool:
    return history.last.operation == history.api.delete and history.last.succeeded


def _phase(start: Exchange) -> str | None:
    return start.rows[0].phase if start.rows else None


def _outcome(start: Exchange) -> str:
    return str(start.rows[0].status) if start.rows else str(start.response.status)


def _unmoved(history: History, was_refused: Callable[[Exchange], bool], what: str) -> Judgement:
    """Check the status after requests that had to be refused, as long as nothing else may start it.

    A GET or HEAD changes nothing, so that it is not one of them.
    """
    group = next(iter(history.last.rows), None)
    if group is None or history.last.operation == history.api.start or not history.is_whole:
        return None
    if not history.first(is_unsafe, was_refused) or history.first(_any_but(was_refused)):
        return None
    if group.phase not in ("running", "succeeded"):
        return HELD
    if history.first_elsewhere(_runs_unasked):
        return None
    at = f"$.{history.api.build.status}"
    return Broken(at, f"not started, since {what}", shown(group.status))


def _runs_unasked(history: History) -> bool:
    """Whether a build runs to which nothing but its context was sent."""
    rows = history.last.rows
    runs = bool(rows) and rows[0].phase in ("running", "succeeded")
    return runs and not history.has(_may_start)


@cache
def _any_but(kind: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    """Return the test for requests that may start a build, and are not of a kind."""
    return lambda exchange: _may_start(exchange) and not kind(exchange)


def _may_start(exchange: Exchange) -> bool:
    return is_unsafe(exchange) and exchange.operation not in (UPLOAD, exchange.api.initiate)
