"""A vendoring run that dies at any of its steps leaves a whole copy, and no litter for long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import vendor
from scripts.vendor_check import FAILED, PACKAGE, Problem
from scripts.vendor_swap import exchange, staging

from ..support.vendoring import ROOT, advance, checkout, shrink

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")


@pytest.mark.parametrize("way", ["exchange", "rename"])
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_death_at_any_step(tmp_path: Path, way: str, how: str) -> None:
    """The old copy or the new one is there, whole; the next run updates it and cleans up.

    Where a system cannot exchange two folders in one step there is one step, and one only, after
    which the old copy lies beside; the next run puts it back, whatever becomes of that run.
    """
    source = shrink(checkout(tmp_path / "source"))
    vendor.copy(source, tmp_path / "old", with_tests=False, force=False)
    advance(source, "1.1.0")
    command = [sys.executable, "-m", "contract_tests.selftest.support.vendoring"]
    folders = [str(tmp_path / name) for name in ("source", "old", "dest")]

    told = subprocess.run(  # noqa: S603
        [*command, *folders, way, how], cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=600
    )

    found = {tuple(states): times for *states, times in json.loads(told.stdout)}
    absent = found.pop(("absent", "1.0.0", "1.1.0", 0), 0)
    assert set(found) == {("1.0.0", "1.0.0", "1.1.0", 0), ("1.1.0", "1.1.0", "1.1.0", 0)}
    assert min(found.values()) > 10
    assert absent == (1 if (way, how) == ("rename", "kill") else 0)


def test_this_system_exchanges(tmp_path: Path) -> None:
    """On Linux two folders change places in one step, unless their file system cannot."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot")

    assert [path.name for path in (tmp_path / "one").iterdir()] == ["other"]
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["one"]


def test_a_second_run_waits_its_turn(tmp_path: Path) -> None:
    """While a run is under way, another one touches nothing."""
    with staging(tmp_path / PACKAGE) as folder:
        with pytest.raises(Problem, match="another run is vendoring") as refused:
            vendor.copy(ROOT, tmp_path, with_tests=False, force=False)

        assert folder.is_dir()
    assert refused.value.code == FAILED
    assert list(tmp_path.iterdir()) == []
