"""How commands and settings are written in messages: as for make, or for the console script.

``RULE=T5`` for the one is ``--rule=T5`` for the other. A message is made with the right one; no
text is changed afterwards, since it may hold what a server sent. The console script says in the
environment that it is the one in use.
"""

from __future__ import annotations

import os
import shlex

CONSOLE = "image-build-contract"
VARIABLE = "IMAGE_BUILD_CONTRACT_FRONT"
# What is an option for make and an argument for the console script.
ARGUMENTS = ("HAR", "DEST", "UPSTREAM")


def command(name: str, **settings: str | None) -> str:
    """Return the command line that does it again, quoted for a shell."""
    given = {one: shlex.quote(value) for one, value in settings.items() if value}
    words = [
        value if one in ARGUMENTS and is_console() else setting(one, value)
        for one, value in given.items()
    ]
    return " ".join([f"{CONSOLE if is_console() else 'make'} {name}", *words])


def setting(name: str, value: str | None = None) -> str:
    """Return how a setting is written for the front end in use, with or without a value."""
    word = option(name) if is_console() else name
    return word if value is None else f"{word}={value}"


def option(setting: str) -> str:
    """Return the option of the console script that a setting is."""
    return "--" + setting.lower().replace("_", "-")


def is_console() -> bool:
    """Tell whether the console script is in use."""
    return os.environ.get(VARIABLE) == "console"
