"""A vendoring run that ends at any of its steps leaves a complete copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ...vendoring import vendor
from ...vendoring.source import find
from ..support.vendoring import ROOT, advance, checkout, shrink

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")


@pytest.mark.parametrize("how", ["terminate", "interrupt"])
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
