"""Which Python make creates its environment with, and which make it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..support.make_calls import ROOT, Tree


def interpreter(folder: Path, name: str) -> Path:
    """Make a Python of that name: it tells who it is, makes environments, and notes both."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *fcntl*) exec \'{sys.executable}\' "$@";;\n'
        f'*realpath*) echo "{name}";; *"-m venv"*) mkdir -p "$4/bin"\n'
        f'cp "$0" "$4/bin/python"; touch "$4/made-by-{name}";; esac\n'
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def fresh(tree: Tree, tmp_path: Path) -> Callable[..., Any]:
    """Call make in a tree of its own, whose environment is really made."""
    folder = tmp_path / "fresh"
    shutil.copytree(tree.folder, folder)
    shutil.rmtree(folder / ".venv")

    def make(*words: str) -> set[str]:
        done = subprocess.run(  # noqa: S603
            ["make", "check", *words],  # noqa: S607
            cwd=folder, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        made = {one.name.removeprefix("made-by-") for one in folder.glob(".venv/made-by-*")}
        for one in folder.glob(".venv/made-by-*"):
            one.unlink()
        return made if done.returncode == 0 else {f"failed: {done.stderr}"}

    return make


def test_python_variable_selects_the_interpreter_of_the_environment(
    fresh: Callable[..., set[str]], tmp_path: Path
) -> None:
    """Anew where another has made it; where none is named, any that is there will do."""
    for name in ("python3", "python3.99"):
        interpreter(tmp_path, name)

    assert fresh() == {"python3"}
    assert fresh() == set()
    assert fresh("PYTHON=python3") == set()
    assert fresh("PYTHON=python3.99") == {"python3.99"}
    assert fresh("PYTHON=python3.99") == set()
    assert fresh() == set()
    assert fresh(f"PYTHON={tmp_path}/python3") == {"python3"}


@pytest.mark.parametrize(
    "value", ["no-such-python", "python3; touch ran", "$(shell touch ran)", "/", "-c", "''"]
)
def test_python_that_cannot_run_is_an_error(tree: Tree, value: str) -> None:
    """The message names it, and nothing else is run."""
    done = tree.make("check", f"PYTHON={value}")

    assert (done.code, done.calls) == (2, [])
    assert f"problem: {value} " in done.printed


def test_makefile_uses_only_features_of_make_3_81() -> None:
    """The make of macOS is GNU make 3.81."""
    text = "".join((ROOT / name).read_text() for name in ("Makefile", "scripts/given.mk"))

    for word in ("undefine ", ".ONESHELL", "private ", "$(file ", "!=", "::=", "$(guile ", "&:"):
        assert word not in text
