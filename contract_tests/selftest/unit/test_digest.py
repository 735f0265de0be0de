"""The end of a failed run: on 24 rows of 80 columns, what to fix and what to open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ...contract.api import IMAGES
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...problems import Problem
from ...report import conclusion, digest
from ...report.cases import Case, State
from ...rules.fixes import FIXES
from ...verdicts.judge import Outcome
from ..support.recordings import status_body

API = "https://builds.example/api/v1/images/build"
LATE = {"completedAt": None}


def run_of(*bodies: dict[str, Any], **settings: Any) -> Run:
    """Return a run that has seen these answers of status."""
    target = Target("https://builds.example", "test-token", **settings)
    run = Run(target, at=embedded("test-token"))
    for number, body in enumerate(bodies):
        run.tape.record(
            driver="test", intent="status", request=("GET", f"{API}/bld_{number}", {}, b""),
            response=(200, {"Content-Type": "application/json"}, json.dumps(body).encode()),
        )  # fmt: skip
    return run


def screen(run: Run) -> list[str]:
    """Return what a terminal of 24 rows and 80 columns shows, the last row being the prompt."""
    report = Report(target=run.target, run=run)
    printed = [one for one, _ in conclusion.lines(report, "reports/index.html")]
    rows = [one[at : at + 80] for one in printed for at in range(0, max(1, len(one)), 80)]
    return rows[-23:]


WAYS = [
    {"status": status, "startedAt": started, "completedAt": completed}
    for status in IMAGES.statuses
    for started in (None, "x")
    for completed in (None, "x")
]
BODIES = {
    "one field": [status_body("COMPLETED", **LATE)],
    "two rules": [status_body("COMPLETED", **LATE, startedAt=None)],
    "a long value": [status_body("COMPLETED", completedAt="x" * 5000)],
    "long ids": [status_body("COMPLETED", **LATE, id="i" * 3000, errorMessage="e" * 3000)],
    "many": [status_body("PENDING") | way for way in WAYS],
    "many artifacts": [status_body("COMPLETED", artifacts=[status_body(one) | way for one in
                       IMAGES.statuses for way in WAYS])],
    "nothing of its form": [{"id": number} for number in range(5)],
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_last_screen_shows_the_most_precise_cause_with_its_fix(name: str) -> None:
    """The field, what is expected and received, the usual fix, and the page to open."""
    run = run_of(*BODIES[name])
    shown = _flat("".join(screen(run)))
    broken = [one for one in run.verdicts.values() if one.outcome is Outcome.VIOLATED]
    worst = min(broken, key=lambda one: "TSLP".index(one.rule.id[0]))
    first = worst.violations[0]

    assert _flat(f"{first.field}") in shown
    assert _flat(first.expected) in shown
    assert _flat(str(first.received))[:60] in shown
    assert _flat(FIXES[worst.rule.id]) in shown
    assert "reports/index.html" in shown


def _flat(text: str) -> str:
    return "".join(text.split())


def test_failures_on_one_screen_are_not_repeated() -> None:
    """A single short failure is shown whole, and once."""
    shown = [
        one for one, _ in conclusion.lines(Report(run=run_of(*BODIES["one field"], rule=("T5",))))
    ]

    assert not any("to fix ---" in one for one in shown)
    assert sum("$.completedAt" in one for one in shown) == 1
    assert f"  fix       {FIXES['T5']}" in shown


def test_other_failures_are_listed_too() -> None:
    """What is required and was not observed stands beside the causes."""
    run = run_of(*BODIES["many"], require=("delete_image",))
    shown = [one for one, _ in conclusion.lines(Report(run=run))]
    listed = shown[next(number for number, one in enumerate(shown) if "- to fix -" in one) :]

    assert any("delete_image" in one or "more, above" in one for one in listed)
    assert len(listed) <= 22


@pytest.mark.parametrize("details", [[], ["GET /x gave 500"]])
def test_fix_of_a_problem_stands_below_it(details: list[str]) -> None:
    """On a line of its own, as in every other place."""
    problem = Problem("the server ended", "see its log", details=details)
    failures = [Case("server", "end", "The server answers to the end.", State.FAILED, str(problem))]

    assert [*digest.lines(Report(), failures)] == [
        "end problem: the server ended", f"    {' '.join([*details, 'fix: see its log'])}",
    ]  # fmt: skip
