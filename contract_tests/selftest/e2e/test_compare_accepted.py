"""Accepted differences do not count; each has a reason, a last day, and a difference to accept."""

from __future__ import annotations

import copy
import datetime
import http.server
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ... import cli
from ...contract.openapi import PATH, contract
from ...openapi_diff import Difference, differences, load
from ...openapi_diff.accepted import Accepted, split
from ...openapi_diff.accepted import load as load_accepted
from ...problems import Exit, Problem
from ...verdicts import exemptions
from ..support.ci_job import environment
from ..support.ci_job import load as read_yaml

ROOT = PATH.parent
REAL_URL = "https://api.primeintellect.ai/openapi.json"
HERE = Path(__file__).parents[1] / "support/compare"
BASE, REVISION = HERE / "second.yaml", HERE / "third.yaml"
TODAY = datetime.date(2026, 11, 25)
LAST = datetime.date(2999, 1, 1)
ENTRY: dict[str, Any] = {
    "kind": "field-removed",
    "place": "start_image_build 200 $.errorMessage",
    "reason": "it moved",
    "expires": LAST,
}


def written(folder: Path, *entries: dict[str, Any], table: str = "accepted") -> Path:
    """Write a file of accepted differences."""
    lines = []
    for entry in entries:
        lines.append(f"[[{table}]]")
        for key, value in entry.items():
            shown = value if isinstance(value, datetime.date) else json.dumps(value)
            lines.append(f"{key} = {shown}")
    path = folder / "accepted.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def ended(accepted: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Compare; return the exit code and the JSON."""
    code = cli.main(
        ["compare", str(REVISION), "--contract", str(BASE), "--accepted", str(accepted), "--json"]
    )
    return code, json.loads(capsys.readouterr().out or "{}")


def found() -> list[Difference]:
    """Return the differences of the two snapshots."""
    return differences(load(str(BASE)), load(str(REVISION)))


def test_accepted_difference_is_listed_and_does_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of three that break clients is accepted: two are left."""
    code, report = ended(written(tmp_path, ENTRY), capsys)

    assert code == Exit.FOUND
    assert [one["kind"] for one in report["accepted"]] == ["field-removed"]
    assert report["accepted"][0]["reason"] == "it moved"
    assert report["accepted"][0]["expires"] == str(LAST)
    assert ENTRY["place"] not in [place for one in report["differences"] for place in one["places"]]
    assert len(report["differences"]) == len(found()) - 1


def test_nothing_is_left_where_all_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is that of the differences that are left."""
    every = [{**ENTRY, "kind": one.kind, "place": one.places[0]} for one in found()]
    code, report = ended(written(tmp_path, *every), capsys)

    assert (code, report["verdict"]) == (Exit.OK, "accepted")
    assert len(report["accepted"]) == len(every)


def test_another_kind_or_place_is_not_accepted() -> None:
    """An entry accepts one kind at one place, to the letter."""
    one = found()[0]._replace(places=("a 200 $.x", "b 200 $.x"))
    entry = Accepted(one.kind, "a 200 $.x", "r", LAST)

    left, taken = split([one], (entry,))

    assert [each.places for each in left] == [("b 200 $.x",)]
    assert [each.places for each, _ in taken] == [("a 200 $.x",)]
    for other in (
        Accepted("field-added", "a 200 $.x", "r", LAST),
        Accepted(one.kind, "a 200 $", "r", LAST),
    ):
        with pytest.raises(Problem):
            split([one], (other,))


def test_acceptance_of_what_does_not_differ_any_more_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is not there any more must be taken out of the file."""
    gone = {**ENTRY, "place": "start_image_build 200 $.gone"}

    assert ended(written(tmp_path, ENTRY, gone), capsys)[0] == Exit.CANNOT_TELL


INVALID: dict[str, list[dict[str, Any]]] = {
    "an unknown kind": [{**ENTRY, "kind": "field-remove"}],
    "an unknown key": [{**ENTRY, "why": "so"}],
    "no reason": [{key: value for key, value in ENTRY.items() if key != "reason"}],
    "a blank reason": [{**ENTRY, "reason": "  "}],
    "a reason that is a number": [{**ENTRY, "reason": 7}],
    "no last day": [{key: value for key, value in ENTRY.items() if key != "expires"}],
    "a day that is not one": [{**ENTRY, "expires": "soon"}],
    "a day that is past": [{**ENTRY, "expires": TODAY - datetime.timedelta(days=1)}],
    "twice": [ENTRY, {**ENTRY, "reason": "again"}],
}


@pytest.mark.parametrize("entries", INVALID.values(), ids=list(INVALID))
def test_invalid_entry_is_refused(entries: list[dict[str, Any]], tmp_path: Path) -> None:
    """A file that does not say all, or says it twice, is a failure."""
    with pytest.raises(Problem):
        load_accepted(written(tmp_path, *entries), TODAY)


def test_last_day_still_counts(tmp_path: Path) -> None:
    """The day in ``expires`` is the last one, as a date or as a text."""
    for expires in (TODAY, str(TODAY)):
        [one] = load_accepted(written(tmp_path, {**ENTRY, "expires": expires}), TODAY)

        assert one == Accepted(ENTRY["kind"], ENTRY["place"], ENTRY["reason"], TODAY)


@pytest.mark.parametrize("text", ["[[waiver]]\n", "accepted = 3", "kind = 'a'", "[[accepted]", "x"])
def test_file_that_is_another_is_refused(text: str, tmp_path: Path) -> None:
    """A file of waivers is not a file of accepted differences."""
    path = tmp_path / "other.toml"
    path.write_text(text)

    with pytest.raises(Problem):
        list(exemptions.entries(path, "accepted", ("kind", "place"), today=TODAY))


def test_missing_file_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name of the file must not accept nothing in silence."""
    assert ended(tmp_path / "gone.toml", capsys)[0] == Exit.CANNOT_TELL


@contextmanager
def published(document: dict[str, Any]) -> Iterator[str]:
    """Serve a document on loopback; yield its URL."""
    content = json.dumps(document).encode()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Discard log lines."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/openapi.json"
        server.shutdown()


def as_published() -> dict[str, Any]:
    """Return the contract without the failures that the vendor's document does not have."""
    document: dict[str, Any] = json.loads(json.dumps(contract().document))
    for item in document["paths"].values():
        for operation in item.values():
            operation["responses"].pop("4XX", None)
    return document


def weekly(document: dict[str, Any], folder: Path) -> int:
    """Run the step of the weekly workflow against a loopback copy; return its exit code."""
    job = read_yaml(ROOT / ".github/workflows/compare.yml")["jobs"]["compare"]
    [script] = [step["run"] for step in job["steps"] if "run" in step]
    # The dates of the file itself are for its readers; here they must not run out.
    accepted = folder / "accepted.toml"
    text = (ROOT / "ci/accepted.toml").read_text()
    accepted.write_text(re.sub(r"^expires = .*$", f"expires = {LAST}", text, flags=re.M))
    with published(document) as url:
        script = script.replace(REAL_URL, url).replace("ci/accepted.toml", str(accepted))
        return subprocess.run(  # noqa: S603
            ["bash", "-e", "-c", script],  # noqa: S607
            cwd=ROOT, env=environment(), capture_output=True, check=False, timeout=120,
        ).returncode  # fmt: skip


@pytest.mark.slow
def test_weekly_workflow_passes_until_the_published_document_moves(tmp_path: Path) -> None:
    """What is accepted passes; one change more fails, and so does one of those accepted gone."""
    same = as_published()
    moved = copy.deepcopy(same)
    moved["components"]["schemas"]["ImageBuildStatus"]["enum"].append("EXPIRED")

    assert REAL_URL in (ROOT / ".github/workflows/compare.yml").read_text()
    assert REAL_URL in (ROOT / "docs/compare.md").read_text()
    assert [weekly(each, tmp_path) for each in (same, moved, contract().document)] == [0, 2, 2]
