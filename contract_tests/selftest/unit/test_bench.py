"""Reading the output of the gate and of schemathesis, and counting what each caught."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from scripts.dev import bench_gate, bench_runs
from scripts.dev.bench_gate import Caught
from scripts.dev.bench_runs import Finding, Ran

from ... import cli
from ...reference.faults import FAULTS, GROUPS

NAMES = {group: [fault.name for fault in faults] for group, faults in GROUPS.items()}

GATE = {
    "sent": {
        "lifecycles": {"requests": 304, "seconds": 0.6},
        "schemathesis": {"requests": 238, "seconds": 3.1},
    },
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
    """For violated rules and requests; a run without a report found nothing."""
    done = replace(ran(""), report=GATE)

    assert bench_runs.read_gate(done) == Finding(1, ("P6", "L10"), 4.0)
    assert bench_runs.requests_of_gate(done) == (304, 0.6, 238)
    assert bench_runs.read_gate(ran("")) == Finding(1, (), 4.0)


def test_read_stock_uses_failures_and_errors_of_the_summary() -> None:
    """Warnings, and text above the summary, do not count."""
    found = bench_runs.read_stock(ran(STOCK))

    assert found.kinds == (SCHEMA, "Undocumented Content-Type", "Network Error")
    assert bench_runs.read_stock(ran(CLEAN, 0)) == Finding(0, (), 4.0)
    assert bench_runs.cases_of_stock(ran(STOCK)) == 832


def test_missing_traffic_counts_raise() -> None:
    """They are not zero."""
    with pytest.raises(ValueError, match="schemathesis"):
        bench_runs.cases_of_stock(ran("Schemathesis v4\n"))
    with pytest.raises(KeyError):
        bench_runs.requests_of_gate(ran(""))


@pytest.mark.parametrize(
    ("code", "kinds", "caught"),
    [
        (1, ("T5",), True),
        (1, ("P6", "T5"), True),
        (1, ("P6",), False),
        (1, (), False),
        (0, ("T5",), False),
        (4, ("T5",), False),
        (bench_runs.TIMED_OUT, (), False),
    ],
)
def test_caught_by_gate(code: int, kinds: tuple[str, ...], caught: bool) -> None:
    """Exit code 1, and the fault's own rule."""
    assert bench_runs.is_caught_by_gate(Finding(code, kinds), "T5") is caught


@pytest.mark.parametrize(
    ("code", "kinds", "known", "caught"),
    [
        (1, (SCHEMA,), (), True),
        (1, (SCHEMA, "Server error"), (SCHEMA,), True),
        (1, (SCHEMA,), (SCHEMA,), False),
        (1, (), (), False),
        (0, (), (), False),
        (2, (SCHEMA,), (), False),
        (bench_runs.TIMED_OUT, (), (), False),
    ],
)
def test_caught_by_stock(
    code: int, kinds: tuple[str, ...], known: tuple[str, ...], caught: bool
) -> None:
    """A kind that it also reports for the server without a fault does not count."""
    found = bench_runs.is_caught_by_stock(Finding(code, kinds), Finding(1, known))

    assert found is caught


def test_sample_has_equal_shares_of_each_group() -> None:
    """Evenly spaced within each group; a small group is taken whole."""
    groups = {"a": ["a1"], "b": ["b1", "b2", "b3", "b4"], "c": ["c1", "c2", "c3"]}

    assert bench_gate.sample(groups, 0) == []
    assert bench_gate.sample(groups, 5) == ["a1", "b2", "b4", "c1", "c3"]
    assert bench_gate.sample(groups, 99) == ["a1", "b1", "b2", "b3", "b4", "c1", "c2", "c3"]


def test_every_group_is_in_the_default_sample() -> None:
    """It has the requested size, and no fault twice."""
    names = bench_gate.chosen(bench_gate.SAMPLE)

    assert len(set(names)) == len(names) == int(bench_gate.SAMPLE)
    assert {FAULTS[name].group for name in names} == set(NAMES)
    assert names == bench_gate.chosen(bench_gate.SAMPLE)


def test_chosen_accepts_all_and_names() -> None:
    """An unknown name raises an error with the nearest one."""
    assert bench_gate.chosen("all") == list(FAULTS)
    assert bench_gate.chosen("completed-null, created-null") == ["completed-null", "created-null"]
    with pytest.raises(ValueError, match=r"(?s)completed-nul\b.*completed-null"):
        bench_gate.chosen("completed-nul")


def test_unknown_fault_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 4, before anything is measured."""
    assert cli.run(bench_gate.main, "bench_gate", ["--faults", "completed-nul"]) == 4
    assert "completed-null" in capsys.readouterr().err


def test_median_is_of_the_ratios_of_pairs() -> None:
    """Not the ratio of the medians."""
    pairs = [
        (replace(ran("", 0, wall, wall / 2), report=GATE), ran(STOCK, 0, other, other))
        for wall, other in ((1.0, 10.0), (6.0, 8.0), (4.0, 5.0))
    ]

    table = "\n".join(bench_gate.timing(pairs))

    assert "| wall | 4.0 s | 8.0 s | 0.10, 0.75, 0.80 | 0.75 |" in table
    assert "| cpu | 2.0 s | 8.0 s | 0.05, 0.38, 0.40 | 0.38 |" in table
    assert "**0.75** times as long" in table


def caught() -> list[Caught]:
    """Return three results, of faults in two groups."""
    return [
        Caught(FAULTS["completed-null"], gate=True, stock=False),
        Caught(FAULTS["created-null"], gate=True, stock=True, kinds=(SCHEMA,)),
        Caught(FAULTS[NAMES["auth"][0]], gate=False, stock=True, kinds=("Server error",)),
    ]


def test_catches_are_counted_by_group_and_in_total() -> None:
    """With the numbers of each, the rate, and the faults that only one of the two caught."""
    table = "\n".join(bench_gate.catches(caught(), Finding(0, ()), (10.0, 30.0)))

    assert re.findall(r"\*\*(\d+)\*\*", table) == ["2", "2"]
    assert re.findall(r"\d+\.\d+", table) == ["3.0"]
    assert re.findall(r": ([a-z-]+)\.$", table, re.M) == [NAMES["auth"][0]] * 2
    assert "| times | 2 | 2 | 1 |\n| auth | 1 | 0 | 1 |\n| all | 3 | 2 | 2 |" in table


def test_each_fault_has_a_row() -> None:
    """With the kinds that the stock run reported."""
    rows = "\n".join(bench_gate.each(caught())).splitlines()[2:]

    assert rows[0] == "| completed-null | T5 | caught | missed |"
    assert rows[1] == f"| created-null | T1 | caught | {SCHEMA} |"
    assert len(rows) == 3


def test_both_run_on_each_fault_and_on_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each, in the given order, after the server without a fault."""
    both = (Finding(1, ("T5",), 2.0), Finding(0, (), 3.0))
    monkeypatch.setattr(bench_gate, "find", lambda _: both)

    found = bench_gate.findings(["completed-null", "created-null"])

    assert [*found.items()] == [(name, both) for name in ("", "completed-null", "created-null")]
