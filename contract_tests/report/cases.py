"""The report as test cases: one for each rule, and for what else can fail a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..escape import line
from ..gate import fits
from ..gate.result import Report
from ..rules import RULES, TRAFFIC_RULES
from ..rules.client import CLIENT_RULES
from ..usage import setting
from ..verdicts.findings import CHECKS
from ..verdicts.judge import ClientVerdict, Outcome, Verdict
from . import client, terminal

CLIENT, SERVER = "client", "server"
PROFILE, REQUIRED, LOAD, CLEANUP, END = "profile", "required", "load", "cleanup", "end"


class State(StrEnum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"
    SKIPPED = "skipped"
    """Not observed, not applicable, left out, or not judged."""
    ERROR = "error"
    """The gate cannot tell."""


@dataclass(frozen=True)
class Case:
    """One test case.

    Attributes:
        suite: ``client`` or ``server``.
        id: The id of a rule, ``profile``, ``required``, ``load``, ``cleanup`` or ``end``.
        text: What is checked, in one sentence.
        state: What became of it.
        detail: The failure whole, or why it was skipped; without secrets.

    """

    suite: str
    id: str
    text: str
    state: State
    detail: str = ""


def cases(report: Report) -> Iterator[Case]:
    """Yield every case, of the client and of the server."""
    for one in CLIENT_RULES.values():
        state, detail = _client(report.client.get(one.id))
        yield Case(CLIENT, one.id, one.text, state, detail)
    for rule in TRAFFIC_RULES.values():
        if report.run and rule.id in report.run.verdicts:
            yield Case(CLIENT, rule.id, rule.text, *_server(report, rule.id))
    for check in (*RULES.values(), *CHECKS.values()):
        yield Case(SERVER, check.id, check.text, *_server(report, check.id))
    yield Case(SERVER, PROFILE, "The profile fits the server.", *_profile(report))
    yield Case(SERVER, REQUIRED, "What REQUIRE names was observed.", *_required(report))
    if report.run and report.run.exceeded:
        text = "The load stays within the thresholds."
        detail = "\n".join(line(report.hide(one)) for one in report.run.exceeded)
        yield Case(SERVER, LOAD, text, State.FAILED, detail)
    yield Case(SERVER, CLEANUP, "What the run made is deleted.", *_cleanup(report))
    yield Case(SERVER, END, "The run came to its end.", *_end(report))


def _client(verdict: ClientVerdict | None) -> tuple[State, str]:
    if verdict is None:
        return State.SKIPPED, "not judged"
    if verdict.outcome is Outcome.PASSED:
        return State.PASSED, ""
    return State.FAILED, client.failure(verdict) or f"{verdict.rule.id} was never observed"


def _server(report: Report, rule: str) -> tuple[State, str]:
    run = report.run
    if run is None:
        return State.SKIPPED, "not judged"
    verdict = run.verdicts.get(rule)
    if verdict is None:
        return State.SKIPPED, f"left out by {setting('RULE')}" if run.target.rule else "not judged"
    if failure := terminal.failed(run, verdict):
        return State.FAILED, failure
    if verdict.outcome is Outcome.WAIVED:
        return State.WAIVED, "; ".join(_waived(verdict))
    if verdict.outcome is Outcome.NOT_APPLICABLE:
        return State.SKIPPED, f"{Outcome.NOT_APPLICABLE}: {verdict.not_applicable}"
    if verdict.outcome is Outcome.NOT_OBSERVED:
        return State.SKIPPED, Outcome.NOT_OBSERVED
    return State.PASSED, ""


def _waived(verdict: Verdict) -> Iterator[str]:
    for waiver in verdict.waivers:
        if waiver in verdict.used:
            yield line(f"waived until {waiver.expires}: {waiver.reason}")


def _profile(report: Report) -> tuple[State, str]:
    """Return whether another profile fits. That is not a failure: nobody but the user can know."""
    if report.run is None:
        return State.SKIPPED, "not judged"
    if (better := fits.better(report.run)) is not None:
        return State.SKIPPED, report.hide(line(f"{better.fix}: {better.what}"))
    return State.PASSED, ""


def _required(report: Report) -> tuple[State, str]:
    run = report.run
    if run is None:
        return State.SKIPPED, "not judged"
    if run.missing:
        missing = ", ".join(run.missing)
        return State.FAILED, line(f"{setting('REQUIRE')}: not observed: {missing}")
    return State.PASSED, ""


def _cleanup(report: Report) -> tuple[State, str]:
    if report.run is None:
        return State.SKIPPED, "not judged"
    if lines := [*terminal.left(report.run)]:
        return State.SKIPPED, line("; ".join(" ".join(one.split()) for one in lines))
    return State.PASSED, ""


def _end(report: Report) -> tuple[State, str]:
    run = report.run
    if report.is_interrupted:
        return State.ERROR, "interrupted"
    if report.problem:
        return State.ERROR, report.hide(str(report.problem))
    if run is None:
        return State.SKIPPED, "not judged"
    if run.problem:
        return State.FAILED, report.hide(str(run.problem))
    if run.ended != "complete":
        return State.SKIPPED, line("; ".join((run.ended, *run.reasons)))
    return State.PASSED, ""
