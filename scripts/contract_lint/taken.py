"""Reads from the templates which names the client has itself, so that a new one is taken, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def imported(*templates: str) -> set[str]:
    """Return the names that the modules of these templates import, whatever the contract."""
    lines = _found(r"^ *(?:from \S+ )?import ([\w, ]+)$", templates)
    return {name for line in lines for name in re.findall(r"\w+", line)}


def attributes(*templates: str) -> set[str]:
    """Return the names of methods, properties and attributes that the classes have."""
    methods = _found(r"^ +(?:async )?def (\w+)", templates)
    return {*methods, *_found(r"\bself\.(\w+)(?:: [^=\n]+)? = ", templates)}


def _found(pattern: str, templates: tuple[str, ...]) -> Iterator[str]:
    for template in templates:
        yield from re.findall(pattern, (TEMPLATES / template).read_text("utf-8"), re.MULTILINE)
