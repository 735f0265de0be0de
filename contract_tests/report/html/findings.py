"""What was found: causes to fix with their evidence, and what became of each rule."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from ...escape import line
from ...rules.client import CLIENT_RULES
from ...rules.fixes import FIXES
from ...usage import about
from ...verdicts.judge import Outcome, Verdict
from .. import curl, text
from ..causes import Cause
from ..causes import causes as grouped
from .body import Line, body, excerpt
from .subject import Subject

MOST_CAUSES = 200
"""Causes that are shown; a recording may have any number."""


@dataclass(frozen=True)
class Shown:
    """A cause. Texts are without secrets, and escaped for one line.

    Attributes:
        operations: The operations that it was found at, each with its number of exchanges.
        evidence: The lines of the response around the field that breaks the rule.
        sources: The words that the rule comes from, each with its mark.
        exchange: The number of the first exchange that breaks it.
        exchange_line: That exchange on one line.
        after: The exchange before it that may have changed the build, or an empty text.
        fix: The usual fix of a server, or an empty text.
        curl: The command that sends the request again.
        about: The command that shows all about the rule, or an empty text.
        repeat: The command that judges the rule again.

    """

    rule: str
    level: str
    text: str
    outcome: str
    operations: dict[str, int]
    field: str
    expected: str
    received: str
    evidence: list[Line]
    sources: list[tuple[str, str]]
    exchange: int
    exchange_line: str
    after: str
    fix: str
    curl: str
    about: str
    repeat: str


@dataclass(frozen=True)
class Judged:
    """What became of a rule; ``about`` is what it checks, and what is not a violation."""

    rule: str
    level: str
    text: str
    outcome: str
    count: str
    about: str
    fix: str


def causes(subject: Subject) -> list[Shown]:
    """Return the causes: what fails first, then what is advised or waived."""
    return [_shown(subject, one) for one in grouped(subject.verdicts.values())[:MOST_CAUSES]]


def heading(causes: list[Shown], others: int = 0) -> str:
    """Return how many causes and ``others`` fail a run, and how many causes do not."""
    failing = sum(one.outcome == Outcome.VIOLATED for one in causes)
    words = [f"{failing} {'cause' if failing == 1 else 'causes'} to fix"]
    words += [f"{others} other {'failure' if others == 1 else 'failures'}"] if others else []
    words += [f"{len(causes) - failing} advised or waived"] if failing < len(causes) else []
    return ", ".join(words)


def rules(subject: Subject) -> list[Judged]:
    """Return what became of each rule that a server was judged by."""
    return [
        Judged(
            verdict.rule.id, str(verdict.rule.level), verdict.rule.text, str(verdict.outcome),
            text.count(verdict), _about(verdict),
            FIXES.get(verdict.rule.id, ""),
        )
        for verdict in subject.verdicts.values()
    ]  # fmt: skip


def calls(subject: Subject) -> list[Judged]:
    """Return what became of each rule that the generated client was judged by."""
    return [
        Judged(
            rule.id, str(rule.level), rule.text, str(verdict.outcome),
            str(verdict.observed), inspect.getdoc(rule.judge) or "", "",
        )
        for rule in CLIENT_RULES.values()
        if (verdict := subject.client.get(rule.id))
    ]  # fmt: skip


def _about(verdict: Verdict) -> str:
    why = f"Not applicable: {verdict.not_applicable}\n\n" if verdict.not_applicable else ""
    return why + (inspect.getdoc(verdict.rule.judge) or "")


def _shown(subject: Subject, cause: Cause) -> Shown:
    first, hide, rule = cause.first, subject.hide, cause.verdict.rule

    def shown(value: str) -> str:
        return text.one_line(text.hidden(value, hide))

    operations = {shown(one.key.operation): one.count for one in cause.groups}
    return Shown(
        rule.id, str(rule.level), rule.text, str(cause.outcome), operations,
        shown(first.field), shown(first.expected), shown(str(first.received)),
        excerpt(body(first.exchange.response.text, hide, [first.field])),
        [(mark, line(words)) for mark, words in text.sources(first)], first.exchange.number,
        text.exchange_line(first.exchange, hide),
        text.exchange_line(first.after, hide) if first.after else "",
        FIXES.get(rule.id, ""), line(curl.command(first.exchange, hide)),
        about(rule.id) if rule.id in FIXES else "",
        line(subject.repeat(rule)),
    )  # fmt: skip
