"""The hooks, run as pre-commit runs them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ...problems import Exit
from ...vendoring import vendor_check
from ...vendoring.source import find
from ...vendoring.vendor import copy
from ..support.ci_job import HOOKS, ROOT, environment, installed
from ..support.vendoring import edit


def vendored(folder: Path) -> Path:
    """Vendor the client into a folder."""
    return copy(find(ROOT), folder).package


def outdate(package: Path) -> None:
    """Change the lock to an older version of the contract."""
    lock = package / vendor_check.LOCK
    lock.write_text(lock.read_text().replace('"version": "1.0.0"', '"version": "0.9.0"', 1))


def run_hook(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a hook as pre-commit does: by its path, in the folder of the commit."""
    hook = HOOKS[name]
    assert (hook["language"], hook["pass_filenames"]) == ("script", False)
    made = folder.parent / "hooks-env"
    if not made.exists():
        installed(made)
    return subprocess.run(  # noqa: S603
        [ROOT / hook["entry"], *hook.get("args", []), *arguments], cwd=folder, text=True,
        env=environment() | {"GATE_HOOKS_ENV": str(made)}, capture_output=True, timeout=500,
        check=False,
    )  # fmt: skip


def fork(folder: Path) -> Path:
    """Copy the parts of this project that the hooks read."""
    root = folder / "fork"
    for name in ("generated", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "openapi.yaml", root / "openapi.yaml")
    return root


@pytest.mark.slow
def test_drift_hook(tmp_path: Path) -> None:
    """It checks the repository of the commit, not its own."""
    root = fork(tmp_path)
    fresh = run_hook("contract-drift", root)
    (root / "generated/prime_image_builds/client.py").write_text("# mine\n")
    stale = run_hook("contract-drift", root)

    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert stale.returncode == Exit.FOUND, stale.stdout + stale.stderr
    assert "client.py" in stale.stdout


@pytest.mark.slow
def test_lint_hook(tmp_path: Path) -> None:
    """On a contract that is valid, invalid, and not YAML."""
    root = fork(tmp_path)
    contract = root / "openapi.yaml"
    sound = run_hook("contract-lint", root)
    contract.write_text(contract.read_text().replace("operationId:", "x-operationId:", 1))
    unsound = run_hook("contract-lint", root)
    contract.write_text("[")
    broken = run_hook("contract-lint", root, "openapi.yaml")

    assert sound.returncode == Exit.OK, sound.stderr
    assert unsound.returncode == Exit.FOUND
    assert "problem: openapi.yaml#/paths/" in unsound.stdout
    assert broken.returncode == Exit.CANNOT_TELL
    assert "problem: openapi.yaml:1:2: " in broken.stderr


def test_vendor_check_hook(tmp_path: Path) -> None:
    """An edited copy blocks the commit; an available update does not."""
    package = vendored(tmp_path / "app/third_party")
    fresh = run_hook("vendor-check", tmp_path / "app", "third_party")
    outdate(package)
    update = run_hook("vendor-check", tmp_path / "app", "third_party")
    edit(package)
    edited = run_hook("vendor-check", tmp_path / "app", "third_party")

    assert fresh.returncode == update.returncode == Exit.OK, fresh.stdout + update.stdout
    assert edited.returncode == Exit.FOUND, edited.stdout + edited.stderr


def test_a_file_that_goes_is_noticed() -> None:
    """pre-commit does not pass on deleted files, so each hook always runs."""
    assert [name for name, hook in HOOKS.items() if not hook["always_run"]] == []
    assert [name for name, hook in HOOKS.items() if hook["pass_filenames"]] == []
