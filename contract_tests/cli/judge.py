"""``judge``: check recorded traffic."""

from __future__ import annotations

import io
import sys

import click

from .. import settings
from ..judge import judged
from ..problems import Exit, Problem
from ..report import recording
from .options import Command, file, settings_of

ABOUT = """Check recorded traffic: a HAR file, as browsers and proxies save it.

Exit codes: 0 every observed rule holds, 1 a rule is violated, 4 it cannot be judged.
"""


@click.command(cls=Command, help=ABOUT, short_help="Check recorded traffic.")
@click.argument("recording_file", metavar="FILE", shell_complete=file)
@settings_of("judge")
def judge(recording_file: str, level: str | None, rule: str) -> int:
    """Judge a file, and show the verdicts."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a recording may hold what no terminal can show
        sys.stdout.reconfigure(errors="backslashreplace")
    level = (level or "should").strip().lower()
    try:
        replayed, verdicts = judged(recording_file, settings.rules(rule, level))
    except Problem as error:
        what, fix = (recording.printable(one) for one in (error.what, error.fix))
        raise Problem(what, fix, error.code) from error
    for line in recording.lines(recording_file, level, replayed, verdicts):
        click.echo(recording.printable(line))
    return Exit.FOUND if any(one.violations for one in verdicts.values()) else Exit.OK
