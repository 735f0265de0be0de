"""How messages write commands and settings: for make, or for the console script.

``RULE=T5`` for make is ``--rule=T5`` for the console script. A message is made with the right one,
and not changed afterwards, since it may hold what a server sent. The environment names the one in
use, ``console``, ``module`` (``python -m contract_tests``), ``make``, or ``environment`` (the
script of CI, and pytest), whose settings are variables and whose commands are make's: each sets it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Collection
from contextvars import ContextVar
from pathlib import Path

from . import escape

CONSOLE = "image-build-contract"
DISTRIBUTION = "prime-image-builds-contract"
VARIABLE = "IMAGE_BUILD_CONTRACT_USAGE"
MODULE = "module"
MAKE, ENVIRONMENT = "make", "environment"
PREFIX = "CONTRACT_"
"""The setting ``X`` is the variable ``CONTRACT_X``."""
BY_VARIABLE: ContextVar[Collection[str]] = ContextVar("by_variable", default=())
"""The settings of the console script that no option gives, but a variable."""
# What is a variable for make and an argument for the console script.
ARGUMENTS = ("HAR", "DEST", "UPSTREAM")
# What is 1 for make and an option without a value for the console script.
FLAGS = ("SERVER_ONLY",)
# Servers refuse a header, and systems a path, that is longer.
MOST_BYTES = 8192


def command(name: str, **settings: str | None) -> str:
    """Return the command line that does it again, quoted for a shell."""
    given = {one: _quoted(value) for one, value in settings.items() if value}
    words = [
        value if one in ARGUMENTS and is_console()
        else flag(one) if one in FLAGS
        else f"{_word(one)}={value}"
        for one, value in given.items()
    ]  # fmt: skip
    return " ".join([f"{program() if is_console() else 'make'} {name}", *words])


def program() -> str:
    """Return how this program is called where make is not: by its name, or as a module."""
    if os.environ.get(VARIABLE) != MODULE:
        return CONSOLE
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shlex.quote(str(shown))} -m contract_tests"


def _quoted(value: str) -> str:
    if escape.line(value) == value:
        return shlex.quote(value)
    value = value.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{escape.line(value)}'"  # as bash and zsh read it


def setting(name: str, value: str | None = None) -> str:
    """Return how a setting is written, with or without a value: as the variable if that gave it."""
    is_read = is_console() and name in BY_VARIABLE.get()
    is_variable = is_read or os.environ.get(VARIABLE) == ENVIRONMENT
    word = f"{PREFIX}{name}" if is_variable else _word(name)
    return word if value is None else f"{word}={value}"


def _word(name: str) -> str:
    return option(name) if is_console() else name


def unreadable(value: str, *, is_path: bool) -> str:
    """Return why a text is the value of nothing; empty if it can be one.

    A path may have any bytes that a file's name can have; all else is sent or shown as UTF-8.
    """
    try:
        size = len(os.fsencode(value) if is_path else value.encode())
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    if size > MOST_BYTES:
        return f"has {size} bytes, and may have {MOST_BYTES}"
    return "has a NUL character in it" if "\0" in value else ""


def option(setting: str) -> str:
    """Return the option of the console script for a setting."""
    return "--" + setting.lower().replace("_", "-")


def flag(name: str) -> str:
    """Return how a setting that is on or off is switched on."""
    return option(name) if is_console() else f"{name}=1"


def about(rule: str) -> str:
    """Return the command that shows all about a rule."""
    is_make = os.environ.get(VARIABLE) in (MAKE, ENVIRONMENT)
    return f"make rules RULE={rule}" if is_make else f"{program()} rules {rule}"


def see(command: str, page: str = "", options: str = "--help") -> str:
    """Return where all is listed: an option of a command, or a page of a checkout for make."""
    return (
        f"{program()} {command} {options}".replace("  ", " ")
        if is_console()
        else page or "make help"
    )


def is_console() -> bool:
    """Whether the console script is in use, by its name or as a module."""
    return os.environ.get(VARIABLE) in ("console", MODULE)
