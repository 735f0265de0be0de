"""Snapshots: printed output, one text file each in ``snapshots/``, reviewed like code.

A test produces the output and compares it with its file. ``UPDATE_SNAPSHOTS=1`` in the environment
writes the files instead; the diff shows what changed for the reader.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from ...contract.openapi import PATH

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"
# What differs between runs or machines, and what stands for it.
_VARYING = (
    (re.compile(r"\b(bld|art)_[0-9a-f]{12}\b"), r"\1_…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}\b"), "<port>"),
    (re.compile(r"\b\d+\.\d+(?= ?s\b)"), "<seconds>"),
    (re.compile(r'(?<= … )[^"]*Z(?=")'), "<time>"),  # one that is cut
)


def normalised(text: str, paths: Mapping[Path, str] | None = None) -> str:
    """Replace what varies: ids, times, ports, seconds, the project's folder, and more paths."""
    names = {**(paths or {}), PATH.parent: "<project>"}
    for path, name in sorted(names.items(), key=lambda one: -len(str(one[0]))):
        text = text.replace(str(path), name)
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def assert_snapshot(name: str, text: str, paths: Mapping[Path, str] | None = None) -> None:
    """Compare a text, normalised, with ``snapshots/NAME.txt``."""
    file = FOLDER / f"{name}.txt"
    shown = normalised(text, paths)
    if os.environ.get(UPDATE) == "1":
        file.write_text(shown, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.is_file() else ""

    assert shown == expected, f"{name}: if the new output is better, run with {UPDATE}=1"
