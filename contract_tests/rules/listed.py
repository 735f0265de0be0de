"""P16: a request whose values the contract lists is not called invalid."""

from __future__ import annotations

import json
from typing import Any

from ..contract import fields
from ..tape.exchange import Credential, Exchange
from ..tape.history import History, is_issue
from .base import HELD, PLAIN, Broken, Judgement, Level, histories, rule


@rule(
    "P16", Level.SHOULD,
    "An initiate whose values the contract lists does not return 422.",
    source="#/components/responses/Invalid",
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def takes_what_is_listed(history: History) -> Judgement:
    """Check each initiate with a platform, a visibility, or another key beside name and tag.

    Source: derived. A 422 says that a request does not match its schema, and the schema lists the
    values of each key: those of an enum, a default, null.

    Not a violation:

    - any other refusal than 422: a plan may lack a platform, and an account a permission;
    - a value of the client's own, such as a teamId, another dockerfile_path or an unknown key;
    - PUBLIC, which a server may allow to some alone;
    - a name or tag with other characters than a-z, 0-9, ``.``, ``_`` and ``-``, and a name under
      which no build was issued before;
    - a request without a valid token, or whose token a recording left out.
    """
    last, api = history.last, history.api
    options = _options(last)
    if not options or last.request.credential is not Credential.VALID or not _is_plain(last):
        return None
    listed = {key: fields.listed(api.contract, api.initiate, key) for key in options}
    if any(value not in listed[key] or value == api.public for key, value in options.items()):
        return None
    if last.response.is_success:
        return HELD
    first = history.first_elsewhere(_issues)
    is_known = first is not None and _name(first) == _name(last)
    if last.response.status != 422 or not is_known:
        return None
    values = ", ".join(f"{key} {json.dumps(value)}" for key, value in options.items())
    expected = f"{api.contract.operations[api.initiate].success}, since each is listed: {values}"
    return Broken("the status code", expected, "422")


def _options(exchange: Exchange) -> dict[str, Any]:
    """Return what a valid initiate has beside name and tag; empty for anything else."""
    body, sent = exchange.request.json, exchange.api.sent
    if exchange.operation != exchange.api.initiate or not isinstance(body, dict):
        return {}
    if exchange.request_error is not None:
        return {}
    return {key: value for key, value in body.items() if key not in (sent.name, sent.tag)}


def _is_plain(initiate: Exchange) -> bool:
    body, sent = initiate.request.json, initiate.api.sent
    return all(PLAIN.fullmatch(body[key]) for key in (sent.name, sent.tag))


def _name(initiate: Exchange) -> Any:
    return initiate.request.json[initiate.api.sent.name]


def _issues(history: History) -> bool:
    """Whether the newest exchange issues a build, by a body that can be read."""
    body = history.last.request.json
    return is_issue(history.last) and isinstance(body, dict) and history.api.sent.name in body
