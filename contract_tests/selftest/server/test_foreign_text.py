"""A run against a server whose every text is hostile forges nothing in any report of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ... import program
from ...gate import drive, target
from ...problems import Exit
from ...report import cases, files
from ..support import readers
from ..support.hostile_texts import hostile, illegal, legal


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
    printed, page = capsys.readouterr().out, junit.with_name(files.SUMMARY).read_text()

    assert report.code == code
    assert readers.terminal(printed) is None
    assert readers.commands(printed) == []
    assert readers.terminal(page) is None
    assert readers.markdown(page) is None
    assert readers.html(junit.with_name(files.PAGE).read_text()) is None
    assert readers.junit(junit.read_text(), cases.cases(report)) is None
    assert readers.as_json(junit.with_name(files.VERDICTS).read_text()) is None
