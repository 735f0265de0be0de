"""The rules. Each module holds one group of them; importing this package registers them all."""

from collections.abc import Collection
from typing import Any

from . import artifacts, builds, clocks, headers, lifecycle, protocol, status, timestamps, uploads
from .base import HELD, Broken, Held, Level, Rule, Shown
from .base import RULES as _REGISTERED

RULES = dict(
    sorted(_REGISTERED.items(), key=lambda item: ("PSTL".index(item[0][0]), int(item[0][1:])))
)
"""All rules by id: protocol, status, timestamps, lifecycle."""


def chosen(ids: Collection[str]) -> list[Rule[Any]]:
    """Return the rules with these ids, or all rules if none are given."""
    return [rule for rule in RULES.values() if not ids or rule.id in ids]


__all__ = [
    "HELD",
    "RULES",
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
    "protocol",
    "status",
    "timestamps",
    "uploads",
]
