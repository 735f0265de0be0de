"""What a change weighs, and which version follows from that."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Weight(IntEnum):
    """How much a change asks of those who use the project."""

    NONE = 0
    """Nothing that is public changed."""
    PATCH = 1
    """The same words and names, with other contents."""
    MINOR = 2
    """Something is new, and nobody breaks."""
    MAJOR = 3
    """Somebody breaks."""

    def __str__(self) -> str:
        return self.name.lower()


class Version(NamedTuple):
    """A version: three numbers, as semantic versioning reads them."""

    major: int
    minor: int
    patch: int

    @classmethod
    def of(cls, text: str) -> Version:
        """Read a version. Raises ``ValueError`` for anything but three plain numbers."""
        read = _VERSION.fullmatch(text)
        if read is None:
            raise ValueError(f"{text} is no version of three numbers")
        return cls(*map(int, read.groups()))

    def after(self, weight: Weight) -> Version:
        """Return the version that follows upon a change of this weight."""
        return {
            Weight.NONE: self,
            Weight.PATCH: self._replace(patch=self.patch + 1),
            Weight.MINOR: Version(self.major, self.minor + 1, 0),
            Weight.MAJOR: Version(self.major + 1, 0, 0),
        }[weight]

    def __str__(self) -> str:
        return ".".join(map(str, self))


class Change(NamedTuple):
    """One change.

    Attributes:
        weight: What it weighs.
        what: What changed, on one line.
        name: What an entry of the changelog must name; empty if any entry will do.

    """

    weight: Weight
    what: str
    name: str

    def is_told_by(self, text: str) -> bool:
        """Tell whether a text names it. ``max_builds``, ``--max-builds`` and MAX_BUILDS are one."""
        name = re.escape(_plain(self.name))
        return not name or re.search(rf"(?<!\w){name}(?!\w)", _plain(text)) is not None


def _plain(text: str) -> str:
    return re.sub(r"[_-]", "", text).lower()
