"""Command lines whose errors have a fix, and name the nearest option. Standard library only."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from .problems import Exit, Problem


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the names most like one, best first; none where nothing is like it."""
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), lower, n=most, cutoff=0.5)
    return [lower[one] for one in near]


def choice(name: str, known: Iterable[str], listed: str = "") -> str:
    """Return the words that name what to use instead of an unknown name.

    A short list is told whole. Of a long one the nearest are, and where all of it is listed.
    """
    known = list(known)
    near = nearest(name, known)
    if len(known) <= 5:
        near += [one for one in known if one not in near]
    found = " or ".join(filter(None, [", ".join(near[:-1]), *near[-1:]]))
    if listed and len(near) < len(known):
        return f"use {found}; {listed} lists all" if found else f"see {listed}"
    return f"use {found or ', '.join(known[:3]) + ', …'}"


class UnknownNameError(Problem, ValueError):
    """A name that there is not."""


def unknown(what: str, name: str, known: Iterable[str], listed: str = "") -> UnknownNameError:
    """Return the error for an unknown name; its fix has the nearest."""
    return UnknownNameError(f"unknown {what} {name}", choice(name, known, listed))


class Parser(argparse.ArgumentParser):
    """A parser that says ``problem:`` and ``fix:``, as all else here does."""

    def __init__(self, **given: Any) -> None:
        given.setdefault("allow_abbrev", False)
        super().__init__(**given)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Read a command line; what is unknown on it is an error that names the nearest.

        A command below reads its own part by this, so that the error is of that command.
        """
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            unknown = rest[0].partition("=")[0]
            options = [one for one in self._option_string_actions if one.startswith("--")]
            near = nearest(unknown, options) if unknown.startswith("-") else []
            self._leave(f"there is no {unknown} here", " or ".join(near))
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Leave with the code that says that nothing was done."""
        self._leave(message)

    def _leave(self, problem: str, fix: str = "") -> NoReturn:
        fix = f"{fix}; see" if fix else "see"
        self.exit(Exit.CANNOT_TELL, f"{Problem(problem, f'{fix} {self.prog} --help')}\n")
