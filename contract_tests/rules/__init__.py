"""The rules. Each module holds one group of them; importing this package registers them all."""

from . import lifecycle, protocol, status, timestamps
from .base import HELD, RULES, Broken, Held, Level, Rule

__all__ = [
    "HELD",
    "RULES",
    "Broken",
    "Held",
    "Level",
    "Rule",
    "lifecycle",
    "protocol",
    "status",
    "timestamps",
]
