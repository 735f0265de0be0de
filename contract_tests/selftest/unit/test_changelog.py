"""Entries of the changelog are read, and found to name what changed; versions follow."""

from __future__ import annotations

import pytest

from scripts.release import changelog
from scripts.release.weight import Change, Version, Weight

from ...problems import Problem


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("# Changelog\n\n## Unreleased\n\n- More.\n", 5, "an entry below no heading"),
        ("## Unreleased\n### Improved\n- More.\n", 2, "### Improved is no heading here"),
        ("### Added\n", 1, "### Added is no heading here"),
        ("## 1.0\n", 1, "1.0 is no section"),
        ("## 1.0.0\n", 1, "1.0.0 is no section"),
        ("## 1.0.0, 2026-13-45\n", 1, "1.0.0, 2026-13-45 is no section"),
        ("## v1.0.0, 2026-11-24\n", 1, "v1.0.0, 2026-11-24 is no section"),
        ("## 1.0.0, 2026-11-24\n## Unreleased\n", 2, "Unreleased below a version"),
        ("## Unreleased\n## Unreleased\n", 2, "Unreleased below a version"),
        ("## 1.0.0, 2026-11-24\n## 1.1.0, 2026-11-25\n", 2, "1.1.0 below 1.0.0"),
        ("## 1.0.0, 2026-11-24\n## 1.0.0, 2026-11-25\n", 2, "1.0.0 below 1.0.0"),
        ("## Unreleased\n### Added\n- a\n\nAnd so on.\n", 5, "text that is no entry"),
        ("## Unreleased\n### Added\n* a\n", 3, "text that is no entry"),
    ],
)
def test_a_changelog_that_cannot_be_read(text: str, line: int, what: str) -> None:
    """Each slip is told with its line, and no entry is passed over."""
    with pytest.raises(Problem) as error:
        changelog.read(text)

    assert str(error.value).startswith(f"problem: CHANGELOG.md, line {line}: {what}")


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
    ("name", "text", "is_told"),
    [
        ("queue_position", "`queuePosition` tells the place.", True),
        ("CONTRACT_MAX_BUILDS", "CONTRACT_MAX_BUILDS=1 is new.", True),
        ("--max-builds", "`MAX_BUILDS`", True),
        ("linux/arm64", "`linux/arm64` goes.", True),
        ("id", "An idea.", False),
        ("id", "The `id` of a build.", True),
        ("P1", "P10 is new.", False),
        ("", "Anything.", True),
    ],
)
def test_naming(name: str, text: str, is_told: bool) -> None:
    """A name is found as a word of its own, however it is spelled there."""
    assert Change(Weight.MINOR, "", name).is_told_by(text) is is_told


def test_versions() -> None:
    """A version is three plain numbers, and is followed as semantic versioning has it."""
    start = Version.of("1.2.3")

    assert [str(start.after(weight)) for weight in Weight] == ["1.2.3", "1.2.4", "1.3.0", "2.0.0"]
    assert Version.of("1.10.0") > Version.of("1.9.9")
    for text in ("1.2", "1.2.3.4", "v1.2.3", "1.2.3-rc1", "01.2.3", ""):
        with pytest.raises(ValueError, match="no version"):
            Version.of(text)
