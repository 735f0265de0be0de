"""Reads the targets of the Makefile, and the variables that each takes."""

from __future__ import annotations

import re


def targets(makefile: str) -> list[str]:
    """Return the documented targets of a makefile."""
    return re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)


def takes(makefile: str) -> dict[str, list[str]]:
    """Return the variables of each target of a makefile."""
    joined = makefile.replace("\\\n", "")
    found: dict[str, str] = dict(re.findall(r"^([\w.-]+) +:= +(.*)$", joined, re.MULTILINE))
    return {
        name.removesuffix(".takes"): re.sub(
            r"\$\(([\w.]+)\)", lambda one: found[one[1]], names
        ).split()
        for name, names in found.items()
        if name.endswith(".takes")
    }
