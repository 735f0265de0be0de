"""Reads .dockerignore, as Docker does: patterns in order, the last that matches decides."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

# A pattern longer than this is a pit for the matcher, and names no file.
MOST_PATTERN = 1000
_ONE = r"(?:\\.|[^\\\]-])"
_CLASS = re.compile(rf"\[(\^?)((?:{_ONE}(?:-{_ONE})?)+)\]", re.DOTALL)
_CHARACTER = re.compile(r"\\(.)|[^-]", re.DOTALL)


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file, each with whether it takes back."""

    patterns: tuple[tuple[bool, re.Pattern[str]], ...] = ()

    def hides(self, path: str) -> bool:
        """Tell whether a path, or a directory above it, is ignored."""
        parts = path.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        hidden = False
        for takes_back, pattern in self.patterns:
            if hidden is takes_back and any(pattern.fullmatch(one) for one in above):
                hidden = not takes_back
        return hidden


def read(text: str) -> Ignore:
    """Read the text of a .dockerignore; a line that is no pattern is passed over."""
    found = []
    for number, raw in enumerate(text.split("\n")):
        line = raw.removeprefix("\ufeff") if number == 0 else raw
        if line.startswith("#"):
            continue
        line = line.strip()
        takes_back = line.startswith("!")
        line = line.removeprefix("!").strip()
        if not line or len(line) > MOST_PATTERN:
            continue
        path = posixpath.normpath(line).lstrip("/")
        if path not in ("", "."):
            try:
                found.append((takes_back, re.compile(_expression(path), re.DOTALL)))
            except re.error:
                continue
    return Ignore(tuple(found))


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
            inside = _CHARACTER.sub(lambda one: re.escape(one[1] or one[0]), found[2])
            made, at = f"{made}[{found[1]}{inside}]", at + len(found[0])
        else:
            escaped = rest[0] == "\\" and len(rest) > 1
            made, at = made + re.escape(rest[escaped]), at + 1 + escaped
    return made
