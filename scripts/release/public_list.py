"""Lists what is public beside the contract and Python names: commands, settings, rules, formats.

One line each in ``docs/public.txt``. It is a file, so that a review shows its changes, and so that
the list of a release can be read without running that release.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from contract_tests import cli
from contract_tests.contract import documents
from contract_tests.drivers.har import own
from contract_tests.problems import Exit
from contract_tests.pytest_plugin import MARKER
from contract_tests.reference.scenarios import SCENARIOS
from contract_tests.report import verdicts
from contract_tests.rules import RULES, TRAFFIC_RULES
from contract_tests.rules.client import CLIENT_RULES
from contract_tests.settings import PREFIX, SETTINGS
from contract_tests.vendoring import vendor_check

from ..dev import makefile
from .version import Change, Weight

LIST = "docs/public.txt"
_ATTRIBUTES = {"MUST", "SHOULD", "required"}
"""Words of a line that describe a name and are not part of it."""


def text(root: Path) -> str:
    """Return what the list must contain now."""
    return "\n".join(sorted({*_lines(root)})) + "\n"


def compare(old: Path, new: Path) -> Iterator[Change]:
    """Yield the changes between two lists; none if the older tree does not have one."""
    if not (old / LIST).is_file():
        return
    before, after = ({*(tree / LIST).read_text("utf-8").splitlines()} for tree in (old, new))
    known = {_name(line) for line in before}
    for line in sorted(before - after):
        yield Change(Weight.MAJOR, f"removed: {line}", _name(line)[-1])
    for line in sorted(after - before):
        if _name(line) not in known:  # else it was reported as the line that it replaces
            weight = Weight.MAJOR if line.endswith(" required") else Weight.MINOR
            yield Change(weight, f"new: {line}", _name(line)[-1])


def _name(line: str) -> tuple[str, ...]:
    return tuple(word for word in line.split() if word not in _ATTRIBUTES)


def _lines(root: Path) -> Iterator[str]:
    written = (root / "Makefile").read_text(encoding="utf-8")
    yield from (f"make {name}" for name in makefile.targets(written))
    taken = {"PYTHON", *chain.from_iterable(makefile.takes(written).values())}
    yield from (f"variable {name}" for name in taken - {*SETTINGS})
    yield from (f"setting {PREFIX}{name}" for name in SETTINGS)
    yield from (
        f"rule {one.id} {one.level}" for one in (RULES | CLIENT_RULES | TRAFFIC_RULES).values()
    )
    yield from (f"scenario {name}" for name in SCENARIOS)
    yield from (f"exit {one.name} {one.value}" for one in Exit)
    yield f"fixture {MARKER}"
    yield f"format tape.har {own.FORMAT}"
    yield f"format verdicts.json {verdicts.FORMAT}"
    yield f"format {vendor_check.LOCK} {vendor_check.FORMAT}"
    yield from _commands()
    yield from _actions(root)


def _commands() -> Iterator[str]:
    for name, command in cli.each():
        yield f"command {name}"
        for param in command.params:
            options = {one for one in (*param.opts, *param.secondary_opts) if one[:2] == "--"}
            yield from (f"command {name} {one}" for one in options - {"--help"})


def _actions(root: Path) -> Iterator[str]:
    others = {path.parent.name: path for path in (root / ".github/actions").glob("*/action.yml")}
    for name, path in {"gate": root / "action.yml", **others}.items():
        action: dict[str, Any] = documents.load(path)
        for key, given in action["inputs"].items():
            required = " required" if given.get("required") else ""
            yield f"action {name} input {key}{required}"
        yield from (f"action {name} output {key}" for key in action["outputs"])
    yield from (f"hook {hook['id']}" for hook in documents.load(root / ".pre-commit-hooks.yaml"))
    for job, content in documents.load(root / "ci/gitlab-gate.yml").items():
        yield f"gitlab {job}"
        yield from (f"gitlab {job} {name}" for name in content["variables"])
