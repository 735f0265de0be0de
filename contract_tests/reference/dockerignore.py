"""Reads .dockerignore, as Docker does: patterns in order, the last that matches decides."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

# A longer pattern takes the matcher too long, and matches no file name.
MOST_PATTERN = 1000
_ONE = r"(?:\\.|[^\\\]-])"
_CLASS = re.compile(rf"\[(\^|(?!\^))((?:{_ONE}(?:-{_ONE})?)+)\]", re.DOTALL)
_CHARACTER = re.compile(r"\\(.)|[^-]", re.DOTALL)
# Letters and digits that may follow a backslash in Go's regular expressions, which Docker uses.
_ESCAPED = frozenset("aAbBCdDEfnpPQrsStvwWxz0")


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file, each with whether it is an exception (``!``).

    Attributes:
        patterns: Those that are valid.
        invalid: Name of the file, number and text of the first line whose pattern is not valid.

    """

    patterns: tuple[tuple[bool, re.Pattern[str]], ...] = ()
    invalid: tuple[str, int, str] | None = None

    def hides(self, path: str) -> bool:
        """Return whether a path, or a directory above it, is ignored."""
        parts = path.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        hidden = False
        for is_exception, pattern in self.patterns:
            if hidden is is_exception and any(pattern.fullmatch(one) for one in above):
                hidden = not is_exception
        return hidden


def read(text: str, name: str = ".dockerignore") -> Ignore:
    """Read the text of an ignore file; ``name`` is for messages."""
    found = []
    invalid: tuple[str, int, str] | None = None
    for number, raw in enumerate(text.split("\n")):
        line = raw.removeprefix("\ufeff") if number == 0 else raw
        if line.startswith("#"):
            continue
        line = line.strip()
        is_exception = line.startswith("!")
        pattern = line.removeprefix("!").strip()
        if not line or len(pattern) > MOST_PATTERN:
            continue
        path = posixpath.normpath(pattern).lstrip("/") if pattern else ""
        try:
            if is_exception and not path:
                raise re.error("an exception without a pattern")
            if path not in ("", "."):
                found.append((is_exception, re.compile(_expression(path), re.DOTALL)))
        except re.error:
            invalid = invalid or (name, number + 1, line)
    return Ignore(tuple(found), invalid)


def _expression(pattern: str) -> str:
    """Translate a pattern: ``*`` and ``?`` stay in one name, ``**`` does not."""
    if plain := re.fullmatch(r"\*\*([^/*?\[\]\\][^*?\[\]\\]*)", pattern):
        return ".*" + re.escape(plain[1])  # Docker compares only the end of the path
    made, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if stars := re.match(r"\*\*(?:/?\*\*)*/?", rest):
            at += len(stars[0])
            made += "(?:.*/)?" if at < len(pattern) else ".*"
        elif rest[0] == "*":
            made, at = made + "[^/]*", at + 1
        elif rest[0] == "?":
            made, at = made + "[^/]", at + 1
        elif rest[0] == "[":
            if not (found := _CLASS.match(rest)):
                raise re.error("unterminated class")
            inside = _CHARACTER.sub(
                lambda one: _escaped(one[1]) if one[1] else re.escape(one[0]), found[2]
            )
            made, at = f"{made}[{found[1]}{inside}]", at + len(found[0])
        elif rest[0] == "\\":
            made, at = made + _escaped(rest[1:2]), at + 2
        else:
            made, at = made + re.escape(rest[0]), at + 1
    return made


def _escaped(character: str) -> str:
    """Return an expression for a character after a backslash."""
    is_word = character.isalnum() or not character.isascii()
    if not character or (is_word and character not in _ESCAPED):
        raise re.error("invalid escape")
    return re.escape(character)
