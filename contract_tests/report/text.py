"""Failures as text: what a reader sees of violations, on the terminal or elsewhere."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from ..contract import fields
from ..contract.openapi import Contract
from ..escape import line
from ..rules import RULES, Level, Rule
from ..rules.fixes import FIXES
from ..tape.exchange import Exchange
from ..usage import about
from ..verdicts.judge import Group, Outcome, Verdict, Violation
from . import curl
from .causes import causes

Hide = Callable[[str], str]
"""Removes secrets from a text that contains what was sent or received."""

MOST, EDGE = 8192, 4096
"""Characters searched for secrets at each end of a long value, and how many of them are cut."""

MOST_CAUSES = 50
"""Places of one rule that are shown; a server has fewer, a recording may have any number."""


def title(violation: Violation) -> str:
    """Return the first line: enough by itself in a summary."""
    return f"{violation.rule.id} {violation.rule.level}  {violation.rule.text}"


def count(verdict: Verdict) -> str:
    """Return how many exchanges a rule was checked on, and how many broke it."""
    if verdict.violations:
        return f"{verdict.broken} of {verdict.observed}"
    return str(verdict.observed) if verdict.observed else ""


def failures(verdict: Verdict, hide: Hide, repeat: str = "") -> str:
    """Show each cause of a verdict that is neither waived nor advised."""
    found = [one for one in causes([verdict]) if one.outcome is Outcome.VIOLATED]
    shown = [single(one.first, hide, repeat, seen(one.groups, hide)) for one in found[:MOST_CAUSES]]
    if more := len(found) - len(shown):
        shown.append(f"{verdict.rule.id}: {more} more places are not shown")
    return "\n\n".join(shown)


def failure(group: Group, hide: Hide, repeat: str = "") -> str:
    """Show the first violation of a group whole; ``repeat`` is the command that shows it again."""
    return single(group.first, hide, repeat, seen([group], hide))


def seen(groups: Sequence[Group], hide: Hide) -> str:
    """Return how often groups were seen, and at which operations."""
    names = [hidden(one.key.operation, hide) for one in groups]
    count = sum(one.count for one in groups)
    if count == 1:
        return f"once, {names[0]}"
    if len(groups) == 1:
        return f"on {count} exchanges, {names[0]}"
    each = ", ".join(f"{name} {one.count}" for name, one in zip(names, groups, strict=True))
    return f"on {count} exchanges: {each}"


def single(violation: Violation, hide: Hide, repeat: str = "", where: str = "") -> str:
    """Show one violation whole: the field first, then the response with the rest elided."""
    more = [
        ("after", numbered(violation.after, hide) if violation.after else ""),
        *sources(violation),
        ("seen", where),
        ("about", about(violation.rule.id) if violation.rule.id in RULES else ""),
    ]
    shown = [_shown(violation, hide, more)]
    shown.append(line(f"  curl      {curl.command(violation.exchange, hide)}"))
    shown += [line(f"  repeat    {repeat}")] if repeat else []  # whole, so that it can be run
    return "\n".join(shown)


def brief(violation: Violation, hide: Hide, where: str) -> str:
    """Show one violation in a few lines: where, what, and the response."""
    return _shown(violation, hide, [("seen", where)])


def _shown(violation: Violation, hide: Hide, more: Iterable[tuple[str, str]]) -> str:
    lines = [
        ("field", hidden(violation.field, hide)),
        ("expected", hidden(violation.expected, hide)),
        ("received", hidden(str(violation.received), hide)),
        ("fix", FIXES.get(violation.rule.id, "")),
        ("exchange", numbered(violation.exchange, hide)),
        ("response", excerpt(violation, hide)),
        *more,
    ]
    body = (f"  {name:<9} {one_line(value)}" for name, value in lines if value)
    return "\n".join([title(violation), *body])


def excerpt(violation: Violation, hide: Hide) -> str:
    """Return the body of a response on one line: what led to the field, and the rest elided."""
    response, api = violation.exchange.response, violation.exchange.api
    text = hidden(response.text, hide)
    if fields.is_field(violation.field) and len(response.text) <= MOST:
        try:
            value = json.loads(text)
            kept = {api.build.id, api.build.status, api.issued.build_id}
            text = _elided(value, fields.keys(violation.field), kept)
        except (ValueError, RecursionError):
            pass
    return text


def _elided(value: Any, steps: Sequence[str | int], kept: Collection[str]) -> str:
    """Write a JSON value with the members on a path, and those that name it or have a status.

    Where the path ends with a key that is missing, all that is there instead.
    """
    step, below = (steps[0], steps[1:]) if steps else (None, ())
    if isinstance(value, dict):
        members = [
            (key, f"{_scalar(key)}: {_elided(one, below if key == step else (), kept)}")
            for key, one in value.items()
        ]
        is_missing = len(steps) == 1 and step not in value
        shown = [text if is_missing or key == step or key in kept else "" for key, text in members]
        return f"{{{_joined(shown)}}}"
    if isinstance(value, list):
        items = [_elided(one, below, kept) if n == step else "" for n, one in enumerate(value)]
        return f"[{_joined(items)}]"
    return _scalar(value)


def _joined(texts: Iterable[str]) -> str:
    """Join texts, one mark for each row of empty ones."""
    runs = itertools.groupby(texts, key=bool)
    return ", ".join(one for is_shown, run in runs for one in (run if is_shown else ["…"]))


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def numbered(exchange: Exchange, hide: Hide) -> str:
    """Show an exchange on one line, after its number on the tape: ``entries`` count from 0."""
    return f"{exchange.number}: {exchange_line(exchange, hide)}"


def exchange_line(exchange: Exchange, hide: Hide) -> str:
    """Show an exchange on one line, with the status of a build and no more of the body."""
    answer = exchange.response.json
    shown = str(answer.get("status", "")) if isinstance(answer, dict) else ""
    target = exchange.request.url.partition("?")[0]
    target = exchange.request.path if exchange.operation != "upload" else target
    outcome = str(exchange.response.status) if exchange.is_answered else "no response"
    message = hidden(f"{exchange.request.method} {target} → {outcome} {shown}", hide).strip()
    return f"{one_line(message)}  ({line(hide(exchange.intent))})"


def hidden(text: str, hide: Hide) -> str:
    """Return a text that holds what was sent or received, without the secrets."""
    if len(text) <= MOST:
        return hide(text)
    # Half a secret at the cut would not be recognised, so the edge is not shown.
    return f"{hide(text[:MOST])[:-EDGE]}…{hide(text[-MOST:])[EDGE:]}"


def one_line(text: str) -> str:
    """Return a text on one line, escaped; the middle of a long one is cut."""
    flat = line(" ".join(text.split()))
    return flat if len(flat) <= 400 else flat[:300] + " … " + flat[-80:]


def sources(violation: Violation) -> Iterator[tuple[str, str]]:
    """Yield the words that the rule comes from, each under its mark."""
    rule, contract = violation.rule, violation.exchange.api.contract
    for mark, words, where in quoted(rule, contract, violation.source):
        yield mark, f"{words} ({where})" if where else words


def quoted(rule: Rule[Any], contract: Contract, at: str) -> Iterator[tuple[str, str, str]]:
    """Yield the words that a rule comes from: the mark, the words, and where they stand.

    Nothing where the contract has no such words. Where they stand is named once for each place.
    """
    if rule.standard:
        yield "standard", rule.standard, ""
        return
    found, before = fields.quotes(contract, at, rule.quotes), ""
    is_concluded = rule.level is not Level.MUST and {one.mark for one in found} == {"stated"}
    for quote in found:
        where = f"openapi.yaml{quote.pointer}" + (f", {quote.document}" if quote.document else "")
        mark, words = quote.mark, f'"{quote.words}"'
        if is_concluded:
            mark, words = "derived", f"from {words}"
        yield mark, words, where if quote.pointer != before else ""
        before = quote.pointer


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Yield one line for each rule."""
    for verdict in verdicts:
        rule, outcome = verdict.rule, verdict.outcome
        yield f"{rule.id:<3} {rule.level:<6}  {outcome:<14}{count(verdict):>10}  {rule.text}"


def advised(verdicts: dict[str, Verdict], hide: Hide) -> Iterator[str]:
    """Yield one line for what is only advice, at whatever operations, with its standard."""
    for cause in causes(verdicts.values()):
        if cause.outcome is Outcome.ADVISED:
            first, rule = cause.first, cause.verdict.rule
            by = f", by {rule.standard}" if rule.standard else ""
            what = f"{first.field}: {first.received}, expected {first.expected}{by}"
            what += f" ({seen(cause.groups, hide)}; exchange {first.exchange.number})"
            shown = one_line(hidden(what, hide))
            yield f"advised       {rule.id:<4} {shown}"
