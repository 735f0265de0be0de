"""The house keeps its order: who imports whom, and what the documents say."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import prime_image_builds as client_package
import pytest
from prime_image_builds.api.images import Images

from ...contract.api import IMAGES
from ...contract.openapi import PATH
from ...reference.faults import FAULTS
from ...rules import RULES
from .test_payloads import ALLOWED

ROOT = PATH.parent
PACKAGE = ROOT / "contract_tests"


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a module imports; those of this package are the import linter's."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_only_drivers_of_the_client_import_it() -> None:
    """The gate over servers shares with it where a context may go, and nothing else."""
    policy = "prime_image_builds._urls"
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(one.split(".")[0] == "prime_image_builds" != one != policy for one in imported(path))
    }

    assert {name for name in users if not name.startswith("selftest/")} == {
        "drivers/client.py", "drivers/load.py",
    }  # fmt: skip


def test_every_status_is_known() -> None:
    """A status of the contract is required wherever statuses are listed by hand."""
    lifecycle = "contract_tests/reference/lifecycle.py"
    known = set(re.findall(r'"([A-Z]+)"', (ROOT / lifecycle).read_text()))
    places = [
        (lifecycle, known, "let a build have it"),
        (
            "contract_tests/selftest/unit/test_payloads.py", {*ALLOWED},
            "add its timestamps to ALLOWED",
        ),
    ]  # fmt: skip
    missing = [
        f"problem: {place} does not know {status}\n    fix: {fix}"
        for place, known, fix in places
        for status in IMAGES.statuses
        if status not in known
    ]
    if missing:
        pytest.fail("\n".join(missing), pytrace=False)


def test_readme_is_true() -> None:
    """The README shows rules, faults and files that are there."""
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"^(?:passed|not observed) +((?:[PSTL]\d+ ?)+)$", text, re.M)

    assert {*" ".join(shown).split()} <= {*RULES}
    assert len(shown) == 5
    assert "completed-null" in FAULTS
    for link in ("openapi.yaml", "docs/rules/README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"):
        assert (ROOT / link).exists()
        assert f"]({link})" in text


def test_architecture_names_what_is_there() -> None:
    """Each path of its table exists; a bare name lies beside the path before it."""
    rows = re.findall(r"^\| (`.*?`) \|", (ROOT / "ARCHITECTURE.md").read_text(), re.M)
    missing = []
    for row in rows:
        folder = ROOT
        for name in re.findall("`(.*?)`", row):
            path = ROOT / name if "/" in name else folder / name
            folder = path.parent
            missing += [] if path.exists() else [name]

    assert len(rows) > 12
    assert missing == []


@pytest.mark.parametrize("lock", sorted(one.name for one in ROOT.glob("requirements*.txt")))
def test_no_registry_and_no_machine_in_the_lock(lock: str) -> None:
    """The lock holds hashes, and no address."""
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert text.count("--hash=sha256:") > text.count("==")


def test_no_function_takes_what_it_does_not_name() -> None:
    """Every parameter of the public names is typed, and none is ``**``."""
    public = [getattr(client_package, name) for name in client_package.__all__]
    functions = [one for one in public if inspect.isfunction(one)]
    functions += [
        method
        for one in (client_package.Client, client_package.AuthenticatedClient, Images)
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
