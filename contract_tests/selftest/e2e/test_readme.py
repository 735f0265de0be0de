"""The commands of README.md, and its failure in full, run as printed: the output is as there."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from scripts.dev.makefile import takes

from ...contract.openapi import PATH
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.ci_job import free_port
from ..support.documented import fits
from .test_contributing import BLOCK, Clone, commands

ROOT = PATH.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TAKES: dict[str, list[str]] = {
    target: [] for target in re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.MULTILINE)
}
TAKES |= takes(MAKEFILE)
# What this test is a part of.
NOT_RUN = {"make test"}
GATE = (ROOT / "docs/gate.md").read_text()
IN_FULL = GATE.partition("### A failure, line by line\n")[2].partition("\n#")[0]
EXAMPLES = [one for kind, block in BLOCK.findall(README + IN_FULL) if kind == "console"
            for one in commands(block) if one[0] not in NOT_RUN]  # fmt: skip
SERVER = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Make a clone, with the server that the README starts."""
    made = Clone(tmp_path_factory.mktemp("readme") / "clone")
    serve = made.folder / "serve"
    words = "-X pycache_prefix=.venv/pycache -m contract_tests serve --build-seconds 0.05"
    serve.write_text(f'#!/bin/sh\nexec .venv/bin/python {words} "$@"\n')
    serve.chmod(0o755)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run a server to be checked."""
    with running(create_app(token="test-token", build_seconds=0.05)) as url:  # noqa: S106
        yield url


@pytest.mark.slow
@pytest.mark.parametrize(("command", "expected"), EXAMPLES, ids=[one[0] for one in EXAMPLES])
def test_command_prints_what_the_readme_shows(
    command: str, expected: str, clone: Clone, server: str
) -> None:
    """… stands for any lines, or any part of a line; without output, the command succeeds."""
    typed = command.replace("TOKEN=…", "TOKEN=test-token")
    if "START=" in typed:
        typed = typed.replace("8000", str(free_port()))
    typed = typed.replace(SERVER, server)
    done = subprocess.run(  # noqa: S603 (our own documented commands)
        ["bash", "-c", typed],  # noqa: S607
        cwd=clone.folder, env=clone.environment, text=True, check=False, timeout=600,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    # make's own line after a failure, and the progress on a slow machine.
    other = r"^(make: \*\*\* |\d+ s, \d+ requests?, \d+ builds?: ).*\n"
    printed = re.sub(other, "", done.stdout, flags=re.MULTILINE)

    assert fits(printed, expected or "…"), f"$ {typed}\n{printed}\n--- and not:\n{expected}"
    assert expected or done.returncode == 0


MENTIONED = sorted(set(re.findall(r"`(?:\w+=\S+ )*make (\S[^`\n]*)`", README)))


@pytest.mark.parametrize("words", MENTIONED)
def test_mentioned_command_exists(words: str) -> None:
    """Each target is one of the Makefile, and takes the settings it is shown with."""
    target, *settings = words.replace("[", "").replace("]", "").split()

    assert target in TAKES
    assert {one.partition("=")[0] for one in settings} <= {*TAKES[target], "PYTHON"}


def test_readme_has_commands() -> None:
    """So that no test above is empty."""
    assert len(EXAMPLES) >= 5
    assert IN_FULL
    assert len(MENTIONED) >= 15
