"""Single faults: each makes a conforming server violate one rule, in one way.

There is a module for each group: enums, times, shape, protocol, auth, state, effects; and
``concurrent`` for what only load finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...nearest import unknown
from . import auth, concurrent, effects, enums, protocol, shape, state, times
from .base import App, Fault, Server, ServerRequest, ServerResponse

GROUPS: dict[str, list[Fault]] = {
    "enums": enums.FAULTS,
    "times": times.FAULTS,
    "shape": shape.FAULTS,
    "protocol": protocol.FAULTS,
    "auth": auth.FAULTS,
    "state": state.FAULTS,
    "effects": effects.FAULTS,
}


def _grouped() -> Iterator[tuple[str, Fault]]:
    for group, faults in GROUPS.items():
        for fault in faults:
            yield fault.name, replace(fault, group=group)


FAULTS: dict[str, Fault] = dict(_grouped())
"""All faults by name, in the order of their groups."""


UNDER_LOAD: dict[str, Fault] = {one.name: replace(one, group="load") for one in concurrent.FAULTS}
"""Faults that show only where requests are in flight at once, and that no script finds."""


LISTED = "python -m contract_tests serve --list-faults"


def apply(app: Any, name: str, token: str, listed: str = LISTED) -> App:
    """Return a server with a fault. Raises ``ValueError`` for an unknown one."""
    known = FAULTS | UNDER_LOAD
    if name not in known:
        raise unknown("fault", name, known, listed)
    return known[name].wrap(app, token)


__all__ = [
    "FAULTS", "GROUPS", "UNDER_LOAD", "Fault", "Server", "ServerRequest", "ServerResponse", "apply",
]  # fmt: skip
