"""Hostile inputs, by family: what a stranger could send, and whether this project held.

A module of this package has one ``FAMILY``. Its attacks are generated: values times places times
encodings, not a list of anecdotes. ``python -m`` this package runs them all and writes
docs/attacks.md; a test runs a few of each kind.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Attack:
    """One hostile input.

    Attributes:
        kind: What it attacks with, such as ``many values``; a family has a handful of kinds.
        name: Unique within its family.
        run: Sends the input. Returns None if the attack was withstood, otherwise what happened, in
            one line. An exception counts as not withstood.

    """

    kind: str
    name: str
    run: Callable[[], str | None]


@dataclass(frozen=True)
class Family:
    """Attacks by the same way in.

    Attributes:
        name: As in the table, such as ``documents``.
        what: What is attacked, and what must not happen: one sentence.
        attacks: Makes them all, in an order that never changes.

    """

    name: str
    what: str
    attacks: Callable[[], Iterable[Attack]]


def outcome(attack: Attack) -> str | None:
    """Run an attack; return what happened if it was not withstood."""
    try:
        return attack.run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@cache
def families() -> dict[str, Family]:
    """Return each family by its name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names if name[0] != "_"]
    return {module.FAMILY.name: module.FAMILY for module in modules}


def sample(family: Family, each: int) -> list[Attack]:
    """Return the first attacks of each kind of a family."""
    kinds: dict[str, list[Attack]] = {}
    for attack in family.attacks():
        kinds.setdefault(attack.kind, []).append(attack)
    return [attack for attacks in kinds.values() for attack in attacks[:each]]
