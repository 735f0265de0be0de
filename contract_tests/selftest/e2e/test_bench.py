"""The benchmark with the real gate, schemathesis and server, each in its own process."""

from __future__ import annotations

import pytest

from scripts.dev import bench_gate, bench_runs
from scripts.dev.bench_runs import Finding

from ..unit.test_bench import SCHEMA


@pytest.mark.external
def test_both_catch_a_null_created_at() -> None:
    """A whole round for one fault."""
    gate, stock = bench_gate.find("created-null")

    assert bench_runs.is_caught_by_gate(gate, "T1")
    assert bench_runs.is_caught_by_stock(stock, Finding(0, ()))
    assert SCHEMA in stock.kinds


def test_program_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is a timeout without findings."""
    monkeypatch.setattr(bench_runs, "TIMEOUT", 0.2)

    found = bench_runs.read_stock(bench_runs.stock("http://127.0.0.1:9"))

    assert found.code == bench_runs.TIMED_OUT
    assert found.kinds == ()
