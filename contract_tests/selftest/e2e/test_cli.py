"""The command line: help, misuse, exit codes, and the commands that messages name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from scripts.dev.makefile import takes, targets

from ... import cli, usage
from ...contract.openapi import PATH
from ...gate.target import GateError
from ...nearest import choice
from ...problems import Exit
from ...reference.faults import FAULTS
from ...rules import RULES
from ...settings import SETTINGS, from_environment
from ..support.gate_command import SCRIPTED

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
    params = [one for one in made.params if isinstance(one, click.Option)]
    return [(one.opts[0], not one.is_flag) for one in params]


OPTIONS = [(command, *option) for command in COMMANDS for option in options(command)]
WITH_VALUE = [(command, name) for command, name, takes in OPTIONS if takes]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_describes_each_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In whole sentences, with a line for each option."""
    code = console(command, "--help")
    printed = capsys.readouterr().out
    described = printed.partition("\n\n")[2].partition("\n\n")[0]

    assert code == Exit.OK
    assert re.fullmatch(r" *[A-Z][a-z]+ .*\.", described, re.DOTALL)
    assert {name for name, _ in options(command)} <= {*printed.replace(",", " ").split()}


@pytest.mark.parametrize(("command", "name"), WITH_VALUE)
def test_option_without_its_value_ends_with_4(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not with 2, which means interrupted. The message names the option."""
    code = console(command, name)
    message = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert message.startswith("problem: ")
    assert name in message
    assert f"see {usage.CONSOLE} {command} --help" in message


@pytest.mark.parametrize(("command", "name"), [(one, name) for one, name, _ in OPTIONS])
def test_misspelt_option_ends_with_4_and_the_nearest(
    command: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """For every option of every command, without its last letter."""
    words = ["x"] if command not in ("gate", "serve") else []
    code = console(command, name[:-1], *words)
    message = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert re.search(rf"fix: .*{name}\b", message)
    assert f"see {usage.CONSOLE} {command} --help" in message


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["gaet"], "gate"),
        (["serv"], "serve"),
        (["vendor-chek"], "vendor-check"),
        (["qqq"], " or ".join(COMMANDS)),
        (["--verison"], "--version"),
        (["judge"], "FILE"),
        (["judge", "a", "b"], "see"),
        (["gate", "a"], "see"),
        (["serve", "--port", "x"], "--port=8000"),
        (["serve", "--port", "70000"], "use another port"),
        (["serve", "--speed", "fast"], "--speed=1.0"),
        (["serve", "--speed", "-1"], "see"),
        (["serve", "--clock-start", "noon"], "--clock-start=TIME"),
        (["serve", "--token", "a b"], "see"),
        (["serve", "--host", ""], "leave it out, or --host=HOST"),
        (["gate", "--target", ""], "leave it out, or --target=URL"),
        (["gate", "--target= "], "leave it out, or --target=URL"),
        (["gate", "--require", ","], "leave it out, or --require=T5"),
        (["generate", "--root", "absent"], "name a checkout"),
        (["serve", "--scenario", "cancelle"], "use cancelled"),
        (["serve", "--fault", "completed-nul"], "use completed-null"),
        (["gate", "--fault", "completed-nul"], "use completed-null"),
        (["gate", "--level", "mus"], "use must"),
        (["gate", "--rule", "T55"], "use T5"),
        (["judge", str(HAR), "--rule", "T55"], "use T5"),
        (["judge", "absent.har"], "name a HAR file"),
        (["replay", "absent.har"], "name a HAR file"),
    ],
)
def test_misuse_ends_with_4_and_a_fix(
    words: list[str], fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not with 1, which means found, nor 2, interrupted."""
    code = console(*words)
    message = capsys.readouterr().err

    assert code == 4
    assert "problem: " in message
    assert f"fix: {fix}" in message


def test_replay_without_a_run_names_the_command_that_writes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its file is a default, so that nobody has named one."""
    monkeypatch.chdir(tmp_path)
    code = console("replay")
    message = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert "reports/tape.har does not exist" in message
    assert "fix: image-build-contract gate --junit=reports/junit.xml writes it" in message


@pytest.mark.parametrize(
    ("variable", "words", "problem"),
    [
        ("MAX_BILDS", [], "unknown setting CONTRACT_MAX_BILDS\n    fix: use CONTRACT_MAX_BUILDS\n"),
        ("MAX_BUILDS", [], "CONTRACT_MAX_BUILDS is not a whole number from 1 on: 'x'\n"
         "    fix: CONTRACT_MAX_BUILDS=10\n"),
        ("MAX_BUILDS", ["--max-builds=x"], "--max-builds is not a whole number from 1 on: 'x'\n"
         "    fix: --max-builds=10\n"),
        ("DRY_RUN", [], "unknown CONTRACT_DRY_RUN x\n"),
        ("SEED", ["--max-builds=x"], "--max-builds is not a whole number from 1 on: 'x'\n"),
    ],
)  # fmt: skip
def test_problem_names_a_setting_as_it_was_given(
    variable: str, words: list[str], problem: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The variable where that was read, since another has no effect; else the option."""
    monkeypatch.setenv(f"CONTRACT_{variable}", "1" if variable == "SEED" else "x")
    code = console("gate", *words)

    assert code == Exit.CANNOT_TELL
    assert f"problem: {problem}" in capsys.readouterr().err
    assert usage.setting(variable) == usage.option(variable)


def test_misuse_in_make_is_shown_with_a_value_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``make serve PORT=abc``: the fix is a command line that works."""
    monkeypatch.setenv(usage.VARIABLE, "make")
    code = console("serve", "--port=abc")
    message = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert message.startswith("problem: PORT: ")
    assert "fix: PORT=8000; " in message


def test_unexpected_exception_ends_with_4(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not 1, Python's own code, which means that something was found."""

    def fail(**_: object) -> None:
        raise RuntimeError("not foreseen")

    monkeypatch.setattr(found("judge"), "callback", fail)
    code = console("judge", str(HAR))

    assert code == Exit.CANNOT_TELL
    assert "problem: image-build-contract itself failed" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        [b"judge", b"--", b"\xff\n::error::.har"],
        [b"vendor-check", b"--", b"-x\x1b[2J\xff"],
        [b"gate", b"--dry-run", b"--build-id=\xff", b"--target=http://127.0.0.1:9"],
        [b"gate", b"--dry-run", b"--target="],
        [b"serve", b"--host=\xff\n"],
    ],
)
def test_hostile_bytes_in_a_process_have_a_problem(words: list[bytes], tmp_path: Path) -> None:
    """Bytes that are not UTF-8 reach a command only on the command line of a real process."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-m", "contract_tests", *words], cwd=tmp_path, check=False,
        env={"PATH": os.environ["PATH"], "CONTRACT_TOKEN": "some-long-token"}, capture_output=True,
    )  # fmt: skip
    printed = done.stdout + done.stderr

    assert done.returncode == (1 if words[0] == b"vendor-check" else 4)
    assert b"Traceback" not in printed
    assert b"problem: " in printed
    assert b"    fix: " in printed


def test_interrupt_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """In any command."""

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(found("judge"), "callback", interrupt)

    assert console("judge", str(HAR)) == Exit.INTERRUPTED


def test_no_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Like make without a target; with exit code 0."""
    assert console() == 0
    assert {*COMMANDS} <= {line.split()[0] for line in capsys.readouterr().out.splitlines() if line}


def test_every_option_has_a_help() -> None:
    """``serve --seed`` and ``gate --seed`` have the same name and different meanings."""
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
def test_choice_from_a_long_list_names_at_most_three(name: str, known: dict[str, object]) -> None:
    """And the document that lists them all."""
    message = choice(name, known, "docs/list.md")
    named = [one for one in re.findall(r"[\w-]+", message) if one in known]

    assert len(named) <= 3
    assert "docs/list.md" in message


@pytest.mark.parametrize("name", ["zzz", "mus"])
def test_choice_from_a_short_list_names_all(name: str) -> None:
    """Without a document."""
    message = choice(name, ["must", "should"], "docs/list.md")

    assert {"must", "should"} <= {*re.findall(r"\w+", message)}
    assert "docs/list.md" not in message


def misuses() -> Iterator[dict[str, str]]:
    """Yield settings that are invalid, each in another way."""
    url = {"TARGET": "http://127.0.0.1:9", "TOKEN": "some-long-token"}
    for name in SETTINGS:
        if name != "TOKEN":
            yield {name: "no/such\nvalue"}
            yield {f"{name}X": "x"}
    yield from (
        {"BUILD_ID": "b"}, {"PROXY": "http://p:1"}, {"TARGET": url["TARGET"]},
        {**url, "TOKEN": "a b"}, {**url, "FAULT": "completed-null"},
        {**url, "TARGET": "http://h/api/v1/images"}, {**url, "TARGET": "http://u:p@h"},
        {"RULE": "T5", "LEVEL": "must"}, {"REQUIRE": "T5", "RULE": "T4"}, {"REQUIRE": "FAILED:x"},
    )  # fmt: skip


def message_of(settings: dict[str, str]) -> str:
    """Return the message of the error that settings raise, or nothing."""
    try:
        from_environment({f"CONTRACT_{name}": value for name, value in settings.items()})
    except GateError as error:
        return str(error)
    return ""


def all_messages(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[str]:
    """Yield the error messages of commands and settings."""
    yield from map(message_of, misuses())
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


def test_messages_name_only_what_the_console_script_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its commands and their options; neither make, nor a script, nor a make variable."""
    known = {name for _, name, _ in OPTIONS} | {"--help", "--junit"}
    messages = [*filter(None, all_messages(capsys, tmp_path))]

    assert len(messages) > 50
    for text in messages:
        assert {*re.findall(rf"{usage.CONSOLE} ([\w-]+)", text)} <= {*COMMANDS}, text
        assert {*re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)} <= known, text
        assert not re.search(r"\bmake \w|\.py\b|docs/|contract_tests\.", text), text
        assert not re.search(rf"(?<![\w_])({'|'.join(EVERY)})=", text), text


EVERY = {"PYTHON"}.union(*TAKES.values())


def test_messages_name_only_what_make_has(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its targets with their variables, and files that exist."""
    monkeypatch.setenv(usage.VARIABLE, "make")
    messages = [*filter(None, all_messages(capsys, tmp_path))]

    assert len(messages) > 50
    for text in messages:
        for target in re.findall(r"\bmake ([a-z-]+)", text):
            assert target in TARGETS, text
        for target, name in re.findall(r"\bmake ([a-z-]+) ([A-Z_]+)=", text):
            assert name in TAKES[target], text
        assert usage.CONSOLE not in text
        assert all((ROOT / one).is_file() for one in re.findall(r"\bdocs/[\w.-]+", text)), text


FAULTY = ["gate", "--server-only", "--rule=T5", "--fault=completed-null"]
CHATTY = {
    "help": ([], Exit.OK),
    "help of a command": (["gate", "--help"], Exit.OK),
    "help of another": (["compare", "--help"], Exit.OK),
    "version": (["--version"], Exit.OK),
    "faults": (["serve", "--list-faults"], Exit.OK),
    "judge": (["judge", str(HAR)], Exit.OK),
    "compare": (["compare", str(PATH)], Exit.OK),
    "check": (["check"], Exit.OK),
    "lint": (["lint"], Exit.OK),
    "changes": (["changes"], Exit.OK),
    "misuse": (["gate", "--rule", "zzz"], Exit.CANNOT_TELL),
    "a violation": ([*FAULTY, f"--max-requests={SCRIPTED}"], Exit.FOUND),
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


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), CHATTY.values(), ids=CHATTY)
def test_closed_pipe_does_not_change_the_exit_code(words: list[str], code: Exit) -> None:
    """``… | head -1`` ends with the same code, and without a traceback."""
    actual, errors = unread(*words)

    assert actual == code
    assert "Error" not in errors
    assert "Traceback" not in errors


HOSTILE = {
    "PYTEST_ADDOPTS": "--collect-only", "PYTEST_PLUGINS": "no_such_plugin", "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "start", [FAULTY, ["gate", f"--max-requests={SCRIPTED}"]], ids=["options", "variables"]
)
def test_environment_of_other_runs_does_not_make_the_gate_pass(start: list[str]) -> None:
    """Neither empty, nor without assertions, nor with 0 for whatever came of it."""
    chosen = {
        "CONTRACT_RULE": "T5", "CONTRACT_FAULT": "completed-null", "CONTRACT_SERVER_ONLY": "1",
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", *start], cwd=ROOT,
        env=clean() | HOSTILE | chosen,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^T5 +SHOULD +violated", done.stdout, re.M)
