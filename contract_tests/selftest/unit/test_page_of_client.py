"""The page of a client run: what each judge makes of each body of the corpus."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from ... import cli
from ...contract.api import STATUS
from ...gate import corpus
from ...gate.result import Report
from ...payloads import Payload, load
from ...problems import Exit
from ...report import html
from ...report.html import bodies
from ...tape.call import Call
from ..support import readers

SOUND = {"id": "b", "imageName": "web", "imageTag": "v1", "status": "PENDING",
         "createdAt": "2026-11-24T09:00:00Z"}  # fmt: skip


def payload(
    content: Mapping[str, object] | bytes, *, is_refused: bool, at: str = "$.status"
) -> Payload:
    """Return a body of status."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Payload("a body", STATUS, raw, "application/json", is_refused, "S1", at)


def call(raised: str | None) -> Call:
    """Return a call of a client that was answered with that body."""
    return Call("a body", STATUS, None, raised=raised, message="$.status: no such value")


def page_of(*judged: corpus.Judged) -> str:
    """Return the page of these bodies."""
    return html.page(html.of_client(Report(), judged, "make gate CLIENT_PAGE=a.html"))


UNKNOWN = SOUND | {"status": "RUNNING"}
APART = [
    (payload(UNKNOWN, is_refused=True), [call(None)], "client: accept"),
    (payload(UNKNOWN, is_refused=False), [call("ClientError")], "corpus: accept"),
    (payload(SOUND, is_refused=True), [call("ClientError")], "schema: accept"),
    (payload(UNKNOWN, is_refused=True), [call(None), call("ClientError")], "client get_build_"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "calls", "shown"), APART)
def test_judge_that_disagrees_is_shown_first(body: Payload, calls: list[Call], shown: str) -> None:
    """Whichever it is: the client, the corpus, or schema and rules."""
    [apart] = corpus.judged(calls, [body])
    agreed = replace(
        apart, payload=payload(SOUND, is_refused=False), invalid="", broken=(), calls=()
    )
    page = page_of(agreed, apart)

    assert not apart.is_agreed
    assert agreed.is_agreed
    assert [one.outcome for one in bodies.bodies([agreed, apart])] == ["disagree", "agree"]
    assert readers.html(page) is None
    assert "the judges disagree on 1" in page
    assert "<h1>Failed</h1>" in page
    assert shown in re.sub(r"\s+", " ", page.partition('id="body-1"')[2].partition("</summary>")[0])


def test_a_should_rule_is_no_reason_to_refuse() -> None:
    """A client returns what breaks a SHOULD rule alone; the page shows that rule."""
    body = payload(SOUND | {"startedAt": "2026-11-24T09:00:01Z"}, is_refused=False)
    [judged] = corpus.judged([call(None)], [body])

    assert judged.is_agreed
    assert [rule.id for rule, _ in judged.broken] == ["T3"]
    assert 'data-rule="T3" data-judges="agree"' in page_of(judged)


RAW = {b'{"a": 1, "a": 2}': ['{"a": 1, "a": 2}'], b"": [], b"\xff": ["\\xff"],
       b'{"\\u0061": 1}': ['{"\\u0061": 1}'], b'{"a": 1}': ["{", '  "a": 1', "}"]}  # fmt: skip


@pytest.mark.parametrize("content", RAW)
def test_body_is_shown_as_it_is_sent(content: bytes) -> None:
    """In lines where nothing of it is lost."""
    [shown] = bodies.bodies(corpus.judged([], [payload(content, is_refused=True, at="$")]))

    assert [one.text for one in shown.lines] == RAW[content]


def test_page_has_every_body_of_the_corpus() -> None:
    """All judges agree on each; the client is one that answers as the corpus has it."""
    calls = [
        Call(one.title, one.operation, None, raised="ClientError" if one.is_refused else None)
        for one in load()
    ]
    page = page_of(*corpus.judged(calls))

    assert readers.html(page) is None
    assert page.count('<li id="body-') == len(load())
    assert "the judges agree on each" in page
    assert "make gate CLIENT_PAGE=a.html" in page
    shown = unescape(page)
    assert [one.title for one in load() if one.title not in shown] == []
    assert len(page.encode()) < 2**20


@pytest.mark.parametrize("without", ["--server-only", "--cleanup=only"])
def test_page_of_a_client_that_is_not_judged_is_a_problem(
    without: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nothing is written."""
    monkeypatch.setenv("CONTRACT_TOKEN", "test-token")
    file = tmp_path / "client.html"
    code = cli.main(["gate", without, f"--client-page={file}", "--target=http://127.0.0.1:1"])

    assert code == Exit.CANNOT_TELL
    assert "the client is not judged" in capsys.readouterr().err
    assert not file.exists()
