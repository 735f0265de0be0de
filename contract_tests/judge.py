"""Checks recorded traffic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .drivers.har import reader
from .drivers.har.replay import Replayed, replay
from .drivers.proxy import DRIVER
from .problems import Problem
from .rules import RULES, TRAFFIC_RULES, Rule
from .usage import command
from .verdicts.judge import Judge, Verdict


def judged(
    file: str, rules: list[Rule[Any]], level: str | None = None
) -> tuple[Replayed, dict[str, Verdict]]:
    """Check a file by some rules; what rules weaker than a level find is advised.

    No rules are all that fit: those about a server, and where ``make proxy`` wrote the file, those
    about a client too. The level is by default that of the run that wrote the file, or ``should``.

    Raises ``Problem`` if it cannot be judged, or no rule could be observed in it.
    """
    if not file:
        raise Problem("no recording was named", command("judge", HAR="FILE"))
    har = reader.read(Path(file))
    excused = har.own.excused if har.own else {}
    level = level or (har.own.level if har.own else "should")
    rules = rules or [*RULES.values(), *(TRAFFIC_RULES.values() if _is_of_a_client(har) else ())]
    judge = Judge(rules, level=level, excused=lambda rule: excused.get(rule.id, ""))
    replayed, verdicts = replay(har, judge.see), judge.verdicts
    if not any(verdict.observed for verdict in verdicts.values()):
        raise Problem(
            f"nothing to judge: none of {len(verdicts)} rules could be observed on "
            f"{replayed.judged} exchanges",
            "record a build from initiate to its end, with content; ask for more rules",
        )
    return replayed, verdicts


def _is_of_a_client(har: reader.Har) -> bool:
    owns = [one.own for one in har.entries if isinstance(one, reader.HarEntry)]
    return any(own is not None and own.driver == DRIVER for own in owns)
