"""Reads .dockerignore, as Docker does: patterns in order, the last that matches decides."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

# A pattern longer than this is a pit for the matcher, and names no file.
MOST_PATTERN = 1000
_ONE = r"(?:\\.|[^\\\]-])"
_CLASS = re.compile(rf"\[(\^|(?!\^))((?:{_ONE}(?:-{_ONE})?)+)\]", re.DOTALL)
_CHARACTER = re.compile(r"\\(.)|[^-]", re.DOTALL)
# Letters and digits that an escape of Go's expressions may stand before, which Docker makes of it.
_ESCAPED = frozenset("aAbBCdDEfnpPQrsStvwWxz0")


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file, each with whether it takes back.

    Attributes:
        patterns: Those that are valid.
        invalid: Name of the file, number and text of the first line whose pattern is not valid.

    """

    patterns: tuple[tuple[bool, re.Pattern[str]], ...] = ()
    invalid: tuple[str, int, str] | None = None

    def hides(self, path: str) -> bool:
        """Tell whether a path, or a directory above it, is ignored."""
        parts = path.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        hidden = False
        for takes_back, pattern in self.patterns:
            if hidden is takes_back and any(pattern.fullmatch(one) for one in above):
                hidden = not takes_back
        return hidden


def read(text: str, name: str = ".dockerignore") -> Ignore:
    """Read the text of an ignore file, which has a name."""
    found = []
    invalid: tuple[str, int, str] | None = None
    for number, raw in enumerate(text.split("\n")):
        line = raw.removeprefix("\ufeff") if number == 0 else raw
        if line.startswith("#"):
            continue
        line = line.strip()
        takes_back = line.startswith("!")
        pattern = line.removeprefix("!").strip()
        if not line or len(pattern) > MOST_PATTERN:
            continue
        path = posixpath.normpath(pattern).lstrip("/") if pattern else ""
        try:
            if takes_back and not path:
                raise re.error("nothing is taken back")
            if path not in ("", "."):
                found.append((takes_back, re.compile(_expression(path), re.DOTALL)))
        except re.error:
            invalid = invalid or (name, number + 1, line)
    return Ignore(tuple(found), invalid)


def _expression(pattern: str) -> str:
    """Translate a pattern: ``*`` and ``?`` stay in one name, ``**`` does not."""
    if plain := re.fullmatch(r"\*\*([^/*?\[\]\\][^*?\[\]\\]*)", pattern):
        return ".*" + re.escape(plain[1])  # of a path that ends so, Docker asks no more
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
                raise re.error("a class without an end")
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
    """Return what matches a character behind a backslash."""
    is_word = character.isalnum() or not character.isascii()
    if not character or (is_word and character not in _ESCAPED):
        raise re.error("nothing that can be escaped")
    return re.escape(character)
