"""Profiles: what is sent to a mock without memory, and what it is judged by."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema_rs
import pytest

from ...contract.api import INITIATE, START, STATUS
from ...contract.openapi import PATH
from ...gate import drive, fits
from ...gate.plan import planned
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import FULL, PRODUCTION, STATELESS, Budget, GateError, Target, embedded
from ...problems import Problem
from ...reference.faults import FAULTS, Fault, ServerRequest, ServerResponse
from ...report import conclusion, junit, markdown, verdicts
from ...rules import RULES
from ...tape.exchange import UPLOAD, Credential
from ..support.judging import judge_server
from ..support.stateless_mock import Mock

TOKEN = "test-token"  # noqa: S105
TARGET = Target(url="http://127.0.0.1:1", profile=STATELESS)
SCHEMA = jsonschema_rs.validator_for(
    json.loads((PATH.parent / "docs/verdicts.schema.json").read_text())
)


def judged(mock: Mock, *, fuzzing: bool = False) -> Run:
    """Judge a mock as one without memory."""
    return judge_server(TARGET, at=mock.endpoint(), fuzzing=fuzzing)


def violated(run: Run) -> set[str]:
    """Return the rules that are violated."""
    return {name for name, one in run.verdicts.items() if one.outcome == "violated"}


@pytest.fixture(scope="module")
def sound() -> Run:
    """Judge a faultless mock, with generated requests too."""
    return judged(Mock(), fuzzing=True)


def test_mock_without_memory_passes(sound: Run) -> None:
    """By most rules of protocol, status and timestamps, and its run is complete."""
    passed = {name for name, one in sound.verdicts.items() if one.outcome == "passed"}

    assert violated(sound) == set()
    assert (sound.passed, sound.ended) == (True, "complete")
    assert len([one for one in passed if one[0] in "PST"]) >= 14


def test_rules_that_need_memory_are_not_applicable(sound: Run) -> None:
    """With the reason; no other rule is, and none of them was checked."""
    outcomes = {name: one.outcome for name, one in sound.verdicts.items() if name in RULES}
    excused = {name for name, one in outcomes.items() if one == "not applicable"}

    assert excused == {name for name, one in RULES.items() if one.needs_memory}
    assert excused >= {name for name in RULES if name.startswith("L")}
    assert all("remembers" in sound.verdicts[name].not_applicable for name in excused)
    assert not any(sound.verdicts[name].observed for name in excused)


def test_nothing_is_uploaded_or_waited_for(sound: Run) -> None:
    """The upload URLs of a mock are examples, and no build of it ends."""
    clock: Any = sound.endpoint.clock

    assert sound.tape.of(UPLOAD) == []
    assert sound.reasons == []
    assert clock.monotonic() < 60


def test_each_documented_status_is_requested(sound: Run) -> None:
    """By the Prefer of RFC 7240, which the mock heeds."""
    seen = {cell.status for cell in sound.cells if cell.row == "group"}

    assert seen == {*sound.tape.api.statuses}


def test_mock_has_nothing_to_delete(sound: Run) -> None:
    """It returned builds that do not exist: nothing is sent, and nothing is left behind."""
    assert (sound.cleaned, sound.images_left_behind) == (None, {})


@pytest.mark.parametrize(("deletes", "why"), [(None, set()), (405, {"405"})])
def test_server_with_memory_is_cleaned_up_by_any_profile(
    deletes: int | None, why: set[str]
) -> None:
    """What the run made is deleted; or listed, where the server offers no delete."""

    def refuse(request: ServerRequest) -> ServerResponse | None:
        return (
            ServerResponse(deletes, [], b"") if deletes and request.operation == "delete" else None
        )

    run = Run(replace(TARGET, token=TOKEN), at=embedded(TOKEN, Fault("", "", "", request=refuse)))
    with pytest.raises(GateError, match="knows which builds exist"):
        drive.drive(run, fuzzing=False)

    issued, _ = run.initiated
    assert len(issued) >= 3
    assert run.left_behind[0] == (issued if deletes else [])
    assert {one.partition(":")[0] for one in run.images_left_behind.values()} == why


def _put(**values: Any) -> Any:
    """Change fields of each group."""

    def edit(operation: str, body: Any) -> Any:
        return body | values if operation in ("start_image_build", "get_build_status") else body

    return edit


def _artifacts(**values: Any) -> Any:
    def edit(_: str, body: Any) -> Any:
        body["artifacts"] = [one | values for one in body.get("artifacts", [])]
        return body if body["artifacts"] else {k: v for k, v in body.items() if k != "artifacts"}

    return edit


def _twice(_: str, body: Any) -> Any:
    return b'{"id": "a", "id": "b"}' if "id" in body else body


MOCKS: list[tuple[str, dict[str, Any], set[str], set[str]]] = [
    ("another success", {"success": lambda _, status: status + 1}, {"P1"}, {"P6"}),
    ("no token is checked", {"checks_token": False}, {"P2"}, set()),
    ("no body is checked", {"checks_body": False}, {"P3"}, set()),
    ("a 500 for a content type", {"types": 500}, {"P5"}, set()),
    ("FastAPI's 422", {"invalid": {"detail": []}}, {"P6"}, set()),
    ("a key twice", {"edit": _twice}, {"P8"}, set()),
    ("any method", {"methods": 200}, {"P9"}, set()),
    ("a status of its own", {"edit": _put(status="RUNNING")}, {"S1"}, set()),
    ("an artifact of its own", {"edit": _artifacts(artifactType="DISK")}, {"S2"}, set()),
    ("all artifacts run", {"edit": _artifacts(status="BUILDING")}, {"S3"}, {"S4", "T4", "T5"}),
    ("no createdAt", {"edit": _put(createdAt=None)}, {"T1"}, set()),
    ("startedAt is a day", {"edit": _put(startedAt="2026-11-24")}, {"T2"}, {"T3"}),
    ("completedAt is always null", {"edit": _put(completedAt=None)}, {"T5"}, set()),
    ("naive times", {"edit": _put(createdAt="2026-11-24T09:00:00")}, {"T7"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "rules", "joining"), [one[1:] for one in MOCKS], ids=[one[0] for one in MOCKS]
)
def test_mock_with_one_fault_violates_its_rule(
    options: dict[str, Any], rules: set[str], joining: set[str]
) -> None:
    """What needs no memory is judged as of any server."""
    found = violated(judged(Mock(**options)))

    assert rules <= found <= rules | joining


@pytest.mark.parametrize("profile", [STATELESS, FULL])
def test_request_that_ends_the_server_is_shown(profile: str) -> None:
    """With the last exchange before it; whatever is judged before is kept."""
    dies = Mock(deadly="%ZZ")
    run = Run(Target(url="http://127.0.0.1:1", profile=profile), at=dies.endpoint())
    problem: Problem | None = None
    try:
        drive.drive(run, fuzzing=False)
    except Problem as error:
        problem = error
    problem = problem or run.problem
    killer = next(one for one in run.tape.exchanges if "%ZZ" in one.request.url)

    assert problem is not None
    assert [one.partition(" (")[0].strip() for one in problem.details[:2]] == [
        f"request {killer.number - 1}: POST /api/v1/images/build/%2e/start → 200",
        f"request {killer.number}: GET /api/v1/images/build/%ZZ → no response, {killer.failure}",
    ]
    assert (run.passed, run.verdicts["P6"].outcome) == (False, "passed")


def assert_named(run: Run, profile: str) -> None:
    """Assert that a program can read which profile fits, and a person why."""
    document = verdicts.document(Report(run.target, run))

    assert document["fits"] == profile
    assert document["fits_reason"].startswith(f"PROFILE={profile} judges ")
    assert "\n" not in document["fits_reason"]
    SCHEMA.validate(document)


@pytest.mark.slow
@pytest.mark.parametrize("edit", [None, "echo", "random"])
def test_mock_without_memory_is_recognised(edit: str | None) -> None:
    """By two of its signs; the profile stays, and every report names the one that fits."""
    numbers = itertools.count()
    edits: dict[str | None, Any] = {
        None: lambda _, body: body,
        "echo": lambda name, body: body | {"id": "any"} if name == "get_build_status" else body,
        "random": lambda _, body: body | {"id": next(numbers), "build_id": f"b{next(numbers)}"},
    }
    target = Target(url="http://127.0.0.1:1")
    run = Run(target, at=Mock(edit=edits[edit]).endpoint())
    report = Report(target, run)
    with contextlib.suppress(Problem):
        drive.drive(run, fuzzing=False)
    better = fits.better(run)
    pages = {
        "terminal": "\n".join(one for one, _ in conclusion.lines(report)),
        "summary": markdown.page(report), "junit": junit.page(report),
        "json": verdicts.page(verdicts.document(report)),
    }  # fmt: skip

    assert better is not None
    assert better.fix.startswith("PROFILE=stateless")
    assert_named(run, "stateless")
    assert {name for name, page in pages.items() if "PROFILE=stateless" in page} == {*pages}
    assert run.target.profile == FULL
    assert "P4" in violated(run)


@pytest.mark.parametrize("fault", [None, "unknown-status-200", "other-id", "same-id-again"])
def test_server_with_builds_gets_no_hint(fault: str | None) -> None:
    """Also with one fault that a mock without memory has."""
    run = judge_server(Target(fault=fault), fuzzing=False)

    assert fits.better(run) is None


def test_server_with_builds_is_recognised_as_such() -> None:
    """Where it is run as one that remembers nothing."""
    run = Run(Target(profile=STATELESS))
    with pytest.raises(GateError) as caught:  # nothing is uploaded, so that no start succeeds
        drive.drive(run, fuzzing=False)
    better = fits.better(run)

    assert better is not None
    assert better.fix.startswith("PROFILE=full")
    assert_named(run, "full")
    assert better.fix in caught.value.fix


@pytest.fixture(scope="module")
def careful() -> Run:
    """Judge the reference server as one that others use, with what generates requests at hand."""
    return judge_server(Target(profile=PRODUCTION))


def test_production_makes_two_builds_and_leaves_none(careful: Run) -> None:
    """Both end, neither may be PUBLIC, and nothing is generated."""
    initiates = careful.tape.of(INITIATE)

    assert (careful.passed, careful.ended, careful.fuzzed) == (True, "complete", None)
    assert [one.request.json["visibility"] for one in initiates] == ["PRIVATE"] * 2
    assert careful.left_behind == ([], [])
    assert {cell.status for cell in careful.cells} >= {"COMPLETED", "FAILED"}


def test_production_polls_a_build_every_10_seconds(careful: Run) -> None:
    """As the vendor's clients do; between two statuses of a build lie 10 s or more."""
    seen: dict[str | None, list[Any]] = {}
    for one in careful.tape.of(STATUS):
        if one.request.credential is Credential.VALID:
            seen.setdefault(one.build_id, []).append(one.began)
    gaps = [b - a for times in seen.values() for a, b in itertools.pairwise(times)]

    assert min(gaps) >= timedelta(seconds=10)


def test_what_production_leaves_unobserved_is_documented(careful: Run) -> None:
    """The page lists these rules, and no others."""
    left = [name for name, one in careful.verdicts.items() if one.outcome == "not observed"]
    page = (PATH.parent / "docs/gate.md").read_text()
    listed = page.partition("It leaves unobserved:")[2].partition("\n\n")[0]

    assert re.findall(r"[PSTL]\d+", listed) == left


# Servers that accept what they must refuse, or return what makes a client send again.
_GREEDY = [one.name for one in FAULTS.values() if one.rule in ("P2", "P3", "P4", "P9", "L7", "L11")]


_SCENARIOS = ["limited", "payment", "errors", "flaky", "stuck", "starts-once"]


@pytest.mark.parametrize("most", [None, 1])
@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_production_keeps_to_its_total_on_a_server_in_trouble(
    scenario: str, most: int | None
) -> None:
    """One that loses requests after they are processed, too."""
    _keeps_to_its_total(None, scenario, most)


@pytest.mark.parametrize("most", [None, 1])
@pytest.mark.parametrize("fault", [None, *_GREEDY])
def test_production_keeps_to_its_total(fault: str | None, most: int | None) -> None:
    """Whatever the server accepts."""
    _keeps_to_its_total(fault, "default", most)


def _keeps_to_its_total(fault: str | None, scenario: str, most: int | None) -> None:
    """Count the builds that the server makes by itself, and those that are started."""
    target = Target(profile=PRODUCTION, fault=fault, budget=Budget(builds=most))
    ids = itertools.count(1)
    made: list[str] = []

    def new_id(prefix: str) -> str:
        made.extend(["a build"] if prefix == "bld" else [])
        return f"{prefix}_{next(ids):012x}"

    plan = planned(target)
    at = embedded(target.token, FAULTS[fault] if fault else None,
                  new_id=new_id, scenario=scenario)  # fmt: skip
    run = Run(target, at=at)
    with contextlib.suppress(Problem):
        drive.drive(run)
    started = {one.build_id for one in run.tape.of(START) if one.succeeded}

    assert (plan.most_builds, plan.most_started) == (most or 2,) * 2
    assert bool(made) is (scenario != "payment")
    assert len(made) <= plan.most_builds
    assert len(started) <= plan.most_started


@pytest.mark.parametrize("stuck_after", [None, 60.0])
def test_production_does_not_wait_for_ever(stuck_after: float | None) -> None:
    """A build that never ends is polled every 10 s until STUCK_AFTER or DEADLINE."""
    target = Target(profile=PRODUCTION, stuck_after=stuck_after)
    run = Run(target, at=embedded(target.token, scenario="stuck"))
    with contextlib.suppress(Problem):
        drive.drive(run)
    clock: Any = run.endpoint.clock
    most = (stuck_after or target.budget.deadline) + 100

    assert len(run.tape.of(STATUS)) < most / 10 * 2 + 20
    assert run.pace.left > 0 or stuck_after is None
    assert clock.monotonic() < most
