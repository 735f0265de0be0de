"""Verdicts: what each rule says of a tape, and how a violation reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .contract import contract
from .exchange import Exchange
from .history import History
from .rules import Broken, Level, Rule
from .tape import Tape


@dataclass(frozen=True)
class Violation:
    """One exchange that breaks a rule."""

    rule: Rule[Any]
    broken: Broken
    exchange: Exchange
    after: Exchange | None

    @property
    def title(self) -> str:
        """The first line: enough by itself in a summary."""
        return f"{self.rule.id} {self.rule.level}  {self.rule.text}"

    def text(self, repeat: str) -> str:
        """Tell the whole failure; ``repeat`` is the command that shows it again."""
        lines = {
            "at": self.broken.at,
            "expected": self.broken.expected,
            "received": self.broken.received,
            "exchange": told(self.exchange),
            "after": told(self.after, body=False) if self.after else None,
            _source_word(self.rule): _source(self.rule),
            "repeat": repeat,
        }
        body = [f"  {name:<9} {_one_line(value)}" for name, value in lines.items() if value]
        return "\n".join([self.title, *body])


@dataclass
class Verdict:
    """What one rule says of a tape."""

    rule: Rule[Any]
    observed: int = 0
    violations: list[Violation] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """passed, violated, or not observed: what no traffic touched has not passed."""
        if self.violations:
            return "violated"
        return "passed" if self.observed else "not observed"

    def count(self) -> str:
        """Say on how many exchanges it was observed, and on how many it was broken."""
        if self.violations:
            return f"{len(self.violations)} of {self.observed}"
        return str(self.observed) if self.observed else ""


class Judge:
    """Holds each exchange to all rules as it comes, and keeps their verdicts."""

    def __init__(
        self, rules: Iterable[Rule[Any]], announce: Callable[[Violation], None] | None = None
    ) -> None:
        self.verdicts = {rule.id: Verdict(rule) for rule in rules}
        self.announce = announce

    def see(self, history: History) -> list[Violation]:
        """Judge the newest exchange of a history; return what it violates."""
        found: list[Violation] = []
        for verdict in self.verdicts.values():
            broken = None
            for count, judged in enumerate(verdict.rule.apply(history)):
                verdict.observed += count == 0
                if isinstance(judged, Broken):
                    broken = judged
                    break
            if broken is None:
                continue
            violation = Violation(verdict.rule, broken, history.last, history.cause)
            verdict.violations.append(violation)
            found.append(violation)
            if len(verdict.violations) == 1 and self.announce:
                self.announce(violation)
        return found

    @property
    def violated(self) -> list[Verdict]:
        """The verdicts that are violated."""
        return [verdict for verdict in self.verdicts.values() if verdict.violations]


def judge(tape: Tape, rules: Iterable[Rule[Any]]) -> dict[str, Verdict]:
    """Hold a whole tape to rules; return the verdicts by rule id."""
    judging = Judge(rules)
    for history in tape.histories():
        judging.see(history)
    return judging.verdicts


def told(exchange: Exchange, *, body: bool = True) -> str:
    """Tell an exchange on one line."""
    answer = exchange.response.json
    if body:
        shown = exchange.response.text
    else:
        shown = str(answer.get("status", "")) if isinstance(answer, dict) else ""
    target = exchange.request.url.partition("?")[0]
    target = exchange.request.path if exchange.operation != "upload" else target
    line = f"{exchange.request.method} {target} → {exchange.response.status} {shown}"
    spelled = line.strip() if body else _one_line(line)
    return f"{spelled}  ({exchange.intent})"


def _one_line(text: str) -> str:
    # What a server sends may hold what a terminal would obey.
    flat = "".join(one if one.isprintable() else repr(one)[1:-1] for one in " ".join(text.split()))
    return flat if len(flat) <= 400 else flat[:300] + " … " + flat[-80:]


def _source_word(rule: Rule[Any]) -> str:
    return "stated" if rule.level is Level.MUST else "derived"


def _source(rule: Rule[Any]) -> str:
    node = contract().at(rule.source)
    words = node.get("description", "").strip() if isinstance(node, dict) else ""
    return (f'"{words}" ' if words else "") + f"(openapi.yaml{rule.source})"
