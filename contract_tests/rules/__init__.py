"""The rules. Each module holds one group of them; importing this package registers them all."""

from . import lifecycle, protocol, status, timestamps, uploads
from .base import HELD, Broken, Held, Level, Rule, Shown
from .base import RULES as _REGISTERED

RULES = dict(
    sorted(_REGISTERED.items(), key=lambda item: ("PSTL".index(item[0][0]), int(item[0][1:])))
)
"""All rules by id: protocol, status, timestamps, lifecycle."""

__all__ = [
    "HELD",
    "RULES",
    "Broken",
    "Held",
    "Level",
    "Rule",
    "Shown",
    "lifecycle",
    "protocol",
    "status",
    "timestamps",
    "uploads",
]
