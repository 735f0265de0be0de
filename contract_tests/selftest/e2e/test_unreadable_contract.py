"""A contract that cannot be read is a problem of its own, whoever reads it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ... import cli
from ...contract import documents
from ...contract.openapi import PATH, contract
from ...problems import Exit

ROOT = PATH.parent


def test_what_yaml_1_1_calls_a_date_is_a_text() -> None:
    """An instant without quotes reads as one with them, for all who read the contract."""
    written = PATH.read_text(encoding="utf-8")
    bare = written.replace("'2026-11-24T09:00:00Z'", "2026-11-24T09:00:00Z")

    assert bare != written
    assert documents.read(bare) == contract().document


UNREADABLE = {
    "a key twice": ("openapi: 3.1.0\nopenapi: 3.1.0\n", ":2:1: "),
    "no YAML": ("openapi: [\n", ":2:1: "),
    "a merge key": ("a: &a {b: 1}\nc: {<<: *a}\n", ":2:5: "),
    "no document": ("", "#: "),
    "a list": ("[]", "#: "),
    "no bytes": (None, ": "),
}


@pytest.mark.parametrize("name", list(UNREADABLE))
def test_what_cannot_be_read_is_broken(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By generate and lint alike: a code of its own, the line, and no traceback."""
    written, place = UNREADABLE[name]
    contract_file = tmp_path / "openapi.yaml"
    if written is not None:
        contract_file.write_text(written)

    codes = [
        cli.main(["check", "--root", str(tmp_path)]),
        cli.main(["lint", str(contract_file)]),
    ]
    printed = capsys.readouterr()

    assert codes[0] == Exit.CANNOT_TELL
    assert codes[1] == (Exit.FOUND if "#" in place else Exit.CANNOT_TELL)
    assert all(place in text for text in (printed.err, printed.out or printed.err))
    assert (printed.err + printed.out).count("    fix: ") == 2


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a run of the gate needs."""
    root = tmp_path_factory.mktemp("tree")
    skip = shutil.ignore_patterns("__pycache__", "selftest")
    for name in ("contract_tests", "generated"):
        shutil.copytree(ROOT / name, root / name, ignore=skip)
    shutil.copyfile(ROOT / "pyproject.toml", root / "pyproject.toml")
    return root


RECORDING = {"log": {"entries": [{
    "startedDateTime": "2026-11-30T00:00:00Z", "time": 1,
    "request": {"method": "GET", "url": "http://x.test/api/v1/images/build/b", "headers": []},
    "response": {"status": 404, "headers": [], "content": {"text": "{}"}},
}]}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [["pytest", "-q", "contract_tests/test_server.py"], ["contract_tests", "judge", "x.har"],
     ["contract_tests", "gate"]],
    ids=["pytest", "judge", "console"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("written", "place"), [("a: 1\na: 1\n", "openapi.yaml:2:1: "), ("{}", "KeyError: 'info'")]
)
def test_no_run_begins_without_a_contract(
    command: list[str], written: str, place: str, tree: Path
) -> None:
    """The gate says where it is broken, and ends with the code for what cannot be judged."""
    (tree / "openapi.yaml").write_text(written)
    (tree / "x.har").write_text(json.dumps(RECORDING))
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", *command], cwd=tree, capture_output=True, text=True, check=False
    )

    assert done.returncode == 4, done.stdout + done.stderr
    assert place in done.stderr
    assert "\n    fix: " in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
