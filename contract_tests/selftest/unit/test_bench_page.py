"""The page of the benchmarks: ratios, who is ahead, who is missing, and the plots."""

from __future__ import annotations

import json
import os
from typing import Any
from xml.etree import ElementTree

import pytest

from scripts.dev.bench import __main__ as bench
from scripts.dev.bench import clients, gate, plots, recorded, serve
from scripts.dev.bench.mutations import MUTATIONS
from scripts.dev.bench.recorded import CHECKED, COUNTS, JUDGED, SHAPES

from ...reference.faults import FAULTS

SCHEMA = "ST108 Response violates schema"


def measured(part: str) -> dict[str, Any]:
    """Return results of a part, as they are kept in docs/benchmarks.json."""
    about = {"when": "2026-11-30", "machine": "Linux", "load": 1.0, "count": 3, "took": 9.0}
    if part == "gate":
        seconds = {"gate": [1.0, 6.0, 4.0], "stock": [10.0, 8.0, 5.0], "extended": [9.0, 9.0, 9.0]}
        first = {"gate": [3.0, 1.0, 2.5], "stock": [4.0] * 3, "extended": []}
        missing = {"specmatic": "needs Java"}
        return about | {"seconds": seconds, "cpu": seconds, "first": first,
                        "rules": [0.2, 0.054, 0.04], "missing": missing}  # fmt: skip
    if part == "faults":
        caught = {
            "completed-null": {"gate": True, "extended": True},
            "get_build_status:id:null": {"gate": True, "stock": True, "extended": False},
        }
        return about | {"caught": caught, "clean": {"gate": [], "stock": [], "extended": [SCHEMA]},
                        "missing": {}}  # fmt: skip
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
    assert "| 0.75 | 0.75 | 2.5 (1.0 to 3.0) |" in page
    assert "| 1.12 | 1.12 | none |" in page
    assert f"Measured: 1 of {len(FAULTS)} ours, 1 of {len(MUTATIONS)} mechanical." in page
    assert "| **`make gate`** | 1 of 1 | 1 of 1 |" in page
    assert "| schemathesis, its defaults | 0 of 1 | 1 of 1 |" in page
    assert "| the rules' CPU time, % of the gate's | 5.40 | 10 | met |" in page
    assert "Specmatic 2.55.1 was skipped: needs Java." in page
    assert "| T5 | 1 | 1 | 0 | 1 |" in page
    assert "| null | 1 | 1 | 1 | 0 |" in page
    assert "| make generate | 2.0 | 1.0 to 3.0 |" in page
    assert "| **reference server** | 200 | 100 to 400 | 1.00 |" in page
    assert "| @stoplight/prism-cli 5.14.2 | 200 | 50 to 250 | 0.50 |" in page
    assert "Of @mockoon/cli 9.9.0, 3 responses were not 2xx, and are counted." in page
    assert "## gate" in page
    assert "## gate" not in some


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
