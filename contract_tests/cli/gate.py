"""``gate``: check the generated client and a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from .. import settings
from ..contract.openapi import PATH
from ..gate.target import GateError
from ..problems import Exit
from .options import Command, file, settings_of

ROOT = PATH.parent
HERE = Path(__file__).resolve().parent.parent

REPORTS = ("junit.xml", "summary.md", "verdicts.json")

ABOUT = """Check the generated client, and a server: the embedded one, or a target.

Each option but --junit is also a variable: --rule is CONTRACT_RULE. The token of a target is the
variable CONTRACT_TOKEN, and not an option, since others can see command lines.

Exit codes: 0 no rule is violated, 1 a rule is violated, 2 interrupted, 4 the gate cannot judge.
"""


@click.command(cls=Command, help=ABOUT, short_help="Check client and server.")
@settings_of("gate")
@click.option(
    "--junit", metavar="FILE", shell_complete=file,
    help="Write JUnit there, and summary.md beside it.",
)  # fmt: skip
def gate(junit: str | None, **given: str | bool | None) -> int:
    """Run the gate as pytest does, with the options of a command line."""
    import pytest

    chosen = environment(given)
    try:
        settings.from_environment({**os.environ, **chosen})
    except GateError as error:
        click.echo(f"the gate cannot judge\n{error}", err=True)
        return Exit.CANNOT_TELL
    # An early end (Ctrl-C while modules are loaded) must not leave the reports of the run before.
    for name in REPORTS if junit else ():
        Path(str(junit)).with_name(name).unlink(missing_ok=True)
    # Pytest takes settings from its variables too; a run is a matter of its own options alone.
    for name in [one for one in os.environ if one.startswith("PYTEST_")]:
        del os.environ[name]
    # Not the plugins that happen to be installed beside it either.
    os.environ.update(chosen, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    report = [f"--junitxml={junit}"] if junit else []
    modules = [str(HERE / name) for name in ("test_client.py", "test_server.py")]
    places = [f"--rootdir={ROOT}", f"--confcutdir={HERE}"]
    return int(pytest.main(["-c", str(HERE / "gate.ini"), *places, *report, *modules]))


def environment(given: dict[str, Any]) -> dict[str, str]:
    """Return the options that are given, as variables of settings."""
    return {
        f"{settings.PREFIX}{name.upper()}": "1" if value is True else str(value)
        for name, value in given.items()
        if value
    }
