"""Exit 1 means that something was found: whatever else ends a command is 4, in a sentence."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import click
import pytest

from ... import cli
from ...contract.openapi import PATH
from ...problems import Exit, Problem, failure, is_foreseen
from ...report import files
from ..support import agree, detection, soundness
from ..support.attacks import __main__ as attacks

ROOT = PATH.parent
HAR = ROOT / "contract_tests/selftest/support/har/chrome.har"
FAILURES: dict[str, Exception] = {
    "full disk": OSError(errno.ENOSPC, "No space left on device", "reports/junit.xml"),
    "no permission": PermissionError(errno.EACCES, "Permission denied", "reports"),
    "read-only": OSError(errno.EROFS, "Read-only file system", "reports"),
    "broken pipe": BrokenPipeError(errno.EPIPE, "Broken pipe"),
    "broken disk": OSError(errno.EIO, "Input/output error"),
    "memory": MemoryError(),
    "recursion": RecursionError("maximum recursion depth exceeded"),
    "Windows": ModuleNotFoundError("No module named 'fcntl'", name="fcntl"),
    "bug": RuntimeError("not foreseen"),
    "assertion": AssertionError(),
}
WORDS = {
    "judge": ["x.har"], "compare": ["x.json"], "vendor": ["x"], "vendor-check": ["x"],
}  # fmt: skip
SCRIPTS = {one.__name__: one.main for one in (agree, detection, soundness, attacks)}


def commands() -> dict[str, click.Command]:
    """Return every command of the group, and those that make calls beside it."""
    context = click.Context(cli.commands)
    listed = cli.commands.list_commands(context)
    named = {name: cli.commands.get_command(context, name) for name in listed}
    return {name: one for name, one in named.items() if one} | SCRIPTS


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("name", commands())
def test_failure_of_a_command_is_4_and_a_sentence(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a fix; a traceback shows where only for what nobody foresaw."""
    command = commands()[name]

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(command, "callback", fail)
    words = WORDS.get(name, [])
    code = cli.run(command, name, words) if name in SCRIPTS else cli.main([name, *words])
    message = capsys.readouterr().err

    assert code == Exit.CANNOT_TELL
    assert "problem: " in message
    assert "\n    fix: " in message
    assert ("Traceback" in message) is not is_foreseen(error)


def test_problem_of_a_problem_is_itself() -> None:
    """With the code that it has."""
    problem = Problem("what", "fix", Exit.FOUND)

    assert failure(problem, "it") is problem


def test_problem_of_a_file_names_it() -> None:
    """An error without a number has its own words."""
    assert "reports/junit.xml: No space" in failure(FAILURES["full disk"], "it").what
    assert "OSError: no number" in failure(OSError("no number"), "it").what


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize(
    "words",
    [["compare", "openapi.yaml", "--json"], ["judge", str(HAR)], ["--version"],
     ["gate", "--dry-run"]],
    ids=lambda one: one[0],
)  # fmt: skip
def test_output_to_a_full_disk_ends_with_4(words: list[str]) -> None:
    """Not with 120, Python's own code for it; half of a JSON text decides nothing."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "contract_tests", *words], cwd=ROOT, stdout=full,
            stderr=subprocess.PIPE, text=True, check=False, timeout=300,
        )  # fmt: skip

    assert done.returncode == 4
    assert done.stderr.startswith("problem: the output cannot go on: No space left on device\n")
    assert "Traceback" not in done.stderr


def test_interrupt_while_the_commands_are_loaded_is_2(tmp_path: Path) -> None:
    """In one line: Ctrl-C in the first moment."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", "gate"], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "interrupted\n")


def pages(folder: Path, text: str) -> dict[Path, str]:
    """Return the files of one run."""
    junit = folder / "junit.xml"
    others = (
        junit.with_name(files.SUMMARY),
        junit.with_name(files.VERDICTS),
        junit.with_name(files.PAGE),
    )
    return dict.fromkeys((junit, *others), text)


def written(folder: Path) -> dict[str, str]:
    """Return what a folder has."""
    return {one.name: one.read_text() for one in folder.iterdir()}


WHOLE = ("junit.xml", "summary.md", "verdicts.json", "index.html")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["open", "replace"])
def test_reports_are_written_all_or_none(
    how: str, at: int, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever cannot be written, or be renamed; nothing is left beside."""
    real, calls = getattr(Path, how), []

    def fail(path: Path, *given: Any, **named: Any) -> Any:
        calls.append(path)
        if len(calls) == at:
            raise OSError(number, os.strerror(number))
        return real(path, *given, **named)

    monkeypatch.setattr(Path, how, fail)
    with pytest.raises(Problem) as caught:
        files.write(pages(tmp_path, "new"))

    assert os.strerror(number) in caught.value.what
    assert [*tmp_path.iterdir()] == []


def test_reports_of_two_runs_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends while another renames its files waits, and both sets are whole."""
    real, others = Path.replace, []

    def swap(path: Path, target: Path) -> Path:
        if threading.current_thread() is threading.main_thread() and target.name == "summary.md":
            other = threading.Thread(target=files.write, args=(pages(tmp_path, "other"),))
            other.start()
            other.join(0.2)  # without a lock it is through by then
            others.append(other)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", swap)
    files.write(pages(tmp_path, "first"))
    others[0].join()

    assert written(tmp_path) == dict.fromkeys(WHOLE, "other")


def test_no_lock_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every file system has one."""

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    files.write(pages(tmp_path, "new"))

    assert written(tmp_path) == dict.fromkeys(WHOLE, "new")
