"""Git commands use the repository of the folder, also in a linked worktree and in a hook."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import generate

from ...contract.openapi import PATH
from ...vendoring import git
from ...vendoring.source import find

ROOT = PATH.parent
WHO = {
    f"GIT_{role}_{key}": "test@example.com" for role in ("AUTHOR", "COMMITTER")
    for key in ("NAME", "EMAIL")
}  # fmt: skip
CHECK = f"'{sys.executable}' -m contract_tests check --root \"$PWD\""
# What the check finds by git, without making a client.
COMPARE = """
import pathlib, sys
from scripts import generate
folder = pathlib.Path.cwd() / "generated"
found = generate.differences(folder, folder)
print("".join(f"{kind} generated/{name}" for name, kind in found.items()) or "generated/ is fresh")
sys.exit(bool(found))
"""


def hook(clone: Path, *, is_whole: bool) -> None:
    """Write a hook that runs the whole check, or the part that asks git."""
    (clone.parent / "compare.py").write_text(COMPARE)
    command = CHECK if is_whole else f"'{sys.executable}' -P '{clone.parent}/compare.py'"
    path = clone / ".git/hooks/pre-commit"
    path.write_text(f"#!/bin/sh\nenv | grep ^GIT_ > '{clone.parent}/environment'\nexec {command}\n")
    path.chmod(0o755)


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run git as a person does."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        cwd=folder, env={**clean, **settings, **WHO}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Make a clone with what the client is made from, and a linked worktree of it beside."""
    folder = tmp_path / "clone"
    folder.mkdir()
    shutil.copyfile(ROOT / "openapi.yaml", folder / "openapi.yaml")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("scripts/templates", "generated"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        assert run(folder, *words).returncode == 0
    assert run(folder, "worktree", "add", "-q", str(tmp_path / "linked")).returncode == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("place", ["clone", "linked"])
@pytest.mark.parametrize("words", [[], ["-a"], ["--", "note"]], ids=["index", "all", "path"])
def test_check_in_a_git_hook_passes_for_a_fresh_client(
    place: str, words: list[str], clone: Path
) -> None:
    """With GIT_DIR and GIT_INDEX_FILE as git sets them."""
    hook(clone, is_whole=(place, words) == ("clone", []))
    folder = clone.parent / place
    (folder / "note").write_text("a note\n")
    run(folder, "add", "note")
    (folder / "note").write_text("another note\n")

    done = run(folder, "commit", "-m", "two", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "generated/ is fresh" in done.stdout + done.stderr
    assert "GIT_INDEX_FILE=" in (clone.parent / "environment").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["clone", "linked"])
def test_check_in_a_git_hook_reports_an_untracked_file(place: str, clone: Path) -> None:
    """As outside of a hook."""
    hook(clone, is_whole=place == "linked")
    folder = clone.parent / place
    run(folder, "rm", "-q", "--cached", "generated/prime_image_builds/types.py")

    done = run(folder, "commit", "-m", "two")

    assert done.returncode != 0
    assert "untracked generated/prime_image_builds/types.py" in done.stdout + done.stderr


@pytest.mark.parametrize("name", git.REPOSITORY)
def test_git_variables_of_the_caller_are_ignored(
    name: str, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repository is that of the folder."""
    linked = clone.parent / "linked"
    head = git.output(linked, "rev-parse", "HEAD")
    monkeypatch.setenv(name, str(clone.parent / "nowhere"))

    assert head
    assert git.output(linked, "rev-parse", "HEAD") == head
    assert git.is_top(linked)
    assert generate._untracked(linked / "generated") == set()
    assert find(linked).commit() == head.decode().strip()


def test_ignored_variables_include_all_that_git_lists() -> None:
    """Except for its configuration, which a caller may need (safe.directory)."""
    listed = run(ROOT, "rev-parse", "--local-env-vars").stdout.split()

    assert {name for name in listed if not name.startswith("GIT_CONFIG")} <= {
        *git.REPOSITORY,
        "GIT_INTERNAL_SUPER_PREFIX",
    }


def test_folder_inside_a_repository_is_not_its_top(clone: Path) -> None:
    """Nor is a folder outside of any repository."""
    assert [git.is_top(one) for one in (clone, clone / "generated", clone.parent)] == [
        True,
        False,
        False,
    ]


def test_only_one_module_runs_git() -> None:
    """``contract_tests/vendoring/git.py``."""
    found = set()
    for folder in ("contract_tests", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            if "selftest" not in path.parts:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                for node in ast.walk(tree):
                    words = node.elts if isinstance(node, ast.List | ast.Tuple) else []
                    first = words[0] if words else None
                    if isinstance(first, ast.Constant) and first.value == "git":
                        found.add(path.relative_to(ROOT).as_posix())

    assert found == {"contract_tests/vendoring/git.py"}
