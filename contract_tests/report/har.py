"""The exchanges of a run as a HAR file, which ``judge`` reads back: ``reports/tape.har``.

Each secret has a name that keeps it apart from others. What HAR has no place for is in
``_contract``. ``entries[16]`` is exchange 17.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from ..contract.openapi import Contract
from ..drivers.har.own import KEY, OwnEntry, OwnLog, write
from ..drivers.scripted import inputs
from ..escape import as_json
from ..gate.run import Run
from ..redaction import TOKEN
from ..redaction import pseudonyms as names
from ..redaction.pseudonyms import Pseudonyms
from ..rules import RULES, TRAFFIC_RULES
from ..tape.exchange import UPLOAD, Exchange, Message
from ..tape.tape import Tape

MOST_BYTES = 32 * 2**20
"""Bytes of all messages; a normal run has 4 MiB. Then bodies are left out, and entries at last."""

_DATES = (
    rb"\d{4}-\d\d-\d\d[0-9TtZz:.+ -]{0,40}",
    rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
)
_MEDIA_TYPES = (rb"application/json", rb"application/octet-stream")


def page(run: Run) -> Iterator[str]:
    """Yield the content of the file, piece by piece."""
    tape = run.tape
    shown = pseudonyms(run)
    log = OwnLog(
        len(tape.exchanges), names.TOKEN, run.target.level, shown.text(run.target.name),
        {one.rule.id: one.not_applicable for one in run.verdicts.values() if one.not_applicable},
        tape.is_whole, tape.is_live, tape.stuck_after, rules=_rules(run),
    )  # fmt: skip
    head = {
        "version": "1.2",
        "creator": {"name": "image-build-contract", "version": _version(tape.api.contract)},
        KEY: write(log),
    }
    yield f'{{"log": {as_json(head)[:-1]}, "entries": ['
    left, comma = MOST_BYTES, "\n"
    for exchange in tape.exchanges:
        with_bodies = left >= _size(exchange)
        entry = as_json(_entry(exchange, shown, tape, with_bodies=with_bodies))
        left -= len(entry)
        if left < 0 and not with_bodies:
            break
        yield f"{comma}{entry}"
        comma = ",\n"
    yield "\n]}}\n"


def _rules(run: Run) -> tuple[str, ...]:
    """Return the ids of the rules that judged a run, where they are not all that there are."""
    every = RULES | TRAFFIC_RULES
    judged = [one for one in run.verdicts if one in every]  # not what schemathesis checks
    known = every if run.target.program == "proxy" else RULES
    return () if {*judged} == {*known} else tuple(judged)


def pseudonyms(run: Run) -> Pseudonyms:
    """Return what puts names for the secrets of a run."""
    public = _public(run.tape.api.contract)
    return Pseudonyms(run.redaction, run.tape.token, public, inputs.BROKEN_CONTENT.values())


def _version(contract: Contract) -> str:
    return str(contract.document["info"]["version"])


def _size(exchange: Exchange) -> int:
    return sum(len(one.content or b"") for one in (exchange.request, exchange.response))


def _entry(
    exchange: Exchange, shown: Pseudonyms, tape: Tape, *, with_bodies: bool
) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    took = max(0.0, (exchange.ended - exchange.began) / timedelta(milliseconds=1))
    own = OwnEntry(
        exchange.number, exchange.driver, shown.text(exchange.intent), request.credential,
        exchange.began, exchange.ended, exchange.is_absent,
        shown.text(exchange.build_id or "") if exchange.operation == UPLOAD else None,
        None if exchange.failure is None else shown.text(exchange.failure),
        exchange.number in tape.withheld,
    )  # fmt: skip
    sent = {} if with_bodies else {"comment": "the body is left out: the file is large enough"}
    return {
        "startedDateTime": exchange.began.isoformat(),
        "time": took,
        "request": {
            "method": request.method,
            "url": shown.text(request.url),
            **_headers(request, shown, tape.token),
            "queryString": [],
            **_posted(request, shown, with_bodies=with_bodies),
        },
        "response": {
            "status": response.status,
            "statusText": "",
            **_headers(response, shown, tape.token),
            "content": {
                "size": len(response.content or b""),
                **(_body(response, shown) if with_bodies else {"mimeType": response.media_type}),
                **sent,
            },
            "redirectURL": "",
            "bodySize": -1 if response.content is None else len(response.content),
        },
        "cache": {},
        "timings": {"send": 0, "wait": took, "receive": 0},
        "comment": own.intent,
        KEY: write(own),
    }


def _headers(message: Message, shown: Pseudonyms, token: str) -> dict[str, Any]:
    headers = [
        {"name": name, "value": _authorization(value, shown, token)
         if name == "authorization" else shown.header(name, value)}
        for name, value in message.headers.items()
    ]  # fmt: skip
    return {"httpVersion": "HTTP/1.1", "cookies": [], "headers": headers, "headersSize": -1}


def _authorization(value: str, shown: Pseudonyms, token: str) -> str:
    """Return a header of the valid token, or one made from it, as made from the token's name."""
    made = {f"Bearer {token}": f"Bearer {names.TOKEN}"}
    derived = inputs.tokens(names.TOKEN)
    made |= {str(one): str(derived.get(name)) for name, one in inputs.tokens(token).items()}
    if value in made:
        return made[value]
    scheme, _, other = value.partition(" ")  # through the proxy, of any client
    is_bearer = scheme.lower() == "bearer" and other.strip()
    return f"{scheme} {shown.whole(TOKEN, other)}" if is_bearer else shown.whole(TOKEN, value)


def _posted(message: Message, shown: Pseudonyms, *, with_bodies: bool) -> dict[str, Any]:
    if message.content and with_bodies:
        return {"bodySize": len(message.content), "postData": _body(message, shown)}
    return {"bodySize": -1 if message.content or message.content is None else 0}


def _body(message: Message, shown: Pseudonyms) -> dict[str, str]:
    kind = {"mimeType": message.headers.get("content-type", "")}
    if message.content is None:
        return kind
    content = shown.content(message.content)
    if content != message.content and message.json_error is None and not _is_json(content):
        # A list of the bytes of a secret, for example: what a name for it would leave is no JSON.
        return {**kind, "comment": "the body is left out: no name can stand for a secret in it"}
    try:
        return {**kind, "text": content.decode()}
    except UnicodeDecodeError:
        return {**kind, "encoding": "base64", "text": base64.b64encode(content).decode()}


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


@cache
def _public(contract: Contract) -> re.Pattern[bytes]:
    """Return what rules look for and the contract publishes, though a secret may be the same."""
    words = {word.encode() for word in _words(contract.document)}
    quoted = b"|".join([*map(re.escape, sorted(words)), _DATES[0]])
    paths = {one.path.partition("{")[0].rstrip("/").encode() for one in
             contract.operations.values()}  # fmt: skip
    rest = [*map(re.escape, sorted(paths, reverse=True)), _DATES[1], *_MEDIA_TYPES]
    return re.compile(rb'"(?:%b)"|%b' % (quoted, b"|".join(rest)))


def _words(node: Any) -> Iterator[str]:
    """Yield the names of properties, and the values of enums."""
    if isinstance(node, dict):
        yield from (one for one in node.get("enum") or () if isinstance(one, str))
        yield from node.get("properties") or ()
        for one in node.values():
            yield from _words(one)
    elif isinstance(node, list):
        for one in node:
            yield from _words(one)
