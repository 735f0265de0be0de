"""Runs the steps of an action, and the script of a GitLab job, as CI would."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...contract import documents
from ...contract.openapi import PATH
from . import readers

ROOT = PATH.parent
ACTIONS = {
    "gate": ROOT / "action.yml",
    "vendor-check": ROOT / ".github/actions/vendor-check/action.yml",
}
"""Each action: the marketplace lists the one at the root."""
TOKEN = "secret-of-this-job%1"  # noqa: S105
SCRIPTED = "200"
"""So many requests show T4 and T5; a warning follows that the generated ones were cut."""
# What stands in this process's environment and no job would see.
OURS = ("CONTRACT_", "GATE_", "GITHUB_", "VENDOR_", "PYTEST_", "RUNNER_")


@dataclass(frozen=True)
class Done:
    """A step that ran: its exit code and outputs."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str

    @property
    def annotations(self) -> list[str]:
        """The annotations, as the runner reads them: unescaped."""
        found = re.findall(r"^::((?:error|warning) title=.*)$", self.printed, re.M)
        for sign, escape in ((":", "%3A"), (",", "%2C"), ("\n", "%0A"), ("%", "%25")):
            found = [one.replace(escape, sign) for one in found]
        return found


def load(path: Path) -> Any:
    """Read a YAML file."""
    return documents.load(path)


HOOKS = {one["id"]: one for one in load(ROOT / ".pre-commit-hooks.yaml")}


def environment() -> dict[str, str]:
    """Return the environment of this process without what belongs to it alone."""
    return {name: text for name, text in os.environ.items() if not name.startswith(OURS)}


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def installed(folder: Path) -> Path:
    """Make what ``install.sh`` would make, out of the environment that the tests run in."""
    ready = subprocess.run(
        ["cksum"], input=(ROOT / "requirements.txt").read_bytes(),  # noqa: S607
        capture_output=True, check=True,
    ).stdout.split()[0].decode()  # fmt: skip
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))
    (folder / f".ready-{ready}").touch()
    return folder


def run_action(
    name: str, folder: Path, inputs: Mapping[str, str], *, root: Path = ROOT, **more: str
) -> Done:
    """Run the shell steps of an action in turn, as the runner does, until one fails.

    ``folder`` becomes the workspace; ``more`` stands in the environment of the job.
    """
    file = root / ACTIONS[name].relative_to(ROOT)
    action = load(file)
    given = {key: one.get("default", "") for key, one in action["inputs"].items()}
    assert set(inputs) <= set(given)
    given |= inputs
    workspace, outputs_folder = folder / "workspace", folder / "outputs"
    workspace.mkdir(exist_ok=True)
    outputs_folder.mkdir(exist_ok=True)
    job = environment() | more | {
        "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_ACTION_PATH": str(file.parent),
        "GITHUB_STEP_SUMMARY": str(outputs_folder / "summary"), "RUNNER_TEMP": str(folder),
    }  # fmt: skip
    code, printed = 0, ""
    outputs: dict[str, str] = {}
    for number, step in enumerate(one for one in action["runs"]["steps"] if "run" in one):
        output = outputs_folder / f"output{number}"
        output.touch()
        own = {key: _filled(text, given) for key, text in step.get("env", {}).items()}
        ended = subprocess.run(  # noqa: S603 (the step's own words, as the runner runs them)
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607
            cwd=workspace, env=job | own | {"GITHUB_OUTPUT": str(output)}, timeout=500,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        code, printed = ended.returncode, printed + ended.stdout
        outputs |= readers.outputs(output.read_text())
        if code:
            break
    summary = outputs_folder / "summary"
    return Done(code, printed, outputs, summary.read_text() if summary.is_file() else "")


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    """Put values in the place of expressions; what no step has set is empty."""

    def value(found: re.Match[str]) -> str:
        for one in found[1].split("||"):
            if value_given := inputs.get(one.strip().removeprefix("inputs."), ""):
                return value_given
        return ""

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)
