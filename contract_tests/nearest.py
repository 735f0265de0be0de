"""The known names that are nearest to an unknown one, for the fix of a problem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from .problems import Problem


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that are most like a name, best first; none if none is like it.

    A name is also like those that have all of its words, such as ``url`` and ``base_url``; if those
    are several words, they come first.
    """
    lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), lower, n=most, cutoff=0.65)
    words = _words(name)
    whole = [one for one in lower if words and words <= _words(one)]
    first = difflib.get_close_matches(name.lower(), whole, cutoff=0) if len(words) > 1 else []
    return [lower[one] for one in [*dict.fromkeys([*first, *near, *whole])][:most]]


def _words(name: str) -> set[str]:
    """Return the words of a name; one of two letters could be anything."""
    return {word for word in re.split("[^a-z0-9]+", name.lower()) if len(word) > 2}


def choice(name: str, known: Iterable[str], listed: str = "", *, prefix: str = "") -> str:
    """Return the fix for an unknown name.

    It has all of a short list; of a long one the nearest names, and ``listed``, where all are. If
    none is near, it has all of a list that fits one line. ``prefix`` stands before each.
    """
    known = list(known)
    near = nearest(name, known)
    if len(known) <= (5 if near or listed else 12):
        near += [one for one in known if one not in near]
    is_all = len(near) >= len(known)
    near = [f"{prefix}{one}" for one in near]
    found = " or ".join(filter(None, [", ".join(near[:-1]), *near[-1:]]))
    if listed and not is_all:
        return f"use {found}; {listed} lists all" if found else f"see {listed}"
    return f"use {found or ', '.join(f'{prefix}{one}' for one in known[:3]) + ', …'}"


class UnknownNameError(Problem, ValueError):
    """An unknown name."""


def unknown(what: str, name: str, known: Iterable[str], listed: str = "") -> UnknownNameError:
    """Return the error for an unknown name, with the nearest ones in its fix."""
    return UnknownNameError(f"unknown {what} {name}", choice(name, known, listed))
