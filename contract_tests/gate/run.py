"""A run of the gate as data: its target, tape and verdicts, and what it spent and cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

from ..drivers.http.pace import Pace
from ..drivers.http.reachability import Reachability
from ..drivers.http.transport import Endpoint
from ..drivers.images import OwnImages
from ..drivers.journal import Journal
from ..drivers.schemathesis import result as fuzz
from ..problems import Problem
from ..redaction import Redaction
from ..rules.protocol import NOT_OFFERED
from ..tape.exchange import UPLOAD, Credential, Exchange
from ..tape.tape import Tape
from ..usage import setting
from ..verdicts import coverage
from ..verdicts.judge import Judge, Verdict
from ..verdicts.waivers import Waiver
from .cleanup import Cleaned, shown
from .plan import planned
from .target import Target

NO_RESPONSE = "no response"
FEEDING = "feeding"
"""The driver's name of the builds that are made for schemathesis."""


def _discard(_: str) -> None:
    """Discard progress messages."""


class Cut(NamedTuple):
    """What a spent budget cut off.

    Attributes:
        step: What was not done, or not to its end.
        reason: Which budget is spent.
        budget: The name of its setting, or an empty text.

    """

    step: str
    reason: str
    budget: str

    def __str__(self) -> str:
        return f"{self.step}: {self.reason}"


@dataclass
class Run:
    """A run, and what it has to show at any time.

    Attributes:
        title: Whose traffic it judges.
        at: Where requests go; by default the endpoint of the target.
        spent: Requests and seconds of each driver.
        cut: What budgets cut off.
        fuzzed: What schemathesis has to say, once it ran.
        problem: Why the run ended early, or None.
        is_interrupted: Whether somebody stopped it.
        is_finished: Whether every driver had its turn, though a budget may have cut it short.
        refused: Hosts that got no upload, each with the reason why the policy refuses it.
        journals: The folder for the journal of a target's run; None keeps no journal.
        cleaned: What came of the images that the run made, once it has deleted them.

    """

    title: ClassVar[str] = "server"
    target: Target
    report: Callable[[str], None] = _discard
    at: InitVar[Endpoint | None] = None
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    cut: list[Cut] = field(default_factory=list)
    fuzzed: fuzz.Result | None = None
    problem: Problem | None = None
    is_interrupted: bool = False
    is_finished: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    journals: Path | None = None
    cleaned: Cleaned | None = None

    def __post_init__(self, at: Endpoint | None) -> None:
        self.endpoint = at or self.target.endpoint()
        self.reach = Reachability()
        self.own = OwnImages(
            is_private=self.target.url is not None, is_kept=not self.target.cleans_up
        )
        if self.target.url and self.journals:
            self.own.journal = Journal(self.journals, self.endpoint.base_url, self.own.name)
        self.tape = self.new_tape()
        self.redaction = Redaction(self.tape, headers=self.target.headers, proxy=self.target.proxy)
        target = self.target
        self.judge = Judge(target.rules, target.waivers, target.level, target.excuse)
        self.tape.subscribe(self.judge.see)
        budget = self.target.budget
        # The run keeps to its plan, whatever the server accepts.
        most = planned(self.target).most_builds
        clock = self.endpoint.clock
        self.pace = Pace(most, budget.requests, budget.rate, budget.deadline, clock)

    def new_tape(self) -> Tape:
        """Return the tape. What others do to a given build is not on it."""
        is_stateless = self.target.is_stateless
        return Tape(
            self.target.token,
            is_whole=self.target.build_id is None and not is_stateless,
            is_live=not is_stateless,
            stuck_after=self.target.stuck_after,
            takes_any_token=is_stateless,
        )

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by rule id."""
        return self.judge.verdicts

    @property
    def cells(self) -> Counter[coverage.Cell]:
        """The cells of the matrix that were observed, and how often."""
        return coverage.observed(self.tape.exchanges)

    @property
    def uploads(self) -> Counter[str]:
        """What came of the uploads: status codes and ``no response``, and how often."""
        return Counter(map(outcome, self.tape.of(UPLOAD)))

    @property
    def not_deleted(self) -> str | None:
        """Why no delete succeeded, or None if one did. That is not a failure by itself."""
        if self.target.build_id:
            return "not sent: nothing is deleted beside a given build"
        sent = self._deletes
        if any(one.has_deleted for one in sent):
            return None
        if not sent:
            kept = setting("CLEANUP", "off") if self.own.is_kept else "see what is left behind"
            return f"not sent: {kept if self.own.made else 'the run made no image'}"
        codes = ", ".join(sorted({outcome(one) for one in sent}))
        if self.no_delete:
            return f"not applicable: the server does not offer it ({codes})"
        return f"no success: {codes}"

    @property
    def no_delete(self) -> str:
        """Why the server is known not to offer delete, or an empty text."""
        sent = self._deletes
        if not sent or any(one.response.status not in NOT_OFFERED for one in sent):
            return ""
        return f"{outcome(sent[0])}: the server does not offer delete"

    @property
    def _deletes(self) -> list[Exchange]:
        deletes = self.tape.of(self.tape.api.delete)
        return [one for one in deletes if one.request.credential is Credential.VALID]

    @property
    def without_response(self) -> list[Exchange]:
        """The requests to the API that got no response."""
        exchanges = self.tape.exchanges
        return [one for one in exchanges if not one.is_answered and one.operation != UPLOAD]

    @property
    def unanswered(self) -> Counter[str]:
        """How often each operation of the API came without a response; the rest is ``other``."""
        return Counter(one.operation or "other" for one in self.without_response)

    @property
    def completed(self) -> int:
        """How many builds were seen to complete."""
        done = (one for one in self.tape.exchanges if one.rows)
        return len({one.build_id for one in done if one.rows[0].phase == "succeeded"})

    @property
    def initiated(self) -> tuple[list[str], list[str]]:
        """The builds that were initiated, and those of them that may be started."""
        issued = dict.fromkeys(
            one.build_id for one in self.tape.of(self.tape.api.initiate) if one.succeeded
        )
        starts = [
            one
            for one in self.tape.exchanges
            if one.is_valid_start and (one.succeeded or not one.is_answered)
        ]
        started = {one.build_id for one in starts}
        known = [one for one in issued if one is not None]
        return known, [one for one in known if one in started]

    @property
    def is_of_a_mock(self) -> bool:
        """Whether nothing is left behind: by its profile and its responses, nothing is kept."""
        return self.target.is_stateless and any(one.succeeded for one in self.of_absent_builds)

    @property
    def of_absent_builds(self) -> list[Exchange]:
        """The requests for the status of builds that do not exist, with the valid token."""
        return [
            one
            for one in self.tape.of(self.tape.api.status)
            if one.is_absent and one.request.credential is Credential.VALID
        ]

    @property
    def left_behind(self) -> tuple[list[str], list[str]]:
        """The builds of ``initiated`` whose images are not known to be gone."""
        all_, started = ([one for one in some if one not in self.own.gone]
                         for some in self.initiated)  # fmt: skip
        return all_, started

    @property
    def images_left_behind(self) -> dict[str, str]:
        """The images that may be left, as name and tag, each with the reason.

        Those of another name are of bodies that a server had to refuse: nothing deletes them.
        """
        if self.is_of_a_mock:
            return {}
        why = self.cleaned.left if self.cleaned else {}
        kept = f"{setting('CLEANUP', 'off')}" if self.own.is_kept else "not tried"
        left = {shown(self.own.name, one): why.get(one, kept) for one in self.own.made}
        issued = (one for one in self.tape.of(self.tape.api.initiate) if one.issued)
        for name, tag in filter(None, (one.names for one in issued)):
            if name != self.own.name or not isinstance(tag, str):
                left.setdefault(f"{name}:{tag}", "no name of this run")
        return left

    @property
    def clean_up(self) -> str:
        """The command that deletes what is left behind; empty where none can."""
        if not self.own.made or self.own.journal is None or self.no_delete:
            return ""
        return self.target.clean_up(self.own.journal.folder)

    @property
    def ended(self) -> str:
        """How it ended: complete, interrupted, or cut by a budget or by the server."""
        if self.is_interrupted:
            return "interrupted"
        return "complete" if self.is_finished and not self.cut else "cut"

    @property
    def reasons(self) -> list[str]:
        """What cut it, and where; without secrets."""
        problem = [self.problem.what] if self.problem else []
        return [self.redaction(one) for one in (*map(str, self.cut), *problem)]

    @property
    def unneeded(self) -> list[Waiver]:
        """The waivers that cover no violation, though there was something that they apply to."""
        exchanges = self.tape.exchanges
        return [one for verdict in self.verdicts.values() for one in verdict.unneeded(exchanges)]

    @property
    def passed(self) -> bool:
        """Whether nothing fails it: a violation, a waiver without need, what is required.

        A budget that cuts a run does not fail it; a server that cannot be reached any more does.
        """
        failed = self.judge.violated or self.unneeded or self.missing or self.problem
        return not (failed or self.is_interrupted)

    @property
    def notes(self) -> Iterable[str]:
        """What is to be shown beside, one line each."""
        return ()

    @property
    def exceeded(self) -> list[str]:
        """The thresholds of a load run that are exceeded, and by what."""
        return []

    @property
    def missing(self) -> list[str]:
        """What REQUIRE names, and was not observed."""
        return [one for one in self.target.require if not self._observed(one)]

    def _observed(self, required: str) -> bool:
        if required in self.verdicts:
            return bool(self.verdicts[required].observed)
        if required == self.tape.api.delete:
            return any(one.has_deleted for one in self._deletes)
        if required in self.tape.api.contract.operations:
            return bool(self.tape.successes()[required])
        return any(coverage.matches(required, cell) for cell in self.cells)


def outcome(exchange: Exchange) -> str:
    """Return the status code of an exchange, or that there was no response."""
    return str(exchange.response.status) if exchange.is_answered else NO_RESPONSE
