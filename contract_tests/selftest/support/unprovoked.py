"""The rules that no run against the reference server observes."""

from __future__ import annotations

from typing import Final

UNPROVOKED: Final = frozenset({"P14", "S8"})
"""They need a server that limits requests, or a build that is cancelled."""
