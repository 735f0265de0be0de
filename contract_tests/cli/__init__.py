"""Every command, in one click group: ``image-build-contract`` and ``python -m contract_tests``.

make calls it too. A module of this package declares a command and calls a function that takes
values; it is imported when its command runs, or when the help lists all. A command returns its exit
code, or raises ``Problem``.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import click

from .. import process, usage
from ..escape import show
from ..nearest import nearest
from ..problems import Exit, Problem, failure, is_foreseen
from ..redaction import Redaction
from ..usage import CONSOLE, DISTRIBUTION, VARIABLE
from .options import named

HERE = Path(__file__).resolve().parent
COMMANDS = {
    "gate": "gate", "judge": "judge", "proxy": "proxy", "replay": "replay", "rules": "rules",
    "load": "load", "serve": "serve", "export": "export",
    "compare": "compare", "vendor": "vendor", "vendor-check": "vendor",
}  # fmt: skip
"""The module of each command; the function in it has the command's name."""
PROJECT = dict.fromkeys(("generate", "check", "lint", "changes"), "project")
"""Commands for work on the project itself. Their module is in a checkout, and not in the wheel."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command that a command line names; return its exit code."""
    if arguments is None:
        os.environ.setdefault(VARIABLE, "console")
        process.collect_seldom()
    return run(commands, CONSOLE, arguments)


def run(command: click.Command, name: str, arguments: list[str] | None = None) -> int:
    """Run a command, by default with the words that this process was started with.

    Returns its exit code. A command line that cannot be used, and whatever the command raises, is
    shown as a problem with a fix; what nobody foresaw with its traceback too.
    """
    output = process.outlive_reader() if arguments is None else []
    code = _run(command, name, arguments)
    lost = next((one.error for one in output if one.error), None)
    if lost and code != Exit.INTERRUPTED:
        # Half a result is not a result, whatever it says.
        show(str(failure(lost, "the output")), is_error=True)
        code = Exit.CANNOT_TELL
    if arguments is None and (sys.flags.inspect or code == Exit.INTERRUPTED):
        # Python loses the code otherwise: with PYTHONINSPECT it asks for more lines, and where an
        # interrupt met code that was executed from a text, it ends by that signal.
        process.leave(code)
    return code


def _run(command: click.Command, name: str, arguments: list[str] | None) -> int:
    try:
        code = command.main(arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        # click's own code is 2, which means interrupted here.
        problem = misuse(error)
    except click.Abort:
        return Exit.INTERRUPTED
    except SystemExit as error:
        # click itself ends so, with 1, where a pipe breaks; no command of ours does.
        if error.code != Exit.FOUND:
            raise
        problem = failure(BrokenPipeError(errno.EPIPE, ""), name)
    except Exception as error:
        # Python's own code is 1, which means found here.
        if not is_foreseen(error):
            show(_hidden(traceback.format_exc().rstrip("\n")), is_error=True)
        problem = failure(error, name)
    else:
        return code or Exit.OK
    show(_hidden(str(problem)), is_error=True)
    return problem.code


def _hidden(text: str) -> str:
    """Return a text without secrets: an argument may be a URL with a password."""
    return Redaction(token=os.environ.get("CONTRACT_TOKEN", ""))(text)


def misuse(error: click.ClickException) -> Problem:
    """Return what is wrong with a command line, and what would be right."""
    context: click.Context | None = getattr(error, "ctx", None)
    called = context.command_path if context else CONSOLE
    is_ours = called.startswith(CONSOLE)
    listed = usage.see(called.removeprefix(CONSOLE).strip()) if is_ours else f"{called} --help"
    fix = f"see {listed}"
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [word for param in context.command.get_params(context) for word in param.opts]
        problem = f"unknown option {error.option_name}"
        fix = f"{' or '.join(nearest(error.option_name, known)) or 'leave it out'}; {fix}"
    else:
        problem = error.format_message().rstrip(".")
        if (param := _param(error, context)) is not None:
            # A default is a value that works; make's variables have the names of the metavars.
            example = param.default if isinstance(param.default, int | float | str) else None
            fix = f"{named(param, str(example or param.metavar or param.name))}; {fix}"
            if isinstance(error, click.BadParameter) and not isinstance(
                error, click.MissingParameter
            ):
                problem = f"{named(param)}: {error.message.rstrip('.')}"
    return Problem(problem, fix)


def _param(error: click.ClickException, context: click.Context | None) -> click.Parameter | None:
    """Return the parameter that an error is about."""
    if isinstance(error, click.BadOptionUsage) and context is not None:
        params = context.command.get_params(context)
        return next((one for one in params if error.option_name in one.opts), None)
    return getattr(error, "param", None)


class CommandGroup(click.Group):
    """Imports a command when it is needed; an unknown one is an error that names the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, in the order of the help."""
        return [*_modules()]

    def get_command(
        self, ctx: click.Context, cmd_name: str  # noqa: ARG002
    ) -> click.Command | None:  # fmt: skip
        """Return a command, or None if it is unknown."""
        if cmd_name not in (modules := _modules()):
            return None
        module = importlib.import_module(f"{__name__}.{modules[cmd_name]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called."""
        name, known = args[0], _modules()
        if name not in known and not name.startswith("-"):
            near = nearest(name, known) or [*known]
            raise Problem(f"unknown command {name}", " or ".join(near))
        return super().resolve_command(ctx, args)


def _modules() -> dict[str, str]:
    return COMMANDS | PROJECT if (HERE / "project.py").is_file() else COMMANDS


def each() -> Iterator[tuple[str, click.Command]]:
    """Yield name and command for each command that an installation has."""
    context = click.Context(commands)
    for name in COMMANDS:
        if (command := commands.get_command(context, name)) is not None:
            yield name, command


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from ..contract.openapi import contract

        show(f"{DISTRIBUTION} {contract().document['info']['version']}")
        context.exit()


@click.group(
    cls=CommandGroup, invoke_without_command=True,
    help="Check servers, clients and documents against the image-build contract.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Show the version of the contract, which is that of the project.",
)  # fmt: skip
@click.pass_context
def commands(context: click.Context) -> None:
    """Show the help where no command is called."""
    if context.invoked_subcommand is None:
        show(context.get_help())
