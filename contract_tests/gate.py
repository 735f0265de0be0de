"""One run of the gate over a server: the drivers in turn, one tape, one judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple

from . import findings, hollow, matrix, planning
from .contract import INITIATE
from .drivers import fuzz, lifecycles
from .drivers.pace import BudgetSpent, Pace
from .drivers.reach import GoneError, Reach
from .drivers.script import BUILD, Script
from .drivers.transport import Endpoint, Limits
from .drivers.wire import Wire
from .exchange import UPLOAD, Exchange
from .front import setting
from .planning import SCRIPT
from .problems import Problem
from .report.redaction import Redaction
from .tape import Tape
from .target import GateError, Target
from .verdict import Judge, Verdict, Violation

FUZZ = fuzz.DRIVER
PREFLIGHT = "contract-gate-preflight"


def _untold(_: str) -> None:
    """Tell nobody."""


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
        at: Where requests go; by default where the target says.
        spent: Requests and seconds of each driver.
        cut: What budgets cut off.
        fuzzed: What schemathesis has to say, once it ran.
        problem: Why the run ended early, or None.
        is_interrupted: Whether somebody stopped it.
        is_finished: Whether every driver had its turn, though a budget may have cut it short.

    """

    target: Target
    announce: Callable[[Violation], None] | None = None
    tell: Callable[[str], None] = _untold
    limits: Limits = field(default_factory=Limits)
    at: InitVar[Endpoint | None] = None
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    cut: list[Cut] = field(default_factory=list)
    fuzzed: fuzz.Result | None = None
    problem: Problem | None = None
    is_interrupted: bool = False
    is_finished: bool = False

    def __post_init__(self, at: Endpoint | None) -> None:
        self.endpoint = at or self.target.endpoint(self.limits)
        self.reach = Reach()
        # What others do to a given build is not on the tape.
        self.tape = Tape(self.target.token, is_whole=self.target.build_id is None)
        self.redaction = Redaction(self.tape, headers=self.target.headers)
        self.judge = Judge(self.target.rules, self.announce, self.target.waivers)
        self.tape.subscribe(self.judge.see)
        budget = self.target.budget
        # The run keeps to its plan, whatever the server accepts.
        most = planning.planned(self.target).most_builds
        clock = self.endpoint.clock
        self.pace = Pace(most, budget.requests, budget.rate, budget.deadline, clock)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by rule id."""
        return self.judge.verdicts

    @property
    def cells(self) -> Counter[matrix.Cell]:
        """The cells of the matrix that were observed, and how often."""
        return matrix.observed(self.tape.exchanges)

    @property
    def uploads(self) -> Counter[str]:
        """What came of the uploads: status codes and ``no response``, and how often."""
        return Counter(map(outcome, self.tape.of(UPLOAD)))

    @property
    def unanswered(self) -> Counter[str]:
        """How often each operation of the API came without a response; the rest is ``other``."""
        lost = [one for one in self.tape.exchanges if not one.is_answered]
        return Counter(one.operation or "other" for one in lost if one.operation != UPLOAD)

    @property
    def completed(self) -> int:
        """How many builds were seen to complete."""
        done = (one for one in self.tape.exchanges if one.rows)
        return len({one.build_id for one in done if one.rows[0].phase == "succeeded"})

    @property
    def left_behind(self) -> tuple[list[str], list[str]]:
        """The builds that were initiated and left, and those of them that may be started."""
        issued = dict.fromkeys(one.build_id for one in self.tape.of(INITIATE) if one.succeeded)
        starts = [
            one
            for one in self.tape.exchanges
            if one.is_valid_start and (one.succeeded or not one.is_answered)
        ]
        started = {one.build_id for one in starts}
        known = [one for one in issued if one is not None]
        return known, [one for one in known if one in started]

    @property
    def missing(self) -> list[str]:
        """What REQUIRE names, and was not observed."""
        cells = self.cells
        return [
            one
            for one in self.target.require
            if not (
                self.verdicts[one].observed
                if one in self.verdicts
                else any(matrix.matches(one, cell) for cell in cells)
            )
        ]


def outcome(exchange: Exchange) -> str:
    """Return the status code of an exchange, or that there was no response."""
    return str(exchange.response.status) if exchange.is_answered else hollow.NO_RESPONSE


def run(
    target: Target,
    *,
    fuzzing: bool = True,
    announce: Callable[[Violation], None] | None = None,
    limits: Limits | None = None,
    at: Endpoint | None = None,
) -> Run:
    """Judge a server.

    Raises ``GateError`` if it cannot be judged: unreachable, refuses the token, or gave nothing to
    observe. That is no verdict, and never a pass.
    """
    done = Run(target, announce, limits=limits or Limits(), at=at)
    drive(done, fuzzing=fuzzing)
    return done


def drive(done: Run, *, fuzzing: bool = True) -> None:
    """Drive a run to its end; what it has seen so far stays in it, whatever is raised.

    Raises ``GateError`` as ``run`` does. A server that stops answering once a rule is violated is
    told in ``done.problem``: the violation counts.
    """
    base_url = done.endpoint.base_url
    with closing(done.endpoint.transport):
        try:
            _preflight(done)
            _drive(done, fuzzing=fuzzing)
            done.is_finished = True
        except GoneError as error:
            done.problem = (
                GateError(
                    f"{base_url} cannot be reached any more, since request {done.pace.sent}: "
                    f"{done.redaction(str(error))}",
                    "see what the server did then, and run again",
                )
                if done.reach.has_answered
                else _unreached(done, error)
            )
    if done.judge.violated and any(done.tape.successes().values()):
        return  # a violation tells more than what is missing
    if done.problem:
        raise done.problem
    hollow.refuse(done)


def _drive(done: Run, *, fuzzing: bool) -> None:
    if done.target.build_id:
        with _spending(done, SCRIPT), _cutting(done, "the given build"):
            wire = _wire(done, SCRIPT)
            lifecycles.watch_build(wire, done.target.build_id, done.tell)
        return
    script = Script(_wire(done, SCRIPT), done.target.budget.deadline, tell=done.tell)
    if done.target.dockerfile:
        script.dockerfile = done.target.dockerfile
    with _spending(done, SCRIPT):
        for step in lifecycles.steps(is_limited=done.target.budget.builds is not None):
            done.tell(step.name)
            with _cutting(done, step.name):
                step.run(script)
    if fuzzing and done.pace.is_spent:
        done.cut.append(Cut("schemathesis", "no budget is left for it", done.pace.spent))
    elif fuzzing:
        done.tell("schemathesis")
        with _spending(done, FUZZ), _cutting(done, "schemathesis"):
            wire = _wire(done, FUZZ)
            feeding = _wire(done, "feeding")
            done.fuzzed = fuzz.run(wire, feeding, done.target.seed)
            if not done.target.rule and done.target.level == "should":  # where all rules are judged
                findings.judge(done.judge, done.tape, done.fuzzed.checks)
            if done.fuzzed.ended:
                raise done.fuzzed.ended
    with _spending(done, SCRIPT), _cutting(done, lifecycles.CLOSING.name):
        lifecycles.CLOSING.run(script)


def _wire(done: Run, driver: str) -> Wire:
    return Wire(
        done.endpoint, done.tape, driver, done.pace,
        reach=done.reach, headers=done.target.headers,
    )  # fmt: skip


@contextmanager
def _spending(done: Run, driver: str) -> Iterator[None]:
    """Add what is sent meanwhile to what the driver has spent."""
    clock = done.endpoint.clock
    sent, began = done.pace.sent, clock.monotonic()
    try:
        yield
    finally:
        requests, seconds = done.spent.get(driver, (0, 0.0))
        passed = clock.monotonic() - began
        done.spent[driver] = (requests + done.pace.sent - sent, seconds + passed)


@contextmanager
def _cutting(done: Run, what: str) -> Iterator[None]:
    """Note what a spent budget cut off."""
    try:
        yield
    except BudgetSpent as spent:
        done.cut.append(Cut(what, str(spent), spent.budget))


def _preflight(done: Run) -> None:
    """Ask once, so that a wrong address or token is an error of one sentence."""
    with _spending(done, SCRIPT), _cutting(done, "the preflight"):
        wire = _wire(done, SCRIPT)
        try:
            exchange = wire.send("GET", f"{BUILD}/{PREFLIGHT}", "preflight", is_absent=True)
        except GoneError as error:
            raise _unreached(done, error) from error
        if not exchange.is_answered and (wire.reach.is_unreached or not done.pace.sent):
            raise _unreached(done, exchange.failure)
        if exchange.response.status == 401:
            raise GateError(
                f"{done.endpoint.base_url} refuses the token with 401",
                "put a valid one in CONTRACT_TOKEN",
            )


def _unreached(done: Run, why: object) -> GateError:
    return GateError(
        f"no answer from {done.endpoint.base_url}: {done.redaction(str(why))}",
        f"start the server, or correct {setting('TARGET')}",
    )
