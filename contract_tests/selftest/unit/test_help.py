"""The help of the program and of each command, as printed on 80 columns."""

from __future__ import annotations

import pytest

from ... import cli, usage
from ..support.snapshots import assert_snapshot

HELP = {
    "help": [],
    "help-gate": ["gate"],
    "help-judge": ["judge"],
    "help-proxy": ["proxy"],
    "help-replay": ["replay"],
    "help-load": ["load"],
    "help-rules": ["rules"],
    "help-export": ["export"],
    "help-compare": ["compare"],
    "help-serve": ["serve"],
    "help-vendor": ["vendor"],
    "help-vendor-check": ["vendor-check"],
    "help-generate": ["generate"],
    "help-check": ["check"],
    "help-lint": ["lint"],
    "help-changes": ["changes"],
}


@pytest.mark.parametrize("name", HELP)
def test_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 0, and prints to standard output."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(usage.VARIABLE, "console")
    try:
        code = cli.main([*HELP[name], "--help"])
    except SystemExit as left:
        code = int(left.code or 0)
    printed = capsys.readouterr()

    assert (code, printed.err) == (0, "")
    assert_snapshot(name, printed.out)


def test_every_command_has_its_help_here() -> None:
    """A new command needs a line above."""
    assert {*cli.COMMANDS, *cli.PROJECT} == {one for words in HELP.values() for one in words}
