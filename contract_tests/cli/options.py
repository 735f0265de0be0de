"""How commands and their options are declared: a setting's option is made from its declaration."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from .. import usage
from ..problems import Problem
from ..usage import option, unreadable

if TYPE_CHECKING:
    from ..settings import Setting

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
F = TypeVar("F", bound=Callable[..., Any])


class Command(click.Command):
    """A command whose errors know it: what click's parser raises names none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line."""
        try:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            for one in self.params:
                texts = given.get(str(one.name))
                for text in texts if isinstance(texts, list) else [texts]:
                    if isinstance(text, str):
                        _refuse_unreadable(one, text)
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; messages name a setting as it was given: by its option, or by its variable."""
        names = {str(one.name): str(one.name).upper() for one in self.params}
        by_variable = {
            name
            for one, name in names.items()
            if ctx.get_parameter_source(one) is not ParameterSource.COMMANDLINE
            and os.environ.get(f"{usage.PREFIX}{name}", "").strip()
        }
        token = usage.BY_VARIABLE.set(by_variable)
        try:
            return super().invoke(ctx)
        finally:
            usage.BY_VARIABLE.reset(token)


def named(one: click.Parameter, value: str | None = None) -> str:
    """Return how a message writes a parameter, with or without a value."""
    if isinstance(one, click.Argument):
        return one.metavar or str(one.name).upper()
    return usage.setting(one.opts[0].removeprefix("--").upper().replace("-", "_"), value)


def _refuse_unreadable(one: click.Parameter, text: str) -> None:
    """Refuse a value that nothing can be. Raises ``Problem``.

    A variable that is not set is mostly meant where an option is empty: a run without a target, or
    a server on every network, would pass for what was wanted.
    """
    if not text.strip() and isinstance(one, click.Option):
        fix = f"leave it out, or {named(one, one.metavar or 'value')}"
        raise Problem(f"{named(one)} is empty", fix)
    if why := unreadable(text, is_path=True):
        raise Problem(f"{named(one)} {why}", "correct it")


def among(known: Iterable[str]) -> Complete:
    """Complete one of the known words, or the last of a list of them."""

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        done, comma, last = begun.rpartition(",")
        return [CompletionItem(f"{done}{comma}{one}") for one in known if one.startswith(last)]

    return complete


def file(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Leave the completion of a path to the shell."""
    return [CompletionItem(begun, type="file")]


def setting(one: Setting, about: str | None = None) -> Callable[[F], F]:
    """Return the option for a setting, as a decorator; its value is the setting's text.

    Args:
        one: The setting; its variable is read where the option is not given.
        about: Its help, where the command uses it otherwise than the gate does.

    """
    if not one.metavar:
        return click.option(option(one.name), is_flag=True, help=about or one.help)
    given: dict[str, Any] = {"help": about or one.help, "envvar": one.variable}
    complete = among(one.known) if one.known else file if one.metavar == "FILE" else None
    if one.is_list:
        given |= {"multiple": True, "callback": lambda _, __, value: ",".join(value)}
    return click.option(
        option(one.name), metavar=one.metavar, shell_complete=complete, default=None, **given
    )


def settings_of(command: str, **about: str) -> Callable[[F], F]:
    """Return the options for all settings that a command takes, as a decorator; no secret is one.

    ``about`` has the help of a setting, by its name, where the command uses it otherwise.
    """
    from ..settings import SETTINGS  # not every command has one

    taken = [one for one in SETTINGS.values() if command in one.commands and not one.is_secret]

    def decorate(function: F) -> F:
        for one in reversed(taken):
            function = setting(one, about.get(one.name))(function)
        return function

    return decorate
