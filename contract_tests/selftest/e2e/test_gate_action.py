"""The gate action, run as CI runs it: its exit code, outputs, annotations and reports."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.ci import commands

from ...gate import server
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.ci_job import (
    ROOT,
    SCRIPTED,
    TOKEN,
    Done,
    environment,
    free_port,
    installed,
    run_action,
)
from ..support.unprovoked import UNPROVOKED

NOBODY = "http://127.0.0.1:9"
PYTHON = '"$RUNNER_TEMP/contract-gate/bin/python"'
SERVE = f"cd '{ROOT}' && {PYTHON} -m contract_tests serve --build-seconds 0.1"


JUDGELESS = ("badge.json", "index.html", "junit.xml", "summary.md", "verdicts.json")
"""The reports of a run that cannot judge: a pull request must not keep those of another."""


def run_gate(
    folder: Path, command: str | None = SERVE, *, server_only: str = "1", **inputs: str
) -> Done:
    """Run the gate action on a server that it starts; the client is judged by one test alone."""
    installed(folder / "contract-gate")
    url = f"http://127.0.0.1:{free_port()}"
    if command:
        inputs["command"] = f"{command} --port {url.rpartition(':')[2]}"
    if "wait_for" in inputs and inputs["wait_for"].startswith("/"):
        inputs["wait_for"] = url + inputs["wait_for"]
    inputs = {"target": url, "token": TOKEN, "timeout": "200"} | inputs
    inputs = {name.replace("_", "-"): one for name, one in inputs.items()}
    done = run_action("gate", folder, inputs, CONTRACT_SERVER_ONLY=server_only)
    leaks = [line for line in done.printed.splitlines() if TOKEN in line]

    assert not leaks
    assert f"::add-mask::{commands.data(TOKEN)}" in done.printed.splitlines()
    assert server.status(url) is None  # stopped, whatever the result
    return done


@pytest.mark.slow
def test_conforming_server_passes(tmp_path: Path) -> None:
    """Exit code 0, outputs, summary and all reports, without an annotation."""
    done = run_gate(tmp_path, server_only="0")
    reports = tmp_path / "workspace/reports"

    assert done.code == 0, done.printed
    assert done.outputs == {
        "verdict": "passed", "violated": "", "advised": "", "waived": "",
        "not-observed": ",".join(sorted(UNPROVOKED)), "not-applicable": "", "exit-code": "0",
        "reports": str(reports),
    }  # fmt: skip
    assert done.annotations == []
    assert re.search("^passed +T1 .*T5 ", done.summary, re.M)
    assert {one.name for one in reports.iterdir()} == {
        "junit.xml", "index.html", "summary.md", "tape.har", "verdicts.json", "badge.json",
        "server.log",
    }  # fmt: skip
    assert all(TOKEN not in one.read_text() for one in reports.iterdir())
    assert re.search(r"^token +<token>$", (reports / "server.log").read_text(), re.M)
    assert json.loads((reports / "verdicts.json").read_text())["problem"] is None


@pytest.mark.slow
def test_violation_fails_with_an_annotation(tmp_path: Path) -> None:
    """Exit code 1 and the rule's id; commands are disabled while the gate prints."""
    done = run_gate(
        tmp_path, f"{SERVE} --fault completed-null", rule="T4,T5", max_requests=SCRIPTED
    )

    assert done.code == 1, done.printed
    assert (done.outputs["verdict"], done.outputs["violated"]) == ("violated", "T5")
    failure, cut = sorted(done.annotations)
    assert failure.startswith("error title=T5 SHOULD::T5 SHOULD  completedAt is set")
    assert re.search(r"\n  received  null\n(.*\n)*  seen      on \d+ ex", failure)
    assert cut.startswith("warning title=cut::")
    assert "| T5 | SHOULD | violated |" in done.summary
    stop = re.search(r"^::stop-commands::(\w{32})$", done.printed, re.M)
    assert stop is not None
    assert f"\n::{stop[1]}::\n" in done.printed[stop.end() :]


@pytest.mark.slow
def test_waived_violation_is_a_warning(tmp_path: Path) -> None:
    """The job passes, and the annotation has the reason. The file is in the workspace."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/waivers.toml").write_text(
        '[[waiver]]\nrule = "T5"\nreason = "known, 100%: B-1"\nexpires = 2999-01-01\n'
    )
    done = run_gate(
        tmp_path, f"{SERVE} --fault completed-null",
        rule="T4,T5", waivers="waivers.toml", max_requests=SCRIPTED,
    )  # fmt: skip

    assert done.code == 0, done.printed
    assert (done.outputs["verdict"], done.outputs["waived"]) == ("passed", "T5")
    waived, cut = sorted(done.annotations)
    assert cut.startswith("warning title=cut::")
    assert waived.startswith(
        "warning title=T5 SHOULD::waived until 2999-01-01: known, 100%: B-1\nT5 SHOULD  "
    )


@pytest.mark.slow
def test_required_status_that_is_not_observed_fails(tmp_path: Path) -> None:
    """Like a violation; MAX_BUILDS, which cut the run, is a warning."""
    done = run_gate(
        tmp_path, require="CANCELLED", rule="T5,P7", max_builds="1", max_requests=SCRIPTED
    )

    assert done.code == 1, done.printed
    assert (done.outputs["verdict"], done.outputs["violated"]) == ("violated", "")
    assert done.outputs["not-observed"] == "P7"
    cut, missing = done.annotations
    assert cut.startswith("warning title=cut::")
    assert missing == "error title=REQUIRE::not observed: CANCELLED"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "inputs", "part"),
    [
        ("exit 3; :", {}, "exit code 3"),
        ("echo crashed: $CONTRACT_TOKEN; sleep 60; :", {"timeout": "1"}, "1 s"),
        (SERVE, {"timeout": "soon"}, "'soon'"),
        (SERVE, {"wait_for": "here"}, "'here'"),
        (SERVE, {"target": ""}, "target"),
        (SERVE, {"rule": "T99"}, "T99"),
        (None, {"target": NOBODY}, f"no response from {NOBODY}"),
    ],
)
def test_gate_that_cannot_judge_ends_with_4(
    tmp_path: Path, command: str | None, inputs: dict[str, str], part: str
) -> None:
    """Verdict error, never a pass; annotation and summary show the problem and its fix."""
    done = run_gate(tmp_path, command, **inputs)

    assert done.code == 4, done.printed
    assert (done.outputs["verdict"], done.outputs["exit-code"]) == ("error", "4")
    assert len(done.annotations) == 1
    assert re.match("error title=[^:]*::problem: ", done.annotations[0])
    assert part in done.annotations[0]
    assert "  fix: " in done.annotations[0]
    assert part in done.summary
    reports = Path(done.outputs["reports"])
    assert {*JUDGELESS} <= {one.name for one in reports.iterdir()}
    assert part in (reports / "summary.md").read_text()
    if command and "crashed" in command:
        assert "crashed: <token>" in done.annotations[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "fix"), [
    ("MAX_BILDS", "use CONTRACT_MAX_BUILDS"), ("MAX_BUILDS", "CONTRACT_MAX_BUILDS=10"),
])  # fmt: skip
def test_problem_is_shown_once_outside_of_github(tmp_path: Path, name: str, fix: str) -> None:
    """By the gate, with the name of the variable, which alone has an effect there."""
    job = environment() | {
        "CONTRACT_TARGET": NOBODY, "CONTRACT_TOKEN": TOKEN, f"CONTRACT_{name}": "x",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-m", "scripts.ci.gate"], env=job, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=200,
    )  # fmt: skip

    assert done.returncode == 4
    assert done.stdout.count("problem: ") == 1
    assert f"CONTRACT_{name} " in done.stdout.replace("\n", " ")
    assert f"    fix: {fix}\n" in done.stdout


NOT_READY_AT_FIRST = """
import os, sys
import uvicorn
from contract_tests.reference.app import create_app
app, statuses = create_app(token=os.environ["CONTRACT_TOKEN"], build_seconds=0.1), [503, 500, 503]
async def starting(scope, receive, send):
    if not statuses:
        return await app(scope, receive, send)
    await send({"type": "http.response.start", "status": statuses.pop(), "headers": []})
    await send({"type": "http.response.body", "body": b""})
uvicorn.run(starting, port=int(sys.argv[2]), lifespan="off", log_level="error")
"""


@pytest.mark.slow
@pytest.mark.parametrize("wait_for", [{}, {"wait_for": "/health"}])
def test_server_that_is_not_ready_is_polled(tmp_path: Path, wait_for: dict[str, str]) -> None:
    """A 5xx before it is ready is not a violation."""
    script = tmp_path / "serve.py"
    script.write_text(NOT_READY_AT_FIRST)
    done = run_gate(
        tmp_path, f"cd '{ROOT}' && PYTHONPATH=. {PYTHON} '{script}'",
        rule="P5,P6", max_requests=SCRIPTED, **wait_for,
    )  # fmt: skip

    assert (done.code, done.outputs["violated"]) == (0, ""), done.printed


def test_server_that_already_responds_ends_with_4(tmp_path: Path) -> None:
    """A server that responds before the command runs is another one."""
    with running(create_app(token=TOKEN)) as url:
        installed(tmp_path / "contract-gate")
        inputs = {"target": url, "token": TOKEN, "command": "sleep 60"}
        done = run_action("gate", tmp_path, inputs)

    assert done.code == 4
    assert url in done.annotations[0]


@pytest.mark.slow
def test_dry_run_is_an_error(tmp_path: Path) -> None:
    """No rule was checked, although the gate itself ends with 0."""
    installed(tmp_path / "contract-gate")
    inputs = {"target": NOBODY, "token": TOKEN}
    done = run_action("gate", tmp_path, inputs, CONTRACT_DRY_RUN="1")

    assert done.code == 4, done.printed
    assert done.outputs["verdict"] == "error"
    assert len(done.annotations) == 1


def test_cancelled_job_stops_its_server(tmp_path: Path) -> None:
    """SIGTERM stops the gate, the server and its child processes; exit code 2."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = f'"{sys.executable}" -m contract_tests serve --build-seconds 3600 --port {port}'
    job = environment() | {
        "CONTRACT_TARGET": url, "CONTRACT_TOKEN": TOKEN, "GITHUB_WORKSPACE": str(tmp_path),
        "GATE_COMMAND": f"cd '{ROOT}'; {command} & wait",
    }  # fmt: skip
    gate = subprocess.Popen(
        [sys.executable, "-I", "-m", "scripts.ci.gate"], env=job, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until = time.monotonic() + 200
    while server.status(url) is None and time.monotonic() < until:
        time.sleep(0.1)
    responded = server.status(url) is not None
    gate.send_signal(signal.SIGTERM)
    printed, _ = gate.communicate(timeout=200)

    assert responded
    assert gate.returncode == 2, printed
    assert server.status(url) is None
    assert "problem: interrupted" in printed
