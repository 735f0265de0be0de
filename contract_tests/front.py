"""How a command and a setting are spelled where they are told: as make does, or the console script.

``RULE=T5`` for the one is ``--rule=T5`` for the other. The console script says in the environment
that it is the one in use.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable

CONSOLE = "image-build-contract"
VARIABLE = "IMAGE_BUILD_CONTRACT_FRONT"
# What is an option for make and an argument for the console script.
ARGUMENTS = ("HAR",)


def command(name: str, **settings: str | None) -> str:
    """Return the command line that does it again, quoted for a shell."""
    given = {setting: shlex.quote(value) for setting, value in settings.items() if value}
    if not is_console():
        return " ".join([f"make {name}", *(f"{key}={value}" for key, value in given.items())])
    words = [
        value if setting in ARGUMENTS else f"{option(setting)}={value}"
        for setting, value in given.items()
    ]
    return " ".join([f"{CONSOLE} {name}", *words])


def spelled(text: str, settings: Iterable[str]) -> str:
    """Return a text that names settings as make does, for the front end in use."""
    if not is_console():
        return text
    names = "|".join(settings)
    text = re.sub(rf"(?<![\w-])({names})\b", lambda found: option(found[1]), text)
    return re.sub(r"\bmake (gate|judge)\b", rf"{CONSOLE} \1", text).replace("HAR=", "")


def option(setting: str) -> str:
    """Return the option of the console script that a setting is."""
    return "--" + setting.lower().replace("_", "-")


def is_console() -> bool:
    """Tell whether the console script is in use."""
    return os.environ.get(VARIABLE) == "console"
