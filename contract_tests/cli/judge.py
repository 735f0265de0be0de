"""``judge``: check recorded traffic."""

from __future__ import annotations

from pathlib import Path

import click

from .. import settings
from ..escape import line, show
from ..judge import judged
from ..problems import Exit
from ..report import files, recording
from ..rules import RULES, TRAFFIC_RULES
from ..verdicts.judge import Outcome
from .options import Command, file, settings_of

ABOUT = """Check recorded traffic: a HAR file, as browsers and proxies save it.

Exit codes: 0 every observed rule holds, 1 a rule is violated, 4 it cannot be judged.
"""


@click.command(cls=Command, help=ABOUT, short_help="Check recorded traffic.")
@click.argument("recording_file", metavar="FILE", shell_complete=file)
@click.option("--page", metavar="FILE", help="Write the verdicts there as HTML.",
    shell_complete=file)  # fmt: skip
@settings_of("judge")
def judge(recording_file: str, page: str | None, level: str | None, rule: str) -> int:
    """Judge a file, and show the verdicts."""
    level = settings.level(level) if level else None
    rules = settings.rules(rule, RULES | TRAFFIC_RULES) if rule else []
    replayed, verdicts, of_run = judged(recording_file, rules, level)
    for one in recording.lines(recording_file, level, replayed, verdicts, of_run):
        show(line(one))
    if page:
        from ..report import html

        subject = html.of_recording(recording_file, level, replayed, verdicts, of_run)
        files.write({Path(page): html.page(subject)})
    is_violated = any(one.outcome is Outcome.VIOLATED for one in verdicts.values())
    return Exit.FOUND if is_violated else Exit.OK
