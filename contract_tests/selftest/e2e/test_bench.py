"""The benchmarks with the real gate, schemathesis, server and clients, each in its own process."""

from __future__ import annotations

import pytest

from scripts.dev import npm
from scripts.dev.bench import clients, gate, runs, serve
from scripts.dev.bench.runs import Finding


@pytest.mark.external
@pytest.mark.parametrize("name", list(gate.CONTESTANTS))
def test_each_catches_a_null_created_at(name: str) -> None:
    """A whole run for one fault."""
    assert gate.caught_by(name, "created-null", Finding(0, ()))


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

    found = runs.read_stock(runs.stock("http://127.0.0.1:9"))

    assert found.code == runs.TIMED_OUT
    assert found.kinds == ()
