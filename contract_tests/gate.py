"""One run of the gate over a server: the drivers in turn, one tape, one judge."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import matrix
from .contract import INITIATE, STATUS, contract
from .drivers import fuzz, lifecycles
from .drivers.bounded import Client, Limits
from .drivers.pace import BudgetSpent, Pace
from .drivers.script import BUILD, Script
from .drivers.wire import Wire, WireError
from .exchange import UPLOAD, Credential
from .report.redaction import Redaction
from .tape import Tape
from .target import GateError, Target
from .verdict import Judge, Verdict, Violation

FUZZ = fuzz.DRIVER
SCRIPT = "lifecycles"
ABOUT_FUZZ = 300


def _untold(_: str) -> None:
    """Tell nobody."""


@dataclass
class Run:
    """A run, and what it has to show at any time.

    Attributes:
        spent: Requests and seconds of each driver.
        cut: What budgets cut off.
        fuzzed: What schemathesis has to say, once it ran.
        problem: Why the run ended early, or None.

    """

    target: Target
    announce: Callable[[Violation], None] | None = None
    tell: Callable[[str], None] = _untold
    limits: Limits = field(default_factory=Limits)
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    fuzzed: fuzz.Result | None = None
    problem: str | None = None

    def __post_init__(self) -> None:
        self.tape = Tape(self.target.token)
        self.redaction = Redaction(self.tape, headers=self.target.headers)
        self.judge = Judge(self.target.rules, self.announce, self.target.waivers)
        budget = self.target.budget
        self.pace = Pace(budget.builds, budget.requests, budget.rate, budget.deadline)

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by rule id."""
        return self.judge.verdicts

    @property
    def cells(self) -> Counter[matrix.Cell]:
        """The cells of the matrix that were observed, and how often."""
        return matrix.observed(self.tape.exchanges)

    @property
    def left_behind(self) -> tuple[list[str], list[str]]:
        """The builds that were initiated and left, and those of them that were started."""
        issued = dict.fromkeys(one.build_id for one in self.tape.of(INITIATE) if one.succeeded)
        starts = [one for one in self.tape.exchanges if one.is_valid_start and one.succeeded]
        started = {one.build_id for one in starts}
        known = [one for one in issued if one is not None]
        return known, [one for one in known if one in started]

    @property
    def findings(self) -> list[fuzz.Finding]:
        """What checks of schemathesis' own found, where every rule was there to find it before."""
        everything = not self.target.rule and self.target.level == "should"
        return self.fuzzed.findings if self.fuzzed and everything else []

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


def run(
    target: Target,
    *,
    fuzzing: bool = True,
    announce: Callable[[Violation], None] | None = None,
    limits: Limits | None = None,
) -> Run:
    """Judge a server.

    Raises ``GateError`` if it cannot be judged: unreachable, refuses the token, or gave nothing to
    observe. That is no verdict, and never a pass.
    """
    done = Run(target, announce, limits=limits or Limits())
    drive(done, fuzzing=fuzzing)
    return done


def drive(done: Run, *, fuzzing: bool = True) -> None:
    """Drive a run to its end; what it has seen so far stays in it, whatever is raised.

    Raises ``GateError`` as ``run`` does. A server that stops answering once a rule is violated is
    told in ``done.problem``: the violation counts.
    """
    with done.target.server() as base_url:
        try:
            with _client(done) as client:
                _preflight(done, client, base_url)
                _drive(done, client, base_url, fuzzing=fuzzing)
        except WireError as error:
            done.problem = (
                f"problem: {base_url}: {error}, at request {done.pace.sent}.\n"
                "    fix: see what the server did then, and run again"
            )
    if done.judge.violated and any(done.tape.successes().values()):
        return  # a violation tells more than what is missing
    if done.problem:
        raise GateError(done.problem)
    _refuse_hollow(done)


def plan(target: Target, *, fuzzing: bool = True) -> Iterator[str]:
    """Tell what a run would send, step by step, and how far it may go."""
    yield f"target        {target.name}"
    if target.build_id:
        yield f"{SCRIPT:<13} status of {target.build_id} until it has ended; nothing is started"
    else:
        steps = [lifecycles.OPENING, *lifecycles.PROBES, lifecycles.CLOSING]
        for step in steps:
            cost = f"{step.requests} requests, {step.builds} builds, {step.started} started"
            yield f"{SCRIPT:<13} {step.name}: {cost}"
        if fuzzing:
            yield f"{FUZZ:<13} about {ABOUT_FUZZ} requests, up to {fuzz.MOST_BUILDS} builds started"
    budget = target.budget
    told = {
        "MAX_BUILDS": budget.builds, "MAX_REQUESTS": budget.requests, "RATE": budget.rate,
        "DEADLINE": budget.deadline,
    }  # fmt: skip
    spelled = (f"{name}={'none' if one is None else f'{one:g}'}" for name, one in told.items())
    yield f"budget        {' '.join(spelled)}"


def _client(done: Run) -> Client:
    target = done.target
    return Client(done.limits, ca=target.ca_bundle, proxy=target.proxy)


def _drive(done: Run, client: Client, base_url: str, *, fuzzing: bool) -> None:
    if done.target.build_id:
        with _spending(done, SCRIPT), _cutting(done, "the given build"):
            wire = _wire(done, client, base_url, SCRIPT)
            lifecycles.watch_build(wire, done.target.build_id, done.tell)
        return
    script = Script(_wire(done, client, base_url, SCRIPT), done.target.patience, tell=done.tell)
    if done.target.dockerfile:
        script.dockerfile = done.target.dockerfile
    with _spending(done, SCRIPT):
        for step in (lifecycles.OPENING, *lifecycles.PROBES):
            done.tell(step.name)
            with _cutting(done, step.name):
                step.run(script)
    if fuzzing and done.pace.is_spent:
        done.cut.append("schemathesis: no budget is left for it")
    elif fuzzing:
        done.tell("schemathesis")
        with _spending(done, FUZZ), _cutting(done, "schemathesis"):
            wire = _wire(done, client, base_url, FUZZ)
            feeding = _wire(done, client, base_url, "feeding")
            done.fuzzed = fuzz.run(wire, feeding, done.target.seed)
            if done.fuzzed.ended:
                raise done.fuzzed.ended
    with _spending(done, SCRIPT), _cutting(done, lifecycles.CLOSING.name):
        lifecycles.CLOSING.run(script)


def _wire(done: Run, client: Client, base_url: str, driver: str) -> Wire:
    return Wire(
        base_url, done.tape, done.judge, driver, done.pace, client, headers=done.target.headers
    )


@contextmanager
def _spending(done: Run, driver: str) -> Iterator[None]:
    """Add what is sent meanwhile to what the driver has spent."""
    sent, began = done.pace.sent, time.monotonic()
    try:
        yield
    finally:
        requests, seconds = done.spent.get(driver, (0, 0.0))
        passed = time.monotonic() - began
        done.spent[driver] = (requests + done.pace.sent - sent, seconds + passed)


@contextmanager
def _cutting(done: Run, what: str) -> Iterator[None]:
    """Note what a spent budget cut off."""
    try:
        yield
    except BudgetSpent as spent:
        done.cut.append(f"{what}: {spent}")


def _preflight(done: Run, client: Client, base_url: str) -> None:
    """Ask once, so that a wrong address or token is told as such, in one sentence."""
    wire = Wire(base_url, Tape(done.target.token), Judge([]), "preflight", Pace(), client,
                headers=done.target.headers)  # fmt: skip
    path = f"{BUILD}/contract-gate-preflight"
    try:
        answer = wire.send("GET", path, "preflight").response
    except WireError as error:
        raise GateError(
            f"problem: no answer from {base_url}: {error}.\n"
            "    fix: start the server, or mend TARGET"
        ) from error
    if answer.status == 401:
        raise GateError(
            f"problem: {base_url} refuses the token with 401.\n"
            "    fix: put a valid one in CONTRACT_TOKEN"
        )


def _refuse_hollow(done: Run) -> None:
    """Refuse a run that held nothing: green and empty is the worst a gate can be."""
    counts = done.tape.successes()
    if done.target.build_id:
        counts = {STATUS: counts[STATUS]}
    missing = [name for name, count in counts.items() if not count]
    if missing:
        first = missing[0]
        tried = {one.response.status for one in done.tape.of(first)
                 if one.request.credential is Credential.VALID}  # fmt: skip
        told = ", ".join(map(str, sorted(tried))) or "never asked"
        answers = sorted({one.response.status for one in done.tape.of(UPLOAD)})
        uploads = f", uploads {', '.join(map(str, answers))}" if answers else ""
        cut = f" Cut off: {'; '.join(done.cut)}." if done.cut else ""
        raise GateError(
            f"problem: nothing to judge: no success of {', '.join(missing)} was seen "
            f"({first} was answered {told}{uploads}).{cut}\n"
            f"    fix: {_mend(done, answers)}"
        )
    if not any(cell.status for cell in done.cells if contract().phase(cell.status) != "waiting"):
        patience = min(done.target.patience, done.target.budget.deadline)
        raise GateError(
            f"problem: no build that was started left {', '.join(_waiting())} "
            f"in {patience:g} s, so most rules saw nothing.\n"
            "    fix: see whether the server builds at all; raise DEADLINE"
        )
    if done.fuzzed is not None and done.fuzzed.ended is None:
        _refuse_hollow_fuzzing(done, done.fuzzed)


def _mend(done: Run, uploads: list[int]) -> str:
    if done.target.build_id:
        return "check BUILD_ID, and that the token may see that build"
    if uploads and all(status >= 300 for status in uploads):
        return "see why the upload URLs that initiate answers take no upload"
    return "check that TARGET is this API's base URL, and that the token may build"


def _refuse_hollow_fuzzing(done: Run, fuzzed: fuzz.Result) -> None:
    """Refuse a run whose generated traffic judged nothing, where no budget cut it off."""
    if fuzzed.problems:
        told = done.redaction("; ".join(fuzzed.problems))
        raise GateError(f"problem: schemathesis could not do its work: {told}")
    empty = [name for name, count in done.tape.successes(FUZZ).items() if not count]
    empty += [f"the link {link}" for link, walked in fuzzed.links.items() if not walked]
    if empty:
        raise GateError(
            f"problem: schemathesis saw no success of {', '.join(empty)}, so it judged nothing.\n"
            "    fix: see that the token may build more; another SEED may do"
        )


def _waiting() -> list[str]:
    return [one for one in contract().statuses if contract().phase(one) == "waiting"]
