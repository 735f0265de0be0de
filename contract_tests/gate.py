"""One run of the gate over a server: the drivers in turn, one tape, one judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from .contract import INITIATE
from .drivers import fuzz, lifecycles
from .drivers.wire import Wire, WireError
from .tape import Tape
from .target import GateError, Target
from .verdict import Judge, Verdict, Violation

FUZZ = fuzz.DRIVER


@dataclass
class Run:
    """What a run has to show.

    Attributes:
        spent: Requests and seconds of each driver.

    """

    target: Target
    tape: Tape
    judge: Judge
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    fuzz: fuzz.Result | None = None

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by rule id."""
        return self.judge.verdicts


def run(
    target: Target,
    *,
    fuzzing: bool = True,
    announce: Callable[[Violation], None] | None = None,
) -> Run:
    """Judge a server.

    Raises ``GateError`` if it cannot be judged: unreachable, refuses the token, or gave nothing to
    observe. That is no verdict, and never a pass.
    """
    done = Run(target, Tape(target.token), Judge(target.rules, announce))
    with target.server() as base_url:
        _preflight(base_url, target)
        try:
            _drive(done, base_url, fuzzing=fuzzing)
        except WireError as error:
            if not done.judge.violated:
                raise GateError(
                    f"problem: {base_url} stopped answering: {_kind(error)}.\n"
                    "    fix: see what the server did after request "
                    f"{len(done.tape.exchanges)}, and run again"
                ) from error
    _refuse_hollow(done)
    _refuse_hollow_fuzzing(done)
    return done


def _drive(done: Run, base_url: str, *, fuzzing: bool) -> None:
    began = time.monotonic()
    with Wire(base_url, done.tape, done.judge, "lifecycles") as wire:
        lifecycles.run(wire, done.target.deadline)
    scripted = len(done.tape.exchanges)
    done.spent["lifecycles"] = (scripted, time.monotonic() - began)
    if not fuzzing:
        return
    began = time.monotonic()
    with (
        Wire(base_url, done.tape, done.judge, FUZZ) as wire,
        Wire(base_url, done.tape, done.judge, "feeding") as feeding,
    ):
        done.fuzz = fuzz.run(wire, feeding, done.target.seed)
    done.spent[FUZZ] = (len(done.tape.exchanges) - scripted, time.monotonic() - began)
    problems = [
        *done.fuzz.problems,
        *map(str, done.fuzz.findings),
        *([str(done.fuzz.ended)] if done.fuzz.ended else []),
    ]
    if problems and not done.judge.violated:
        raise GateError("problem: schemathesis could not do its work: " + "; ".join(problems))


def _preflight(base_url: str, target: Target) -> None:
    """Ask once, so that a wrong address or token is told as such, in one sentence."""
    path = "/api/v1/images/build/contract-gate-preflight"
    headers = {"Authorization": f"Bearer {target.token}"}
    try:
        answer = httpx.get(base_url + path, headers=headers, timeout=15.0)
    except httpx.HTTPError as error:
        raise GateError(
            f"problem: no answer from {base_url}: {_kind(error)}.\n"
            "    fix: start the server, or mend TARGET"
        ) from error
    except httpx.InvalidURL as error:
        raise GateError(f"problem: {base_url} is no URL: {error}.  fix: mend TARGET") from error
    if answer.status_code in (401, 403):
        raise GateError(
            f"problem: {base_url} refuses the token with {answer.status_code}.\n"
            "    fix: put a valid one in CONTRACT_TOKEN"
        )


def _refuse_hollow(done: Run) -> None:
    """Refuse a run that held nothing: green and empty is the worst a gate can be."""
    counts = done.tape.successes()
    missing = [name for name, count in counts.items() if not count]
    # Where something succeeded, a violation tells more than what is missing.
    if not missing or (any(counts.values()) and done.judge.violated):
        return
    tried = [one for one in done.tape.exchanges if one.operation == INITIATE]
    statuses = sorted({one.response.status for one in tried})
    raise GateError(
        f"problem: nothing to judge: no success of {', '.join(missing)} was seen "
        f"(initiate was answered {', '.join(map(str, statuses))}).\n"
        "    fix: check that TARGET is this API's base URL, and that the token may build"
    )


def _refuse_hollow_fuzzing(done: Run) -> None:
    """Refuse a run whose generated traffic was all refused, where nothing else is wrong."""
    empty = [name for name, count in done.tape.successes(FUZZ).items() if not count]
    if FUZZ in done.spent and empty and not done.judge.violated:
        raise GateError(
            f"problem: schemathesis saw no success of {', '.join(empty)}, so it judged nothing.\n"
            "    fix: see that the token may build more; another SEED may do"
        )


def _kind(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
