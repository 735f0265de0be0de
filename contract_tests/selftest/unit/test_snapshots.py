"""The snapshots themselves: normalised, compared, and none without a test."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from ...contract.openapi import PATH
from ..support import snapshots
from ..support.snapshots import FOLDER, assert_snapshot, normalised

TESTS = Path(__file__).parent.parent


def test_varying_values_are_normalised(tmp_path: Path) -> None:
    """Ids, times, ports, seconds and paths have names; everything else is kept."""
    text = (
        f"{tmp_path}/a {PATH} bld_0123456789ab at 2026-05-04T03:02:01.5Z  \n"
        "http://127.0.0.1:40123 in 3.57s, 0.2 s; v1.0.0\n"
    )

    assert normalised(text, {tmp_path: "<folder>"}) == (
        "<folder>/a <project>/openapi.yaml bld_… at <time>\n"
        "http://127.0.0.1:<port> in <seconds>s, <seconds> s; v1.0.0\n"
    )


def test_other_text_fails_and_is_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only ``UPDATE_SNAPSHOTS=1`` writes."""
    monkeypatch.setattr(snapshots, "FOLDER", tmp_path)
    monkeypatch.delenv(snapshots.UPDATE, raising=False)
    with pytest.raises(AssertionError):
        assert_snapshot("some", "a")
    monkeypatch.setenv(snapshots.UPDATE, "1")
    assert_snapshot("some", "a")
    monkeypatch.delenv(snapshots.UPDATE)

    assert_snapshot("some", "a")
    with pytest.raises(AssertionError):
        assert_snapshot("some", "b")
    assert (tmp_path / "some.txt").read_text() == "a\n"


def pattern(node: ast.AST) -> str | None:
    """Return a regular expression for the value of a string or an f-string in a test."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(pattern(one) or ".+" for one in node.values)
    return None


def is_specific(found: str) -> bool:
    """Return whether a pattern is of a string, or of an f-string with two words."""
    return ".+" not in found or len(re.findall(r"[a-z]{2,}", found)) >= 2


def test_every_snapshot_has_a_test() -> None:
    """A file or a message whose name no test module mentions is left over."""
    trees = [ast.parse(path.read_text("utf-8")) for path in TESTS.rglob("test_*.py")]
    found = {pattern(node) for tree in trees for node in ast.walk(tree)}
    mentioned = re.compile("|".join(one for one in found if one and is_specific(one)))
    keys = {key for path in FOLDER.glob("*.json") for key in json.loads(path.read_text("utf-8"))}
    names = {path.stem for path in FOLDER.iterdir()} | keys

    assert [one for one in sorted(names) if not mentioned.fullmatch(one)] == []
