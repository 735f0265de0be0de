"""Semantic versions, and the weight of a change."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Weight(IntEnum):
    """How much a change affects users; docs/public.md has the meaning of each."""

    NONE, PATCH, MINOR, MAJOR = range(4)

    def __str__(self) -> str:
        return self.name.lower()


class Version(NamedTuple):
    """A version of three numbers, as in Semantic Versioning 2.0.0; no pre-releases."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read a version. Raises ``ValueError`` for anything but three plain numbers."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a version of three numbers")
        return cls(*map(int, match.groups()))

    def after(self, weight: Weight) -> Version:
        """Return the version that follows a change of this weight."""
        parts = [*self]
        if weight:
            index = Weight.MAJOR - weight
            parts[index:] = [self[index] + 1, 0, 0][: 3 - index]
        return Version(*parts)

    def __str__(self) -> str:
        return ".".join(map(str, self))


class Change(NamedTuple):
    """One public change, and the name that its changelog entry must have; empty for any entry."""

    weight: Weight
    what: str
    name: str

    def is_named_in(self, text: str) -> bool:
        """Return whether a text has the name, as ``max_builds``, ``--max-builds`` or MAX_BUILDS."""
        name = re.escape(_plain(self.name))
        return not name or re.search(rf"(?<!\w){name}(?!\w)", _plain(text)) is not None


def _plain(text: str) -> str:
    return re.sub(r"[_-]", "", text).lower()
