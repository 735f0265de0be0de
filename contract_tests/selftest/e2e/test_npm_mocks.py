"""Mocks that nobody here wrote, of our own contract: Prism and Mockoon, from npm.

They are run by the gate's own START. What they violate is theirs, and needs no memory.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scripts.dev import npm
from scripts.dev.npm import MOCKOON, PRISM

from ...contract.openapi import PATH
from ...problems import Exit
from ...rules import RULES
from ..support.ci_job import free_port

pytestmark = pytest.mark.external

NEEDS_MEMORY = {name for name, one in RULES.items() if one.needs_memory}


@pytest.fixture(scope="session")
def programs() -> Path:
    """Install the mocks, or skip with the reason."""
    try:
        return npm.set_up()
    except npm.NotSetUpError as error:
        pytest.skip(str(error))


class Judged(NamedTuple):
    """What came of a run of the gate over a mock."""

    code: int
    verdicts: dict[str, Any]
    pages: dict[str, str]

    def having(self, outcome: str) -> set[str]:
        """Return the rules with an outcome."""
        return {one["rule"] for one in self.verdicts["verdicts"] if one["outcome"] == outcome}


def judged(programs: Path, folder: Path, command: str, *settings: str, how: str = "") -> Judged:
    """Run the gate as a user does."""
    port = free_port()
    start = command.format(how=how, port=port, contract=shlex.quote(str(PATH)))
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "contract_tests", "gate", "--server-only",
         f"--start={shlex.quote(str(programs))}/{start}", f"--target=http://127.0.0.1:{port}",
         f"--junit={folder / 'junit.xml'}", *settings],
        cwd=PATH.parent, env={**os.environ, "CONTRACT_TOKEN": "any-token"}, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    pages = {one.name: one.read_text() for one in folder.iterdir() if one.is_file()}
    return Judged(
        done.returncode, json.loads(pages["verdicts.json"]), {**pages, "terminal": done.stdout}
    )


def test_prism_violates_what_it_truly_breaks(programs: Path, tmp_path: Path) -> None:
    """A content type that it answers with a 500, and a path that ends its process."""
    done = judged(programs, tmp_path, PRISM, "--profile=stateless")
    passed = [one for one in done.having("passed") if one in RULES and one[0] in "PST"]

    assert done.code == Exit.FOUND
    assert done.having("violated") == {"P5"}
    assert done.having("not applicable") == NEEDS_MEMORY
    assert len(passed) >= 14
    assert "/%ZZ → no response" in done.verdicts["problem"]
    assert done.verdicts["fits"] is None


@pytest.mark.parametrize("command", [PRISM, MOCKOON])
def test_full_run_over_a_mock_names_the_profile_that_fits(
    programs: Path, tmp_path: Path, command: str
) -> None:
    """In every report, as the fix; what is violated stays violated."""
    done = judged(programs, tmp_path, command)
    shown = {name for name, page in done.pages.items() if "--profile=stateless" in page}

    assert done.code == Exit.FOUND
    assert {"P4", "L9"} <= done.having("violated")
    assert done.verdicts["fits"] == "stateless"
    assert shown >= {"terminal", "junit.xml", "summary.md", "verdicts.json"}


@pytest.mark.parametrize(
    ("command", "must"),
    [(PRISM, {"P5"}), (MOCKOON, {"P2", "P3", "P5", "T1", "T2"})],
    ids=["prism", "mockoon"],
)
def test_mock_that_makes_values_up_keeps_to_the_schema_alone(
    programs: Path, tmp_path: Path, command: str, must: set[str]
) -> None:
    """LEVEL=must leaves out what a random build cannot have; Mockoon's times are not date-times."""
    done = judged(
        programs, tmp_path, command, "--profile=stateless", "--level=must", how="--dynamic"
    )

    assert done.code == Exit.FOUND
    assert done.having("violated") == must
    assert {"T5", "S3"} & done.having("advised")
    assert done.having("not applicable") == NEEDS_MEMORY
