"""The bodies of the corpus, and what each judge makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ...contract.api import START, STATUS
from ...escape import line, lines
from ...gate.corpus import Judged
from ...payloads import Payload
from ...rules import Level
from .. import text
from .body import Line, body

AGREED, DISAGREED = "agree", "disagree"


@dataclass(frozen=True)
class Opinion:
    """What one judge makes of a body; ``why`` is empty where it accepts it as it is."""

    judge: str
    is_refused: bool
    why: str


@dataclass(frozen=True)
class Shown:
    """One body. Texts are escaped for one line.

    Attributes:
        outcome: Whether the judges agree.
        operations: The operations that return it.
        media_type: Its content type where that is another than application/json.
        rules: The ids of the rules that it breaks.
        opinions: The corpus first, then each judge.

    """

    title: str
    outcome: str
    operations: list[str]
    media_type: str
    rules: list[str]
    opinions: list[Opinion]
    lines: list[Line]


def bodies(judged: Sequence[Judged]) -> list[Shown]:
    """Return the bodies; those that the judges disagree on come first."""
    return [_shown(one) for one in sorted(judged, key=lambda one: one.is_agreed)]


def _shown(one: Judged) -> Shown:
    payload = one.payload
    return Shown(
        line(payload.title),
        AGREED if one.is_agreed else DISAGREED,
        [START, STATUS] if payload.operation == STATUS else [payload.operation],
        "" if payload.media_type == "application/json" else payload.media_type or "none",
        [rule.id for rule, _ in one.broken],
        [*_opinions(one)],
        _lines(payload),
    )


def _lines(payload: Payload) -> list[Line]:
    """Return a body in lines; as it is sent where that is its point, as an escaped letter."""
    content = payload.content.decode("utf-8", "backslashreplace")
    try:
        is_plain = json.dumps(json.loads(content)) == content
    except (ValueError, RecursionError):
        is_plain = False
    if is_plain:
        return body(content, str, [payload.at or ""])
    return [Line(one) for one in lines(content).split("\n")] if content else []


def _opinions(one: Judged) -> list[Opinion]:
    payload = one.payload
    rules = "; ".join(
        f"{rule.id} {rule.level}{'' if rule.level is Level.MUST else ' (no client refuses that)'} "
        f"at {broken.at}: expected {broken.expected}, received {broken.received}"
        for rule, broken in one.broken
    )
    expected = " at ".join(filter(None, (payload.rule, payload.at)))
    found = [
        Opinion("corpus", payload.is_refused, expected),
        Opinion("schema", bool(one.invalid), text.one_line(one.invalid)),
        Opinion("rules", one.is_refused_by_rules, text.one_line(rules)),
    ]
    outcomes: dict[tuple[bool, str], list[str]] = {}
    for call in one.calls:
        shown = f"{call.raised}: {call.message}" if call.raised else ""
        outcomes.setdefault((call.raised is not None, shown), []).append(call.operation)
    for (is_refused, why), operations in outcomes.items():
        which = ", ".join(dict.fromkeys(operations)) if len(outcomes) > 1 else ""
        found.append(Opinion(f"client {which}".strip(), is_refused, text.one_line(why)))
    return found
