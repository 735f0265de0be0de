"""L: what holds from one answer about a build to the next."""

from __future__ import annotations

from ..contract import START, STATUS
from ..tape import Exchange
from .base import HELD, Broken, Judgement, Level, exchanges, rule, shown


@rule(
    "L5", Level.SHOULD,
    "The id answered is the build_id asked for.",
    source="#/components/schemas/BuildStatusResponse/properties/id",
    over=exchanges,
)  # fmt: skip
def same_id(exchange: Exchange) -> Judgement:
    """Look at every start and status that tells an id."""
    body = exchange.response.json
    if not exchange.succeeded or exchange.operation not in (START, STATUS):
        return None
    if not isinstance(body, dict) or "id" not in body:
        return None
    if body["id"] == exchange.build_id:
        return HELD
    return Broken("$.id", shown(exchange.build_id), shown(body["id"]))
