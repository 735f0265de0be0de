"""Drives a run: the preflight, the drivers in turn, and whether it observed enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from ..drivers.http.pace import BudgetSpent
from ..drivers.http.reachability import GoneError
from ..drivers.http.sockets import shortened
from ..drivers.schemathesis.result import DRIVER as FUZZ
from ..drivers.scripted import scenarios
from ..drivers.scripted.builds import BUILD, BuildScript
from ..drivers.session import Session
from ..verdicts import findings
from . import cleanup, fits, hollow
from .plan import SCRIPT, script
from .run import FEEDING, Cut, Run, outcome
from .target import GateError, refused, unreached

PREFLIGHT = "contract-gate-preflight"


def drive(done: Run, *, fuzzing: bool = True) -> None:
    """Drive a run to its end; what it has seen so far stays in it, whatever is raised.

    Raises ``GateError`` if the server cannot be judged: unreachable, refuses the token, or gave
    nothing to observe. That is an error, and never a pass. Where it stops answering once a rule is
    violated, that is in ``done.problem``: the violation counts.
    """
    with closing(done.endpoint.transport), _cleaning(done):
        try:
            preflight(done)
            _drive(done, fuzzing=fuzzing)
            done.is_finished = True
        except KeyboardInterrupt:
            done.is_interrupted = True
            raise
        except GoneError as error:
            done.problem = fits.advised(done, _gone(done, error))
    if done.judge.violated and any(done.tape.successes().values()):
        return  # a violation tells more than what is missing
    if done.problem:
        raise done.problem
    try:
        hollow.refuse(done)
    except GateError as error:
        raise fits.advised(done, error) from error


def _drive(done: Run, *, fuzzing: bool) -> None:
    planned = script(done.target)
    fuzzing, database = fuzzing and planned.generated is not None, None
    if fuzzing and done.target.database:  # before anything is sent: it may be refused
        with done.pace.stopped():
            from ..drivers.schemathesis import examples

            database = examples.opened(done.target.database)
    if done.target.build_id:
        with _spending(done, SCRIPT), _cutting(done, "the given build"):
            session = _session(done, SCRIPT)
            scenarios.watch_build(session, done.target.build_id, done.report)
        return
    state = BuildScript(
        _session(done, SCRIPT), done.target.budget.deadline, report=done.report,
        uploads=not done.target.is_stateless,
    )  # fmt: skip
    if done.target.dockerfile:
        state.dockerfile = done.target.dockerfile
    with _spending(done, SCRIPT):
        for step in planned.steps:
            done.report(step.name)
            with _cutting(done, step.name):
                step.run(state)
    if fuzzing and done.pace.spent:
        done.cut.append(Cut("schemathesis", "no budget is left for it", done.pace.spent))
    elif fuzzing and done.pace.has_initiated_all:  # without a build it sends nothing
        done.cut.append(Cut("schemathesis", "no build is left for it", "MAX_BUILDS"))
    elif fuzzing:
        done.report("schemathesis")
        with done.pace.stopped():  # it loads for a second or two, which nothing else needs
            from ..drivers.schemathesis import driver as fuzz
        with _spending(done, FUZZ), _cutting(done, "schemathesis"):
            session = _session(done, FUZZ)
            feeding = _session(done, FEEDING)
            links = not done.target.is_stateless
            done.fuzzed = fuzz.run(
                session, feeding, done.target.seed, links=links, database=database,
                found=lambda: sum(len(one.groups) for one in done.verdicts.values()),
            )  # fmt: skip
            if not done.target.rule:  # where all rules are judged
                findings.judge(done.judge, done.tape, done.fuzzed.checks)
            if done.fuzzed.ended:
                raise done.fuzzed.ended
    for step in planned.ending:
        with _spending(done, SCRIPT), _cutting(done, step.name):
            step.run(state)


def _session(done: Run, driver: str) -> Session:
    return Session(
        done.endpoint, done.tape, driver, done.pace,
        reach=done.reach, headers=done.target.headers, own=done.own,
        upload_hosts=done.target.upload_hosts, refused=done.refused,
    )  # fmt: skip


@contextmanager
def _cleaning(done: Run) -> Iterator[None]:
    """Delete what the run has made, however it ends; a second interrupt ends that at once."""
    try:
        yield
    finally:
        try:
            if done.own.made and not done.own.is_kept and not done.is_of_a_mock:
                with _spending(done, cleanup.DRIVER):
                    session = _session(done, cleanup.DRIVER)
                    done.cleaned = cleanup.clean(session, done.own, done.report, done.no_delete)
        finally:
            if done.own.journal:
                done.own.journal.close(is_done=done.is_of_a_mock or not done.own.made)


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


def preflight(done: Run) -> None:
    """Ask once, so that a wrong address or token is an error of one sentence: ``GateError``."""
    with _spending(done, SCRIPT), _cutting(done, "the preflight"):
        session = _session(done, SCRIPT)
        try:
            exchange = session.send("GET", f"{BUILD}/{PREFLIGHT}", "preflight", is_absent=True)
        except GoneError as error:
            raise _unreached(done, error) from error
        if not exchange.is_answered and (session.reach.is_unreached or not done.pace.sent):
            raise _unreached(done, exchange.failure)
        if exchange.response.status == 401:
            raise refused(done.endpoint.base_url)


def _gone(done: Run, error: GoneError) -> GateError:
    if not done.reach.has_answered:
        return _unreached(done, error)
    return GateError(
        f"{done.endpoint.base_url} cannot be reached any more, since request {done.pace.sent}: "
        f"{done.redaction(str(error))}",
        "see what the server did then, and run again",
        details=_last(done),
    )


def _last(done: Run) -> Iterator[str]:
    """Show the last exchange with a response, and the first request without one after it."""
    exchanges = done.tape.exchanges
    answered = max((one.number for one in exchanges if one.is_answered), default=0)
    for one in exchanges[max(0, answered - 1) : answered + 1]:
        request, came = one.request, outcome(one)
        where = f"request {one.number}: {request.method} {shortened(request.path)} → {came}"
        failure = f", {one.failure}" if one.failure else ""
        yield done.redaction(f"    {where}{failure} ({one.intent})")


def _unreached(done: Run, why: object) -> GateError:
    return unreached(done.endpoint.base_url, done.redaction(str(why)))
