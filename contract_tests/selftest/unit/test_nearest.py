"""Which known names are suggested for an unknown one: the meant one, or none."""

from __future__ import annotations

import inspect

from ...mock import MockImages
from ...nearest import choice, nearest
from ...reference.faults import FAULTS, UNDER_LOAD
from ...reference.scenarios import SCENARIOS
from ...settings import SETTINGS

KNOWN = {
    "faults": [*FAULTS],
    "scenarios": [*SCENARIOS],
    "settings": [*SETTINGS],
    "mock": [*inspect.signature(MockImages).parameters],
}


def test_name_with_a_typing_error_suggests_the_meant_one_first() -> None:
    """A letter that is missing, doubled or exchanged, of each name of a list."""
    missed = []
    for names in KNOWN.values():
        for name in names[:: 1 + len(names) // 25]:
            middle = len(name) // 2
            for typed in (
                name[:middle] + name[middle + 1 :],
                name[:middle] + name[middle] + name[middle:],
                name[:middle] + "q" + name[middle + 1 :],
                name.upper(),
            ):
                if typed not in names and nearest(typed, names)[:1] != [name]:
                    missed.append((typed, nearest(typed, names)))

    assert missed == []


def test_name_that_is_like_none_suggests_none() -> None:
    """A word of another kind is not turned into a name that looks a little like it."""
    for known, name in {
        ("mock", "clock"), ("mock", "time"), ("mock", "now"), ("mock", "api_key"),
        ("scenarios", "happy"), ("scenarios", "failure"), ("scenarios", "timeout"),
        ("faults", "timeout"), ("faults", "401"), ("faults", "x"), ("faults", ""),
        ("settings", "HOST"), ("settings", "VERBOSE"), ("settings", "URL"),
    }:  # fmt: skip
        assert nearest(name, KNOWN[known]) == [], name


def test_word_of_a_name_suggests_the_name() -> None:
    """However long the rest is; but not names that merely look like the word."""
    assert nearest("url", KNOWN["mock"]) == ["base_url"]
    assert nearest("completed", KNOWN["faults"])[0].startswith("completed-")
    assert nearest("status-mixed", UNDER_LOAD | FAULTS)[0] == "status-mixed-under-load"


def test_fix_has_no_arbitrary_names() -> None:
    """It lists all that fit a line, or shows where all are listed."""
    assert choice("clock", KNOWN["mock"]) == (
        "use token, base_url, build_seconds, start, scenario, seed or fault"
    )
    assert choice("happy", KNOWN["scenarios"], "serve --list-scenarios") == (
        "see serve --list-scenarios"
    )
