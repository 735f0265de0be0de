"""Reading the output of the gate and of schemathesis, and the page of the benchmarks."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
import respx

from scripts.dev.bench import __main__ as bench
from scripts.dev.bench import checkers, clients, gate, plots, recorded, runs, serve
from scripts.dev.bench.checkers import CHECKERS, TOKEN
from scripts.dev.bench.environments import PEERS, MissingError
from scripts.dev.bench.mutations import MOVES, MUTATIONS, OF_VALUES, is_allowed, made
from scripts.dev.bench.recorded import CHECKED, COUNTS, JUDGED, SHAPES
from scripts.dev.bench.runs import Finding, Ran

from ... import cli
from ...contract.api import OPERATIONS
from ...contract.openapi import contract
from ...judge import judged
from ...reference.app import create_app
from ...reference.faults import FAULTS, GROUPS, Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ...rules import RULES

NAMES = {group: [fault.name for fault in faults] for group, faults in GROUPS.items()}

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


def test_sample_has_equal_shares_of_each_group() -> None:
    """Evenly spaced within each group; a small group is taken whole."""
    groups = {"a": ["a1"], "b": ["b1", "b2", "b3", "b4"], "c": ["c1", "c2", "c3"]}

    assert gate.sample(groups, 0) == []
    assert gate.sample(groups, 5) == ["a1", "b2", "b4", "c1", "c3"]
    assert gate.sample(groups, 99) == ["a1", "b1", "b2", "b3", "b4", "c1", "c2", "c3"]


def test_every_group_and_operation_is_in_the_default_sample() -> None:
    """Of ours and of the mechanical ones it has the requested number, and no fault twice."""
    names, size = gate.chosen(gate.SAMPLE), int(gate.SAMPLE)
    ours, mechanical = names[:size], names[size:]

    assert len(set(names)) == len(names) == 2 * size
    assert {FAULTS[name].group for name in ours} == set(NAMES)
    assert {name.partition(":")[0] for name in mechanical} == set(OPERATIONS)
    assert names == gate.chosen(gate.SAMPLE)


def test_chosen_accepts_all_and_names() -> None:
    """An unknown name raises an error with the nearest one."""
    assert gate.chosen("all") == [*FAULTS, *MUTATIONS]
    assert gate.chosen("completed-null, created-null") == ["completed-null", "created-null"]
    with pytest.raises(ValueError, match=r"(?s)completed-nul\b.*completed-null"):
        gate.chosen("completed-nul")


def test_mutations_are_the_same_each_time_and_have_a_name_of_their_own() -> None:
    """None of them replaces a fault of ours."""
    assert [one.name for one in made()] == [*MUTATIONS]
    assert not MUTATIONS.keys() & FAULTS.keys()


def test_each_mutation_makes_a_documented_response_of_the_server_an_undocumented_one() -> None:
    """In the traffic of one build; a date-time that is moved stays valid, but is another."""
    traffic: list[tuple[ServerRequest, ServerResponse]] = []

    def record(request: ServerRequest, response: ServerResponse) -> None:
        traffic.append((request, replace(response)))

    app: Any = create_app(token=TOKEN, build_seconds=runs.BUILD_SECONDS)
    with running(Fault("recorder", "", "", response=record).wrap(app, TOKEN)) as url:
        checkers.build(url, "v1")
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            client.get(f"{checkers.BUILDS}/bld_unknown")
            client.post(f"{checkers.BUILDS}/bld_unknown/start", json={})
            for _ in range(2):
                client.delete("/api/v1/images/web/v1")

    for name, mutation in MUTATIONS.items():
        operation = contract().operations[name.partition(":")[0]]
        effects = set()
        for request, response in traffic:
            mutated = replace(response, headers=[*response.headers])
            assert mutation.response
            mutation.response(request, mutated)
            if mutated != response:
                effects.add((is_allowed(operation, response), is_allowed(operation, mutated)))
        assert (True, name.rpartition(":")[2] in MOVES) in effects, name


def test_operators_edit_one_value() -> None:
    """Of a row with a date-time, which a day moves by a day."""
    made = {}
    for name, edit in OF_VALUES.items():
        row: dict[str, Any] = {"endedAt": "2026-11-24T09:00:00Z"}
        edit(row, "endedAt")
        made[name] = row

    assert made == {
        "drop": {}, "type": {"endedAt": 7}, "null": {"endedAt": None},
        "text": {"endedAt": "none-such"}, "snake-case": {"ended_at": "2026-11-24T09:00:00Z"},
        "day-later": {"endedAt": "2026-11-25T09:00:00.000Z"},
        "day-earlier": {"endedAt": "2026-11-23T09:00:00.000Z"},
    }  # fmt: skip


def test_what_the_contract_allows_is_no_mutation() -> None:
    """Each required key can be dropped, and no other; what may be null or any text may be it."""
    rows = [
        ("initiate_image_build:", "BuildImageResponse"),
        ("delete_image:", "DeleteImageResponse"),
    ]
    for name in ("start_image_build:", "get_build_status:"):
        rows += [
            (name, "BuildStatusResponse"),
            (f"{name}artifacts.", "BuildArtifactStatusResponse"),
        ]
    required = {
        f"{place}{key}:drop" for place, name in rows for key in contract().schema(name)["required"]
    }

    assert {name for name in MUTATIONS if name.endswith(":drop")} == required
    for name in (
        "get_build_status:startedAt:null", "get_build_status:artifacts.errorMessage:null",
        "get_build_status:artifacts.errorMessage:text", "get_build_status:id:text",
        "get_build_status:completedAt:snake-case", "get_build_status:id:snake-case",
        "get_build_status:id:day-later", "get_build_status:200:as-200",
        "initiate_image_build:201:as-201", "initiate_image_build:404:as-200",
    ):  # fmt: skip
        assert name not in MUTATIONS


def test_unknown_fault_ends_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 4, before anything is measured."""
    assert cli.run(bench.main, "bench", ["--faults", "completed-nul"]) == 4
    assert "completed-null" in capsys.readouterr().err


def measured(part: str) -> dict[str, Any]:
    """Return results of a part, as they are kept in docs/benchmarks.json."""
    about = {"when": "2026-11-30", "machine": "Linux", "load": 1.0, "count": 3, "took": 9.0}
    if part == "gate":
        seconds = {"gate": [1.0, 6.0, 4.0], "stock": [10.0, 8.0, 5.0], "extended": [9.0, 9.0, 9.0]}
        caught = {
            "completed-null": {"gate": True, "stock": False, "extended": True},
            "get_build_status:id:null": {"gate": True, "stock": True, "extended": False},
        }
        clean = {"gate": [], "stock": [], "extended": [SCHEMA]}
        first = {"gate": [3.0, 1.0, 2.5], "stock": [4.0] * 3, "extended": []}
        return about | {"seconds": seconds, "cpu": seconds, "first": first, "caught": caught,
                        "rules": [0.2, 0.054, 0.04], "clean": clean,
                        "missing": {"specmatic": "needs Java"}}  # fmt: skip
    if part == "generate":
        return about | {"rounds": {"generate": [3.0, 1.0, 2.0], "check": [1.0, 1.0, 1.0]}}
    if part == "recorded":
        keys = [recorded.named(count, shape) for shape in SHAPES for count in COUNTS]
        spent = [[3.0], [60.0], [4.0], [20.0]]
        of = {key: {JUDGED: own, CHECKED: [2.0]} for key, own in zip(keys, spent, strict=True)}
        return about | {"seconds": of, "megabytes": of}
    if part == "serve":
        rates = {"reference": [100.0, 200.0, 400.0], "prism": [50.0, 250.0, 200.0],
              "mockoon": [10.0] * 3}  # fmt: skip
        refused = {"reference": 0, "prism": 0, "mockoon": 3}
        return about | {"rounds": {"requests per second": rates}, "refused": refused}
    by_peer = {
        "msgspec": [1e-6, 2e-6, 4e-6],
        "ours": [3.5e-6, 5e-6, 12.4e-6],
        "pydantic": [2e-6] * 3,
    }
    names = {
        "decode": ["decode 2", "decode 100"], "call": ["mock 2", "mock 100"],
        "import": ["import", "memory"],
    }  # fmt: skip
    return about | {
        "rounds": dict.fromkeys(names[part], by_peer),
        "missing": {"vendor": "no network"},
    }


def test_ratio_is_the_median_of_rounds() -> None:
    """Not the ratio of the medians."""
    assert gate.ratio(measured("gate"), "gate") == 0.75
    assert clients.ratio(measured("decode")["rounds"]["decode 2"], "ours", "msgspec") == 3.1


def test_page_shows_who_is_ahead_what_is_missed_and_who_is_missing() -> None:
    """For each part that was measured; a part that was not is not there."""
    page = bench.page({part: measured(part) for part in bench.WORDS})
    some = bench.page({"decode": measured("decode")})

    assert "| decode of 2 artifacts, x bare msgspec | 3.10 | 3 | **missed**: each value" in page
    assert "| the gate's time, x stock schemathesis | 0.75 | 0.7 | **missed**: the gate" in page
    assert "| import, ms over httpx | 0.01 | 25 | met |" in page
    rows = [line for line in some.splitlines() if line.startswith(("| httpx", "| **this"))]
    assert [row.split(" | ")[1:] for row in rows[:3]] == [
        ["2.0", "1.0 to 4.0", "1.00 |"], ["2.0", "2.0 to 2.0", "1.00 |"],
        ["5.0", "3.5 to 12.4", "3.10 |"],
    ]  # fmt: skip
    assert "the vendor's was skipped: no network." in some
    assert f"reports {SCHEMA}: not counted" in page
    assert "| the gate's first violation, s | 2.50 | 2 | **missed**: Python" in page
    assert "| judging 100,000 exchanges of many builds, CPU s | 60.00 | 30 | **missed**: 47" in page
    assert "| one of these, x one of 10,000 | 2.00 | 1.2 | **missed**" in page
    assert "| one of these, x one of 10,000 | 0.50 | 1.2 | met |" in page
    assert "| 100,000 exchanges of one build | 20.0 | 0.20 | 20 | 10.0 |" in page
    assert "| 0.75 | 0.75 | 2.5 (1.0 to 3.0) | 1 of 1 | 1 of 1 |" in page
    assert "| 1.12 | 1.12 | none | 1 of 1 | 0 of 1 |" in page
    assert "| the rules' CPU time, % of the gate's | 5.40 | 10 | met |" in page
    assert "Specmatic 2.55.1 was skipped: needs Java." in page
    assert "| completed-null | T5 | caught | missed | caught |" in page
    assert "| get_build_status:id:null | none | caught | caught | missed |" in page
    assert "| make generate | 2.0 | 1.0 to 3.0 |" in page
    assert "| **reference server** | 200 | 100 to 400 | 1.00 |" in page
    assert "| @stoplight/prism-cli 5.14.2 | 200 | 50 to 250 | 0.50 |" in page
    assert "Of @mockoon/cli 9.9.0, 3 responses were not 2xx, and are counted." in page
    assert "## gate" in page
    assert "## gate" not in some


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


def test_page_in_docs_is_what_its_results_give() -> None:
    """No number in it is written by hand."""
    written = bench.written(json.loads(bench.RESULTS.read_text()))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        for path, content in written.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)

    assert {path: path.read_text() for path in written} == written
    assert {*bench.PAGE.with_suffix("").iterdir()} == {*written} - {bench.PAGE}


def test_bars_of_the_plots_match_the_numbers() -> None:
    """Of every part: a length in proportion to its number, which stands beside it."""
    for part in bench.WORDS:
        found = measured(part)
        charts = bench.CHARTS.get(part, clients.charts)(found)
        drawn = ElementTree.fromstring(plots.svg(part, charts))  # noqa: S314 (our own)
        texts = [str(one.text) for one in drawn.iterfind("{*}text")]
        lengths = [float(one.get("width", "")) for one in drawn.iterfind("{*}rect")]
        ours = [one.get("class") for one in drawn.iterfind("{*}rect")]

        for chart in charts:
            bars = sorted(chart.bars.items(), key=lambda one: one[1])
            longest = bars[-1][1]
            title, *shown = texts[: 1 + 2 * len(bars)]
            assert title == chart.title
            assert shown[::2] == [name.strip("*").replace("`", "") for name, _ in bars]
            assert [float(one.replace(",", "")) for one in shown[1::2]] == [
                pytest.approx(value, abs=0.5 if value >= 100 else 0.005) for _, value in bars
            ]
            assert lengths[: len(bars)] == [
                pytest.approx(plots.BARS * value / longest, abs=0.05) for _, value in bars
            ]
            assert ours[: len(bars)] == ["ours" if "**" in name else None for name, _ in bars]
            del texts[: 1 + 2 * len(bars)], lengths[: len(bars)], ours[: len(bars)]
        assert (texts, lengths) == ([], [])
        assert f"![{part}](benchmarks/{part}.svg)" in bench.page({part: found})


def test_plot_shows_the_median_of_its_table_and_escapes_what_it_shows() -> None:
    """The number of a bar is the one of the page; a title is text, and no mark-up."""
    (chart,) = serve.charts(measured("serve"))

    assert chart.bars["**reference server**"] == 200
    assert "<b>&" not in plots.svg("<b>&", [plots.Chart("<b>&", {"<b>&": 1.0})])


def test_every_peer_has_exact_versions_and_each_body_its_artifacts() -> None:
    """The base of the ratios is among the peers."""
    assert all("==" in package for peer in PEERS.values() for package in peer.packages)
    assert list(PEERS)[:2] == ["ours", "msgspec"]
    assert {n: len(json.loads(body)["artifacts"]) for n, body in clients.bodies().items()} == {
        2: 2, 100: 100
    }  # fmt: skip


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
    ("name", "kinds", "known", "caught"),
    [
        ("gate", ("T5",), (), True), ("gate", ("P6",), (), False),
        ("stock", (SCHEMA,), (), True), ("stock", (SCHEMA,), (SCHEMA,), False),
        ("dredd", ("GET (200)",), (), True), ("dredd", (), ("GET (200)",), False),
        ("dredd", ("GET (200)",), ("GET (200)",), False),
    ],
)  # fmt: skip
def test_caught_by_a_peer(
    name: str, kinds: tuple[str, ...], known: tuple[str, ...], caught: bool
) -> None:
    """The gate by the rule of the fault, another by what it does not find without it."""
    found = gate.is_caught(name, "completed-null", Finding(1, kinds), Finding(0, known))

    assert found is caught


def test_gate_is_measured_in_rounds_beside_who_can_be_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The verdicts on faults are compared with what each reports without one."""
    calls: list[tuple[str, str | None, bool]] = []
    names = {id(checker): name for name, checker in CHECKERS.items()}

    def over(checker: Any, _: Path, fault: str | None = None, *, first: bool = False) -> Ran:
        name = names[id(checker)]
        calls.append((name, fault, first))
        kinds = [one for one in (SCHEMA, fault and "Server error") if one]
        summary = "= SUMMARY =\nFailures:\n" + "".join(f"  x {one}: 1\n" for one in kinds)
        report = {
            "verdicts": [{"rule": FAULTS[fault].rule, "outcome": "violated"}] if fault else []
        }
        done = ran(summary, int(name == "stock" or bool(fault)), 4.0 if name == "stock" else 2.0)
        return replace(done, report=report, first=1.0 if first and name == "gate" else None)

    monkeypatch.setattr(runs, "over", over)
    monkeypatch.setattr(runs, "rules_share", lambda: 0.05)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = gate.measure(2, ["completed-null"], lambda _: None, ["gate", "stock", "dredd"])

    assert found["seconds"] == {"gate": [2.0, 2.0], "stock": [4.0, 4.0]}
    assert found["first"] == {"gate": [1.0, 1.0], "stock": []}
    assert found["caught"] == {"completed-null": {"gate": True, "stock": True}}
    assert found["clean"] == {"gate": [], "stock": [SCHEMA]}
    assert found["missing"] == {"dredd": "npm is not installed"}
    assert found["rules"] == [0.05, 0.05]
    assert {*calls[:2]} == {(name, "completed-null", False) for name in ("gate", "stock")}
    one = [
        (name, *how) for name in ("gate", "stock") for how in ((None, False), (gate.FIRST, True))
    ]
    assert calls[2:] == one * 2


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
