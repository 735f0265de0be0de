"""Reads .dockerignore, as Docker does: patterns in order, the last that matches decides.

A pattern of regular expressions can be made to backtrack for ever. So all patterns of a file are
one automaton, which reads each character of a path once; its states are the bits of an integer.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from operator import xor
from typing import NamedTuple

# A longer pattern matches no file name.
MOST_PATTERN = 1000
MOST_PATTERNS = 2**15
# Characters of paths times characters of patterns; it takes some seconds.
MOST_WORK = 2**33
_ONE = r"(?:\\.|[^\\\]-])"
_CLASS = re.compile(rf"\[(\^|(?!\^))((?:{_ONE}(?:-{_ONE})?)+)\]", re.DOTALL)
_RANGE = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.DOTALL)
# Letters and digits that may follow a backslash in Go's regular expressions, which Docker uses.
_ESCAPED = frozenset("aAbBCdDEfnpPQrsStvwWxz0")
_END = 0x110000
Ranges = tuple[tuple[int, int], ...]
_NO_SLASH: Ranges = ((0, ord("/")), (ord("/") + 1, _END))


class _State(NamedTuple):
    """A state of the automaton.

    Attributes:
        goes: The characters that lead to the next state, as half-open ranges of code points.
        stays: Whether any character, or any but a slash, leads back here: ``**``, ``*`` or neither.
        skips: How many of the following states are also reached without a character.

    """

    goes: Ranges = ()
    stays: str = ""
    skips: int = 0


@dataclass(frozen=True)
class Ignore:
    """The patterns of a file, each with whether it is an exception (``!``).

    Attributes:
        patterns: Those that are valid, as states.
        invalid: Name of the file, number and text of the first line whose pattern is not valid.
        name: The name of the file.

    """

    patterns: tuple[tuple[bool, tuple[_State, ...]], ...] = ()
    invalid: tuple[str, int, str] | None = None
    name: str = ".dockerignore"

    def visible(self, paths: Iterable[str]) -> list[str]:
        """Return the paths that are not ignored, nor a directory above them, sorted.

        Raises ``ValueError`` if the patterns, or the work, are more than the limits.
        """
        ordered = sorted(paths)
        size = sum(len(states) for _, states in self.patterns)
        if size > MOST_PATTERNS:
            raise ValueError(f"the patterns have more than {MOST_PATTERNS} characters")
        if size * sum(map(len, ordered)) > MOST_WORK:
            raise ValueError("the patterns are too many for so many paths")
        if not size:
            return ordered
        automaton = _Automaton(self.patterns)
        return [path for path in ordered if not automaton.hides(path)]


class _Automaton:
    """All patterns at once. It remembers the last path, and reads only what differs from it."""

    def __init__(self, patterns: Iterable[tuple[bool, tuple[_State, ...]]]) -> None:
        changes = defaultdict[int, int](int)
        self._stays = {"": 0, "*": 0, "**": 0}
        self._skips = [0, 0, 0]
        self._ends = self._exceptions = start = 0
        bit = 1
        for is_exception, states in patterns:
            start |= bit
            for state in states:
                for low, high in state.goes:
                    changes[low] ^= bit
                    changes[high] ^= bit
                self._stays[state.stays] |= bit
                self._skips[state.skips] |= bit
                bit <<= 1
            self._ends |= bit
            self._exceptions |= bit if is_exception else 0
            bit <<= 1
        # From each of these code points on, up to the next, the states that a character leads on.
        self._bounds = [0, *sorted(changes)]
        self._goes = [0, *accumulate((changes[at] for at in self._bounds[1:]), xor)]
        self._path = ""
        # After each character: the states, and the patterns that match a directory above.
        self._states, self._above = [self._skipped(start)], [0]

    def hides(self, path: str) -> bool:
        """Return whether the last pattern that matches a path, or one above it, ignores it."""
        same = len(posixpath.commonprefix((self._path, path)))
        del self._states[same + 1 :], self._above[same + 1 :]
        self._path = path
        states, above = self._states[-1], self._above[-1]
        for character in path[same:]:
            if character == "/":
                above |= states & self._ends
            states = self._next(states, character)
            self._states.append(states)
            self._above.append(above)
        matching = above | states & self._ends
        return bool(matching) and not self._exceptions >> (matching.bit_length() - 1) & 1

    def _next(self, states: int, character: str) -> int:
        goes = self._goes[bisect_right(self._bounds, ord(character)) - 1]
        stays = self._stays["**"] | (0 if character == "/" else self._stays["*"])
        return self._skipped((states & goes) << 1 | states & stays)

    def _skipped(self, states: int) -> int:
        """Add the states that are reached without a character; few follow each other."""
        _, one, two = self._skips
        while True:
            more = states | (states & (one | two)) << 1 | (states & two) << 2
            if more == states:
                return states
            states = more


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
                raise ValueError("an exception without a pattern")
            if path not in ("", "."):
                found.append((is_exception, tuple(_states(path))))
        except ValueError:
            invalid = invalid or (name, number + 1, line)
    return Ignore(tuple(found), invalid, name)


def _states(pattern: str) -> list[_State]:
    """Translate a pattern: ``*`` and ``?`` stay in one name, ``**`` does not."""
    if plain := re.fullmatch(r"\*\*([^/*?\[\]\\][^*?\[\]\\]*)", pattern):
        # Docker compares only the end of the path
        return [_State((), "**", 1), *(_State(_one(character)) for character in plain[1])]
    made: list[_State] = []
    at = 0
    while at < len(pattern):
        if stars := _STARS.match(pattern, at):
            at = stars.end()
            if at < len(pattern):  # nothing, or anything that ends with a slash
                made += [_State((), "", 2), _State(_one("/"), "**")]
            else:
                made.append(_State((), "**", 1))
        elif pattern[at] == "*":
            made.append(_State((), "*", 1))
            at += 1
        elif pattern[at] == "?":
            made.append(_State(_NO_SLASH))
            at += 1
        elif pattern[at] == "[":
            if not (found := _CLASS.match(pattern, at)):
                raise ValueError("unterminated class")
            made.append(_State(_class(found[2], is_negated=bool(found[1]))))
            at = found.end()
        else:
            length = 2 if pattern[at] == "\\" else 1
            made.append(_State(_one(_unescaped(pattern[at : at + length]))))
            at += length
    return made


_STARS = re.compile(r"\*\*(?:/?\*\*)*/?")


def _class(inside: str, *, is_negated: bool) -> Ranges:
    """Return the ranges of a class, none of which overlaps another."""
    merged: list[tuple[int, int]] = []
    given = [(_unescaped(low), _unescaped(high or low)) for low, high in _RANGE.findall(inside)]
    for low, high in sorted((ord(low), ord(high) + 1) for low, high in given):
        if low >= high:
            raise ValueError("a range that ends before it starts")
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    if not is_negated:
        return tuple(merged)
    bounds = [0, *(bound for pair in merged for bound in pair), _END]
    return tuple(zip(bounds[::2], bounds[1::2], strict=True))


def _one(character: str) -> Ranges:
    return ((ord(character), ord(character) + 1),)


def _unescaped(written: str) -> str:
    """Return the character that is written, perhaps after a backslash."""
    if not written.startswith("\\"):
        return written
    character = written[1:]
    is_word = character.isalnum() or not character.isascii()
    if not character or (is_word and character not in _ESCAPED):
        raise ValueError("invalid escape")
    return character
