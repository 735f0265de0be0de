"""Why a rule about a client cannot be chosen where a server is judged, and what to do instead."""

from __future__ import annotations

from collections.abc import Collection

from ..usage import about, command
from . import TRAFFIC_RULES
from .client import CLIENT_RULES


def excluded(rule: str, known: Collection[str]) -> tuple[str, str] | None:
    """Return the problem and the fix; None for a rule that is known, or about no client."""
    if rule in known:
        return None
    if rule in CLIENT_RULES:
        first, *_, last = CLIENT_RULES
        return (
            f"{rule} is about the generated client, which is judged by all of {first} to {last}",
            f"leave it out: {command('gate')} judges the client too; {about(rule)} shows the rule",
        )
    if rule in TRAFFIC_RULES:
        return (
            f"{rule} is about a client's traffic, and here the requests are not a client's",
            f"leave it out, or {command('proxy', RULE=rule)}; {about(rule)} shows the rule",
        )
    return None
