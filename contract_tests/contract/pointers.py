"""JSON pointers (RFC 6901), also as references: with a # before them."""

from __future__ import annotations

from typing import Any


def below(pointer: str, *keys: object) -> str:
    """Return the pointer of a part of a place."""
    parts = (str(key).replace("~", "~0").replace("/", "~1") for key in keys)
    return "/".join([pointer, *parts])


def keys(pointer: str) -> list[str]:
    """Return the keys that a pointer has, in their order."""
    parts = pointer.removeprefix("#").split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def find(document: Any, pointer: str) -> Any:
    """Return the value at a pointer; references are not followed.

    Raises ``LookupError``, ``TypeError`` or ``ValueError`` if there is none.
    """
    for key in keys(pointer):
        document = document[int(key) if isinstance(document, list) else key]
    return document
