"""The generated client is held to the contract: calls, answered by respx, one verdict per rule."""

from __future__ import annotations

import pytest

from .rules import Broken
from .rules.client import CLIENT_RULES, Call


@pytest.mark.parametrize("rule", list(CLIENT_RULES))
def test_rule(rule: str, client_calls: list[Call]) -> None:
    """The rule was observed on some call, and no call breaks it."""
    judged = [(call, CLIENT_RULES[rule].judge(call)) for call in client_calls]
    broken = [(call, found) for call, found in judged if isinstance(found, Broken)]

    if broken:
        call, found = broken[0]
        lines = [
            f"{rule} MUST  {CLIENT_RULES[rule].text}",
            f"  at        {found.at}",
            f"  expected  {found.expected}",
            f"  received  {found.received}",
            f"  call      {call.operation}, answered with {call.title}",
            f"  and {len(broken) - 1} more like it" if len(broken) > 1 else "",
        ]
        pytest.fail("\n".join(filter(None, lines)), pytrace=False)

    assert any(found is not None for _, found in judged), f"{rule} was never observed"
