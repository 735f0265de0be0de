"""What a document shows of an output, and what fits it."""

from __future__ import annotations

import pytest

from ..support.documented import fits


@pytest.mark.parametrize(
    ("printed", "shown", "is_so"),
    [
        ("a\nb", "a\nb", True),
        ("a\nb\n\n", "a\nb", True),
        ("a\nb", "a", False),
        ("a", "a\nb", False),
        ("", "a", False),
        ("a\nb\nc\nd", "a\n…\nd", True),
        ("a\nd", "a\n…\nd", True),
        ("a\nb", "a\n…\nb\n…", True),
        ("a\nb\nc\nd\ne", "a\n…\nc\n…\ne", True),
        ("a\nc\nb\ne", "a\n…\nb\n…\nc\n…\ne", False),
        ("a", "a\n…\na", False),
        ("a 1 s\nb", "a … s\nb", True),
        ("a 1 m\nb", "a … s\nb", False),
        ("a.c", "abc", False),
    ],
)
def test_fits(printed: str, shown: str, is_so: bool) -> None:
    """An output with less, more or other lines does not fit."""
    assert fits(printed, shown) is is_so
