"""The benchmarks with the real gate, schemathesis, server and clients, each in its own process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.dev import npm
from scripts.dev.bench import caught, clients, gate, runs, serve
from scripts.dev.bench.checkers import CHECKERS, Command
from scripts.dev.bench.environments import MissingError
from scripts.dev.bench.runs import Finding


@pytest.mark.external
@pytest.mark.parametrize("name", ["gate", "stock", "extended", "portman", "stepci", "prism"])
def test_each_catches_a_null_created_at(name: str) -> None:
    """A whole run for one fault, whose first violation is on a line before the end."""
    try:
        programs = CHECKERS[name].install(name)
    except MissingError as error:
        pytest.skip(str(error))

    ran = runs.over(CHECKERS[name], programs, gate.FIRST)

    assert caught.is_caught(name, gate.FIRST, runs.read(name, ran), Finding(0, ()))
    assert ran.first is not None
    assert ran.first < ran.seconds


@pytest.mark.external
def test_run_ends_at_the_first_violation_where_no_more_is_asked() -> None:
    """The program is stopped, with what it started."""
    ran = runs.over(CHECKERS["gate"], CHECKERS["gate"].install("gate"), gate.FIRST, first=True)

    assert ran.code < 0
    assert ran.first is not None
    assert sum(line.startswith("violated  T1") for line in ran.out.splitlines()) == 1


@pytest.mark.external
def test_rules_take_a_share_of_the_cpu_time_of_a_gate_run() -> None:
    """Some of it, and not all: the run also has a start, and traffic."""
    assert 0 < runs.rules_share() < 1


@pytest.mark.external
def test_decode_is_measured_beside_a_peer() -> None:
    """One round of two clients, in environments that the script makes."""
    found = clients.measure("decode", 1, lambda _: None, ("ours", "msgspec"))

    assert found["missing"] == {}
    assert set(found["rounds"]) == {"decode 2", "decode 100"}
    for of in found["rounds"].values():
        assert {name: len(values) for name, values in of.items()} == {"ours": 1, "msgspec": 1}
        assert min(of["ours"]) > 0


@pytest.mark.external
def test_every_server_responds_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round under autocannon, all of whose responses are successes."""
    monkeypatch.setattr(serve, "SECONDS", 1)
    try:
        found = serve.measure(1, lambda _: None)
    except npm.NotSetUpError as error:
        pytest.skip(str(error))

    assert found["refused"] == dict.fromkeys(serve.TITLES, 0)
    (rounds,) = found["rounds"].values()
    assert {name: len(values) for name, values in rounds.items()} == dict.fromkeys(rounds, 1)
    assert all(values[0] > 0 for values in rounds.values())


def test_program_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its result is a timeout without findings."""
    monkeypatch.setattr(runs, "TIMEOUT", 0.2)

    command = Command(
        [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], Path()
    )

    found = runs.read_stock(runs.run(command))

    assert found.code == runs.TIMED_OUT
    assert found.kinds == ()
