"""How messages write commands: for make, for the console script, and for the module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ... import usage

GIVEN = {"HAR": "a b", "RULE": "T5", "LEVEL": None}


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as a Python of a virtual environment in the folder that the user is in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(Path.cwd() / ".venv/bin/python"))


@pytest.mark.parametrize(
    ("value", "called"),
    [
        ("console", "image-build-contract"),
        ("module", ".venv/bin/python -m contract_tests"),
    ],
)
def test_commands_are_written_as_the_program_was_called(
    value: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name where the console script was, by its module where that was; with options."""
    monkeypatch.setenv(usage.VARIABLE, value)

    assert usage.command("judge", **GIVEN) == f"{called} judge 'a b' --rule=T5"
    assert usage.about("T5") == f"{called} rules T5"
    assert usage.see("gate") == f"{called} gate --help"
    assert (usage.setting("RATE", "5"), usage.flag("DRY_RUN")) == ("--rate=5", "--dry-run")


def test_commands_of_make_have_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no options."""
    monkeypatch.setenv(usage.VARIABLE, "make")

    assert usage.command("judge", **GIVEN) == "make judge HAR='a b' RULE=T5"
    assert (usage.about("T5"), usage.see("gate")) == ("make rules RULE=T5", "make help")
    assert (usage.setting("RATE", "5"), usage.flag("DRY_RUN")) == ("RATE=5", "DRY_RUN=1")


def test_settings_of_the_environment_are_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the commands that a reader repeats at home are make's."""
    monkeypatch.setenv(usage.VARIABLE, "environment")

    assert usage.command("judge", **GIVEN) == "make judge HAR='a b' RULE=T5"
    assert (usage.about("T5"), usage.see("gate")) == ("make rules RULE=T5", "make help")
    assert usage.setting("RATE", "5") == "CONTRACT_RATE=5"


def test_python_of_another_folder_is_named_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a blank in it, quoted for a shell."""
    monkeypatch.setenv(usage.VARIABLE, "module")
    monkeypatch.setattr(sys, "executable", "/opt/my tools/python")

    assert usage.about("T5") == "'/opt/my tools/python' -m contract_tests rules T5"
