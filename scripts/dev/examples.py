"""Writes docs/examples: pages of runs, one that failed with a picture, and of a comparison."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile

from contract_tests.contract.openapi import PATH
from contract_tests.escape import show
from contract_tests.gate import drive
from contract_tests.gate.result import Report
from contract_tests.gate.run import Run
from contract_tests.gate.target import PRODUCTION, Target
from contract_tests.openapi_diff import differences, parse
from contract_tests.report import comparison, html

FOLDER = PATH.parent / "docs/examples"
PAGES = {"passed.html": None, "failed.html": "completed-null"}
PICTURE = "failed.png"
DOCUMENTS = [f"contract_tests/selftest/support/compare/{one}.yaml" for one in ("second", "third")]
COMPARISON = "differences.html"


def main() -> int:
    """Write the pages; the picture too, where there is a Chromium."""
    FOLDER.mkdir(exist_ok=True)
    for name, fault in PAGES.items():
        run = Run(Target(fault=fault, profile=PRODUCTION))
        drive.drive(run)
        page = html.page(html.of_gate(Report(target=run.target, run=run)))
        (FOLDER / name).write_text(page, "utf-8")
    base, revision = (parse((PATH.parent / one).read_bytes(), one) for one in DOCUMENTS)
    compared = comparison.Compared(base, revision, differences(base, revision), [])
    again = comparison.repeat(base.name, revision.name, None)
    (FOLDER / COMPARISON).write_text(html.page(html.of_comparison(compared, again)), "utf-8")
    chromium = shutil.which("chromium")
    if chromium is None:
        show("no chromium: the picture stays as it is")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-background-networking", f"--user-data-dir={folder}",
                "--window-size=1000,760", f"--screenshot={FOLDER / PICTURE}",
                (FOLDER / "failed.html").as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
