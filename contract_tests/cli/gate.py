"""``gate``: check the generated client and a server."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Any

import click

from .. import settings
from ..process import interrupted_by_sigterm
from ..redaction import Secret, Unshown
from ..report import files
from .options import Command, file, settings_of

ABOUT = """Check the generated client, and a server: the embedded one, or a target.

Each option but --junit and --client-page is also a variable: --rule is CONTRACT_RULE. The token of
a target is the variable CONTRACT_TOKEN, what --token-file has, or what you type at a prompt; it is
not an option, since others can see command lines.

Exit codes: 0 no rule is violated, 1 a rule is violated, 2 interrupted, 4 the gate cannot judge.
"""


@click.command(cls=Command, help=ABOUT, short_help="Check client and server.")
@settings_of("gate")
@click.option(
    "--junit", metavar="FILE", shell_complete=file,
    help="Write JUnit there, and index.html and the other reports beside it.",
)  # fmt: skip
@click.option(
    "--client-page", metavar="FILE", shell_complete=file,
    help="Write there as HTML what schema, rules and client make of each body of the corpus.",
)  # fmt: skip
@interrupted_by_sigterm()
def gate(junit: str | None, client_page: str | None, **given: str | bool | None) -> int:
    """Run the gate with the options of a command line; return its exit code."""
    reports = Path(junit) if junit else None
    variables = Unshown({**os.environ, **environment(given)})
    if reports and not settings.only_cleans_up(variables):
        # Ctrl-C while modules are loaded must not leave the reports of the run before.
        files.remove(reports)
    try:
        from .. import program
    except KeyboardInterrupt:
        from .. import program  # it was interrupted once; the reports show that

        return program.interrupted(reports).code
    if settings.needs_token(variables) and sys.stdin.isatty():
        try:
            token = getpass.getpass("token of the target (not shown): ")
        except KeyboardInterrupt:
            return program.interrupted(reports).code
        except EOFError:  # the gate shows that there is none
            token = ""
        variables = Unshown({**variables, "CONTRACT_TOKEN": Secret(token)})
    return program.run(variables, reports, Path(client_page) if client_page else None).code


def environment(given: dict[str, Any]) -> dict[str, str]:
    """Return the options that are given, as variables of settings."""
    return {
        f"{settings.PREFIX}{name.upper()}": "1" if value is True else str(value)
        for name, value in given.items()
        if value
    }
