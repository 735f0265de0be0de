"""The rules. Each module holds one group of them; importing this package registers them all."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from . import (
    artifacts,
    builds,
    clocks,
    headers,
    lifecycle,
    listed,
    protocol,
    status,
    timestamps,
    traffic,
    uploads,
)
from .base import HELD, Broken, Held, Level, Rule, Shown
from .base import RULES as _REGISTERED

_SORTED = dict(
    sorted(_REGISTERED.items(), key=lambda item: ("PSTLC".index(item[0][0]), int(item[0][1:])))
)
RULES = {name: rule for name, rule in _SORTED.items() if not rule.is_of_client}
"""All rules about a server by id: protocol, status, timestamps, lifecycle."""
TRAFFIC_RULES = {name: rule for name, rule in _SORTED.items() if rule.is_of_client}
"""The rules about the traffic of a client, by id. The proxy applies them."""


def chosen(
    ids: Collection[str], among: Mapping[str, Rule[Any]] = MappingProxyType(RULES)
) -> list[Rule[Any]]:
    """Return the rules with these ids, or all rules if none are given."""
    return [rule for rule in among.values() if not ids or rule.id in ids]


__all__ = [
    "HELD",
    "RULES",
    "TRAFFIC_RULES",
    "Broken",
    "Held",
    "Level",
    "Rule",
    "Shown",
    "artifacts",
    "builds",
    "chosen",
    "clocks",
    "headers",
    "lifecycle",
    "listed",
    "protocol",
    "status",
    "timestamps",
    "traffic",
    "uploads",
]
