"""The verdicts on the generated client, as texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .. import fields
from ..rules import Broken
from ..rules.client import CLIENT_RULES, Call


@dataclass(frozen=True)
class ClientVerdict:
    """What one rule says of the calls of a client.

    Attributes:
        calls: How many calls there were.
        observed: On how many of them the rule could be checked.
        failure: The first violation of each operation and place, whole; None without any.

    """

    calls: int
    observed: int
    failure: str | None


def judged(calls: Sequence[Call]) -> dict[str, ClientVerdict]:
    """Judge calls by every rule over clients."""
    return {rule: _judged(rule, calls) for rule in CLIENT_RULES}


def _judged(rule: str, calls: Sequence[Call]) -> ClientVerdict:
    found = [(call, CLIENT_RULES[rule].judge(call)) for call in calls]
    observed = sum(judgement is not None for _, judgement in found)
    broken = [(call, judgement) for call, judgement in found if isinstance(judgement, Broken)]
    groups = Counter((call.operation, fields.place(one.at)) for call, one in broken)
    shown = []
    for (operation, place), count in groups.items():
        call, first = next(
            (call, one)
            for call, one in broken
            if (call.operation, fields.place(one.at)) == (operation, place)
        )
        lines = [
            f"{rule} MUST  {CLIENT_RULES[rule].text}",
            f"  field     {first.at}",
            f"  expected  {first.expected}",
            f"  received  {first.received}",
            f"  call      {call.operation}, answered with {call.title}",
            f"  seen      {'once' if count == 1 else f'on {count} calls'}",
        ]
        shown.append("\n".join(lines))
    return ClientVerdict(len(calls), observed, "\n\n".join(shown) or None)
