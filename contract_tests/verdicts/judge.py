"""Verdicts as data: what each rule found on a tape. Reports turn them into text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from ..contract import fields
from ..rules import Broken, Held, Rule, Shown
from ..rules.client import CLIENT_RULES, ClientRule
from ..tape.call import Call
from ..tape.exchange import Exchange
from ..tape.history import History
from ..tape.tape import Record
from .waivers import Waiver


@dataclass(frozen=True)
class Violation:
    """One field of one exchange that breaks a rule.

    Attributes:
        after: The last exchange before it that may have changed the build, or None.
        waiver: The narrowest waiver that covers it, or None. The judge finds it.
        is_advice: Whether its rule is above the level up to which a violation fails a run.

    """

    rule: Rule[Any]
    broken: Broken
    exchange: Exchange
    after: Exchange | None = None
    waiver: Waiver | None = None
    is_advice: bool = False

    @property
    def outcome(self) -> Outcome:
        """Violated, advised, or waived."""
        if self.waiver:
            return Outcome.WAIVED
        return Outcome.ADVISED if self.is_advice else Outcome.VIOLATED

    @property
    def operation(self) -> str:
        """The operation, ``upload``, or the method and the path where the contract has none."""
        request = self.exchange.request
        path = self.exchange.template or request.path
        return self.exchange.operation or f"{request.method} {path}"

    @property
    def field(self) -> str:
        """The field that failed, as a JSON path with indexes; or another part of the response."""
        return self.broken.at

    @property
    def place(self) -> str:
        """The field, with ``[*]`` for each index."""
        return fields.place(self.field)

    @property
    def expected(self) -> str:
        """What the rule requires there."""
        return self.broken.expected

    @property
    def received(self) -> str | Shown:
        """What was there."""
        return self.broken.received

    @property
    def source(self) -> str:
        """Where the contract describes the field that failed, as a JSON pointer.

        Where it does not, or not with the words that the rule quotes, or where the rule comes from
        elsewhere: the source of the rule.
        """
        if self.rule.quotes_itself:
            return self.rule.source
        contract, status = self.exchange.api.contract, self.exchange.response.status
        found = fields.pointer(contract, self.exchange.operation, status, self.field)
        quotes = self.rule.quotes
        if found is None or len(fields.quotes(contract, found, quotes)) < len(quotes):
            return self.rule.source
        return found

    @property
    def key(self) -> Key:
        """What it has in common with the violations that have the same cause."""
        status = self.exchange.response.status if fields.is_field(self.field) else None
        return Key(self.rule.id, self.operation, self.place, status, self.waiver)


class Outcome(StrEnum):
    """What became of a rule, or of a group of its violations."""

    VIOLATED = "violated"
    ADVISED = "advised"
    """Violated, by a rule that is above the level which fails a run."""
    WAIVED = "waived"
    PASSED = "passed"
    NOT_OBSERVED = "not observed"
    """No traffic touched the rule: it has not passed."""
    NOT_APPLICABLE = "not applicable"
    """The rule asks for what a server of this kind cannot have: it was not judged."""

    @classmethod
    def of(cls, found: Collection[Outcome], observed: int) -> Outcome:
        """Return what became of a rule by its groups of violations: a single one violates it."""
        for worst in (cls.VIOLATED, cls.ADVISED, cls.WAIVED):
            if worst in found:
                return worst
        return cls.PASSED if observed else cls.NOT_OBSERVED


class Key(NamedTuple):
    """What the violations of a group have in common.

    ``status`` is that of the response where a field of its body failed, since each status has a
    body of its own; else None. A group is waived as a whole, or not at all.
    """

    rule: str
    operation: str
    place: str
    status: int | None
    waiver: Waiver | None


@dataclass
class Group:
    """The violations of one rule at one place of one operation.

    Attributes:
        first: The first of them.
        count: On how many exchanges it was found.

    """

    key: Key
    first: Violation
    count: int = 0

    @property
    def outcome(self) -> Outcome:
        """Violated, advised, or waived."""
        return self.first.outcome


@dataclass
class Verdict:
    """What one rule found on a tape.

    Attributes:
        observed: On how many exchanges the rule was observed.
        broken: On how many of them it was broken.
        violations: One for each exchange and place, waived or not.
        groups: The same, grouped.
        waivers: Those of the rule.
        used: Those of them that cover a violation.
        where: On how many exchanges of each operation and status code the rule was observed.
        not_applicable: Why the rule is not judged, or an empty text.

    """

    rule: Rule[Any]
    waivers: tuple[Waiver, ...] = ()
    not_applicable: str = ""
    observed: int = 0
    broken: int = 0
    violations: list[Violation] = field(default_factory=list)
    groups: dict[Key, Group] = field(default_factory=dict)
    used: set[Waiver] = field(default_factory=set)
    where: Counter[tuple[str | None, int]] = field(default_factory=Counter)

    @property
    def outcome(self) -> Outcome:
        """What became of the rule: violated if a single group is not waived."""
        if self.not_applicable:
            return Outcome.NOT_APPLICABLE
        return Outcome.of([group.outcome for group in self.groups.values()], self.observed)

    def unneeded(self, exchanges: Iterable[Exchange]) -> list[Waiver]:
        """Return the waivers without a violation, though the rule was observed where they apply.

        For a waiver of a path: on a response that had what the last key of the path stands in.
        """
        idle = [
            one
            for one in self.waivers
            if one not in self.used and any(one.concerns(*place) for place in self.where)
        ]
        seen = list(exchanges) if idle else []
        return [one for one in idle if any(map(one.could_cover, seen))]

    def add(self, found: Iterable[Violation]) -> list[Group]:
        """Add what was found on one exchange; return the groups that are new."""
        at_once = {one.key: one for one in reversed([self._waived(one) for one in found])}
        new = [Group(key, one) for key, one in at_once.items() if key not in self.groups]
        self.groups |= {group.key: group for group in reversed(new)}
        for key in at_once:
            self.groups[key].count += 1
        self.violations += reversed(at_once.values())
        self.broken += bool(at_once)
        return new[::-1]

    def _waived(self, violation: Violation) -> Violation:
        """Return a violation with the waiver that covers it, if there is one."""
        exchange = violation.exchange
        covering = [
            one
            for one in self.waivers
            if one.covers(exchange.operation, exchange.response.status, violation.place)
        ]
        self.used |= set(covering)
        waiver = max(covering, key=lambda one: one.narrowness, default=None)
        return replace(violation, waiver=waiver)


class Judge:
    """Checks each exchange against all rules as it comes, and keeps their verdicts.

    ``announce`` is called with the first violation of each rule at each place, of any operation.
    A rule above ``level`` is checked, and what violates it is advised. ``excused`` returns why a
    rule does not apply to the server, or an empty text.
    """

    def __init__(
        self,
        rules: Iterable[Rule[Any]],
        waivers: Iterable[Waiver] = (),
        level: str = "should",
        excused: Callable[[Rule[Any]], str] = lambda _: "",
    ) -> None:
        self._level = level
        self._excused = excused
        self.waivers = tuple(waivers)
        self.verdicts = {rule.id: self._verdict(rule) for rule in rules}
        self.announce: Callable[[Violation], None] | None = None
        self._announced: set[tuple[str, str, Waiver | None]] = set()

    def see(self, history: Record) -> list[Violation]:
        """Judge the newest exchange of a history; return what it violates.

        An exchange without a response is evidence for those that follow, and violates no rule
        about a server. Calls are for ``ClientJudge``.
        """
        if isinstance(history, Call):
            return []
        found: list[Violation] = []
        is_answered = history.last.is_answered
        subjects: dict[Callable[[History], Iterable[Any]], list[Any]] = {}
        for verdict in self.verdicts.values():
            rule = verdict.rule
            if verdict.not_applicable or not (is_answered or rule.is_of_client):
                continue
            of = subjects.get(rule.over)
            if of is None:  # many rules are over the same
                of = subjects[rule.over] = list(rule.over(history))
            if of and (judged := rule.apply(of)):
                found += self.add(verdict, history, judged)
        return found

    def take(self, rule: Rule[Any]) -> Verdict:
        """Return the verdict of a rule; judge by it from now on, if this judge has not yet."""
        return self.verdicts.setdefault(rule.id, self._verdict(rule))

    def add(
        self, verdict: Verdict, history: History, judged: Sequence[Held | Broken]
    ) -> list[Violation]:
        """Add a rule's judgements of the newest exchange; return its violations, one a place."""
        last = history.last
        verdict.observed += 1
        verdict.where[last.operation, last.response.status] += 1
        broken = [one for one in judged if isinstance(one, Broken)]
        if not broken:
            return []
        cause, before = history.cause, len(verdict.violations)
        is_advice = not verdict.rule.level.fails(self._level)
        found = [Violation(verdict.rule, one, last, cause, None, is_advice) for one in broken]
        for group in verdict.add(found):
            place = (verdict.rule.id, group.key.place, group.key.waiver)
            if self.announce and not is_advice and place not in self._announced:
                self.announce(group.first)
            self._announced.add(place)
        return verdict.violations[before:]

    @property
    def violated(self) -> list[Verdict]:
        """The verdicts that are violated: neither waived nor advised."""
        return [one for one in self.verdicts.values() if one.outcome is Outcome.VIOLATED]

    def _verdict(self, rule: Rule[Any]) -> Verdict:
        waivers = tuple(one for one in self.waivers if one.rule == rule.id)
        return Verdict(rule, waivers, self._excused(rule))


@dataclass
class CallGroup:
    """The violations of one rule at one place of one operation, by calls of a client.

    Attributes:
        call: The first call that breaks the rule there.
        broken: How it does.
        count: How many calls do.

    """

    call: Call
    broken: Broken
    count: int = 0


@dataclass
class ClientVerdict:
    """What one rule found on the calls of a client.

    Attributes:
        calls: How many calls there were.
        observed: On how many of them the rule could be checked.
        groups: The violations by operation and place.

    """

    rule: ClientRule
    calls: int = 0
    observed: int = 0
    groups: dict[tuple[str, str], CallGroup] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """What became of the rule."""
        return Outcome.of([Outcome.VIOLATED] * len(self.groups), self.observed)

    def see(self, call: Call) -> None:
        """Judge one call."""
        judgement = self.rule.judge(call)
        self.calls += 1
        self.observed += judgement is not None
        if isinstance(judgement, Broken):
            key = call.operation, fields.place(judgement.at)
            self.groups.setdefault(key, CallGroup(call, judgement)).count += 1


class ClientJudge:
    """Checks each call of a client against the client rules, and keeps their verdicts."""

    def __init__(self) -> None:
        self.verdicts = {rule.id: ClientVerdict(rule) for rule in CLIENT_RULES.values()}

    def see(self, record: Record) -> None:
        """Judge a call. Exchanges are for ``Judge``."""
        if isinstance(record, Call):
            for verdict in self.verdicts.values():
                verdict.see(record)
