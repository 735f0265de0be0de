"""Lists what is public beside contract and Python names: what is typed, and what scripts read.

One line for each, in ``docs/public.txt``: a file of its own, so that review sees it change, and an
older one can be read whatever the tree was like then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from contract_tests import cli
from contract_tests.contract import documents
from contract_tests.problems import Exit
from contract_tests.pytest_plugin import MARKER
from contract_tests.reference.scenarios import SCENARIOS
from contract_tests.report import verdicts
from contract_tests.rules import RULES
from contract_tests.rules.client import CLIENT_RULES
from contract_tests.settings import PREFIX, SETTINGS
from scripts import vendor_check

LIST = "docs/public.txt"
ATTRIBUTES = {"MUST", "SHOULD", "required"}
"""Words of a line that say more of a name, and are none."""


def listed(root: Path) -> str:
    """Return the text of the list, as it should be now."""
    return "\n".join(sorted({*_lines(root)})) + "\n"


def targets(makefile: str) -> list[str]:
    """Return the targets that a makefile explains."""
    return re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)


def takes(makefile: str) -> dict[str, list[str]]:
    """Return what each target of a makefile takes on the command line."""
    text = makefile.replace("\\\n", "")
    found: dict[str, str] = dict(re.findall(r"^([\w.-]+) +:= +(.*)$", text, re.MULTILINE))
    settings = found.get("SETTINGS", "")
    return {
        name.removesuffix(".takes"): names.replace("$(SETTINGS)", settings).split()
        for name, names in found.items()
        if name.endswith(".takes")
    }


def name_of(line: str) -> str:
    """Return the name that a line is about."""
    return [word for word in line.split() if word not in ATTRIBUTES][-1]


def _lines(root: Path) -> Iterator[str]:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    yield from (f"make {name}" for name in targets(makefile))
    variables = {"PYTHON"}.union(*takes(makefile).values())
    yield from (f"variable {name}" for name in variables - {*SETTINGS})
    yield from (f"setting {PREFIX}{name}" for name in SETTINGS)
    yield from (f"rule {one.id} {one.level}" for one in (RULES | CLIENT_RULES).values())
    yield from (f"scenario {name}" for name in SCENARIOS)
    yield from (f"fixture {MARKER}", f"format verdicts.json {verdicts.FORMAT}")
    yield f"format {vendor_check.LOCK} {vendor_check.FORMAT}"
    yield from (f"exit {one.name} {one.value}" for one in Exit)
    yield from _commands(cli.commands)
    yield from _actions(root)


def _commands(group: click.Group) -> Iterator[str]:
    for name in group.commands:
        yield f"command {name}"
        command = group.commands[name]
        for param in command.get_params(click.Context(command)):
            words = [one for one in (*param.opts, *param.secondary_opts) if one.startswith("--")]
            yield from (f"command {name} {one}" for one in words if one != "--help")


def _actions(root: Path) -> Iterator[str]:
    for path in sorted((root / ".github/actions").glob("*/action.yml")):
        action: dict[str, Any] = documents.load(path)
        for name, given in action["inputs"].items():
            required = " required" if given.get("required") else ""
            yield f"action {path.parent.name} input {name}{required}"
        yield from (f"action {path.parent.name} output {name}" for name in action["outputs"])
    hooks = documents.load(root / ".pre-commit-hooks.yaml")
    yield from (f"hook {hook['id']}" for hook in hooks)
    jobs: dict[str, Any] = documents.load(root / "ci/gitlab-gate.yml")
    for job, content in jobs.items():
        yield f"gitlab {job}"
        yield from (f"gitlab {job} {name}" for name in content["variables"])
