"""A vendoring run that ends at any of its steps leaves a complete copy."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ...vendoring import swap, vendor
from ...vendoring.source import find
from ..support.vendoring import ROOT, advance, checkout, is_done, shrink

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["terminate", "interrupt", "kill"])
def test_death_at_any_step(tmp_path: Path, how: str) -> None:
    """The old copy or the new one is there, complete, and the next run updates it."""
    source = shrink(checkout(tmp_path / "source"))
    vendor.copy(find(source), tmp_path / "old", with_tests=False)
    advance(source, "1.1.0")
    command = [sys.executable, "-m", "contract_tests.selftest.support.vendoring"]
    folders = [str(tmp_path / name) for name in ("source", "old", "dest")]

    done = subprocess.run(  # noqa: S603
        [*command, *folders, how], cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=600
    )

    found = {tuple(states): times for *states, times in json.loads(done.stdout)}
    assert set(found) == {("1.0.0", "1.1.0"), ("1.1.0", "1.1.0")}
    assert min(found.values()) > 10


def dies_at_once(folder: Path, number: int) -> bool:
    """Replace a client in a child that is killed at a step; return whether it had finished."""
    for name in ("staged/fresh", "present"):
        (folder / name).mkdir(parents=True)
        (folder / name / "client.py").write_text(name)
    return is_done(
        number, "kill", lambda: swap.replace(folder / "staged/fresh", folder / "present")
    )


def test_killed_swap_leaves_one_complete_folder(tmp_path: Path) -> None:
    """``generate`` replaces the client by this function, too: SIGKILL never leaves none."""
    if not swap.exchanged(*(Path(tempfile.mkdtemp(dir=tmp_path)) for _ in range(2))):
        pytest.skip("this file system cannot exchange two folders")
    for number in itertools.count():
        folder = tmp_path / str(number)
        done = dies_at_once(folder, number)

        assert (folder / "present/client.py").read_text() in ("staged/fresh", "present")
        if done:
            return


def test_without_an_exchange_there_are_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system cannot exchange: the old folder is left beside the fresh one's place."""
    monkeypatch.setattr(swap, "exchanged", lambda *_: False)
    for name in ("staged/fresh", "present"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "client.py").write_text(name)
    swap.replace(tmp_path / "staged/fresh", tmp_path / "present")

    assert (tmp_path / "present/client.py").read_text() == "staged/fresh"
    assert (tmp_path / "staged/old/client.py").read_text() == "present"
