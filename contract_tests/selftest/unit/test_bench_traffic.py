"""The traffic that the benchmarks measure with: recordings, the bodies of clients, a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import respx

from scripts.dev.bench import __main__ as bench
from scripts.dev.bench import clients, recorded, serve
from scripts.dev.bench.checkers import TOKEN
from scripts.dev.bench.environments import PEERS
from scripts.dev.bench.recorded import SHAPES

from ... import cli
from ...judge import judged
from ...rules import RULES


def test_without_npm_serve_is_skipped_with_the_reason_and_its_results_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was measured, so nothing is written."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    kept = bench.RESULTS.read_bytes()

    assert cli.run(bench.main, "bench", ["--part", "serve"]) == 0
    assert "skipped   serve: npm is not installed" in capsys.readouterr().out
    assert bench.RESULTS.read_bytes() == kept


@pytest.mark.parametrize("polls", SHAPES.values())
def test_recording_is_clean_traffic_from_initiate_to_the_end(polls: int, tmp_path: Path) -> None:
    """So that what is timed are rules that pass, on valid bodies."""
    path = tmp_path / "recording.har"
    recorded.write(path, 40, polls)

    replayed, verdicts, _ = judged(str(path), list(RULES.values()), "advice")
    ends = [one.response.json["status"] for one in replayed.tape.of("get_build_status")]

    assert replayed.judged == 40
    assert {one.outcome for one in verdicts.values()} == {"passed", "not observed"}
    assert ends.count("COMPLETED") == (2 if polls else 1)
    assert recorded.check(str(path)) == 0


def test_loop_initiates_one_build_and_polls_another(respx_mock: respx.MockRouter) -> None:
    """As HAR, whose requests carry the token; a mock whose id is empty gets one."""
    initiate = respx_mock.post("http://mock.test/api/v1/images/build")
    for issued, polled in (("bld_7", "bld_7"), ("", "bld_1")):
        initiate.respond(201, json={"build_id": issued})

        sent = [one["request"] for one in serve.loop("http://mock.test")["log"]["entries"]]

        assert [one["method"] for one in sent] == ["POST", "GET", "GET", "GET"]
        assert {one["url"].rpartition("/")[2] for one in sent} == {"build", polled}
        assert {one["headers"][0]["value"] for one in sent} == {f"Bearer {TOKEN}"}


def test_every_peer_has_exact_versions_and_each_body_its_artifacts() -> None:
    """The base of the ratios is among the peers."""
    assert all("==" in package for peer in PEERS.values() for package in peer.packages)
    assert list(PEERS)[:2] == ["ours", "msgspec"]
    assert {n: len(json.loads(body)["artifacts"]) for n, body in clients.bodies().items()} == {
        2: 2, 100: 100
    }  # fmt: skip
