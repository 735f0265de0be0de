"""An ordinary FastAPI server passes; with one fault it fails under that fault's rule alone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest

from ...gate.target import Target
from ...verdicts.waivers import Waiver
from ..support.fastapi_server import create_app, serving
from ..support.judging import judge_server
from ..support.sampling import sampled

TOKEN = "test-token"  # noqa: S105

# The options of the server, the rules it must violate, and those that may join.
SERVERS: list[tuple[str, dict[str, Any], set[str], set[str]]] = [
    ("sound", {}, set(), set()),
    ("its own 422 body", {"documented_errors": False}, {"P6"}, set()),
    ("a crash on unknown ids", {"crashes_on_unknown": True}, {"P5"}, {"P4"}),
    ("naive times", {"naive_times": True}, {"T7"}, set()),
    ("uploads refused", {"upload_status": 403}, {"P11"}, set()),
    ("uploads fail", {"upload_status": 500}, {"P11"}, set()),
    # What was never uploaded must not complete either.
    (
        "uploads fail, starts do not care",
        {"upload_status": 500, "needs_context": False},
        {"P11"},
        {"L8"},
    ),
]


@pytest.mark.parametrize(
    "headers", sampled([{"X-Team": "a"}, {}], 2), ids=["with a short header", "plain"]
)
@pytest.mark.parametrize(
    ("options", "violated", "joining"),
    [one[1:] for one in SERVERS],
    ids=[one[0] for one in SERVERS],
)
def test_fastapi_server_fails_under_the_rule_of_its_fault_alone(
    options: dict[str, Any], violated: set[str], joining: set[str], headers: Mapping[str, str]
) -> None:
    """Over a real socket; the header goes with generated requests to the sound server alone."""
    fuzzing = not (options and headers)
    with serving(create_app(TOKEN, **options)) as url:
        run = judge_server(Target(url=url, token=TOKEN, headers=headers), fuzzing=fuzzing)

    found = {name for name, verdict in run.verdicts.items() if verdict.outcome == "violated"}
    assert violated <= found <= violated | joining
    assert run.problem is None


@pytest.mark.slow
def test_422_body_of_fastapi_is_waived_by_its_status() -> None:
    """The waiver covers each violation; the same waiver for another status covers none."""
    last = datetime.date(2999, 1, 1)
    waivers = (
        Waiver("P6", "FastAPI's own body", last, status=422),
        Waiver("P6", "none returns 418", last, status=418),
    )
    with serving(create_app(TOKEN, documented_errors=False)) as url:
        run = judge_server(Target(url=url, token=TOKEN, waivers=waivers))

    violations = run.verdicts["P6"].violations
    assert violations
    assert {one.waiver for one in violations} == {waivers[0]}
    assert {
        name: one.outcome
        for name, one in run.verdicts.items()
        if one.outcome in ("violated", "waived")
    } == {"P6": "waived"}
