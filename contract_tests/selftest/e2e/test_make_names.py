"""An unknown variable, target or option of make is an error that names the nearest."""

from __future__ import annotations

import pytest

from ..support.make_calls import EVERY, TAKES, TARGETS, Tree


@pytest.mark.parametrize("target", TARGETS)
def test_variable_of_another_target_is_an_error(tree: Tree, target: str) -> None:
    """The message names it, and nothing is run."""
    taken = TAKES.get(target, [])
    strange = next(name for name in EVERY if name not in taken)
    done = tree.make(target, f"{strange}=1")

    assert (done.code, done.calls) == (2, [])
    assert f"make {target} does not take {strange}.  fix: " in done.printed


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["gate", "FAULTS=x"], "FAULT"),
        (["gate", "TARGTE=x"], "TARGET"),
        (["gate", "target=x"], "TARGET"),
        (["gate", "CONTRACT_RULE=x"], "RULE"),
        (["judge", "HRA=x"], "HAR"),
        (["serve", "FAULTS=x"], "FAULT"),
        (["faults", "FAULT=x"], "FAULTS"),
        (["bench", "FAULT=x"], "FAULTS"),
        (["vendor", "TEST=1"], "DEST"),
        (["vendor", "FORCED=1"], "FORCE"),
        (["test", "PYTHN=x"], "PYTHON"),
        (["gate", "judge", "HARS=x"], "HAR"),
        (["proxy", "MAX_BUILDS=3"], "leave it out; MAX_BUILDS is for make gate"),
        (["gaet"], "make gate"),
        (["vendor-chek"], "make vendor-check"),
        (["gate", "tset"], "make test"),
    ],
)
def test_misspelt_name_shows_the_nearest_first(tree: Tree, words: list[str], fix: str) -> None:
    """For variables of the target, and for targets."""
    done = tree.make(*words)

    assert (done.code, done.calls) == (2, [])
    assert f"fix: {fix}" in done.printed


@pytest.mark.parametrize("taker", [name for name in TAKES if name != "gate"])
def test_variable_of_another_target_shows_that_target(tree: Tree, taker: str) -> None:
    """It is most likely meant for that."""
    shared = taker in ("serve", "rules")
    name = next(name for name in TAKES[taker] if name not in TAKES["gate"] or shared)
    done = tree.make("lint", f"{name}=1")

    assert (done.code, done.calls) == (2, [])
    assert taker in done.printed.partition(f"{name} is for make ")[2]


@pytest.mark.parametrize("name", ["TOKEN", "CONTRACT_TOKEN"])
def test_token_on_the_command_line_is_an_error(tree: Tree, name: str) -> None:
    """Other users could see it. The message names the environment variable, not the value."""
    done = tree.make("gate", f"{name}=s3cret")

    assert (done.code, done.calls) == (2, [])
    assert "CONTRACT_TOKEN" in done.printed
    assert "s3cret" not in done.printed


@pytest.mark.parametrize(
    "words",
    ["MAKEFLAGS=i", "MAKEOVERRIDES=x", "SHELL=/bin/true", ".SHELLFLAGS=-n", "PY=true", "TARGETS=x",
     "gate.takes=FAULTS", "SETTINGS=", "TAKEN=FAULTS", "a;touch ran=1", "$$(touch ran)=1",
     "`touch${IFS}ran`=1", "'=1", "%=1"],
)  # fmt: skip
def test_variable_of_make_or_the_makefile_is_an_error(tree: Tree, words: str) -> None:
    """Whatever characters its name has."""
    done = tree.make("gate", words)

    assert (done.code, done.calls) == (2, [])


def test_help_is_printed_whatever_is_set(tree: Tree) -> None:
    """It lists each target, with variables that it takes."""
    done = tree.make(CONTRACT_RULE="P1", RULE="P1", PYTEST_ADDOPTS="--no-such")
    lines = {line.split()[1]: line for line in done.printed.splitlines()}

    assert done.code == 0
    assert {*lines} == {*TARGETS, "help", "lock"}
    for target, line in lines.items():
        shown = {name for name in EVERY if f"{name}=" in line}
        assert shown <= {*TAKES.get(target, [])}
        assert line.endswith("…") or shown == {*TAKES.get(target, [])}


@pytest.mark.parametrize("flags", ["i", "-i", "ki", "e", "t", "-k -i", "i -- RULE=T5"])
def test_makeflags_that_hide_a_failure_are_an_error(tree: Tree, flags: str) -> None:
    """In the environment."""
    done = tree.make("gate", MAKEFLAGS=flags)

    assert (done.code, done.calls) == (2, [])


@pytest.mark.parametrize("words", [["-i"], ["-e"], ["-t"], ["--ignore-errors"], ["--touch"]])
def test_make_options_that_hide_a_failure_are_an_error(tree: Tree, words: list[str]) -> None:
    """Short and long."""
    done = tree.make(*words, "gate")

    assert (done.code, done.calls) == (2, [])


@pytest.mark.parametrize("words", [["-k"], ["-j2"], ["-s"], ["--no-print-directory"], ["-B"]])
def test_other_make_options_are_accepted(tree: Tree, words: list[str]) -> None:
    """The target runs as without them."""
    done = tree.make(*words, "gate", "RULE=T5")

    assert [one.settings() for one in done.calls] == [{"RULE": "T5"}]
