"""``replay``: send the requests of failing exchanges again."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .. import usage
from ..problems import Problem
from ..redaction import Unshown
from .gate import environment
from .options import Command, file, settings_of

RECORDING = "reports/tape.har"
ABOUT = f"""Send what fails in a recording again, and show whether it still fails.

FILE is by default {RECORDING}, which the gate writes. With them goes what they need before them: a
build of their own is initiated, uploaded, started and polled. Without --target they go to the
embedded server.

Exit codes: 0 none fails any more, or none did, 1 some still fail, 4 nobody can tell.
"""


@click.command(cls=Command, help=ABOUT, short_help="Send failing requests again.")
@click.argument("recording_file", metavar="[FILE]", default=RECORDING, shell_complete=file)
@settings_of(
    "replay",
    DEADLINE="End after S seconds; 1800 by default.",
    MAX_BUILDS="Initiate at most N builds; 100 by default.",
)
def replay(recording_file: str, **given: str | bool | None) -> int:
    """Send what fails in a file, and show what came of it."""
    from ..replay import run

    recording_file = recording_file or RECORDING
    if recording_file == RECORDING and not Path(RECORDING).exists():
        junit = "reports/junit.xml" if usage.is_console() else None
        writes = usage.command("gate", JUNIT=junit)
        raise Problem(
            f"{RECORDING} does not exist", f"{writes} writes it; or name another recording"
        )
    return run(recording_file, Unshown({**os.environ, **environment(given)}))
