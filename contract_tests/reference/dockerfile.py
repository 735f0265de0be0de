"""Parses a Dockerfile: directives, continued lines, comments, heredocs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

INSTRUCTIONS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+)")
# BuildKit takes no longer line; shlex reads a long word in quadratic time.
MOST_INSTRUCTION = 65535
_DIRECTIVES = ("syntax", "escape", "check")
_WITH_HEREDOC = ("ADD", "COPY", "RUN")
_FLAG = re.compile(r"--[a-z]+(?:=\S*)?\s+")
_HEREDOC = re.compile(r"\d*<<(-?)(['\"]?)([^\s<>'\"]+)\2")


class DockerfileError(Exception):
    """A Dockerfile that cannot be built: the number of the line, and why."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(what)
        self.number, self.what = number, what


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        number: The line it starts on.
        word: Its keyword, in upper case.
        rest: Its arguments, joined to one line.
        has_heredoc: Whether a heredoc follows it.

    """

    number: int
    word: str
    rest: str
    has_heredoc: bool = False

    @property
    def arguments(self) -> str:
        """The arguments without their leading ``--flags``."""
        at = 0
        while flag := _FLAG.match(self.rest, at):
            at = flag.end()
        return self.rest[at:]

    @property
    def stages(self) -> Iterator[str]:
        """The names or numbers of the stages that its ``--from`` and ``--mount`` name."""
        for word in self.rest.split():
            flag, _, value = word.partition("=")
            if flag == "--from":
                yield value
            elif flag == "--mount":
                yield from (part[5:] for part in value.split(",") if part.startswith("from="))

    @property
    def strings(self) -> list[str] | None:
        """The arguments in JSON form, or None if they are not in that form."""
        try:
            words = json.loads(self.arguments)
        except (ValueError, RecursionError):
            return None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return words
        return None


@dataclass
class Stage:
    """A build stage: its name, its instructions after FROM, the indexes of stages it needs."""

    number: int
    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)
    needs: set[int] = field(default_factory=set)


def parse(text: str) -> list[Instruction]:
    """Read the instructions. Raises ``DockerfileError``."""
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
            raise DockerfileError(number + 1, f"only one {name} parser directive can be used")
        known.add(name)
        if name == "escape":
            if directive[2] not in ("\\", "`"):
                raise DockerfileError(number + 1, f"invalid escape token {directive[2]!r}: \\ or `")
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
                    continue  # neither ends a continued line
                break
            joined += ends.sub("", line)
            if not ends.search(line):
                break
        joined = joined.strip()
        if not joined:
            continue
        if len(joined) > MOST_INSTRUCTION:
            raise DockerfileError(number, f"longer than {MOST_INSTRUCTION} characters")
        word, rest = (*joined.split(maxsplit=1), "")[:2]
        heredocs = _opened(word.upper(), rest)
        for dash, name in heredocs:
            at = _after_heredoc(lines, at, name, number, strips=bool(dash))
        yield Instruction(number, word.upper(), rest.strip(), bool(heredocs))


def _opened(word: str, rest: str) -> list[tuple[str, str]]:
    """Return the heredocs that an instruction opens; none in quotes or in JSON form."""
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


def _after_heredoc(lines: list[str], at: int, name: str, number: int, *, strips: bool) -> int:
    """Return the line after a heredoc that begins at a line."""
    for end in range(at, len(lines)):
        if (lines[end].lstrip("\t") if strips else lines[end]) == name:
            return end + 1
    raise DockerfileError(number, f"unterminated heredoc {name}")
