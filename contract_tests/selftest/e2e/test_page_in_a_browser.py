"""The pages in Chromium: read, used and audited as their readers do, without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ... import program
from ...escape import show
from ...gate import corpus, drive
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...openapi_diff import differences, load
from ...report import html
from ...report.comparison import Compared
from ...report.html import exchanges
from ...tape.call import Call
from ..support.hostile_texts import HOSTILE, hostile, illegal
from ..support.recordings import status_body

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on this machine"),
]

SUPPORT = Path(__file__).parent.parent / "support"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
API = "https://builds.example/api/v1/images/build"
LONG = HOSTILE * (5_000_000 // len(HOSTILE))


def of_fault(fault: str | None) -> html.Subject:
    """Return a run over the embedded server."""
    run = Run(Target(fault=fault))
    drive.drive(run, fuzzing=False)
    return html.of_gate(Report(target=run.target, run=run))


def of_client() -> html.Subject:
    """Return the generated client, and one that accepts a body which the others refuse."""
    report = Report()
    judged = corpus.judged(program.judge_client(report))
    [one] = [one for one in judged if one.payload.title == "an unknown status"]
    calls = [Call(call.intent, call.operation, None) for call in one.calls]
    judged.append(corpus.Judged(one.payload, one.invalid, one.broken, tuple(calls)))
    return html.of_client(report, judged, "make gate CLIENT_PAGE=client.html")


def of_comparison() -> html.Subject:
    """Return two of the sample documents."""
    base, revision = (
        load(str(SUPPORT / "compare" / f"{name}.yaml")) for name in ("second", "third")
    )
    found = differences(base, revision)
    return html.of_comparison(Compared(base, revision, found, []), "make compare UPSTREAM=a.yaml")


def record(run: Run, body: Any, path: str = "/bld_1", **more: Any) -> None:
    """Put an answer of status onto the tape of a run."""
    headers = {"Content-Type": "application/json", "X-Note": more.get("intent", "status")}
    run.tape.record(**{
        "driver": "test", "intent": "status", "request": ("GET", f"{API}{path}", headers, b""),
        "response": (200, headers, json.dumps(body).encode()), **more,
    })  # fmt: skip


def of_hostile_server() -> html.Subject:
    """Return a run over a server that puts hostile texts, some of them 5 MB long, everywhere."""
    run = Run(Target(), at=hostile(illegal))
    drive.drive(run, fuzzing=False)
    for text in (HOSTILE, LONG):
        row = {"artifactType": text, "status": text, "createdAt": text, text: text}
        for body in (
            status_body("COMPLETED", id=text, imageName=text, errorMessage=text, completedAt=None),
            {text: text, "status": text, "createdAt": text, "artifacts": [row]},
            [text],
        ):
            record(run, body, f"/{text[:500]}", intent=text)
        raw = text.encode("utf-8", "replace")
        record(run, "", response=(200, {"Content-Type": text, text: text}, raw))
        record(run, "", response=(500, {}, b"{" + raw))
    return html.of_gate(Report(target=run.target, run=run))


def of_many() -> html.Subject:
    """Return a run with more exchanges than are listed, of which many break a rule."""
    run = Run(Target(rule=("T5",)), at=embedded("test-token"))
    broken = status_body("COMPLETED", completedAt=None, errorMessage="e" * 5000)
    bodies = [status_body("BUILDING"), broken]
    for number in range(exchanges.MOST + 10):
        record(run, bodies[number % 7 == 0], f"/bld_{number % 50}")
    return html.of_gate(Report(target=run.target, run=run))


PAGES: dict[str, Callable[[], html.Subject]] = {
    "failed": partial(of_fault, "completed-null"), "passed": partial(of_fault, None),
    "client": of_client, "comparison": of_comparison, "hostile": of_hostile_server, "many": of_many,
}  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_pages_in_chromium(tmp_path: Path) -> None:
    """By mouse and keyboard, in both themes and as wide as a phone; axe finds nothing serious.

    The time that each takes to open is printed: a page of 10,000 exchanges opens in a second.
    """
    for name in ("package.json", "package-lock.json", "check.mjs"):
        shutil.copy(SUPPORT / "browser" / name, tmp_path)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],  # noqa: S607
        cwd=tmp_path, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    pages = []
    for name, make in PAGES.items():
        page = tmp_path / f"{name}.html"
        page.write_text(html.page(make()), "utf-8")
        pages.append(str(page))
    done = subprocess.run(  # noqa: S603
        ["node", "check.mjs", str(CHROMIUM), str(tmp_path), *pages],  # noqa: S607
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    show(json.dumps(found["opened"], indent=1))
    assert found["wrong"] == []
    assert found["opened"]["many.html, light"]["exchanges"] == exchanges.MOST
