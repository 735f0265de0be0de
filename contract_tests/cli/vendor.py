"""``vendor`` and ``vendor-check``: copy the client into a project, or check a copy."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from .. import usage
from ..contract.openapi import PATH
from .options import Command, file

ROOT = PATH.parent


@click.command(cls=Command, short_help="Copy the client into a project.")
@click.argument("path", metavar="DEST", shell_complete=file)
@click.option("--with-tests/--no-with-tests", default=None,
    help="The reference server and the payload corpus too; an update keeps it.")  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite local edits.")
@click.option("--source", type=Path, default=ROOT, metavar="DIR", shell_complete=file,
    help="The checkout to copy from; default this one.")  # fmt: skip
def vendor(path: str, with_tests: bool | None, force: bool, source: Path) -> int:
    """Copy the client into a project, or update the copy there."""
    scripts = _scripts()

    def run() -> str:
        _named(scripts, path, "vendor")
        told: str = scripts.copy(source, Path(path), with_tests=with_tests, force=force)
        return told

    code: int = scripts.checking.show(scripts.checking.checked(run))
    return code


@click.command("vendor-check", cls=Command, short_help="Check a vendored copy.")
@click.argument("path", metavar="PATH", shell_complete=file)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: state and text.")
@click.option("--source", type=Path, default=ROOT, metavar="DIR", shell_complete=file,
    help="The checkout that the copy came from; default this one.")  # fmt: skip
def vendor_check(path: str, as_json: bool, source: Path) -> int:
    """Check whether a vendored copy is edited, broken or outdated."""
    scripts = _scripts()

    def run() -> str:
        _named(scripts, path, "vendor-check")
        told: str = scripts.check(source, scripts.checking.locate(Path(path)))
        return told

    code: int = scripts.checking.show(scripts.checking.checked(run), as_json=as_json)
    return code


def _scripts() -> Any:
    sys.path.insert(0, str(ROOT))  # until vendoring is a part of this package
    return importlib.import_module("scripts.vendor")


def _named(scripts: Any, path: str, command: str) -> None:
    if not path:
        fix = usage.command(command, DEST="FOLDER")
        raise scripts.Problem(scripts.ERROR, "no folder is named", fix)
