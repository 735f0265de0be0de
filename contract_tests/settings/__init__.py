"""Every setting of the gate, read from the environment.

A setting ``X`` is the environment variable ``CONTRACT_X``, and ``make gate X=…``.
"""

from ..usage import PREFIX
from .declared import LOAD, SETTINGS, Setting
from .environment import from_environment, level, needs_token, only_cleans_up, rules

__all__ = [
    "LOAD",
    "PREFIX",
    "SETTINGS",
    "Setting",
    "from_environment",
    "level",
    "needs_token",
    "only_cleans_up",
    "rules",
]
