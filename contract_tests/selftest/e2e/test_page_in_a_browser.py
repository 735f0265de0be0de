"""reports/index.html in Chromium: read, used and audited as its readers do, without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ...gate import drive
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target
from ...report import html

pytestmark = pytest.mark.external

BROWSER = Path(__file__).parent.parent / "support/browser"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FAULTS = ("completed-null", None)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm on this machine")
def test_page_in_chromium(tmp_path: Path) -> None:
    """By mouse and keyboard, in both themes and as wide as a phone; axe finds nothing serious."""
    for name in ("package.json", "package-lock.json", "check.mjs"):
        shutil.copy(BROWSER / name, tmp_path)
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],  # noqa: S607
        cwd=tmp_path, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    pages = []
    for fault in FAULTS:
        run = Run(Target(fault=fault))
        drive.drive(run, fuzzing=False)
        page = tmp_path / f"{fault}.html"
        page.write_text(html.page(html.of_gate(Report(target=run.target, run=run))))
        pages.append(str(page))
    done = subprocess.run(  # noqa: S603
        ["node", "check.mjs", str(CHROMIUM), str(tmp_path), *pages],  # noqa: S607
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=900,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
