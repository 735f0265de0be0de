"""The template for GitLab, run as its job runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..support.ci_job import ROOT, SCRIPTED, TOKEN, environment, free_port, installed, load


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "code"), [("", 0), (" --fault completed-null", 1)])
def test_the_template_for_gitlab(tmp_path: Path, fault: str, code: int) -> None:
    """Its script fetches the gate, runs it, and leaves the artifacts."""
    source, home, port = tmp_path / "source", tmp_path / "home", free_port()
    names = ["contract_tests", "scripts", "generated", "openapi.yaml", "pyproject.toml",
             "requirements.txt"]  # fmt: skip
    source.mkdir()
    compiled = shutil.ignore_patterns("__pycache__")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=compiled)
        else:
            shutil.copyfile(ROOT / name, source / name)
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)  # noqa: S603
    job = load(ROOT / "ci/gitlab-gate.yml")[".contract-gate"]
    installed(home / ".venv")
    serve = f"cd '{ROOT}' && '{sys.executable}' -m contract_tests serve --build-seconds 0.1"
    variables = job["variables"] | {
        "GATE_SOURCE": str(source), "GATE_REF": "main", "GATE_HOME": str(home),
        "GATE_COMMAND": f"{serve} --port {port}{fault}", "CONTRACT_RULE": "T5",
        "CONTRACT_TARGET": f"http://127.0.0.1:{port}", "CONTRACT_TOKEN": TOKEN,
        "CONTRACT_MAX_REQUESTS": SCRIPTED, "CONTRACT_SERVER_ONLY": str(code),
    }  # fmt: skip
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    done = subprocess.run(  # noqa: S603
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],  # noqa: S607
        cwd=workspace, env=environment() | variables, timeout=500, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip

    assert done.returncode == code, done.stdout
    assert ("error: T5 SHOULD\n" in done.stdout) == bool(code)
    assert TOKEN not in done.stdout
    junit = job["artifacts"]["reports"]["junit"].replace("$GATE_REPORTS", variables["GATE_REPORTS"])
    assert (workspace / junit).is_file()
    assert job["artifacts"]["when"] == "always"


def test_source_of_a_gitlab_job_is_not_an_option_of_git(tmp_path: Path) -> None:
    """Whatever it begins with: ``--upload-pack`` would run a command."""
    job = load(ROOT / "ci/gitlab-gate.yml")[".contract-gate"]
    variables = {"GATE_SOURCE": f"--upload-pack=touch '{tmp_path}/ran';", "GATE_REF": ".",
                 "GATE_HOME": str(tmp_path / "home")}  # fmt: skip
    done = subprocess.run(  # noqa: S603
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],  # noqa: S607
        cwd=tmp_path, env=environment() | job["variables"] | variables, timeout=500, check=False,
        capture_output=True,
    )  # fmt: skip

    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()
