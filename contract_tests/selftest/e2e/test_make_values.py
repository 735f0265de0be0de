"""make passes each value on as given, and runs nothing in it; nothing else is a setting."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ...settings import SETTINGS
from ..support.make_calls import EVERY, FLAGS, TAKES, TARGETS, Tree

# What comes last on the command line of a target, after "--".
LAST = {"judge": "HAR", "replay": "HAR", "compare": "UPSTREAM", "vendor": "DEST",
        "vendor-check": "DEST", "rules": "RULE", "export": "FORM"}  # fmt: skip


def expected(target: str, value: str) -> dict[str, str]:
    """Return what a target is to be given where all that it takes has a value."""
    return {name: value for name in TAKES[target] if name not in FLAGS and name != LAST.get(target)}


HOSTILE = {
    "a plain word": "T5",
    "blanks inside and at the end": "a  b\tc ",
    "single quotes": "'; touch ran; '",
    "double quotes": '"; touch ran; "',
    "both quotes": "'\"'; touch ran; \"'\"",
    "a function of make": "$(shell touch ran)",
    "a function of make, later": "$$(shell touch ran)",
    "an error of make": "$(error ran)",
    "an evaluation of make": "$(eval RULE := ran)",
    "variables of make": "$(PY) ${RULE} $@ $< $P $$ $",
    "a variable of the shell": "$HOME ${HOME:-x} $$ $? $1",
    "a command of the shell": "`touch ran` $$(touch ran) $(touch ran)",
    "an end of a command": "x; touch ran & touch ran | touch ran && touch ran || touch ran",
    "a redirection": "> ran < ran >> ran 2>&1",
    "lines": "one\ntwo\n\ttouch ran\n",
    "a carriage return": "one\r\ntwo",
    "a comment": "# a # b",
    "patterns": "% a%b * ? [a-z] ~ {a,b} !x",
    "backslashes": "\\ \\\\ \\n \\' \\\" \\$ \\",
    "equals and colons": "a=b := c ::= d += e ?= f : g",
    "dashes before it": "--help",
    "a dash": "-",
    "unicode": "é ü 漢字 🏗 \u202e \u2028",
    "control characters": "\x01\x1b[31m\x7f",
    "parentheses that are open": "$( ${ $(shell (",
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_value_is_passed_unchanged(tree: Tree, value: str) -> None:
    """In every variable of every target; neither make nor the shell expands it."""
    names = [name for name in EVERY if name not in FLAGS and name != "PYTHON"]
    done = tree.make(*TAKES, *(f"{name}={value}" for name in names))

    assert done.code == 0, done.printed
    called = dict(zip(TAKES, done.calls, strict=True))
    assert {target: one.settings() for target, one in called.items()} == {
        target: expected(target, value) for target in TAKES
    }
    assert [called[target].words[-2:] for target in LAST] == [["--", value]] * len(LAST)


SIGNS = "$`'\"\\ \n\t#%;&|<>(){}[]=:,!*?~-@^+aRé"


@hypothesis_settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    value=st.text(st.sampled_from(SIGNS) | st.characters(exclude_characters="\0", codec="utf-8"))
)
def test_random_value_is_passed_unchanged(tree: Tree, value: str) -> None:
    """Except for leading blanks, which make itself drops."""
    assume(value.strip())
    done = tree.make("judge", f"HAR={value}", f"RULE={value}")

    assert done.code == 0, done.printed
    kept = value.lstrip(" \t\n\v\f\r")
    assert done.calls[0].words[-2:] == ["--", kept]
    assert done.calls[0].settings() == {"RULE": kept}


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize("name", [name for name in EVERY if name not in FLAGS])
def test_empty_value_is_an_error(tree: Tree, name: str, value: str) -> None:
    """TARGET=$URL, where URL is not set, must not be a green run of the embedded server."""
    targets = [target for target in TAKES if name in (*TAKES[target], "PYTHON")]
    done = tree.make(targets[0], f"{name}={value}")

    assert (done.code, done.calls) == (2, [])
    assert name in done.printed


@pytest.mark.parametrize(
    ("target", "flag"),
    [(target, name) for target, names in TAKES.items() for name in names if name in FLAGS],
)
def test_flag_other_than_1_or_0_is_an_error(tree: Tree, target: str, flag: str) -> None:
    """``no`` would not mean no."""
    option = "--" + flag.lower().replace("_", "-")

    assert option in tree.make(target, f"{flag}=1").calls[0].words
    for off in ("0", ""):
        assert option not in tree.make(target, f"{flag}={off}").calls[0].words
    for wrong in ("no", "1 1", "$(shell touch ran)", "1;touch ran", "%"):
        refused = tree.make(target, f"{flag}={wrong}")
        assert (refused.code, refused.calls) == (2, [])
        assert f"{flag}=1" in refused.printed


def test_each_of_several_targets_gets_its_own_variables(tree: Tree) -> None:
    """A variable is passed only to the targets that declare it."""
    done = tree.make("gate", "judge", "check", "RULE=T5", "HAR=a b", "MAX_BUILDS=1")

    assert done.code == 0, done.printed
    assert [one.settings() for one in done.calls] == [
        {"RULE": "T5", "MAX_BUILDS": "1"}, {"RULE": "T5"}, {},
    ]  # fmt: skip
    assert done.calls[1].words[-1] == "a b"


def test_environment_does_not_change_a_target(tree: Tree) -> None:
    """Nor is it passed to child processes."""
    bare = tree.make(*TARGETS)
    done = tree.make(*TARGETS, **dict.fromkeys(EVERY, "from-outside"))

    assert len(bare.calls) >= len(TARGETS)
    assert [one.words for one in done.calls] == [one.words for one in bare.calls]
    assert [one.settings() for one in done.calls] == [{}] * len(bare.calls)
    assert not any({*EVERY} & {*one.environment} for one in done.calls)


@pytest.mark.parametrize("name", [*SETTINGS, "TARGTE"])
def test_setting_in_the_environment_is_an_error(tree: Tree, name: str) -> None:
    """Except for the token, which has no other place. An empty variable is not set."""
    done = tree.make("gate", **{f"CONTRACT_{name}": "T5"})
    empty = tree.make("gate", **{f"CONTRACT_{name}": " "})

    assert empty.code == 0
    if name == "TOKEN":
        assert [one.environment["CONTRACT_TOKEN"] for one in done.calls] == ["T5"]
    else:
        assert (done.code, done.calls) == (2, [])
        assert f"CONTRACT_{name}" in done.printed
        assert (f"make gate {name}=" in done.printed) is (name in SETTINGS)


FOREIGN = [
    "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_DEBUG",
    "PYTEST_XDIST_AUTO_NUM_WORKERS", "PYTHONOPTIMIZE", "PYTHONINSPECT", "PYTHONPATH", "PYTHONHOME",
    "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONBREAKPOINT", "PYTHONSAFEPATH",
    "PYTHONDEVMODE", "PYTHONEXECUTABLE", "PYTHON_OF_TOMORROW", "PYTEST_OF_TOMORROW",
    "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "IMAGE_BUILD_CONTRACT_USAGE",
]  # fmt: skip


def test_variables_of_pytest_and_python_are_not_passed_on(tree: Tree) -> None:
    """With them, a run could pass without a test."""
    done = tree.make(*TARGETS, **dict.fromkeys(FOREIGN, "1"))

    assert len(done.calls) >= len(TARGETS)
    for one in done.calls:
        assert {name for name in FOREIGN if one.environment.get(name) == "1"} == set()
        assert one.environment["PYTHONPYCACHEPREFIX"] == str(tree.folder / ".venv/pycache")
        assert one.words[0] == "-I"


def test_nested_make_gets_no_settings(tree: Tree) -> None:
    """Settings of the command line are not passed to a make that a recipe starts."""
    done = tree.make("gate", "RULE=T5")

    assert "RULE" not in done.calls[0].environment.get("MAKEFLAGS", "")


@pytest.mark.parametrize("target", ["gate", "proxy", "load", "serve"])
def test_signal_to_make_reaches_what_it_runs(tree: Tree, target: str) -> None:
    """No shell stands between: it would end, and a server go on and keep its port."""
    done = tree.make(target, "PORT=0") if target in ("serve", "proxy") else tree.make(target)
    [call] = [one for one in done.calls if target in one.words]

    assert call.environment["PARENT"].endswith("make")
