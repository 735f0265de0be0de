"""Checks recorded traffic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .drivers.har import reader
from .drivers.har.replay import Replayed, replay
from .drivers.proxy import DRIVER
from .problems import Problem
from .rules import RULES, TRAFFIC_RULES, Rule, chosen
from .usage import command, setting
from .verdicts.judge import Judge, Verdict

EVERY_RULE = RULES | TRAFFIC_RULES


class Judged(NamedTuple):
    """A recording with its verdicts.

    Attributes:
        of_run: RULE and LEVEL of the run that wrote the file, where it was judged by them.

    """

    replayed: Replayed
    verdicts: dict[str, Verdict]
    of_run: dict[str, str]


def judged(
    file: str,
    rules: list[Rule[Any]],
    level: str | None = None,
    known: Mapping[str, Rule[Any]] = EVERY_RULE,
) -> Judged:
    """Check a file by some rules; what rules weaker than a level find is advised.

    No rules are those of the run that wrote the file, as far as they are known; or all that fit:
    those about a server, and where ``make proxy`` wrote the file, those about a client too. The
    level is by default that of the run, or ``should``.

    Raises ``Problem`` if it cannot be judged, or no rule could be observed in it.
    """
    if not file:
        raise Problem("no recording was named", command("judge", HAR="FILE"))
    har = reader.read(Path(file))
    excused, of_run = har.own.excused if har.own else {}, dict[str, str]()
    if har.own and har.own.rules and not rules:
        rules = _of_run(file, har.own.rules, known)
        of_run["RULE"] = ",".join(one.id for one in rules)
    if har.own and level is None and har.own.level != "should":
        of_run["LEVEL"] = har.own.level
    level = level or (har.own.level if har.own else "should")
    if not rules:
        fit = EVERY_RULE if _is_of_a_client(har) else RULES
        rules = [rule for name, rule in fit.items() if name in known]
    judge = Judge(rules, level=level, excused=lambda rule: excused.get(rule.id, ""))
    replayed, verdicts = replay(har, judge.see), judge.verdicts
    if not any(verdict.observed for verdict in verdicts.values()):
        raise Problem(
            f"nothing to judge: none of {len(verdicts)} rules could be observed on "
            f"{replayed.judged} exchanges",
            "record a build from initiate to its end, with content; ask for more rules",
        )
    return Judged(replayed, verdicts, of_run)


def _of_run(file: str, ids: Collection[str], known: Mapping[str, Rule[Any]]) -> list[Rule[Any]]:
    """Return the rules of the run that wrote a file."""
    if unknown := [one for one in ids if one not in EVERY_RULE]:
        raise Problem(
            f"{file} is of a run by rules that are unknown here: {', '.join(unknown)}",
            f"use the version that wrote it, or {setting('RULE', 'T5')}",
        )
    if not (rules := chosen(ids, known)):
        raise Problem(
            f"{file} is of a run by rules about a client alone: {', '.join(ids)}",
            f"see what they find, by {command('judge', HAR=file)}; or {setting('RULE', 'T5')}",
        )
    return rules


def _is_of_a_client(har: reader.Har) -> bool:
    owns = [one.own for one in har.entries if isinstance(one, reader.HarEntry)]
    return any(own is not None and own.driver == DRIVER for own in owns)
