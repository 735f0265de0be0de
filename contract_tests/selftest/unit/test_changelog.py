"""Changelog entries are read, name what changed, and determine the next version."""

from __future__ import annotations

import pytest

from scripts.release import changelog
from scripts.release.version import Change, Version, Weight


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# Changelog\n\n## Unreleased\n\n- More.\n", 5),
        ("## Unreleased\n### Improved\n- More.\n", 2),
        ("### Added\n", 1),
        ("## 1.0\n", 1),
        ("## 1.0.0\n", 1),
        ("## 1.0.0, 2026-13-45\n", 1),
        ("## v1.0.0, 2026-11-24\n", 1),
        ("## 1.0.0, 2026-11-24\n## Unreleased\n", 2),
        ("## Unreleased\n## Unreleased\n", 2),
        ("## 1.0.0, 2026-11-24\n## 1.1.0, 2026-11-25\n", 2),
        ("## 1.0.0, 2026-11-24\n## 1.0.0, 2026-11-25\n", 2),
        ("## Unreleased\n### Added\n- a\n\nAnd so on.\n", 5),
        ("## Unreleased\n### Added\n* a\n", 3),
    ],
)
def test_line_out_of_form_is_an_error(text: str, line: int) -> None:
    """The error has the number of the line; no entry is skipped."""
    with pytest.raises(changelog.ChangelogError) as error:
        changelog.read(text)

    assert error.value.line == line


def test_entries() -> None:
    """An entry has its section, its weight, and all its lines."""
    text = "# Changelog\n\n## Unreleased\n\n### Fixed\n\n- One,\n  and more.\n- Two.\n\n"
    text += "## 1.0.0, 2026-11-24\n\n### Breaking\n\n- Three.\n\n### Added\n\n- Four.\n"

    assert changelog.read(text) == [
        (None, Weight.PATCH, "One, and more."),
        (None, Weight.PATCH, "Two."),
        (Version(1, 0, 0), Weight.MAJOR, "Three."),
        (Version(1, 0, 0), Weight.MINOR, "Four."),
    ]


@pytest.mark.parametrize(
    ("name", "text", "is_named"),
    [
        ("queue_position", "`queuePosition` is the place.", True),
        ("CONTRACT_MAX_BUILDS", "CONTRACT_MAX_BUILDS=1 is new.", True),
        ("--max-builds", "`MAX_BUILDS`", True),
        ("linux/arm64", "`linux/arm64` goes.", True),
        ("id", "An idea.", False),
        ("id", "The `id` of a build.", True),
        ("P1", "P10 is new.", False),
        ("", "Anything.", True),
    ],
)
def test_naming(name: str, text: str, is_named: bool) -> None:
    """A name is found as a word of its own, however it is spelled there."""
    assert Change(Weight.MINOR, "", name).is_named_in(text) is is_named


def test_versions() -> None:
    """A version is three plain numbers, and is followed as semantic versioning has it."""
    start = Version.parse("1.2.3")

    assert [str(start.after(weight)) for weight in Weight] == ["1.2.3", "1.2.4", "1.3.0", "2.0.0"]
    assert Version.parse("1.10.0") > Version.parse("1.9.9")
    for text in ("1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc1", "01.2.3", ""):
        with pytest.raises(ValueError, match="is not a version"):
            Version.parse(text)
