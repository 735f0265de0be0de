"""The tutorial, followed from its first command to its last, with both of its terminals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...contract.openapi import PATH
from ..support.ci_job import free_port
from ..support.documented import fits
from .test_contributing import BLOCK, Clone, clean, commands
from .test_readme import TAKES

TEXT = (PATH.parent / "docs/tutorial.md").read_text()
STEPS = [one for kind, block in BLOCK.findall(TEXT) if kind == "console" for one in commands(block)]
SERVE = "make serve"


class Terminals:
    """A clone, in whose second terminal a server runs until the next one is started."""

    def __init__(self, folder: Path) -> None:
        self.clone = Clone(folder / "clone")
        self.port = str(free_port())
        self.server: subprocess.Popen[str] | None = None

    def type(self, command: str) -> str:
        """Run a command; return what it prints, of a server its first lines."""
        typed = ["bash", "-c", f"exec {command}" if command.startswith(SERVE) else command]
        if not command.startswith(SERVE):
            typed[-1] = command.replace("8000", self.port)
            done = subprocess.run(  # noqa: S603
                typed, cwd=self.clone.folder, env=clean(), text=True, check=False, timeout=600,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            return re.sub(r"^make: \*\*\* .*\n", "", done.stdout, flags=re.MULTILINE)
        self.end()
        self.server = subprocess.Popen(  # noqa: S603
            [*typed[:-1], f"{typed[-1]} PORT={self.port}"], cwd=self.clone.folder, env=clean(),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        assert self.server.stdout is not None
        lines = [self.server.stdout.readline() for _ in range(4)]
        return "".join(lines).replace(self.port, "8000")

    def end(self) -> None:
        """End the server as Ctrl-C does: its whole group gets the signal."""
        if self.server is not None:
            os.killpg(self.server.pid, signal.SIGINT)
            self.server.communicate(timeout=60)
            self.server = None


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    """Open both."""
    made = Terminals(tmp_path)
    try:
        yield made
    finally:
        made.end()


@pytest.mark.external
def test_tutorial_leads_to_a_red_page_and_back_to_a_green_one(terminals: Terminals) -> None:
    """Each command prints what is shown; the page says Failed after the one run, then Passed."""
    verdicts = []
    for command, expected in STEPS:
        printed = terminals.type(command)
        assert fits(printed, expected), f"$ {command}\n{printed}\n--- and not:\n{expected}"
        if " gate " in f"{command} ":
            page = (terminals.clone.folder / "reports/index.html").read_text()
            verdicts += re.findall(r"<h1[^>]*>\W*(?:<[^>]*>)?\W*(\w+)", page)

    assert verdicts == ["Passed", "Failed", "Passed"]


@pytest.mark.parametrize("command", [*dict(STEPS)])
def test_command_of_the_tutorial_exists(command: str) -> None:
    """Each target is one of the Makefile, and takes the settings that it is shown with."""
    target, *settings = command.partition("make ")[2].split()

    assert target in TAKES
    assert {one.partition("=")[0] for one in settings} <= {*TAKES[target]}
