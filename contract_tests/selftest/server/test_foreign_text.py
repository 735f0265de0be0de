"""A run against a server whose every text is hostile forges nothing in any report of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import httpx
import pytest

from ... import program
from ...drivers.http.transport import Answer, Endpoint
from ...gate import drive, target
from ...gate.target import embedded
from ...problems import Exit
from ...report import cases, files
from ..support import readers

HOSTILE = (
    "\x1b[2K\r\n::error::FORGED\n    fix: FORGED\n```\n# FORGED <b> | FORGED\n~~~\n"
    "##[error]FORGED ]]> \u202e\u200b\0 @FORGED https://example.org/FORGED"
)


def legal(body: dict[str, Any]) -> None:
    """Make the ids of builds hostile, and add a field: no rule is violated."""
    body["note"] = {HOSTILE: HOSTILE}
    for key in ("build_id", "id"):
        if key in body:
            body[key] += HOSTILE


def illegal(body: dict[str, Any]) -> None:
    """Make all other texts of a build hostile, too."""
    legal(body)
    for row in (body, *(body.get("artifacts") or ())):
        for key in ("errorMessage", "artifactType", "createdAt", "imageName", "fullImagePath"):
            if row.get(key, "upload_url" not in body):
                row[key] = f"{HOSTILE}\ud800"


def hostile(change: Callable[[dict[str, Any]], None]) -> Endpoint:
    """Return a reference server whose answers are changed; it is sent its own ids."""
    endpoint = embedded("test-token")
    inner = endpoint.transport.send

    def send(request: httpx.Request, seconds: float | None = None) -> Answer:
        path = unquote_to_bytes(request.url.raw_path)
        if (ours := path.replace(HOSTILE.encode(errors="surrogatepass"), b"")) != path:
            url = request.url.copy_with(raw_path=ours)
            content = request.read()
            request = httpx.Request(request.method, url, headers=request.headers, content=content)
        answer = inner(request, seconds)
        try:
            body = json.loads(answer.content)
        except ValueError:
            return answer
        if answer.status in (200, 201) and isinstance(body, dict):
            change(body)
        headers = httpx.Headers([*answer.headers.raw, (b"x-note", b"::error::FORGED\x9b")])
        return Answer(answer.status, headers, json.dumps(body).encode())

    endpoint.transport.send = send  # type: ignore[method-assign]
    return endpoint


@pytest.mark.parametrize(("change", "code"), [(legal, Exit.OK), (illegal, Exit.FOUND)])
def test_run_against_a_hostile_server(
    change: Callable[[dict[str, Any]], None],
    code: Exit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Hostile ids are legal, and pass; with other texts, each failure shows them on its lines."""
    monkeypatch.setattr(program, "judge_client", lambda _: None)
    monkeypatch.setattr(drive, "drive", partial(drive.drive, fuzzing=False))
    monkeypatch.setattr(target, "embedded", lambda *_, **__: hostile(change))
    junit = tmp_path / "junit.xml"
    report = program.run({"CONTRACT_TOKEN": "test-token"}, junit)
    printed, page = capsys.readouterr().out, files.summary(junit).read_text()

    assert report.code == code
    assert readers.terminal(printed) is None
    assert readers.commands(printed) == []
    assert readers.terminal(page) is None
    assert readers.markdown(page) is None
    assert readers.junit(junit.read_text(), cases.cases(report)) is None
    assert readers.as_json(files.verdicts(junit).read_text()) is None
