"""An interrupt of the gate, at any time, ends it with 2 and with reports."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ...contract.openapi import PATH
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.gate_command import REPORTS, TALKATIVE, TOKEN, ends, verdicts


def test_interrupt_during_imports_ends_with_2(tmp_path: Path) -> None:
    """Without a traceback; the reports show it."""
    reports = [tmp_path / name for name in REPORTS]
    for one in reports:
        one.write_text("of an earlier run")
    # Interrupts once, as Ctrl-C does, and removes itself.
    (tmp_path / "respx.py").write_text(
        "import pathlib\npathlib.Path(__file__).unlink()\nraise KeyboardInterrupt\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={reports[0]}"],
        cwd=PATH.parent, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])


@pytest.mark.slow
def test_interrupt_during_the_import_of_schemathesis_ends_with_2(tmp_path: Path) -> None:
    """In the middle of a run, in code that Python runs with ``exec``."""
    (tmp_path / "schemathesis.py").write_text("exec('raise KeyboardInterrupt')")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "step", "given"),
    [
        (signal.SIGINT, "schemathesis", {}),
        (
            signal.SIGTERM, "unusual path segments",
            {"CONTRACT_MAX_BUILDS": "2", "CONTRACT_SERVER_ONLY": "1"},
        ),
    ],
)  # fmt: skip
def test_interrupt_shows_the_verdicts_so_far(
    number: int, step: str, given: dict[str, str], tmp_path: Path
) -> None:
    """Exit code 2, and the verdicts so far in every report; what was made is deleted."""
    with running(create_app(token=TOKEN, build_seconds=3600)) as base_url:
        environment = {"CONTRACT_TARGET": base_url, "CONTRACT_TOKEN": TOKEN, **given}
        started = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, *TALKATIVE, "gate", f"--junit={tmp_path / 'junit.xml'}"],
            cwd=PATH.parent, env={**os.environ, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # Tests that run in the background may inherit an ignored SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        lines = []
        for line in started.stdout or ():
            lines.append(line)
            if ": waiting for " in line and f": {step}\n" in "".join(lines):
                started.send_signal(number)
                break
        printed = "".join(lines) + started.communicate(timeout=60)[0]

    assert started.returncode == 2, printed
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])
    assert re.search(r"^ended +interrupted$", printed, re.M)
    assert re.search(r"^\d+ s, \d+ requests, \d+ builds: waiting for \d+ builds?$", printed, re.M)
    assert verdicts(printed)["P2"] == "passed"
    assert verdicts(printed)["L2"] == "not observed"
    assert re.search(r"^clean-up +\d+ requests", printed, re.M)
    assert "left behind" not in printed
    assert not (tmp_path / "journal").exists()


FINALIZED = """
import os, signal, time
from contract_tests import process

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

with process.interrupted_by_sigterm():
    try:
        Last()
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_interrupt_in_a_finalizer_is_not_lost() -> None:
    """Python drops what is raised there, and would go on."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", FINALIZED], cwd=PATH.parent, capture_output=True, text=True,
        timeout=50, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
