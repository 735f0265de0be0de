"""What the tests of make, and those of copies of the client, share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ...vendoring import vendor
from ...vendoring.source import Source, find
from ..support.make_calls import FILES, LOCKS, RECORDER, ROOT, Tree
from ..support.vendoring import checkout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Copy the makefile to where its commands are noted, and not run."""
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(RECORDER)
    (programs / "python").chmod(0o755)
    for name in (".venv-load", ".venv-docs"):
        (folder / name).symlink_to(programs.parent)
    for name in LOCKS:
        lock = subprocess.run(  # noqa: S603
            ["cksum", name],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout.split()[0]  # fmt: skip
        (programs.parent / f".ready-{lock}").touch()
    return Tree(folder)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Make a checkout that may be changed."""
    return find(checkout(tmp_path / "source"))


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Vendor this checkout."""
    return vendor.copy(find(ROOT), tmp_path / "dest").package
