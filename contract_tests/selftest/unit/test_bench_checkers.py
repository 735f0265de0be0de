"""The checkers that the benchmarks compare: what each reports, which faults, and who can run."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.dev.bench import __main__ as bench
from scripts.dev.bench import caught, checkers, gate, runs
from scripts.dev.bench.checkers import CHECKERS, TOKEN
from scripts.dev.bench.environments import MissingError
from scripts.dev.bench.mutations import MUTATIONS
from scripts.dev.bench.runs import Finding, Ran

from ... import cli
from ...reference.app import create_app
from ...reference.faults import FAULTS
from ...reference.over_sockets import running

GATE = {
    "verdicts": [
        {"rule": "P1", "outcome": "passed"},
        {"rule": "P6", "outcome": "violated"},
        {"rule": "L10", "outcome": "violated"},
        {"rule": "L6", "outcome": "not observed"},
    ],
}


STOCK = """
=================================== FAILURES ===================================
Failures:
  x this stands in a body: 7
=================================== SUMMARY ====================================

Failures:
  ❌ ST108 Response violates schema: 2
  ❌ Undocumented Content-Type: 1

Errors:
  🚫 Network Error: 1

Warnings:
  ⚠️ Missing test data: 1 operation repeatedly returned 404 responses

Test cases:
  832 generated, 3 found 3 unique failures, 4 skipped

Seed: 1
"""


CLEAN = STOCK[: STOCK.index("Failures:")] + STOCK[STOCK.index("Warnings:") :]


SCHEMA = "ST108 Response violates schema"


def ran(out: str, code: int = 1, seconds: float = 4.0, cpu: float = 2.0) -> Ran:
    """Return a finished program."""
    return Ran(code, seconds, cpu, out)


def test_read_gate_uses_its_report() -> None:
    """For violated rules; a run without a report found nothing."""
    done = replace(ran(""), report=GATE)

    assert runs.read_gate(done) == Finding(1, ("P6", "L10"))
    assert runs.read_gate(ran("")) == Finding(1, ())


def test_read_stock_uses_failures_and_errors_of_the_summary() -> None:
    """Warnings, and text above the summary, do not count."""
    found = runs.read_stock(ran(STOCK))

    assert found.kinds == (SCHEMA, "Undocumented Content-Type", "Network Error")
    assert runs.read_stock(ran(CLEAN, 0)) == Finding(0, ())


@pytest.mark.parametrize(
    ("code", "kinds", "caught"),
    [
        (1, ("T5",), True),
        (1, ("P6", "T5"), True),
        (1, ("P6",), False),
        (1, (), False),
        (0, ("T5",), False),
        (4, ("T5",), False),
        (runs.TIMED_OUT, (), False),
    ],
)
def test_caught_by_gate(code: int, kinds: tuple[str, ...], caught: bool) -> None:
    """Exit code 1, and the fault's own rule."""
    assert runs.is_caught_by_gate(Finding(code, kinds), "T5") is caught


@pytest.mark.parametrize(
    ("code", "kinds", "known", "caught"),
    [
        (1, (SCHEMA,), (), True),
        (1, (SCHEMA, "Server error"), (SCHEMA,), True),
        (1, (SCHEMA,), (SCHEMA,), False),
        (1, (), (), False),
        (0, (), (), False),
        (2, (SCHEMA,), (), False),
        (runs.TIMED_OUT, (), (), False),
    ],
)
def test_caught_by_stock(
    code: int, kinds: tuple[str, ...], known: tuple[str, ...], caught: bool
) -> None:
    """A kind that it also reports for the server without a fault does not count."""
    found = runs.finds_more(Finding(code, kinds), Finding(1, known))

    assert found is caught


def test_faults_are_in_turn_of_each_rule_and_of_each_mutation() -> None:
    """So that those measured at any time are of many kinds; all are there, and none twice."""
    names = caught.ordered()
    rules = {fault.rule for fault in FAULTS.values()}
    operators = {caught.operator(name) for name in MUTATIONS}
    ours = [name for name in names if name in FAULTS]
    mechanical = [name for name in names if name in MUTATIONS]

    assert sorted(names) == sorted(FAULTS | MUTATIONS)
    assert {FAULTS[name].rule for name in ours[: len(rules)]} == rules
    assert {caught.operator(name) for name in mechanical[: len(operators)]} == operators
    assert {*names[:6:2]} == {*ours[:3]}


def test_chosen_are_names_or_more_than_those_measured() -> None:
    """An unknown name raises an error with the nearest one."""
    first, second, *others = caught.ordered()

    assert caught.chosen("all", {}) == [first, second, *others]
    assert caught.chosen("all", {second: {}}) == [first, *others]
    assert caught.chosen("2", {first: {}}) == [second, others[0]]
    assert caught.chosen("completed-null, created-null", {"created-null": {}}) == [
        "completed-null", "created-null",
    ]  # fmt: skip
    with pytest.raises(ValueError, match=r"(?s)completed-nul\b.*completed-null"):
        caught.chosen("completed-nul", {})


def test_results_of_the_same_versions_are_kept() -> None:
    """Of faults that there still are; with other versions, all are measured again."""
    by = {"gate": True}
    found = {"machine": "Python 3", "caught": {"completed-null": by, "of-another-day": by}}

    assert caught.kept(found, "Python 3") == {"completed-null": by}
    assert caught.kept(found, "Python 4") == {}
    assert caught.kept({}, "Python 4") == {}


def test_unknown_fault_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 4, before anything is measured."""
    assert cli.run(bench.main, "bench", ["--faults", "completed-nul"]) == 4
    assert "completed-null" in capsys.readouterr().err


LINES = {
    "gate": ("violated  T1 MUST  createdAt is present", "T1"),
    "stock": ("     ❌  Coverage (in 4.96s)", "Coverage (in 4.96s)"),
    "specmatic": ("   Scenario: GET /a -> 200 has FAILED", "GET /a -> 200"),
    "portman": ("  2. [GET]::/a - Schema is valid", "[GET]::/a - Schema is valid"),
    "dredd": ("fail: GET (200) /api/bld_1 duration: 8ms", "GET (200)"),
    "prism": ("[1:02:03 PM] [VALIDATOR] error Violation: response.body is wrong",
              "Violation: response.body is wrong"),
    "stepci": ("  ✕ status failed after 0.1s", "status"),
}  # fmt: skip


def test_mark_of_a_peer_is_a_line_with_a_violation_and_no_other() -> None:
    """Those of the others are not: no line is of two programs."""
    for name, (line, kind) in LINES.items():
        assert {one for one in LINES if CHECKERS[one].mark.match(line)} == {name}
        found = CHECKERS[name].mark.match(line)
        assert found
        assert found[1] == kind
    done = ran("\n".join(["passed", LINES["dredd"][0], LINES["dredd"][0]]), 0)
    assert runs.read("dredd", done).kinds == ("GET (200)",)


@pytest.mark.parametrize(
    ("name", "kinds", "known", "is_caught"),
    [
        ("gate", ("T5",), (), True), ("gate", ("P6",), (), False),
        ("stock", (SCHEMA,), (), True), ("stock", (SCHEMA,), (SCHEMA,), False),
        ("dredd", ("GET (200)",), (), True), ("dredd", (), ("GET (200)",), False),
        ("dredd", ("GET (200)",), ("GET (200)",), False),
    ],
)  # fmt: skip
def test_caught_by_a_peer(
    name: str, kinds: tuple[str, ...], known: tuple[str, ...], is_caught: bool
) -> None:
    """The gate by the rule of the fault, another by what it does not find without it."""
    found = caught.is_caught(name, "completed-null", Finding(1, kinds), Finding(0, known))

    assert found is is_caught


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None, bool]]:
    """Replace all runs: the gate finds each fault of ours, and schemathesis each other one."""
    calls: list[tuple[str, str | None, bool]] = []
    names = {id(checker): name for name, checker in CHECKERS.items()}

    def over(checker: Any, _: Path, fault: str | None = None, *, first: bool = False) -> Ran:
        name = names[id(checker)]
        calls.append((name, fault, first))
        kinds = [SCHEMA, "Server error"] if fault in MUTATIONS else [SCHEMA]
        summary = "= SUMMARY =\nFailures:\n" + "".join(f"  x {one}: 1\n" for one in kinds)
        rule = FAULTS[fault].rule if fault in FAULTS else None
        report = {"verdicts": [{"rule": rule, "outcome": "violated"}] if rule else []}
        done = ran(summary, int(name == "stock" or bool(fault)), 4.0 if name == "stock" else 2.0)
        sees = name == "gate" or fault in MUTATIONS
        return replace(done, report=report, first=1.0 if first and sees else None)

    monkeypatch.setattr(runs, "over", over)
    monkeypatch.setattr(runs, "rules_share", lambda: 0.05)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    return calls


SOME = ["gate", "stock", "dredd"]


def test_gate_is_measured_in_rounds_beside_who_can_be_installed(
    calls: list[tuple[str, str | None, bool]],
) -> None:
    """The first round is not counted."""
    found = gate.measure(2, lambda _: None, SOME)

    assert found["seconds"] == {"gate": [2.0, 2.0], "stock": [4.0, 4.0]}
    assert found["first"] == {"gate": [1.0, 1.0], "stock": []}
    assert found["missing"] == {"dredd": "npm is not installed"}
    assert found["rules"] == [0.05, 0.05]
    assert calls[:2] == [("gate", None, False), ("stock", None, False)]
    one = [
        (name, *how) for name in ("gate", "stock") for how in ((None, False), (gate.FIRST, True))
    ]
    assert calls[2:] == one * 2


def test_faults_are_measured_one_by_one_and_kept_at_once(
    calls: list[tuple[str, str | None, bool]],
) -> None:
    """What is found of each is compared with what is found without one."""
    other = next(iter(MUTATIONS))
    known = {"created-null": {"gate": True}}
    so_far: list[set[str]] = []
    found = caught.measure(
        ["completed-null", other], known, lambda _: None,
        lambda found: so_far.append({*found["caught"]}), SOME,
    )  # fmt: skip

    assert found["caught"] == known | {
        "completed-null": {"gate": True, "stock": False}, other: {"gate": False, "stock": True},
    }  # fmt: skip
    assert so_far == [
        {"created-null", "completed-null"}, {"created-null", "completed-null", other},
    ]  # fmt: skip
    assert found["clean"] == {"gate": [], "stock": [SCHEMA]}
    assert found["missing"] == {"dredd": "npm is not installed"}
    assert {fault for _, fault, _ in calls} == {None, "completed-null", other}


def test_peer_that_cannot_be_installed_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java, and without npm."""
    monkeypatch.setattr(shutil, "which", lambda _: None)

    for name, reason in (("specmatic", "needs Java"), ("dredd", "npm is not installed")):
        with pytest.raises(MissingError, match=reason):
            CHECKERS[name].install(name)


def test_prepared_document_has_builds_of_the_server_and_one_response_each() -> None:
    """The first build has ended, and the second image exists: every request succeeds."""
    with running(create_app(token=TOKEN, build_seconds=0)) as url:
        made = checkers.prepared(url)
        sent = {
            (method, path): {one["name"]: one["example"] for one in operation["parameters"]}
            for path, item in made["paths"].items()
            for method, operation in item.items()
            if len(operation["responses"]) == 1
        }
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            codes = [
                client.request(method, path.format(**given), json=body).status_code
                for (method, path), given in sent.items()
                for body in [{"image_name": "web", "image_tag": "v1"} if not given else None]
                if method != "post" or not given
            ]

    assert len(sent) == 4
    assert codes == [201, 200, 200]


def test_peers_of_the_gate_have_exact_versions() -> None:
    """The version that the page names is the one that is installed."""
    for peer in CHECKERS.values():
        for version in peer.packages.values():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert not peer.packages or next(iter(peer.packages.values())) in peer.title
