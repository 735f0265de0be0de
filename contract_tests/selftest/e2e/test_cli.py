"""Both front ends: what is misused, what the help says, and which commands a message names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ... import cli, usage
from ...contract.openapi import PATH
from ...gate.target import GateError
from ...nearest import choice
from ...problems import Exit
from ...reference.faults import FAULTS
from ...rules import RULES
from ...settings import SETTINGS, from_environment
from ..support.makefile import takes, targets

ROOT = PATH.parent
HAR = ROOT / "contract_tests/selftest/support/har/chrome.har"
COMMANDS = [*cli.COMMANDS, *cli.PROJECT]
TAKES = takes((ROOT / "Makefile").read_text())
TARGETS = targets((ROOT / "Makefile").read_text())


@pytest.fixture(autouse=True)
def _front(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the console script, and run no gate."""
    monkeypatch.setenv(usage.VARIABLE, "console")
    for name in SETTINGS:
        monkeypatch.delenv(f"CONTRACT_{name}", raising=False)
    monkeypatch.setattr(pytest, "main", lambda _: pytest.fail("the gate has begun"))


def console(*words: str) -> int:
    """Run the console script; return its exit code."""
    try:
        return cli.main([*words])
    except SystemExit as left:
        return int(left.code or 0)


def found(command: str) -> click.Command:
    """Return a command."""
    context = click.Context(cli.commands)
    made = cli.commands.get_command(context, command)
    assert made is not None
    return made


def options(command: str) -> list[tuple[str, bool]]:
    """Return the options of a command, and whether each takes a value."""
    made = found(command)
    params = [one for one in made.get_params(click.Context(made)) if isinstance(one, click.Option)]
    return [(one.opts[0], not one.is_flag) for one in params if one.name != "help"]


OPTIONS = [(command, *option) for command in COMMANDS for option in options(command)]
WITH_VALUE = [(command, name) for command, name, takes in OPTIONS if takes]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_describes_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In whole sentences, with a line for each option."""
    code = console(command, "--help")
    told = capsys.readouterr().out
    described = told.partition("\n\n")[2].partition("\n\n")[0]

    assert code == Exit.OK
    assert re.fullmatch(r" *[A-Z][a-z]+ .*\.", described, re.DOTALL)
    assert {name for name, _ in options(command)} <= {*told.replace(",", " ").split()}


@pytest.mark.parametrize(("command", "name"), WITH_VALUE)
def test_an_option_without_its_value_is_misuse(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every command: not 2, which means interrupted; the message names it."""
    code = console(command, name)
    told = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert told.startswith("problem: ")
    assert name in told
    assert f"see {usage.CONSOLE} {command} --help" in told


@pytest.mark.parametrize(("command", "name"), [(one, name) for one, name, _ in OPTIONS])
def test_a_misspelt_option_is_misuse_and_the_nearest_is_named(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every command, for every option of it: without its last letter."""
    words = ["x"] if command not in ("gate", "serve") else []
    code = console(command, name[:-1], *words)
    told = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert re.search(rf"fix: .*{name}\b", told)
    assert f"see {usage.CONSOLE} {command} --help" in told


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["gaet"], "gate"),
        (["serv"], "serve"),
        (["vendor-chek"], "vendor-check"),
        (["xyz"], " or ".join(COMMANDS)),
        (["--verison"], "--version"),
        (["judge"], "FILE"),
        (["judge", "a", "b"], "see"),
        (["gate", "a"], "see"),
        (["serve", "--port", "x"], "--port=PORT"),
        (["serve", "--port", "70000"], "use another port"),
        (["serve", "--speed", "fast"], "--speed=X"),
        (["serve", "--speed", "-1"], "see"),
        (["serve", "--clock-start", "noon"], "--clock-start=TIME"),
        (["serve", "--token", "a b"], "see"),
        (["serve", "--scenario", "cancelle"], "use cancelled"),
        (["serve", "--fault", "completed-nul"], "use completed-null"),
        (["gate", "--fault", "completed-nul"], "use completed-null"),
        (["gate", "--level", "mus"], "use must"),
        (["gate", "--rule", "T55"], "use T5"),
        (["judge", str(HAR), "--rule", "T55"], "use T5"),
        (["judge", "absent.har"], "name a HAR file"),
    ],
)
def test_misuse_has_a_code_of_its_own_and_a_fix(
    words: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """4 means that nothing can be told; neither 1, which means found, nor 2, interrupted."""
    code = console(*words)
    told = capsys.readouterr().err

    assert code == 4
    assert "problem: " in told
    assert f"fix: {fix}" in told


def test_unexpected_exception_cannot_tell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not 1, Python's own code, which means that something was found."""

    def fail(**_: object) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(found("judge"), "callback", fail)
    code = console("judge", str(HAR))

    assert code == Exit.CANNOT_TELL
    assert "RuntimeError: not foreseen" in capsys.readouterr().err


def test_interrupt_has_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever command runs."""

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(found("judge"), "callback", interrupt)

    assert console("judge", str(HAR)) == Exit.INTERRUPTED


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As by make: that is no misuse."""
    assert console() == 0
    assert {*COMMANDS} <= {line.split()[0] for line in capsys.readouterr().out.splitlines() if line}


def test_every_option_has_a_help() -> None:
    """And serve --seed is not the seed of the gate, though both are called so."""
    helps = {
        (command, param.opts[0]): param.help
        for command in COMMANDS
        for param in found(command).params
        if isinstance(param, click.Option)
    }

    assert all(helps.values())
    assert helps["serve", "--seed"] != helps["gate", "--seed"]


@pytest.mark.parametrize("known", [FAULTS, RULES, SETTINGS])
@pytest.mark.parametrize("name", ["zzz", "", "completed", "T", "completed-null-", "é" * 99, "a b"])
def test_a_long_list_is_never_told_whole(name: str, known: dict[str, object]) -> None:
    """Three at most are named, and where all are listed."""
    told = choice(name, known, "docs/list.md")
    named = [one for one in re.findall(r"[\w-]+", told) if one in known]

    assert len(named) <= 3
    assert "docs/list.md" in told


@pytest.mark.parametrize("name", ["zzz", "mus"])
def test_a_short_list_is_told_whole(name: str) -> None:
    """There is no better fix."""
    told = choice(name, ["must", "should"], "docs/list.md")

    assert {"must", "should"} <= {*re.findall(r"\w+", told)}
    assert "docs/list.md" not in told


def misuses() -> Iterator[dict[str, str]]:
    """Yield settings that are refused, each in another way."""
    url = {"TARGET": "http://127.0.0.1:9", "TOKEN": "some-long-token"}
    for name in SETTINGS:
        if name != "TOKEN":
            yield {name: "no/such\nvalue"}
            yield {f"{name}X": "x"}
    yield from (
        {"BUILD_ID": "b"}, {"PROXY": "http://p:1"}, {"TARGET": url["TARGET"]},
        {**url, "TOKEN": "a b"}, {**url, "FAULT": "completed-null"},
        {**url, "TARGET": "http://h/api/v1/images"}, {**url, "TARGET": "http://u:p@h"},
        {"RULE": "T5", "LEVEL": "must"}, {"REQUIRE": "T5", "RULE": "T4"}, {"REQUIRE": "FAILED:odd"},
    )  # fmt: skip


def refused(settings: dict[str, str]) -> str:
    """Return the words in which settings are refused, or nothing."""
    try:
        from_environment({f"CONTRACT_{name}": value for name, value in settings.items()})
    except GateError as error:
        return str(error)
    return ""


def told_by_all(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[str]:
    """Yield what commands say where they cannot do what is asked, in the command line in use."""
    yield from map(refused, misuses())
    bad = tmp_path / "bad"
    bad.write_text("{")
    for words in (
        ["judge", ""], ["judge", "absent.har"], ["judge", str(bad)],
        ["judge", "--rule", "zzz", "x"], ["serve", "--fault", "zzz"],
        ["serve", "--scenario", "zzz"], ["serve", "--port", "70000"], ["serve", "--port", "x"],
        ["serve", "--build-seconds", "-1"], ["compare", ""], ["compare", "absent.yaml"],
        ["compare", str(bad)], ["vendor", ""], ["vendor", str(bad)],
        ["vendor", str(ROOT / "generated")], ["vendor-check", ""],
        ["vendor-check", str(tmp_path / "nothing")],
    ):  # fmt: skip
        console(*words)
        yield capsys.readouterr().err


def test_messages_name_what_the_console_script_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its commands and their options; neither make, nor a script, nor a variable of make."""
    known = {name for _, name, _ in OPTIONS} | {"--help", "--junit"}
    told = [*filter(None, told_by_all(capsys, tmp_path))]

    assert len(told) > 50
    for text in told:
        assert {*re.findall(rf"{usage.CONSOLE} ([\w-]+)", text)} <= {*COMMANDS}, text
        assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)} <= known, text
        assert not re.search(r"\bmake \w|\.py\b|docs/|contract_tests\.", text), text
        assert not re.search(rf"(?<![\w_])({'|'.join(EVERY)})=", text), text


EVERY = {"PYTHON"}.union(*TAKES.values())


def test_messages_name_what_make_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its targets and what they take, and files that are there."""
    monkeypatch.setenv(usage.VARIABLE, "make")
    told = [*filter(None, told_by_all(capsys, tmp_path))]

    assert len(told) > 50
    for text in told:
        for target in re.findall(r"\bmake ([a-z-]+)", text):
            assert target in TARGETS, text
        for target, name in re.findall(r"\bmake ([a-z-]+) ([A-Z_]+)=", text):
            assert name in TAKES[target], text
        assert usage.CONSOLE not in text
        assert all((ROOT / one).is_file() for one in re.findall(r"\bdocs/[\w.-]+", text)), text


CHATTY = {
    "help": [],
    "help of a command": ["gate", "--help"],
    "help of another": ["compare", "--help"],
    "version": ["--version"],
    "faults": ["serve", "--list-faults"],
    "judge": ["judge", str(HAR)],
    "compare": ["compare", str(PATH)],
    "check": ["check"],
    "lint": ["lint"],
    "changes": ["changes"],
    "misuse": ["gate", "--rule", "zzz"],
    "a violation": ["gate", "--rule", "T5", "--fault", "completed-null"],
}


def clean() -> dict[str, str]:
    """Return the environment without what is meant for the run of the tests."""
    kept = ("PYTHONPYCACHEPREFIX",)
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(("PYTHON", "PYTEST_"))
    }


def unread(*words: str) -> tuple[int, str]:
    """Run a command whose output nobody reads; return its exit code and its errors."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "contract_tests", *words], stdout=writing,
            stderr=subprocess.PIPE, text=True, check=False, env=clean(), cwd=ROOT, timeout=300,
        )  # fmt: skip
    finally:
        os.close(writing)
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", CHATTY.values(), ids=CHATTY)
def test_a_command_goes_on_without_a_reader(words: list[str]) -> None:
    """``… | head -1`` ends with the same code, and without a traceback."""
    code, errors = unread(*words)

    assert code == console(*words)
    if "completed-null" in words:
        assert code == Exit.FOUND
    assert "Error" not in errors
    assert "Traceback" not in errors


HOSTILE = {
    "PYTEST_ADDOPTS": "--collect-only", "PYTEST_PLUGINS": "no_such_plugin", "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
}  # fmt: skip


@pytest.mark.parametrize("start", [
    ["gate", "--rule=T5", "--fault=completed-null"], ["gate"],
])  # fmt: skip
def test_what_is_meant_for_other_runs_makes_no_gate_green(start: list[str]) -> None:
    """Neither empty, nor without assertions, nor with 0 for whatever came of it."""
    chosen = {"CONTRACT_RULE": "T5", "CONTRACT_FAULT": "completed-null"}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", *start], cwd=ROOT,
        env=clean() | HOSTILE | chosen,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^T5 +SHOULD +violated", done.stdout, re.M)
