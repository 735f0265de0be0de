"""Runs the gate as a command, and reads what it printed and wrote."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ... import cli, usage
from ...contract.openapi import PATH

TOKEN = "test-token"  # noqa: S105
REPORTS = ("junit.xml", "summary.md", "verdicts.json", "index.html", "badge.json")


# The same command, which shows each change of its progress, not one in ten seconds.
TALKATIVE = (
    "-c", "import sys; from contract_tests import cli; from contract_tests.report import terminal; "
    "terminal.SELDOM = 0; sys.exit(cli.main())",
)  # fmt: skip
SCRIPTED = "200"
"""So many requests show T4 and T5; generated ones, for which schemathesis is loaded, are cut."""


def make_gate(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the same command in this process, if the process is not what is tested."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in [one for one in os.environ if one.startswith("CONTRACT_")]:
            patch.delenv(name)
        for name, value in {"SERVER_ONLY": "1", **settings}.items():
            patch.setenv(f"CONTRACT_{name}", value)
        patch.setenv(usage.VARIABLE, "make")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = cli.main(["gate", *arguments])
    return code, printed.getvalue()


def run_module(*command: str, **settings: str) -> tuple[int, str]:
    """Run a module with settings; return its exit code and its output."""
    ours = ("CONTRACT_", usage.VARIABLE)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    given = {f"CONTRACT_{name}": value for name, value in settings.items()}
    if command[0] != "pytest":  # which says of itself how it is called
        given[usage.VARIABLE] = "make"
    ended = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", *command],
        cwd=PATH.parent, env=clean | given, capture_output=True, text=True, timeout=400,
        check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def verdicts(printed: str) -> dict[str, str]:
    """Read the table of verdicts."""
    found = re.findall(
        r"^([PSTL]\d+) +(?:MUST|SHOULD|ADVICE) +(passed|violated|advised|waived|not \w+)\b",
        printed,
        re.M,
    )
    alike = re.findall(r"^(passed|not \w+) +((?:[PSTL]\d+(?: |$))+)", printed, re.M)
    return {one: outcome for outcome, ids in alike for one in ids.split()} | dict(found)


def waived(path: Path, rule: str, expires: str = "2999-01-01") -> str:
    """Write a waiver."""
    path.write_text(f'[[waiver]]\nrule = "{rule}"\nreason = "known"\nexpires = {expires}\n')
    return str(path)


def ends(reports: Path) -> tuple[str, str, list[str]]:
    """Return how a run ended according to verdicts.json, summary.md and JUnit."""
    data = json.loads((reports / "verdicts.json").read_text())
    [line] = re.findall(r"^Ended: (\w+)\.$", (reports / "summary.md").read_text(), re.M) or [""]
    cases = ElementTree.parse(reports / "junit.xml").iter("testcase")  # noqa: S314 (our own file)
    last = [one for one in cases if one.get("name", "").startswith("end ")]
    return data["ended"], line, [child.tag for one in last for child in one]
