"""Checks whether a context can be built, without building it.

The errors are those of BuildKit that do not need execution: an unknown instruction, a missing FROM,
an invalid pattern in .dockerignore, a COPY of a missing file. Of the commands of RUN, ``false`` and
``exit N`` fail; any other succeeds. A stage that the last one does not need is not built.
"""

from __future__ import annotations

import difflib
import posixpath
import re
import shlex
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from typing import IO

from . import context
from .dockerfile import INSTRUCTIONS, DockerfileError, Instruction, Stage, parse
from .dockerignore import Ignore

MOST_SHOWN = 200
_LEAST_WORDS = {
    "ADD": 2, "COPY": 2, "ENV": 1, "LABEL": 1, "EXPOSE": 1, "USER": 1, "WORKDIR": 1, "VOLUME": 1,
    "ARG": 1, "ONBUILD": 1, "MAINTAINER": 1, "STOPSIGNAL": 1, "HEALTHCHECK": 1,
}  # fmt: skip
_EXIT = re.compile(r"false|exit\s+([0-9]{1,9})")
_NOT_TRIGGERED = ("ONBUILD", "FROM", "MAINTAINER")


def of_context(
    file: IO[bytes], size: int, path: str, most_unpacked: int = context.MOST_UNPACKED
) -> str | None:
    """Return why a context of ``size`` bytes cannot be built, or None.

    Raises ``Refused`` if it is not a valid context.
    """
    read = context.read(file, size, path, most_unpacked)
    return build_failure(read.dockerfile, path, read.names, read.ignore)


def build_failure(
    text: str | None,
    path: str = "Dockerfile",
    names: Collection[str] | None = None,
    ignore: Ignore | None = None,
) -> str | None:
    """Return why a context cannot be built, or None.

    Args:
        text: The Dockerfile; None if the context has none.
        path: What it is called.
        names: All entries of the context, as relative paths; None if unknown.
        ignore: What .dockerignore excludes.

    """
    path = _shown(path)
    if text is None:
        return f"{path}: not in the context"
    ignore = ignore or Ignore()
    try:
        instructions = parse(text)
        stages = _stages(instructions)
        if ignore.invalid:  # BuildKit reads all patterns before it builds
            name, number, pattern = ignore.invalid
            return f"{name}:{number}: invalid pattern: {_shown(pattern)}"
        try:
            seen = None if names is None else ignore.visible(names)
        except ValueError as error:
            return f"{ignore.name}: {error}"
        for stage in _needed(stages):
            for one in stage.instructions:
                _refuse_failing(one, seen)
    except DockerfileError as error:
        where = f"{path}:{error.number}" if error.number else path
        return f"{where}: {error.what}"
    return None


def _stages(instructions: list[Instruction]) -> list[Stage]:
    """Return the stages. Raises ``DockerfileError`` for what no builder accepts."""
    stages: list[Stage] = []
    named: dict[str, int] = {}  # of the stages before the last
    for one in instructions:
        if one.word not in INSTRUCTIONS:
            near = difflib.get_close_matches(one.word, INSTRUCTIONS, n=1, cutoff=0.7)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise DockerfileError(one.number, f"unknown instruction: {_shown(one.word)}{meant}")
        if not stages and one.word not in ("FROM", "ARG"):
            raise DockerfileError(one.number, f"no FROM before {one.word}")
        _refuse_short(one)
        if one.word == "FROM":
            if stages and (name := stages[-1].name) is not None:
                named[name] = len(stages) - 1
            stages.append(_stage(one))
            sources: Iterable[str] = [stages[-1].base]
        elif stages:
            stages[-1].instructions.append(one)
            sources = one.stages
        else:
            continue
        found = (_named(named, len(stages) - 1, source) for source in sources)
        stages[-1].needs |= {at for at in found if at is not None}
    if not stages:
        raise DockerfileError(0, "no FROM" if instructions else "the Dockerfile is empty: no FROM")
    return stages


def _stage(one: Instruction) -> Stage:
    words = one.arguments.split()
    if len(words) == 1 and not words[0].startswith("--"):
        return Stage(one.number, words[0], None)
    if len(words) == 3 and words[1].upper() == "AS":
        return Stage(one.number, words[0], words[2].lower())
    raise DockerfileError(one.number, "FROM requires either one or three arguments")


def _refuse_short(one: Instruction) -> None:
    least, words = _LEAST_WORDS.get(one.word, 0), one.arguments.split()
    count = len(words if one.strings is None else one.strings)
    if count < least:
        many = "argument" if least == 1 else "arguments"
        raise DockerfileError(one.number, f"{one.word} requires at least {least} {many}")
    if one.word == "ONBUILD" and words[0].upper() in _NOT_TRIGGERED:
        raise DockerfileError(
            one.number, f"{words[0].upper()} is not allowed as an ONBUILD trigger"
        )


def _needed(stages: list[Stage]) -> list[Stage]:
    """Return the last stage and those that it needs, in their order."""
    needed, left = set[int](), [len(stages) - 1]
    while left:
        number = left.pop()
        if number not in needed:
            needed.add(number)
            left += stages[number].needs
    return [stage for number, stage in enumerate(stages) if number in needed]


def _named(named: dict[str, int], count: int, name: str) -> int | None:
    """Return the index of one of the first stages by its name or its number, or None."""
    if (found := named.get(name.lower())) is not None:
        return found
    is_number = name.isascii() and name.isdigit() and len(name) < 5
    return int(name) if is_number and int(name) < count else None


def _refuse_failing(one: Instruction, seen: list[str] | None) -> None:
    if one.word == "RUN" and _exits_with(one.arguments):
        raise DockerfileError(one.number, f"the command failed: {_shown(f'RUN {one.rest}')}")
    if one.word in ("ADD", "COPY") and seen is not None:
        for source in _sources(one):
            if source not in ("", ".") and not _is_in(seen, source):
                raise DockerfileError(
                    one.number, f"{one.word} {_shown(source)}: not in the context"
                )


def _exits_with(command: str) -> int:
    """Return the exit status of ``false`` and ``exit N``; any other command succeeds."""
    found = _EXIT.fullmatch(command)
    return int(found[1] or 1) % 256 if found else 0


def _sources(one: Instruction) -> Iterator[str]:
    """Yield the paths without wildcards that an instruction copies from the context."""
    if "--from=" in one.rest or "--parents" in one.rest or one.has_heredoc:
        return
    words = one.strings
    if words is None:
        try:
            words = shlex.split(one.arguments)
        except ValueError:
            return
    for word in words[:-1]:
        if not re.search(r"[$*?\[\\]|://|^git@", word):
            yield posixpath.normpath("/" + word).lstrip("/")


def _is_in(names: list[str], path: str) -> bool:
    """Return whether one of the names, which are sorted, is a path or lies below it."""
    at, below = bisect_left(names, path), bisect_left(names, f"{path}/")
    return path in names[at : at + 1] or any(
        name.startswith(f"{path}/") for name in names[below : below + 1]
    )


def _shown(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"
