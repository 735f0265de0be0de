"""The verdicts on the generated client, as texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..rules import Broken
from ..rules.client import CLIENT_RULES, Call


@dataclass(frozen=True)
class ClientVerdict:
    """What one rule says of the calls of a client.

    Attributes:
        calls: How many calls there were.
        observed: On how many of them the rule could be checked.
        failure: The first violation, whole, and how many more there are; None without any.

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
    failure = None
    if broken:
        call, first = broken[0]
        lines = [
            f"{rule} MUST  {CLIENT_RULES[rule].text}",
            f"  at        {first.at}",
            f"  expected  {first.expected}",
            f"  received  {first.received}",
            f"  call      {call.operation}, answered with {call.title}",
            f"  and {len(broken) - 1} more like it" if len(broken) > 1 else "",
        ]
        failure = "\n".join(filter(None, lines))
    return ClientVerdict(len(calls), observed, failure)
