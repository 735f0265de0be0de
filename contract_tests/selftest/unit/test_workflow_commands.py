"""What a step writes for GitHub: annotations, masks and the summary."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.ci import commands

from ..support.ci_job import TOKEN


def test_text_of_a_command_is_escaped(capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A line break would end the command, a comma the property. Only on GitHub."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    commands.annotate("error", "T5: a, 100%", "one\r\ntwo: 5%, %0A")
    monkeypatch.delenv("GITHUB_ACTIONS")
    commands.annotate("error", "T5: a", "one\ntwo")
    commands.mask(TOKEN)

    assert capsys.readouterr().out == (
        "::error title=T5%3A a%2C 100%25::one\\r%0Atwo: 5%25, %250A\nerror: T5: a\none\ntwo\n"
    )


def test_summary_above_the_limit_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub would not show it at all."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    commands.summary("é\n" * 500_000)
    written = (tmp_path / "summary").read_bytes()

    assert 900_000 < len(written) < 2**20
    assert not written.endswith("é\n".encode())
