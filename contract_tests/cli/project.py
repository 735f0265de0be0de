"""Commands for work on the project itself: their code is in ``scripts``. Not in the wheel."""

from __future__ import annotations

from pathlib import Path

import click

from ..contract.openapi import PATH
from ..escape import line, show
from ..problems import Exit, Problem
from .options import Command, file

ROOT = PATH.parent


def _project(_: click.Context, __: click.Parameter, root: Path) -> Path:
    if not (root / "openapi.yaml").is_file():
        raise Problem(f"{root} is not a checkout: it has no openapi.yaml", "name a checkout")
    return root.resolve()


_root = click.option(
    "--root", type=Path, default=ROOT, metavar="DIR", callback=_project,
    help="The project; default this one.",
)  # fmt: skip


@click.command(cls=Command)
@_root
def generate(root: Path) -> int:
    """Write the client from openapi.yaml."""
    from scripts.generate import write

    return write(root)


@click.command(cls=Command)
@_root
def check(root: Path) -> int:
    """Check whether the client is fresh; write nothing.

    Exit codes: 0 fresh, 1 stale, 4 cannot tell, since no client can be made.
    """
    from scripts.generate import check

    return check(root)


@click.command(cls=Command)
@click.argument("file", metavar="[FILE]", type=Path, default=Path("openapi.yaml"),
    shell_complete=file)  # fmt: skip
def lint(file: Path) -> int:
    """Check the contract for what the generator would drop or change in silence.

    Exit codes: 0 sound, 1 problems, 4 it cannot be read as a contract.
    """
    from scripts.contract_lint import problems

    from ..contract import documents

    try:
        found = problems(documents.load(file))
    except documents.DocumentError as error:
        raise Problem(str(error), "correct it there") from error
    except OSError as error:
        raise Problem(f"{file}: {error.strerror}", "name a contract") from error
    show("\n".join([*map(str, found)] or [line(f"{file} is sound")]))
    return Exit.FOUND if found else Exit.OK


@click.command(cls=Command)
@click.option("--write", is_flag=True, help="Set the version, write the list of public names.")
def changes(write: bool) -> int:
    """List what changed since the last release; check changelog and version.

    The version is that of openapi.yaml. Exit codes: 0 all agree, 1 something does not, 4 cannot
    tell.
    """
    try:
        # Imports every module that has something public: a broken tree fails here.
        from scripts.release.check import check

        result = check(ROOT, writes=write)
    except Problem:
        raise
    except Exception as error:
        raise Problem(f"{type(error).__name__}: {error}", "correct it, and run again") from error
    show(result)
    return result.code
