"""The house keeps its order: who imports whom, and what the documents say."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import prime_image_builds as client_package
import pytest

from ..contract import PATH, contract
from ..reference.faults import FAULTS
from ..rules import RULES, Level
from .test_payloads import ALLOWED

ROOT = PATH.parent
PACKAGE = ROOT / "contract_tests"

ABOVE_DRIVERS = {
    "cli", "target", "gate", "settings", "waivers", "matrix", "judge", "watch", "report",
}  # fmt: skip
FORBIDDEN = {
    "documents.py": {"reference", "rules", "drivers", "tape", "exchange", "verdict", "contract"}
    | ABOVE_DRIVERS,
    "report/redaction.py": {"rules", "drivers", "verdict", "contract", "reference"} | ABOVE_DRIVERS,
    "reference": {"rules", "drivers", "tape", "exchange", "verdict", "contract", "payloads"}
    | ABOVE_DRIVERS,
    "contract.py": {"rules", "drivers", "tape", "exchange", "verdict", "reference"} | ABOVE_DRIVERS,
    "front.py": {"rules", "drivers", "tape", "exchange", "verdict", "reference", "contract"}
    | ABOVE_DRIVERS,
    "exchange.py": {"rules", "drivers", "tape", "verdict", "reference"} | ABOVE_DRIVERS,
    "history.py": {"rules", "drivers", "verdict", "reference"} | ABOVE_DRIVERS,
    "tape.py": {"rules", "drivers", "verdict", "reference"} | ABOVE_DRIVERS,
    "rules": {"drivers", "verdict", "reference"} | ABOVE_DRIVERS,
    "verdict.py": {"drivers", "reference"} | ABOVE_DRIVERS - {"waivers"},
    "drivers": {"reference"} | ABOVE_DRIVERS,
    "matrix.py": {"drivers", "reference", "target", "gate", "settings", "report"},
    "waivers.py": {"drivers", "reference", "rules", "tape", "verdict"}
    | ABOVE_DRIVERS - {"waivers"},
    "target.py": {"drivers", "gate", "settings", "report"},
    "settings.py": {"drivers", "gate", "report"},
    "planning.py": {"gate", "settings", "report", "judge", "watch"},
    "hollow.py": {"settings", "report", "judge", "watch"},
    "gate.py": {"settings", "report", "judge", "watch"},
    "report": {"drivers", "reference", "settings", "judge", "watch"},
}


def imported(path: Path) -> Iterator[str]:
    """Yield the modules of this package that a module imports, and the packages beyond."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                folder = path.parents[node.level - 1]
                parts = (*folder.relative_to(PACKAGE).parts, *(node.module or "").split("."))
                names = [*filter(None, parts)]
                # Redaction is used by all that shows or writes, wherever that stands.
                is_redaction = names[:2] == ["report", "redaction"]
                yield from (
                    names[1:2]
                    if is_redaction
                    else names[:1] or [alias.name for alias in node.names]
                )
            else:
                yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


@pytest.mark.parametrize("room", list(FORBIDDEN))
def test_imports_go_down_only(room: str) -> None:
    """No module imports one that stands above it."""
    place = PACKAGE / room
    modules = [place] if place.is_file() else sorted(place.rglob("*.py"))
    found = {(path.name, name) for path in modules for name in imported(path)}

    assert {(path, name) for path, name in found if name in FORBIDDEN[room]} == set()


def test_only_the_client_driver_imports_the_client() -> None:
    """The gate over servers works without the generated client."""
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "prime_image_builds" in imported(path)
    }

    assert {name for name in users if not name.startswith("selftest/")} == {"drivers/client.py"}


def test_every_status_is_known() -> None:
    """A status added to the contract is asked for wherever statuses are written out by hand."""
    lifecycle = "contract_tests/reference/lifecycle.py"
    told = set(re.findall(r'"([A-Z]+)"', (ROOT / lifecycle).read_text()))
    places = [
        (lifecycle, told, "let a build have it"),
        (
            "contract_tests/selftest/test_payloads.py", {*ALLOWED},
            "say in ALLOWED which timestamps go with it",
        ),
    ]  # fmt: skip
    missing = [
        f"problem: {place} does not know {status}\n    fix: {fix}"
        for place, known, fix in places
        for status in contract().statuses
        if status not in known
    ]
    if missing:
        pytest.fail("\n".join(missing), pytrace=False)


def test_readme_is_true() -> None:
    """The README shows rules, faults and files that are there."""
    text = (ROOT / "README.md").read_text()
    shown = [rule for rule in RULES.values() if f"{rule.id:<3} {rule.level:<6}" in text]

    assert [rule.id for rule in shown if rule.text not in text] == []
    assert len(shown) >= 4
    assert "completed-null" in FAULTS
    assert {Level.MUST, Level.SHOULD} == {rule.level for rule in shown}
    for link in ("openapi.yaml", "contract_tests/rules", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        assert (ROOT / link).exists()
        assert f"]({link})" in text


def test_no_registry_and_no_machine_in_the_lock() -> None:
    """The lock holds hashes, and no address."""
    text = (ROOT / "requirements.txt").read_text()

    assert "://" not in text
    assert text.count("--hash=sha256:") > text.count("==")


def test_no_function_takes_what_it_does_not_name() -> None:
    """Every parameter of the public names is typed, and none is ``**``."""
    public = [getattr(client_package, name) for name in client_package.__all__]
    functions = [one for one in public if inspect.isfunction(one)]
    functions += [
        method
        for one in (client_package.Client, client_package.AuthenticatedClient)
        for _, method in inspect.getmembers(one, inspect.isfunction)
        if not method.__name__.startswith("_") or method.__name__ == "__init__"
    ]
    loose = [
        f"{function.__qualname__}: {parameter}"
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
        and (parameter.kind is parameter.VAR_KEYWORD or parameter.annotation is parameter.empty)
    ]

    assert len(functions) > 20
    assert loose == []
