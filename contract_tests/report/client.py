"""The verdicts on the generated client, as texts."""

from __future__ import annotations

from ..verdicts.judge import CallGroup, ClientVerdict
from .text import one_line


def failure(verdict: ClientVerdict) -> str:
    """Show the first violation of each group."""
    return "\n\n".join(_failure(verdict, group) for group in verdict.groups.values())


def _failure(verdict: ClientVerdict, group: CallGroup) -> str:
    rule, call, broken = verdict.rule, group.call, group.broken
    lines = [
        f"{rule.id} {rule.level}  {rule.text}",
        f"  field     {broken.at}",
        f"  expected  {broken.expected}",
        f"  received  {one_line(str(broken.received))}",
        f"  call      {call.operation}, answered with {call.intent}",
        f"  seen      {'once' if group.count == 1 else f'on {group.count} calls'}",
    ]
    return "\n".join(lines)
