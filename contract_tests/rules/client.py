"""C: rules about what a client must send, accept, refuse and keep secret.

They check calls, not bare exchanges: the arguments, the request, the response, and what the client
returned or raised.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..contract.openapi import Contract, Missing
from ..tape.call import Call
from ..tape.exchange import NOT_JSON, Credential, Exchange
from .base import HELD, Broken, Judgement, Level, shown


@dataclass(frozen=True)
class ClientRule:
    """One rule over calls."""

    id: str
    level: Level
    text: str
    judge: Callable[[Call], Judgement]


CLIENT_RULES: dict[str, ClientRule] = {}


def client_rule(
    id: str,  # noqa: A002 (the field's own word)
    text: str,
) -> Callable[[Callable[[Call], Judgement]], Callable[[Call], Judgement]]:
    """Register a function as a rule over calls."""

    def register(judge: Callable[[Call], Judgement]) -> Callable[[Call], Judgement]:
        CLIENT_RULES[id] = ClientRule(id, Level.MUST, text, judge)
        return judge

    return register


@client_rule("C1", "A client sends the documented method, path and body, and its token.")
def sends_exactly(call: Call) -> Judgement:
    """Check every request that a call sends.

    Source: stated, the method, path and request schema of each operation, and the bearer scheme.

    Not a violation:

    - an optional key that is sent with its default, or left out;
    - further headers;
    - a call that sends nothing, since the client refused its arguments (C6).
    """
    if call.exchange is None:
        return None
    request = call.exchange.request
    if call.exchange.operation != call.operation:
        return Broken("the request line", call.operation, f"{request.method} {request.path}")
    if request.credential is not Credential.VALID:
        return Broken("the Authorization header", "the token", request.credential)
    contract = call.api.contract
    operation = contract.operations[call.operation]
    if operation.request_schema and request.media_type != "application/json":
        return Broken("the content type", "application/json", request.media_type or "none")
    if operation.request_schema and request.json is NOT_JSON:
        return Broken("the request body", "JSON", shown(request.text))
    if errors := contract.request_errors(operation, request.json):
        at, what, value = errors[0]
        return Broken(f"{at} of the request body", f"a valid value ({what})", shown(value))
    return HELD


@client_rule("C2", "A client returns a success that the contract accepts, with every value kept.")
def accepts(call: Call) -> Judgement:
    """Check every success whose body matches its schema.

    Source: stated, the schema of each operation's success.

    Not a violation:

    - an unknown key that is dropped;
    - an instant rounded to the microsecond, or written with another offset.
    """
    if call.exchange is None or not _success(call.exchange) or _invalid_at(call.exchange):
        return None
    if call.raised:
        return Broken("the outcome", "the documented model", f"{call.raised}: {call.message}")
    body = call.exchange.response.json
    if lost := _lost(body, call.returned, "$", _documented(call.api.contract)):
        path, sent, kept = lost
        return Broken(path, f"{shown(sent)}, as in the response", shown(kept))
    return HELD


@client_rule("C3", "A client refuses a success that breaks the contract, and names the JSON path.")
def refuses(call: Call) -> Judgement:
    """Check every success whose body breaks its schema.

    Source: stated, the schema of each operation's success. That the error names the path is this
    project's own requirement.

    Not a violation:

    - any wording of the error, and any further path in it;
    - an error that names ``$`` only, for a body that is not JSON.
    """
    if call.exchange is None or not _success(call.exchange):
        return None
    path = _invalid_at(call.exchange)
    if path is None:
        return None
    if not call.raised:
        return Broken("the outcome", f"an error that names {path}", shown(call.returned))
    if not call.is_typed or path not in call.message:
        raised = f"{call.raised}: {call.message}"
        return Broken("the outcome", f"an error of its own that names {path}", raised)
    return HELD


@client_rule("C4", "A client raises an error of its own for every response that is not a success.")
def raises(call: Call) -> Judgement:
    """Check every response that is not the documented success.

    Source: stated, the one success that each operation documents.

    Not a violation:

    - an error of any class of the client's own;
    - another 2xx that raises, since its body is not documented.
    """
    if call.exchange is None or _success(call.exchange):
        return None
    if call.exchange.operation != call.operation:
        return None  # another operation than the one called is C1's
    if not call.raised or not call.is_typed:
        return Broken("the outcome", "an error of its own", call.raised or shown(call.returned))
    return HELD


@client_rule("C5", "A client shows its token nowhere but in the request.")
def keeps_token(call: Call) -> Judgement:
    """Check what a call returns and raises, and the ``repr`` of the client.

    Source: stated, the bearer scheme; RFC 6750, section 5.3, requires that a client does not leak
    its token.

    Not a violation:

    - the token in the Authorization header of the request.
    """
    return Broken("; ".join(call.leaks), "no token", "the token") if call.leaks else HELD


@client_rule("C6", "A client keeps a path parameter one segment, or refuses to send it.")
def keeps_segment(call: Call) -> Judgement:
    """Check every call of an operation on a build.

    Source: stated, the path of each operation. OpenAPI 3.1 (Path Templating) forbids an unescaped
    ``/``, ``?`` or ``#`` in a path parameter.

    Not a violation:

    - an id that the client refuses to send, with an error of its own;
    - any percent-encoding that a server decodes to the same id.
    """
    path = call.api.contract.operations[call.operation].path
    if "{" not in path:
        return None
    if call.exchange is None:
        return HELD if call.is_typed else Broken("the outcome", "an error of its own", call.message)
    if call.exchange.operation == call.operation:
        return HELD
    return Broken("the path", path, call.exchange.request.path)


def _success(exchange: Exchange) -> bool:
    operation = exchange.documented
    return operation is not None and exchange.response.status == operation.success


def _invalid_at(exchange: Exchange) -> str | None:
    """Return the JSON path at which a success breaks its schema, or None."""
    operation, contract = exchange.documented, exchange.api.contract
    if exchange.response.media_type != "application/json" or exchange.response.json is NOT_JSON:
        return "$"
    schema = contract.response_schema(operation, exchange.response.status) if operation else None
    errors = contract.errors(schema, exchange.response.json) if schema else []
    return errors[0].at if errors else None


def _lost(
    sent: Any, kept: Any, path: str, documented: frozenset[str]
) -> tuple[str, Any, Any] | None:
    """Return the first value of a body that the model loses; unknown keys may be dropped."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        return next(
            filter(
                None,
                (
                    _lost(sent[key], kept.get(key, Missing()), f"{path}.{key}", documented)
                    for key in sent
                    if key in documented or key in kept
                ),
            ),
            None,
        )
    if isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        pairs = enumerate(zip(sent, kept, strict=True))
        lost = (_lost(a, b, f"{path}[{i}]", documented) for i, (a, b) in pairs)
        return next(filter(None, lost), None)
    return None if sent == kept or _same_instant(sent, kept) else (path, sent, kept)


@cache
def _documented(contract: Contract) -> frozenset[str]:
    """Return every documented property; any other key may be dropped."""
    schemas = contract.document["components"]["schemas"].values()
    return frozenset(key for schema in schemas for key in schema.get("properties", {}))


def _same_instant(one: Any, other: Any) -> bool:
    """Whether two texts are one instant, to the microsecond that a client may round to."""
    try:
        apart = datetime.datetime.fromisoformat(one.upper()) - datetime.datetime.fromisoformat(
            other
        )
    except (AttributeError, TypeError, ValueError):
        return False
    return abs(apart) <= datetime.timedelta(microseconds=1)
