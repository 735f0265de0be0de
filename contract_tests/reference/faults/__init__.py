"""Single faults: each makes a conforming server violate one rule, in one way.

There is a module for each group: enums, times, shape, protocol, auth, state, effects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ...nearest import unknown
from . import auth, effects, enums, protocol, shape, state, times
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


LISTED = "python -m contract_tests serve --list-faults"


def apply(app: Any, name: str, token: str, listed: str = LISTED) -> App:
    """Return a server with a fault. Raises ``ValueError`` for an unknown one."""
    if name not in FAULTS:
        raise unknown("fault", name, FAULTS, listed)
    return FAULTS[name].wrap(app, token)


__all__ = ["FAULTS", "GROUPS", "Fault", "Server", "ServerRequest", "ServerResponse", "apply"]
