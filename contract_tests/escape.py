"""Text that somebody else wrote, escaped for the reader that it is written for.

What a server, a document, a recording or a setting holds is shown as Python writes it where a
terminal or a CI system would obey it or a reader would not see it: control characters, line breaks,
changes of the writing direction, characters without width, lone surrogates, workflow commands. So
it stays on its line, and a line of ours is ours.

Standard library only: copies of the reference server and the scripts for CI use this module, too.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# What Python calls printable, though a CI system obeys it or nobody can see it. GitHub's commands
# begin a line, after blanks; its older ones, Azure's and TeamCity's stand anywhere.
_OBEYED = re.compile(
    "^ *:(?=:)|#(?=#\\w*\\[)|[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]", re.ASCII
)


def line(text: str) -> str:
    """Return a text for one line of a terminal, a log or XML: printable, and no command."""
    shown = text if text.isprintable() else "".join(map(_escaped, text))
    return _OBEYED.sub(lambda found: f"{found[0][:-1]}\\u{ord(found[0][-1]):04x}", shown)


def _escaped(one: str) -> str:
    # Written so that bash reads it back, in $'…': there, \x is a byte.
    return one if one.isprintable() else ascii(one)[1:-1].replace(r"\x", r"\u00")


def lines(text: str) -> str:
    """Return a text of several lines, each escaped as ``line`` does."""
    return "\n".join(map(line, text.split("\n")))


def code(text: str) -> str:
    """Return a text as code inside a line of Markdown, also in a cell of a table."""
    shown = line(text).replace("`", r"\x60").replace("|", r"\x7c")
    return f"`{shown or ' '}`"


def fenced(text: str) -> str:
    """Return a text of several lines as a block of code in Markdown."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{lines(text)}\n{fence}"


def as_json(value: Any, indent: int | None = None) -> str:
    """Return JSON in ASCII, which can be printed as it stands."""
    # A "#" is always inside a string there.
    return json.dumps(value, indent=indent).replace("##", r"#\u0023")


def show(text: object, *, is_error: bool = False) -> None:
    """Print a text of several lines, each escaped as ``line`` does."""
    print(lines(str(text)), file=sys.stderr if is_error else sys.stdout, flush=True)
