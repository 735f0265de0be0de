"""The benchmark runs the gate and schemathesis as they are, each in a process of its own."""

from __future__ import annotations

import pytest

from scripts.dev import bench_gate, bench_runs
from scripts.dev.bench_runs import Finding

from ..unit.test_bench import SCHEMA


def test_both_catch_a_null_created_at() -> None:
    """A whole round for one fault, with both programs and servers as they are."""
    gate, stock = bench_gate.find("created-null")

    assert bench_runs.is_caught_by_gate(gate, "T1")
    assert bench_runs.is_caught_by_stock(stock, Finding(0, ()))
    assert SCHEMA in stock.kinds


def test_a_program_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as timed out, and no catch."""
    monkeypatch.setattr(bench_runs, "TIMEOUT", 0.2)

    found = bench_runs.read_stock(bench_runs.stock("http://127.0.0.1:9"))

    assert found.code == bench_runs.TIMED_OUT
    assert found.kinds == ()
