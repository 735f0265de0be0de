"""The labels of secrets, and values that do not show what they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import SupportsIndex

TOKEN, COOKIE, SECRET = "<token>", "<cookie>", "<secret>"


class Secret(str):
    """A text that no repr shows, nor that of a part of it: tracebacks may show local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SECRET

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))


class Unshown(Mapping[str, str]):
    """A mapping, such as the environment, whose repr shows its keys alone."""

    def __init__(self, content: Mapping[str, str]) -> None:
        self._content = content

    def __getitem__(self, key: str) -> str:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def without_user(url: str) -> str:
    """Return a URL, or what was meant as one, without its user and password."""
    user, at, rest = url.rpartition("@")
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", user)
    return f"{scheme[0] if scheme else ''}{SECRET}@{rest}" if at else str(url)
