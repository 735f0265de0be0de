"""``vendor`` and ``vendor-check``: copy the client into a project, or check a copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from .. import usage
from ..escape import show
from ..problems import Problem
from ..vendoring import vendor as vendoring
from ..vendoring.source import find
from ..vendoring.vendor_check import ERROR
from .options import Command, F, file

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, or the folder in which the package is installed."""


def _source(what: str) -> Callable[[F], F]:
    return click.option(
        "--source", type=Path, default=ROOT, metavar="DIR", shell_complete=file,
        help=f"The checkout {what}; default this one.",
    )  # fmt: skip


@click.command(cls=Command, short_help="Copy the client into a project.")
@click.argument("path", metavar="DEST", shell_complete=file)
@click.option("--with-tests/--no-with-tests", default=None,
    help="The reference server and the payload corpus too; an update keeps it.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite local edits.")
@_source("to copy from")
def vendor(path: str, with_tests: bool | None, force: bool, source: Path) -> None:
    """Copy the client into a project, or update the copy there.

    Exit codes: 0 done, 1 the copy there was edited, 4 it cannot be copied there.
    """
    folder = _folder("vendor", path)
    show(vendoring.copy(find(source), folder, with_tests=with_tests, force=force))


@click.command("vendor-check", cls=Command, short_help="Check a vendored copy.")
@click.argument("path", metavar="PATH", shell_complete=file)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: state and text.")
@_source("to compare with")
def vendor_check(path: str, as_json: bool, source: Path) -> int:
    """Check whether a vendored copy is edited, broken or outdated.

    Exit codes: 0 fresh, 1 edited, broken or outdated, 4 cannot tell.
    """
    found = vendoring.check(find(source), _folder("vendor-check", path))
    is_error = found.state == ERROR and not as_json
    show(found.as_json() if as_json else found, is_error=is_error)
    return found.code


def _folder(command: str, path: str) -> Path:
    if not path:
        raise Problem("no folder is given", usage.command(command, DEST="FOLDER"))
    return Path(path)
