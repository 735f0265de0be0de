"""The command ``judge`` on recordings: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ... import cli, settings
from ...judge import judged
from ...problems import Exit
from ...report import html, recording
from ..support import readers
from ..support.recordings import API, SAMPLES, TOKEN, entry, status, status_body, written
from ..support.snapshots import assert_message, assert_snapshot


def main(words: list[str]) -> int:
    """Run the command; return its exit code."""
    return cli.main(["judge", *words])


def shown(file: Path, rule: str = "") -> str:
    """Return what the command prints of a recording."""
    replayed, verdicts, of_run = judged(str(file), settings.rules(rule))
    return "\n".join(recording.lines(str(file), None, replayed, verdicts, of_run))


def test_violation_in_a_recording() -> None:
    """The first violation of a rule is shown in full, with the command that repeats it."""
    assert main([str(SAMPLES / "charles.har")]) == Exit.FOUND
    assert_snapshot("judge-violation", shown(SAMPLES / "charles.har"))


def test_recording_without_violations() -> None:
    """It shows how many entries were judged, and why others were left out."""
    assert main([str(SAMPLES / "chrome.har")]) == Exit.OK
    assert_snapshot("judge-passed", shown(SAMPLES / "chrome.har"))


def test_recording_with_repeated_violations_and_missing_parts(tmp_path: Path) -> None:
    """Further violations of a rule are counted; missing parts of the recording are reported."""
    entries = [
        entry(body=status_body("COMPLETED", completedAt=None), at=number) for number in range(3)
    ]
    del entries[1]["time"]
    bodiless = status(at=9)
    del bodiless["response"]["content"]["text"]
    file = written(tmp_path / "a name.har", [*entries, bodiless])

    assert main([str(file), "--rule", "T5"]) == Exit.FOUND
    assert_snapshot("judge-counts", shown(file, "T5"), {tmp_path: "<folder>"})


def test_judge_keeps_to_rules_and_level() -> None:
    """A rule that was not selected is not judged."""
    path = str(SAMPLES / "charles.har")

    assert main([path, "--level", "must"]) == 0
    assert main([path, "--rule", "T4,p6"]) == 0
    assert main([path, "--rule", "T4,T5"]) == 1


CHROME = str(SAMPLES / "chrome.har")
INVALID = {
    "no file named": ("", "", ""),
    "no such file": ("none.har", "", ""),
    "unknown rule": (CHROME, "T55", ""),
    "rule of the generated client": (CHROME, "C1", ""),
    "unknown level": (CHROME, "", "mus"),
    "no rule observed": (CHROME, "L7", ""),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_input_ends_with_4(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be judged has not passed; the problem names the nearest value."""
    file, rule, level = INVALID[name]
    options = [("--rule", rule), ("--level", level)]
    code = main([file, *(word for one in options if one[1] for word in one)])
    printed = capsys.readouterr()

    assert (code, printed.out) == (Exit.CANNOT_TELL, "")
    assert_message("judge-problems", name, printed.err)


def test_rules_and_level_of_the_run_are_shown() -> None:
    """A file of a run by some rules alone does not pass for one by all."""
    replayed, verdicts, _ = judged(str(SAMPLES / "chrome.har"), [])
    of_run = {"RULE": "T5,T4", "LEVEL": "must"}

    assert "judged by     RULE=T5,T4 LEVEL=must, as the run was" in [
        *recording.lines("some.har", None, replayed, verdicts, of_run)
    ]
    subject = html.of_recording("some.har", None, replayed, verdicts, of_run)
    assert {("rules", "T5,T4"), ("level", "must")} <= {*subject.facts}


def test_judge_shows_no_token_and_no_control_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output holds no token, and sends nothing to the terminal but text."""
    body = status_body("COMPLETED", completedAt=None, imageName=f"{TOKEN}\x1b[2J")
    raw = json.dumps(body).replace("\\u001b", "\x1b")
    urls = [f"{API}/{TOKEN}", f"{API}/%1b[2J"]
    entries = [entry(url=url, body=raw, at=number) for number, url in enumerate(urls)]
    code = main([str(written(tmp_path / "some.har", entries))])
    printed = "".join(capsys.readouterr())

    assert code == 1
    assert "<token>" in printed
    assert TOKEN not in printed
    assert "\x1b" not in printed


def test_page(tmp_path: Path) -> None:
    """The verdicts on a recording as a page, which begins with what is violated."""
    page = tmp_path / "judged.html"
    code = main([str(SAMPLES / "charles.har"), f"--page={page}"])
    text = page.read_text()

    assert code == Exit.FOUND
    assert readers.html(text) is None
    assert "<h1>Failed</h1>" in text
    assert 'class="cause violated" data-rule="T5"' in text


def test_page_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a problem, with a fix."""
    code = main([str(SAMPLES / "charles.har"), f"--page={tmp_path}/no/judged.html"])

    assert code == Exit.CANNOT_TELL
    assert "    fix: " in capsys.readouterr().err
