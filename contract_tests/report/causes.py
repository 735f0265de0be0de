"""Violations as causes: those of one rule at one place, of all operations, are fixed together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..verdicts.judge import Group, Outcome, Verdict, Violation

# What is precise comes first: a general rule, such as P6, is often broken by the same fault.
_ORDER = "TSLP"
_RANKS = {Outcome.VIOLATED: 0, Outcome.ADVISED: 1, Outcome.WAIVED: 2}


@dataclass(frozen=True)
class Cause:
    """Groups of violations of one rule at one place, with one outcome.

    Attributes:
        verdict: The verdict of the rule.
        groups: The groups, one for each operation; at least one.

    """

    verdict: Verdict
    groups: Sequence[Group]

    @property
    def first(self) -> Violation:
        """The violation that came first."""
        return min((one.first for one in self.groups), key=lambda one: one.exchange.number)

    @property
    def outcome(self) -> Outcome:
        """Violated, advised, or waived."""
        return self.groups[0].outcome

    @property
    def fails(self) -> bool:
        """Whether it fails a run: it is neither advised nor waived."""
        return self.outcome is Outcome.VIOLATED

    @property
    def count(self) -> int:
        """On how many exchanges it was found."""
        return sum(one.count for one in self.groups)


def causes(verdicts: Iterable[Verdict]) -> list[Cause]:
    """Return the causes: what fails a run first, the specific rules before the general ones."""
    made = [Cause(verdict, groups) for verdict in verdicts for groups in _alike(verdict).values()]
    return sorted(made, key=lambda one: (_RANKS[one.outcome], precision(one.verdict.rule.id)))


def _alike(verdict: Verdict) -> dict[object, list[Group]]:
    found: dict[object, list[Group]] = {}
    for group in verdict.groups.values():
        found.setdefault((group.key.place, group.outcome, group.key.waiver), []).append(group)
    return found


def precision(rule: str) -> int:
    """Return how general a rule is: the larger, the later it is shown."""
    return _ORDER.find(rule[0]) if rule[0] in _ORDER else len(_ORDER)
