"""``load``: load a server, and check every exchange meanwhile."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import click

from .. import settings
from ..gate.loaded import INTERRUPTED, LONGER
from ..gate.result import Report
from ..gate.target import JOURNALS, Target
from ..problems import Exit, Problem
from ..process import interrupted_by_sigterm
from ..redaction import Unshown
from ..report import files
from ..spawn import python
from .gate import environment
from .options import Command, file, settings_of

SECONDS, MOST_SECONDS = "60", "86400"
"""How long a run lasts where the setting does not say; and workers, which the master ends."""
ABOUT = """Load a server with users that build images, and check every exchange meanwhile.

Without a target it loads a reference server of its own. It ends after --deadline seconds, 60 by
default, or with an interrupt, and shows and writes the verdicts.

Exit codes: 0 no rule is violated and no threshold exceeded, 1 one is, 2 stopped by a second
interrupt, 4 it cannot tell.
"""


@click.command(cls=Command, help=ABOUT, short_help="Load a server, and check it meanwhile.")
@settings_of(
    "load",
    DEADLINE="End after S seconds; 60 by default.",
    MAX_BUILDS="Initiate at most N builds, of all workers; needed where the target is elsewhere.",
)
@click.option(
    "--junit", metavar="FILE", shell_complete=file,
    help="Write JUnit there, and index.html, load.html and the other reports beside it.",
)  # fmt: skip
def load(junit: str | None, **given: str | None) -> int:
    """Run a load test; return its exit code."""
    from .. import program

    seconds = MOST_SECONDS if given["master"] else SECONDS
    variables = Unshown({f"{settings.PREFIX}DEADLINE": seconds, **os.environ, **environment(given)})
    target = settings.from_environment(variables, "load")
    if importlib.util.find_spec("locust") is None:
        fix = "make load installs it; elsewhere, install this package with its extra load"
        raise Problem("Locust is not installed", fix)
    reports = Path(junit) if junit else None
    if reports and not target.load.master:
        files.remove(reports)
    served = target if target.url else _reference(target)
    words = [*python(), "-m", "contract_tests.loading", "--url", str(served.url)]
    words += ["--junit", str(reports)] if reports else []
    if target.url:
        journals = (reports.parent if reports else JOURNALS.parent) / JOURNALS.name
        words += ["--journals", str(journals)]
    else:
        variables = Unshown({**variables, "CONTRACT_TOKEN": target.token})
    code, is_served = None, False
    with interrupted_by_sigterm(), ExitStack() as stack:
        with suppress(KeyboardInterrupt):
            stack.enter_context(program.serving(Report(target), served))
            is_served = True
        if is_served:
            code = _run(words, variables)
    if code is None:
        raise Problem(INTERRUPTED, LONGER)
    return code


def _run(words: list[str], variables: Mapping[str, str]) -> int | None:
    """Run the process that makes the load; an interrupt ends it in order, a second one at once.

    Returns its exit code, or None where the interrupt came before it could say anything.
    """
    process = subprocess.Popen(words, env=variables, start_new_session=True)  # noqa: S603 (our own)
    try:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            code = process.wait()
            if code < 0:  # it was still being loaded
                return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return code if code >= 0 else Exit.CANNOT_TELL


def _reference(target: Target) -> Target:
    """Return a target that starts a reference server of its own on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [*python(), "-m", "contract_tests", "serve", "--port", str(port), "--quiet"]
    words += ["--build-seconds", "1"]
    words += ["--fault", target.fault] if target.fault else []
    return replace(target, url=f"http://127.0.0.1:{port}", start=shlex.join(words))
