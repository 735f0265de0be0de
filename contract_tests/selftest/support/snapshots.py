"""Snapshots: printed output, held by files in ``snapshots/`` and reviewed like code.

A test produces the output and compares it with its file. ``UPDATE_SNAPSHOTS=1`` in the environment
writes the files instead; the diff shows what changed for the reader.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ...contract.openapi import PATH

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"
# What differs between runs or machines, and what stands for it.
_VARYING = (
    (re.compile(r"\b(bld_|art_|contract-gate-)[0-9a-f]{12}\b"), r"\1…"),
    (re.compile(r"\b(bld_|art_)[0-9a-f]*(?= … )"), r"\1…"),  # one that is cut
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "<time>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}\b"), "<port>"),
    (re.compile(r"\b\d+\.\d+(?= ?s\b)"), "<seconds>"),
    (re.compile(r"(?<=is not (?:JSON|TOML): ).*"), "<reason>"),  # Python's own words
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


def message(table: str, key: str) -> str:
    """Return one text of ``snapshots/TABLE.json``, which has many short ones by name."""
    return "\n".join(_messages(table).get(key, []))


def assert_message(
    table: str, key: str, text: str, paths: Mapping[Path, str] | None = None
) -> None:
    """Compare a short text, normalised, with the one of this name in ``snapshots/TABLE.json``."""
    shown = normalised(text, paths).rstrip("\n")
    if os.environ.get(UPDATE) == "1":
        found = {**_messages(table), key: shown.split("\n")}
        pretty = json.dumps(found, ensure_ascii=False, indent=1)
        (FOLDER / f"{table}.json").write_text(f"{pretty}\n", encoding="utf-8")

    assert shown == message(table, key), f"{table}: if it is better, run with {UPDATE}=1"


def _messages(table: str) -> dict[str, list[str]]:
    file = FOLDER / f"{table}.json"
    found: dict[str, list[str]] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found
