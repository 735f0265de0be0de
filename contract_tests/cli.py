"""The console script: each command, without make and without a clone."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import pytest
from click.shell_completion import CompletionItem

from . import judge, process, settings
from .arguments import nearest
from .contract.openapi import PATH, contract
from .front import CONSOLE, VARIABLE, option
from .gate.target import GateError
from .problems import Exit, Problem
from .reference import __main__ as reference

ROOT = PATH.parent
HERE = Path(__file__).resolve().parent
DISTRIBUTION = "prime-image-builds-contract"

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    if arguments is None:
        process.restart()
        process.outlive_reader()
    os.environ[VARIABLE] = "console"
    try:
        code = commands.main(arguments, prog_name=CONSOLE, standalone_mode=False)
    except click.ClickException as error:
        # click's own code is 2, which means interrupted here.
        problem = misuse(error)
    except Problem as error:
        problem = error
    except click.Abort:
        return Exit.INTERRUPTED
    else:
        return code or Exit.OK
    click.echo(problem, err=True)
    return problem.code


def misuse(error: click.ClickException) -> Problem:
    """Return what is wrong with a command line, and what would be right."""
    context = getattr(error, "ctx", None)
    called = context.command_path if context else CONSOLE
    fix = f"see {called} --help"
    if isinstance(error, click.NoSuchOption) and context is not None:
        known = [word for param in context.command.get_params(context) for word in param.opts]
        problem = f"there is no {error.option_name} here"
        fix = f"{' or '.join(nearest(error.option_name, known)) or 'leave it out'}; {fix}"
    else:
        problem = error.format_message().rstrip(".")
        if (param := _param(error, context)) is not None:
            fix = f"{_usage(param)}; {fix}"
    return Problem(problem, fix)


def _param(error: click.ClickException, context: click.Context | None) -> click.Parameter | None:
    """Return what an error is about."""
    if isinstance(error, click.BadOptionUsage) and context is not None:
        params = context.command.get_params(context)
        return next((one for one in params if error.option_name in one.opts), None)
    return getattr(error, "param", None)


def _usage(param: click.Parameter) -> str:
    """Return how a parameter is given."""
    value = param.metavar or str(param.name).upper()
    return value if isinstance(param, click.Argument) else f"{param.opts[0]} {value}"


class Command(click.Command):
    """A command whose errors know it: what click's parser raises names none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


class CommandGroup(click.Group):
    """A group that names the nearest of its commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            near = nearest(name, self.commands) or [*self.commands]
            raise Problem(f"there is no command {name}", " or ".join(near))
        return super().resolve_command(ctx, args)


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"{DISTRIBUTION} {contract().document['info']['version']}")
        context.exit()


@click.group(
    cls=CommandGroup, invoke_without_command=True,
    help="Check servers, clients and documents against the image-build contract.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Tell the version of the contract, which is that of the project.",
)  # fmt: skip
@click.pass_context
def commands(context: click.Context) -> None:
    """Show the help where no command is called."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def among(known: Iterable[str]) -> Complete:
    """Complete one of the known words, or the last of a list of them."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        done, comma, last = begun.rpartition(",")
        return [CompletionItem(f"{done}{comma}{one}") for one in known if one.startswith(last)]

    return complete


def file(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Leave the completion of a path to the shell."""
    return [CompletionItem(begun, type="file")]


def setting(one: settings.Setting, about: str | None = None) -> click.Option:
    """Return the option that a setting is; another command may use it otherwise."""
    if not one.metavar:
        return click.Option([option(one.name)], is_flag=True, help=about or one.help)
    complete = among(one.known) if one.known else file if one.metavar == "FILE" else None
    return click.Option(
        [option(one.name)], metavar=one.metavar, help=about or one.help, multiple=one.is_list,
        shell_complete=complete,
    )  # fmt: skip


def options() -> list[click.Parameter]:
    """Return one option for each setting but the token, and where the report goes."""
    junit = click.Option(
        ["--junit"], metavar="FILE", shell_complete=file,
        help="Write JUnit there, and summary.md beside it.",
    )  # fmt: skip
    return [*(setting(one) for one in settings.SETTINGS.values() if not one.is_secret), junit]


def environment(given: dict[str, Any]) -> dict[str, str]:
    """Return the variables that the options of a command line are."""
    told = {}
    for name, value in given.items():
        if value is True:
            told[name] = "1"
        elif value:
            told[name] = ",".join(value) if isinstance(value, tuple) else str(value)
    return {f"{settings.PREFIX}{name.upper()}": value for name, value in told.items()}


GATE = """Judge the generated client, and a server: the embedded one, or a target.

Each option but --junit is also a variable: --rule is CONTRACT_RULE. The token of a target is the
variable CONTRACT_TOKEN, and no option, since command lines are seen by others.

Exit codes: 0 no rule is violated, 1 one is, 2 interrupted, 4 the gate cannot judge.
"""


def gate(junit: str | None, **given: Any) -> int:
    """Run the gate as pytest does, with the options of a command line."""
    told = environment(given)
    try:
        settings.from_environment({**os.environ, **told})
    except GateError as error:
        click.echo(f"the gate cannot judge\n{error}", err=True)
        return Exit.CANNOT_TELL
    # Pytest takes settings from its variables too; a run is a matter of its own options alone.
    for name in [one for one in os.environ if one.startswith("PYTEST_")]:
        del os.environ[name]
    # Not the plugins that happen to be installed beside it either.
    os.environ.update(told, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    report = [f"--junitxml={junit}"] if junit else []
    modules = [str(HERE / name) for name in ("test_client.py", "test_server.py")]
    places = [f"--rootdir={ROOT}", f"--confcutdir={HERE}"]
    return int(pytest.main(["-c", str(HERE / "gate.ini"), *places, *report, *modules]))


commands.add_command(
    Command(
        "gate", params=options(), callback=gate, help=GATE,
        short_help="Judge client and server.",
    )
)  # fmt: skip


def adopted(parser: argparse.ArgumentParser) -> list[click.Parameter]:
    """Return what a parser of argparse takes, so that both front ends take the same."""
    taken: list[click.Parameter] = []
    for action in parser._actions:  # there is no other way to ask
        words, name = [*action.option_strings], action.dest.upper()
        if isinstance(action, argparse._HelpAction):
            continue
        if not words:
            metavar = str(action.metavar or name)
            taken.append(click.Argument([action.dest], metavar=metavar, shell_complete=file))
        elif name in settings.SETTINGS:
            taken.append(setting(settings.SETTINGS[name], action.help))
        elif isinstance(action, argparse.BooleanOptionalAction):
            taken.append(click.Option(["/".join(words)], default=None, help=action.help))
        elif action.nargs == 0:
            taken.append(click.Option(words, is_flag=True, help=action.help))
        else:
            kind = action.type if action.type in (int, float) else str
            metavar = str(action.metavar or name)
            taken.append(click.Option(words, metavar=metavar, help=action.help, type=kind))
    return taken


def handing(params: list[click.Parameter], run: Callable[[list[str]], int]) -> Callable[..., int]:
    """Return what hands the values of params on, as the words of a command line."""

    def handed(**given: Any) -> int:
        options, words = [], []
        for param in params:
            value = given[str(param.name)]
            if isinstance(param, click.Argument):
                words.append(str(value))
            elif value is True:
                options.append(param.opts[0])
            elif value is False:
                options += param.secondary_opts
            elif value not in (None, ()):
                told = ",".join(value) if isinstance(value, tuple) else value
                options.append(f"{param.opts[0]}={told}")
        return run([*options, *(["--", *words] if words else [])])

    return handed


def adopt(
    name: str, about: str, parser: Callable[[str], argparse.ArgumentParser],
    run: Callable[[list[str], str], int],
) -> None:  # fmt: skip
    """Add a command that takes what a parser takes, and hands it on."""
    program = f"{CONSOLE} {name}"
    made = parser(program)
    params = adopted(made)
    callback = handing(params, lambda words: run(words, program))
    commands.add_command(
        Command(name, params=params, callback=callback, help=made.description, short_help=about)
    )


adopt("judge", "Judge recorded traffic.", judge.parser, judge.main)
adopt("serve", "Run the reference server.", reference.parser, reference.main)


class Script(Command):
    """A command that is a script, which is loaded once it is asked what it takes.

    Scripts are run as files too, so they know each other by the names that they have in the tree.
    In this process alone the tree goes before whatever else has such a name.
    """

    def __init__(self, name: str, module: str, said: list[str], about: str) -> None:
        super().__init__(name, short_help=about)
        self.module, self.said = module, said

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return what it takes."""
        if self.callback is None:
            sys.path.insert(0, str(ROOT))
            script = importlib.import_module(f"scripts.{self.module}")
            made = script.parser(f"{CONSOLE} {self.name}", *self.said)
            self.help, self.params = made.description, adopted(made)
            self.callback = handing(self.params, lambda words: script.main([*self.said, *words]))
        return super().get_params(ctx)


SCRIPTS = (
    Script("vendor", "vendor", ["copy"], "Copy the client into a project."),
    Script("vendor-check", "vendor", ["check"], "Tell whether a vendored copy was edited."),
    Script("compare", "compare", [], "Compare a published OpenAPI document with the contract."),
)
for _script in SCRIPTS:
    if (ROOT / "scripts" / f"{_script.module}.py").is_file():
        commands.add_command(_script)


if __name__ == "__main__":
    sys.exit(main())
