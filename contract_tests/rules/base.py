"""What a rule is: an id, a level, a sentence, a source, and one pure function."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from ..exchange import Exchange, Row
from ..history import History


class Level(StrEnum):
    """How binding a rule is."""

    MUST = "MUST"
    """Stated by the published contract."""
    SHOULD = "SHOULD"
    """Derived from its words."""


class Held:
    """Says that a rule was observed to hold."""


HELD: Final = Held()


@dataclass(frozen=True)
class Broken:
    """Says that a rule was observed to be broken: where, and what was expected there."""

    at: str
    expected: str
    received: str


Judgement = Held | Broken | None
"""None says that there was nothing for the rule to observe."""

S = TypeVar("S")


@dataclass(frozen=True)
class Rule(Generic[S]):
    """One rule. ``over`` finds what it judges in a history whose last exchange is the new one."""

    id: str
    level: Level
    text: str
    source: str
    over: Callable[[History], Iterable[S]]
    judge: Callable[[S], Judgement]

    def apply(self, history: History) -> Iterator[Held | Broken]:
        """Judge the newest exchange of a history."""
        for subject in self.over(history):
            judgement = self.judge(subject)
            if judgement is not None:
                yield judgement


RULES: dict[str, Rule[Any]] = {}
"""All rules by id, in the order of their ids."""


def rule(
    id: str,  # noqa: A002 (the field's own word)
    level: Level,
    text: str,
    *,
    source: str,
    over: Callable[[History], Iterable[S]],
) -> Callable[[Callable[[S], Judgement]], Callable[[S], Judgement]]:
    """Register a function as a rule.

    ``source`` is a JSON pointer into openapi.yaml, where the words stand that the rule is stated by
    or derived from.
    """

    def register(judge: Callable[[S], Judgement]) -> Callable[[S], Judgement]:
        if id in RULES:
            raise ValueError(f"rule {id} is there twice")
        RULES[id] = Rule(id, level, text, source, over, judge)
        return judge

    return register


def histories(history: History) -> Iterator[History]:
    """Judge the newest exchange by all that went before."""
    yield history


def exchanges(history: History) -> Iterator[Exchange]:
    """Judge the newest exchange by itself."""
    yield history.last


def rows(history: History) -> Iterator[Row]:
    """Judge each group and artifact that the newest exchange tells of."""
    yield from history.last.rows


def shown(value: object) -> str:
    """Show a received value in a failure, on one line and not too long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 120 else text[:117] + "…"
