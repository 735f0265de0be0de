"""``make load``: a master and its workers, each a process with Locust in it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ... import cli, usage
from ...gate import target
from ...problems import Exit
from ...settings import LOAD, PREFIX, SETTINGS, from_environment
from ..support.ci_job import free_port
from ..support.documented import fits
from ..support.reference_server import ROOT, TOKEN, process
from .test_contributing import BLOCK, clean, commands
from .test_settings import URL

FOLDER = ROOT / ".venv-load"
PATIENCE = 240.0
EXAMPLES = [one for kind, block in BLOCK.findall((ROOT / "docs/load.md").read_text())
            if kind == "console" for one in commands(block)]  # fmt: skip
AWAY = {**URL, "CONTRACT_TARGET": "https://api.test"}


@pytest.fixture(scope="module")
def python() -> Path:
    """Return the interpreter with Locust, as ``make load`` installs it."""
    script = ROOT / "scripts/ci/install.sh"
    subprocess.run(["sh", script, FOLDER, sys.executable], check=True, cwd=ROOT)  # noqa: S603, S607
    return FOLDER / "bin/python"


@contextlib.contextmanager
def loading(
    python: Path, reports: Path, *options: str, errors: Any = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """Run the command while the context lasts, and until it has ended."""
    words: list[str | Path] = [
        python,
        "-I",
        "-m",
        "contract_tests",
        "load",
        "--junit",
        reports / "junit.xml",
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with subprocess.Popen(  # noqa: S603 (our own command)
        [*words, *options], env={**clean, f"{PREFIX}TOKEN": TOKEN}, cwd=reports,
        stdout=subprocess.PIPE, stderr=errors, text=True,
    ) as started:  # fmt: skip
        try:
            yield started
            started.wait(PATIENCE)
        finally:
            if started.poll() is None:
                started.kill()


def verdicts(reports: Path) -> dict[str, Any]:
    """Return verdicts.json."""
    read: dict[str, Any] = json.loads((reports / "verdicts.json").read_text())
    return read


def outcomes(reports: Path, outcome: str) -> set[str]:
    """Return the rules with an outcome."""
    return {one["rule"] for one in verdicts(reports)["verdicts"] if one["outcome"] == outcome}


@pytest.fixture
def tree(tmp_path: Path, python: Path) -> Path:
    """Return a tree of the same files, whose reports are its own."""
    assert python.is_file()
    for one in ROOT.iterdir():
        if one.name not in ("reports", ".git"):
            (tmp_path / one.name).symlink_to(one)
    return tmp_path


@pytest.mark.external
@pytest.mark.parametrize(("typed", "shown"), EXAMPLES)
def test_four_workers_find_what_only_load_shows(tree: Path, typed: str, shown: str) -> None:
    """As docs/load.md prints it; nothing without the fault, and no exchange is lost."""
    done = subprocess.run(  # noqa: S603 (our own documented commands)
        ["bash", "-c", typed],  # noqa: S607
        cwd=tree, env=clean(), text=True, check=False, timeout=PATIENCE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    printed = re.sub(r"^make: .*\n", "", done.stdout, flags=re.MULTILINE)
    reports, is_broken = tree / "reports", "FAULT" in typed
    data, tape = verdicts(reports), json.loads((reports / "tape.har").read_text())

    assert fits(printed, shown), printed
    assert bool(done.returncode) is is_broken
    assert ("L9" in outcomes(reports, "violated")) is is_broken
    assert data["problem"] is None
    assert data["sent"]["load"]["requests"] == len(tape["log"]["entries"]) > 0
    assert not re.search("MonkeyPatchWarning|Traceback", printed)
    assert "<html" in (reports / "load.html").read_text()


@pytest.mark.external
def test_workers_of_other_commands_join(python: Path, tmp_path: Path) -> None:
    """A master that listens, and two commands with workers; an interrupt ends all in order."""
    with process("--token", TOKEN, "--build-seconds", "1") as (_, url, _):
        at = f"127.0.0.1:{free_port()}"
        folders = [tmp_path / name for name in ("master", "one", "two")]
        for one in folders:
            one.mkdir()
        master, *others = folders
        listening = [f"--target={url}", f"--listen={at}", "--workers=3", "--users=6", "--p99=1"]
        joining = [f"--target={url}", f"--master={at}"]
        with loading(python, master, *listening) as ends, contextlib.ExitStack() as stack:
            workers = [
                stack.enter_context(loading(python, folder, *joining, f"--workers={count}"))
                for folder, count in zip(others, (1, 2), strict=True)
            ]
            until(lambda: len(journals(tmp_path)) == 3, ends)
            ends.send_signal(signal.SIGTERM)
    data = verdicts(master)

    assert ends.returncode == Exit.FOUND
    assert [one.returncode for one in workers] == [0, 0]
    assert any("P99" in one or "p99" in one for one in data["exceeded"])
    assert data["problem"] is None
    assert outcomes(master, "violated") == set()
    assert data["left_behind"] == []
    assert journals(tmp_path) == []


@pytest.mark.external
def test_lost_worker_is_not_a_pass(python: Path, tmp_path: Path) -> None:
    """What it had sent is judged; its journal stays, by which its images are deleted."""
    with process("--token", TOKEN, "--build-seconds", "1") as (_, url, _):
        options = [f"--target={url}", "--workers=2", "--users=4"]
        with loading(python, tmp_path, *options, errors=subprocess.STDOUT) as started:
            until(lambda: len(journals(tmp_path)) == 2, started)
            [loads] = children(started.pid, "contract_tests.loading")
            os.kill(children(loads, "--worker")[0], signal.SIGKILL)
            started.send_signal(signal.SIGTERM)
            printed, _ = started.communicate(timeout=PATIENCE)

    assert started.returncode == Exit.CANNOT_TELL, printed
    assert "it was lost" in verdicts(tmp_path)["problem"]
    assert "--cleanup=only" in verdicts(tmp_path)["problem"]
    assert len(journals(tmp_path)) == 1


def journals(folder: Path) -> list[Path]:
    """Return the journals below a folder: a worker has one while it has images."""
    return [*folder.rglob("journal/*.jsonl")]


def until(is_so: Callable[[], bool], started: subprocess.Popen[str]) -> None:
    """Wait for what comes before a process ends."""
    while not is_so():
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise AssertionError(started.communicate(timeout=0.05))


def children(parent: int, word: str) -> list[int]:
    """Return the child processes with a word on their command line."""
    pids = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(one) for one in pids if word in Path(f"/proc/{one}/cmdline").read_text()]


@pytest.mark.external
def test_nothing_else_is_patched(python: Path) -> None:
    """The command itself, and all that the gate loads, do without Locust and gevent."""
    modules = "contract_tests.cli.load, contract_tests.program, contract_tests.drivers.client"
    code = f"import sys, {modules}; sys.exit(bool({{'gevent', 'locust'}} & {{*sys.modules}}))"

    assert subprocess.run([python, "-I", "-c", code], check=False).returncode == 0  # noqa: S603


@pytest.mark.external
def test_server_that_cannot_be_loaded_is_a_problem_before_any_load(
    python: Path, tmp_path: Path
) -> None:
    """One that refuses connections, and one that refuses the token: nothing else is sent."""
    with process("--token", "another-token") as (_, refusing, _):
        for url, part in (
            (f"http://127.0.0.1:{free_port()}", "connection refused"),
            (refusing, "refuses the token with 401"),
        ):
            with loading(python, tmp_path, f"--target={url}", "--users=1", "--deadline=600"):
                pass

            data = verdicts(tmp_path)
            assert part in data["problem"]
            assert data["sent"] == {}


def test_interrupt_of_what_is_still_being_loaded_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signal ends that process before it could say anything."""
    ends = iter([KeyboardInterrupt(), -signal.SIGTERM])
    process = MagicMock(pid=2**22 + 1, wait=MagicMock(side_effect=ends))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    monkeypatch.setattr("contract_tests.program.serving", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: process)

    assert cli.main(["load"]) == Exit.CANNOT_TELL
    assert "interrupted before anything was observed" in capsys.readouterr().err


def test_command_without_locust_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra, which no other command needs."""
    monkeypatch.setenv(usage.VARIABLE, "make")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    assert cli.main(["load"]) == Exit.CANNOT_TELL
    assert "make load" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        (AWAY, "MAX_BUILDS=10"), ({**AWAY, "CONTRACT_PROFILE": "full"}, "MAX_BUILDS=10"),
        ({"CONTRACT_WORKERS": "11"}, "USERS=11"),
        ({**AWAY, "CONTRACT_MAX_BUILDS": "3", "CONTRACT_WORKERS": "4"}, "MAX_BUILDS=4"),
        ({"CONTRACT_RATE": "0.03", "CONTRACT_WORKERS": "4"}, "RATE=0.04"),
        ({"CONTRACT_ERRORS": "some"}, "ERRORS=0.1%"), ({"CONTRACT_ERRORS": "-1"}, "ERRORS=5"),
        ({"CONTRACT_SAMPLE": "0"}, "SAMPLE=0.1"), ({"CONTRACT_SAMPLE": "1.5"}, "SAMPLE=0.1"),
        ({"CONTRACT_P99": "0"}, "P99"), ({"CONTRACT_VIOLATIONS": "-1"}, "VIOLATIONS"),
        ({"CONTRACT_LISTEN": "0.0.0.0:5557"}, "needs a TARGET"),
        ({**URL, "CONTRACT_LISTEN": "5557"}, "host:5557"),
        ({**URL, "CONTRACT_MASTER": "a:b"}, "host:5557"),
        ({**URL, "CONTRACT_MASTER": "a:70000"}, "host:5557"),
        ({**URL, "CONTRACT_MASTER": "a:1", "CONTRACT_LISTEN": "a:1"}, "exclude each other"),
        *(({"CONTRACT_USERS": one}, "USERS=10000, or several machines")
          for one in ("10001", "50000000", "9" * 20)),
        ({"CONTRACT_WORKERS": "101", "CONTRACT_USERS": "200"}, "WORKERS=100, or several"),
        ({**URL, "CONTRACT_LISTEN": "a:1", "CONTRACT_USERS": "100001"}, "USERS=100000"),
        ({"CONTRACT_FAULT": "status-mixed"}, "docs/load.md"),
    ],
)  # fmt: skip
def test_invalid_setting_of_load_raises_with_a_fix(environment: dict[str, str], part: str) -> None:
    """Away from this machine nothing is initiated without a bound, whatever the profile."""
    with pytest.raises(target.GateError) as caught:
        from_environment(environment, "load")

    assert part in str(caught.value)


@pytest.mark.parametrize("value", ["x", "0", "-1"])
def test_fix_of_a_number_is_a_valid_value(value: str) -> None:
    """Of each setting that load takes: what the fix shows can be used as it is."""
    for name in (one.name for one in SETTINGS.values() if "load" in one.commands):
        try:
            from_environment({**URL, f"{PREFIX}{name}": value}, "load")
        except target.GateError as error:
            for fix in re.findall(rf"{name}=([0-9.]+%?)", error.fix):
                from_environment({**URL, f"{PREFIX}{name}": fix}, "load")


def test_each_setting_of_load_is_read() -> None:
    """With its type; the command that repeats a failure has those that decide what a rule sees."""
    given = {"USERS": "30", "WORKERS": "3", "PAUSE": "0", "SAMPLE": "0.25", "P99": "800",
             "ERRORS": "0.5%", "VIOLATIONS": "2", "MASTER": "host:5557"}  # fmt: skip
    read = from_environment(
        {**URL, **{f"{PREFIX}{name}": value for name, value in given.items()}}, "load"
    )

    assert {*given} | {"LISTEN"} == {*LOAD}
    assert read.load == target.Load(30, 3, 0.0, 0.25, 800.0, "0.5%", 2, None, "host:5557")
    assert read.repeat(read.rules[0]).endswith("USERS=30 WORKERS=3 PAUSE=0 SAMPLE=0.25")
