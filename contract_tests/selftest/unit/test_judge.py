"""``judge`` shows what it saw, and never passes what it did not see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ... import cli
from ..support.recordings import API, NO_ANSWER, SAMPLES, TOKEN, entry, status, told, written


def main(words: list[str]) -> int:
    """Run the command; return its exit code."""
    return cli.main(["judge", *words])


def test_judge_tells_a_violation(capsys: pytest.CaptureFixture[str]) -> None:
    """The first violation of a rule is told whole, with the command that shows it again."""
    code = main([str(SAMPLES / "charles.har")])
    lines = capsys.readouterr().out.splitlines()

    assert code == 1
    assert lines[0] == "T5 SHOULD  completedAt is set exactly where the status is terminal."
    assert f"  repeat    make judge HAR={SAMPLES / 'charles.har'} RULE=T5" in lines
    assert "entries       3: 3 judged, 0 not for this API, 0 left out" in lines
    assert any(line.startswith("T5  SHOULD  violated          1 of 2") for line in lines)
    assert lines[-1] == "violated: T5"


def test_judge_tells_what_it_judged(capsys: pytest.CaptureFixture[str]) -> None:
    """A recording that breaks nothing says how much of it was seen."""
    code = main([str(SAMPLES / "chrome.har")])
    out = capsys.readouterr().out

    assert code == 0
    assert "entries       9: 6 judged, 1 not for this API, 2 left out" in out
    assert f"  left out    1: {NO_ANSWER}\n" in out
    assert "initiate_image_build 1, get_build_status 2, start_image_build 1" in out
    assert "P7  MUST    not observed" in out


def test_judge_counts_what_is_alike(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Further violations of a rule are counted; what was not recorded is said."""
    odd = [entry(body=told("COMPLETED", completedAt=None), at=number) for number in range(3)]
    del odd[1]["time"]
    bodiless = status(at=9)
    del bodiless["response"]["content"]["text"]
    code = main([str(written(tmp_path / "odd one.har", [*odd, bodiless])), "--rule", "T5"])
    out = capsys.readouterr().out

    assert code == 1
    assert "  seen      on 3 exchanges, get_build_status" in out
    assert "RULE=T5" in out
    assert "odd one.har' RULE=T5" in out
    assert "  no body     1: " in out
    assert "  no time     1: " in out
    assert "P1 " not in out


def test_judge_keeps_to_rules_and_level() -> None:
    """A rule that is not asked for is not judged."""
    path = str(SAMPLES / "charles.har")

    assert main([path, "--level", "must"]) == 0
    assert main([path, "--rule", "T4,p6"]) == 0
    assert main([path, "--rule", "T4,T5"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "no recording was named"),
        (["none.har"], "none.har is not a file"),
        ([str(SAMPLES / "chrome.har"), "--rule", "T55"], "use T5"),
        ([str(SAMPLES / "chrome.har"), "--level", "mus"], "use must"),
        ([str(SAMPLES / "chrome.har"), "--rule", "L7"], "none of 1 rules could be observed"),
    ],
)
def test_judge_cannot(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be judged is no pass: exit code 4, and a sentence."""
    code = main(arguments)
    told = capsys.readouterr()

    assert code == 4
    assert said in told.err
    assert told.out == ""


def test_judge_shows_no_token_and_no_control_character(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output holds no token, and sends nothing to the terminal but text."""
    body = told("COMPLETED", completedAt=None, imageName=f"{TOKEN}\x1b[2J")
    raw = json.dumps(body).replace("\\u001b", "\x1b")
    urls = [f"{API}/{TOKEN}", f"{API}/%1b[2J"]
    entries = [entry(url=url, body=raw, at=number) for number, url in enumerate(urls)]
    code = main([str(written(tmp_path / "some.har", entries))])
    told_all = "".join(capsys.readouterr())

    assert code == 1
    assert "<token>" in told_all
    assert TOKEN not in told_all
    assert "\x1b" not in told_all
