"""What a rule is: an id, a level, a sentence, a source, and one pure function."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from ..contract.openapi import Missing, missing
from ..tape.exchange import NOT_JSON, Exchange, Message, Row
from ..tape.history import History


class Level(StrEnum):
    """How binding a rule is."""

    MUST = "MUST"
    """Stated by the published contract."""
    SHOULD = "SHOULD"
    """Derived from its words."""
    ADVICE = "ADVICE"
    """Worth knowing: good practice by a standard, or by what clients need."""

    def fails(self, level: str) -> bool:
        """Whether a violation fails a run that is judged up to a level, such as ``should``."""
        levels = list(Level)
        return levels.index(self) <= levels.index(Level(level.upper()))


MOST_SHOWN = 16_384
"""Characters of a text in a judgement. Reports search half of them at each end for secrets."""


class Held:
    """The rule was checked, and passes."""


HELD: Final = Held()
# The status codes of limits, which may be checked before anything else.
LIMITS: Final = {413, 429}
PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
"""Names and tags that no server has a reason to normalise."""


@dataclass(frozen=True)
class Shown:
    """A received value, or a message with its body as text; it becomes text where it is shown."""

    value: object = field(repr=False)

    def __str__(self) -> str:
        """Return the JSON text, whole: reports remove secrets before they cut it to length."""
        if isinstance(self.value, Missing) or self.value is NOT_JSON:
            return repr(self.value)
        if isinstance(self.value, Message):
            return json.dumps(self.value.text, ensure_ascii=False)
        return json.dumps(self.value, ensure_ascii=False, default=repr)


@dataclass(frozen=True)
class Broken:
    """The rule was checked, and is violated.

    Attributes:
        at: The field that failed, as a JSON path with indexes; or another part of the response.
        expected: What the rule requires there.
        received: What was there.

    """

    at: str
    expected: str = field(repr=False)
    received: str | Shown = field(repr=False)

    def __post_init__(self) -> None:
        """Cut the middle of what quotes a long text."""
        for name in ("at", "expected", "received"):
            text = getattr(self, name)
            if isinstance(text, str) and len(text) > MOST_SHOWN:
                cut = f"{text[: MOST_SHOWN // 2]}…{text[-MOST_SHOWN // 2 :]}"
                object.__setattr__(self, name, cut)


Judgement = Held | Broken | None
"""None where there was nothing for the rule to check."""

Judgements = Judgement | Iterable[Judgement]
"""What a rule returns for one subject: one judgement, or one for each field."""

S = TypeVar("S")


@dataclass(frozen=True)
class Rule(Generic[S]):
    """One rule.

    The docstring of ``judge`` has the source of the rule, and lists what is not a violation. An
    exchange without a response violates no rule about a server: those are not applied to it.

    Attributes:
        source: Where the contract has the words that the rule comes from, as a JSON pointer.
        over: Yields what the rule checks, from a history whose last exchange is the new one.
        quotes: The keys of that place whose values are the words: its description, one of our
            notes (``x-derived``), or what a schema requires (``format``).
        quotes_itself: Whether a failure quotes ``source`` even where a field of the body failed:
            the rule comes from elsewhere than from what the field means.
        standard: The section of the standard that the rule comes from, or an empty text.
        needs_memory: Whether only a server that remembers earlier requests can keep the rule: one
            that answers each from examples or a schema has no builds.
        is_of_client: Whether it is about what the client sends, whether or not a response came.

    """

    id: str
    level: Level
    text: str
    source: str
    over: Callable[[History], Iterable[S]]
    judge: Callable[[S], Judgements]
    quotes: tuple[str, ...] = ("description",)
    quotes_itself: bool = False
    standard: str = ""
    needs_memory: bool = False
    is_of_client: bool = False

    def apply(self, subjects: Iterable[S]) -> list[Held | Broken]:
        """Judge what ``over`` yields; return a judgement for each check that was made."""
        found: list[Held | Broken] = []
        for subject in subjects:
            judged = self.judge(subject)
            if judged is HELD:  # mostly
                found.append(HELD)
            elif judged is not None:
                found += [one for one in each(judged) if one is not None]
        return found


RULES: dict[str, Rule[Any]] = {}
"""All rules by id, in the order of their ids."""


def rule(
    id: str,  # noqa: A002 (the field's own word)
    level: Level,
    text: str,
    *,
    source: str,
    over: Callable[[History], Iterable[S]],
    quotes: tuple[str, ...] = ("description",),
    quotes_itself: bool = False,
    standard: str = "",
    needs_memory: bool = False,
    is_of_client: bool = False,
) -> Callable[[Callable[[S], Judgements]], Callable[[S], Judgements]]:
    """Register a function as a rule. The arguments are the attributes of ``Rule``."""

    def register(judge: Callable[[S], Judgements]) -> Callable[[S], Judgements]:
        if id in RULES:
            raise ValueError(f"rule {id} is registered twice")
        RULES[id] = Rule(
            id, level, text, source, over, judge, quotes, quotes_itself, standard, needs_memory,
            is_of_client,
        )  # fmt: skip
        return judge

    return register


def histories(history: History) -> Iterator[History]:
    """Yield the newest exchange, with all exchanges before it."""
    yield history


def exchanges(history: History) -> Iterator[Exchange]:
    """Yield the newest exchange by itself."""
    yield history.last


def rows(history: History) -> Iterator[Row]:
    """Yield each group and artifact in the newest exchange."""
    yield from history.last.rows


def each(judged: Judgements) -> Iterable[Judgement]:
    """Return all judgements of a rule, whether it returned one or several."""
    return (judged,) if judged is None or isinstance(judged, Held | Broken) else judged


def shown(value: object) -> Shown:
    """Return a received value as a failure shows it."""
    return Shown(value)


def received(row: Row, key: str) -> Shown:
    """Return a row's value of a key, as a failure shows it."""
    return Shown(row.data[key] if key in row.data else missing(key, row.data))
