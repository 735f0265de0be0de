"""The command that runs the reference server, and what it prints."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from ... import cli
from ...contract.openapi import PATH
from ...reference import app as reference
from ...reference.scenarios import SCENARIOS
from ...reference.serving import listening
from ..support.reference_server import (
    AUTH,
    BUILD,
    MOST,
    NAMED,
    ROOT,
    TOKEN,
    Served,
    process,
)


def lines_of(text: str) -> str:
    """Return the indented lines."""
    return "\n".join(line[2:] for line in text.splitlines() if line.startswith("  "))


def shell(script: str, folder: Path) -> str:
    """Run lines as a newcomer does."""
    done = subprocess.run(
        ["/bin/sh", "-e"], input=script, cwd=folder, text=True, capture_output=True, timeout=MOST
    )

    assert done.returncode == 0, done.stderr
    return done.stdout


def test_printed_lines_work(tmp_path: Path) -> None:
    """The lines that it prints take a build from initiate to COMPLETED."""
    with process("--build-seconds", "0.5") as (_, url, printed):
        output = shell(lines_of(printed), tmp_path)

    assert f"listening on {url}" in printed
    assert json.loads("{" + output.rpartition("}{")[2])["status"] == "COMPLETED"


def test_documented_lines_work(tmp_path: Path) -> None:
    """The lines of docs/reference.md have the documented results: COMPLETED, FAILED, 429."""
    text = (ROOT / "docs/reference.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    with process("--build-seconds", "0.5") as (_, url, _):
        output = shell("".join(blocks).replace("http://127.0.0.1:8000", url), tmp_path)

    assert re.findall(r'"status":"(COMPLETED|FAILED)","startedAt":"[^"]+","completedAt"', output)
    groups = re.findall(r'"createdAt":"[^"]+","status":"(\w+)"[^]]+?"artifacts"', output)
    assert groups == ["BUILDING", "COMPLETED", "BUILDING", "FAILED"]
    assert "Dockerfile:2: the command failed: RUN exit 3" in output
    assert "429" in output.rpartition("HTTP/1.1")[2].splitlines()[0]
    assert "retry-after: 1" in output


def test_documented_scenarios_are_the_codes() -> None:
    """The table is the code's, row by row."""
    text = (ROOT / "docs/reference.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)

    assert rows == [(one.name, one.summary, one.gate) for one in SCENARIOS.values()]


def test_seed_and_clock() -> None:
    """Two servers with the same seed and clock return the same ids, and the given time."""
    seen = []
    for _ in range(2):
        flags = ("--seed", "7", "--clock-start", "2026-01-01T00:00:00Z", "--speed", "3600")
        with process(*flags, "--quiet", "--token", TOKEN) as (server, url, _):
            created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
            path = f"{url}{BUILD}/{created['build_id']}"
            seen.append((created["build_id"], httpx.get(path, headers=AUTH).json()["createdAt"]))
            server.terminate()
            _, log = server.communicate(timeout=MOST)

        assert log == ""
    assert seen[0][0] == seen[1][0]
    assert all(at.startswith("2026-01-0") for _, at in seen)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--scenario", "canceled"], "unknown scenario canceled\n    fix: use cancelled"),
        (["--fault", "completed-nul"], "unknown fault completed-nul\n    fix: use completed-null"),
        (["--build-seconds", "-1"], "a build takes 0 to"),
        (["--speed", "-1"], "the speed of a clock"),
        (["--clock-start", "2026-01-01"], "a clock starts at an instant with an offset"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1"),
        (["--token", "two words"], "a token is printable ASCII"),
    ],
)
def test_invalid_option_ends_with_4(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invalid option ends with 4 and a problem; 2 means interrupted."""
    assert cli.main(["serve", "--port", "0", *arguments]) == 4
    assert capsys.readouterr().err.startswith(f"problem: {problem}")


def test_port_in_use_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use is a problem with a fix."""
    with listening() as taken:
        port = taken.getsockname()[1]

        assert cli.main(["serve", "--port", str(port)]) == 4
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem == f"problem: port {port} of 127.0.0.1 is in use"
    assert fix.startswith("    fix: ")


@pytest.mark.parametrize("flag", ["--list-scenarios", "--list-faults", "--help"])
def test_lists(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What may be named can be listed."""
    with contextlib.suppress(SystemExit):
        assert cli.main(["serve", flag]) == 0
    printed = capsys.readouterr().out
    known = {"--list-scenarios": "one-fails", "--list-faults": "completed-null"}

    assert known.get(flag, "--build-seconds") in printed


def test_document_is_served_to_the_byte(served: Served) -> None:
    """``/openapi.yaml`` is the contract itself."""
    assert served.client.get("/openapi.yaml").content == PATH.read_bytes()


def test_document_that_did_not_come_along_is_404(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A vendored copy of the server has no contract file."""
    monkeypatch.setattr(reference, "OPENAPI", tmp_path / "openapi.yaml")

    assert served.client.get("/openapi.yaml").status_code == 404
