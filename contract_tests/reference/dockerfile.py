"""Reads a Dockerfile: directives, continued lines, comments, heredocs, stages; and its faults."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

INSTRUCTIONS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_WITH_HEREDOC = ("ADD", "COPY", "RUN")
_HEREDOC = re.compile(r"\d*<<(-?)(['\"]?)([^\s<>'\"]+)\2")


class Unreadable(Exception):  # noqa: N818 (it is the Dockerfile's, and tells where)
    """A Dockerfile that cannot be parsed: the line, and what is wrong with it."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number, self.what = number, what


@dataclass(frozen=True)
class Heredoc:
    """A document that stands in a Dockerfile."""

    name: str
    text: str


@dataclass(frozen=True)
class Instruction:
    """One instruction: its line, its word in upper case, and the rest, joined to one line."""

    number: int
    word: str
    rest: str
    heredocs: tuple[Heredoc, ...] = ()


@dataclass
class Stage:
    """A build stage: its name, and its instructions after FROM."""

    number: int
    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)


def parse(text: str) -> list[Instruction]:
    """Read the instructions. Raises ``Unreadable``."""
    lines = text.removeprefix("\ufeff").split("\n")
    lines = [line.removesuffix("\r") for line in lines]
    first, escape = _directives(lines)
    return list(_instructions(lines, first, escape))


def _directives(lines: list[str]) -> tuple[int, str]:
    """Return where the directives end, and the character that continues a line."""
    escape, known = "\\", set[str]()
    for number, line in enumerate(lines):
        directive = _DIRECTIVE.fullmatch(line.strip())
        name = directive[1].lower() if directive else ""
        if directive is None or name not in _DIRECTIVES:
            return number, escape
        if name in known:
            raise Unreadable(number + 1, f"only one {name} parser directive can be used")
        known.add(name)
        if name == "escape":
            if directive[2] not in ("\\", "`"):
                raise Unreadable(number + 1, f"invalid escape token {directive[2]!r}: \\ or `")
            escape = directive[2]
    return len(lines), escape


def _instructions(lines: list[str], first: int, escape: str) -> Iterator[Instruction]:
    ends = re.compile(re.escape(escape) + r"[ \t]*$")
    at = first
    while at < len(lines):
        number, joined = at + 1, ""
        while at < len(lines):
            line = lines[at]
            at += 1
            if not line.strip() or line.lstrip().startswith("#"):
                if joined:
                    continue  # neither ends what is continued
                break
            joined += ends.sub("", line)
            if not ends.search(line):
                break
        joined = joined.strip()
        if not joined:
            continue
        word, rest = (*joined.split(maxsplit=1), "")[:2]
        heredocs = []
        for dash, name in _opened(word.upper(), rest):
            document, at = _document(lines, at, name, number, strips=bool(dash))
            heredocs.append(Heredoc(name, document))
        yield Instruction(number, word.upper(), rest.strip(), tuple(heredocs))


def _opened(word: str, rest: str) -> list[tuple[str, str]]:
    """Find the heredocs that an instruction opens: none within quotes, nor in the JSON form."""
    if word == "ONBUILD" and rest:
        word, rest = (*rest.split(maxsplit=1), "")[:2]
    if word.upper() not in _WITH_HEREDOC or "<<" not in rest or rest.lstrip().startswith("["):
        return []
    try:
        lexer = shlex.shlex(rest, posix=False)
        lexer.whitespace_split, lexer.commenters = True, ""
        words = list(lexer)
    except ValueError:
        words = rest.split()
    found = [_HEREDOC.fullmatch(one) for one in words]
    return [(one[1], one[3]) for one in found if one]


def _document(
    lines: list[str], at: int, name: str, number: int, *, strips: bool
) -> tuple[str, int]:
    """Read a heredoc; return its text, and the line after it."""
    held: list[str] = []
    while at < len(lines):
        line = lines[at].lstrip("\t") if strips else lines[at]
        at += 1
        if line == name:
            return "\n".join(held), at
        held.append(line)
    raise Unreadable(number, f"unterminated heredoc {name}")
