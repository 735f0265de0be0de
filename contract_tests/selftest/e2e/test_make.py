"""make hands each value on as it was given, and runs nothing in it; nothing else is a setting."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ...contract.openapi import PATH
from ...settings import SETTINGS
from ..support.makefile import takes

ROOT = PATH.parent
LOCKS = ("requirements.txt", "requirements-load.txt", "requirements-docs.txt")
FILES = ("Makefile", "scripts/given.mk", "scripts/ci/install.sh", *LOCKS)
TAKES = takes((ROOT / "Makefile").read_text())
TARGETS = ["gate", "judge", "proxy", "replay", "load", "compare", "serve", "generate", "check",
           "changes",
           "vendor", "vendor-check", "test", "test-fast", "test-external", "test-all", "faults",
           "rules", "export", "fuzz", "attacks", "mutate", "bench", "docs", "lint"]  # fmt: skip
EVERY = sorted({"PYTHON"}.union(*TAKES.values()))
FLAGS = {"WRITE", "WITH_TESTS", "FORCE", "FAIL_FAST"}
# What comes last on the command line of a target, after "--".
LAST = {"judge": "HAR", "replay": "HAR", "compare": "UPSTREAM", "vendor": "DEST",
        "vendor-check": "DEST", "rules": "RULE", "export": "FORM"}  # fmt: skip
# What stands in place of the interpreter: it notes how it was called. A shell starts 20 times as
# fast as Python.
RECORDER = r"""#!/bin/sh
{ printf '%s\0' "$#" "$@"; env -0; printf '\0'; } >> "${0%/*}/calls"
"""


@dataclass(frozen=True)
class Call:
    """A command that a recipe has run."""

    words: list[str]
    environment: dict[str, str]

    def settings(self) -> dict[str, str]:
        """Return what it was given by the names that make has for it; what is empty is not set."""
        options = [one[2:] for one in self.words if one.startswith("--") and "=" in one]
        found = {
            name.upper().replace("-", "_"): value
            for name, value in (one.split("=", 1) for one in options)
            if name != "junit"
        }
        for name, value in self.environment.items():
            if name.startswith("CONTRACT_") and name != "CONTRACT_TOKEN" and value:
                found[name.removeprefix("CONTRACT_")] = value
        return found


def noted(calls: bytes) -> Iterator[Call]:
    """Yield what was noted: a number of words, these, and variables up to an empty one."""
    fields = map(os.fsdecode, calls.split(b"\0"))
    while count := next(fields):
        words = [next(fields) for _ in range(int(count))]
        yield Call(words, dict(one.split("=", 1) for one in iter(fields.__next__, "")))


@dataclass(frozen=True)
class Done:
    """What became of a call of make."""

    code: int
    printed: str
    calls: list[Call]


@dataclass(frozen=True)
class Tree:
    """The makefile, with an environment in which nothing is run."""

    folder: Path

    def make(self, *words: str, **variables: str) -> Done:
        """Call make with words, and with variables in its environment."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        calls = self.folder / ".venv/bin/calls"
        calls.unlink(missing_ok=True)
        before = self._files()
        done = subprocess.run(  # noqa: S603
            ["make", *words],  # noqa: S607
            cwd=self.folder, env=kept | variables, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        found = [*noted(calls.read_bytes())] if calls.is_file() else []
        calls.unlink(missing_ok=True)
        assert self._files() == before
        printed = (done.stdout + done.stderr).decode(errors="replace")
        return Done(done.returncode, printed, found)

    def _files(self) -> list[Path]:
        return sorted(self.folder.rglob("*"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """Copy the makefile to where its commands are noted, and not run."""
    folder = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    programs = folder / ".venv/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(RECORDER)
    (programs / "python").chmod(0o755)
    for name in (".venv-load", ".venv-docs"):
        (folder / name).symlink_to(programs.parent)
    for name in LOCKS:
        lock = subprocess.run(  # noqa: S603
            ["cksum", name],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout.split()[0]  # fmt: skip
        (programs.parent / f".ready-{lock}").touch()
    return Tree(folder)


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


def test_nested_make_gets_no_settings(tree: Tree) -> None:
    """Settings of the command line are not passed to a make that a recipe starts."""
    done = tree.make("gate", "RULE=T5")

    assert "RULE" not in done.calls[0].environment.get("MAKEFLAGS", "")


def interpreter(folder: Path, name: str) -> Path:
    """Make a Python of that name: it tells who it is, makes environments, and notes both."""
    program = folder / name
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *fcntl*) exec \'{sys.executable}\' "$@";;\n'
        f'*realpath*) echo "{name}";; *"-m venv"*) mkdir -p "$4/bin"\n'
        f'cp "$0" "$4/bin/python"; touch "$4/made-by-{name}";; esac\n'
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def fresh(tree: Tree, tmp_path: Path) -> Callable[..., Any]:
    """Call make in a tree of its own, whose environment is really made."""
    folder = tmp_path / "fresh"
    shutil.copytree(tree.folder, folder)
    shutil.rmtree(folder / ".venv")

    def make(*words: str) -> set[str]:
        done = subprocess.run(  # noqa: S603
            ["make", "check", *words],  # noqa: S607
            cwd=folder, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        made = {one.name.removeprefix("made-by-") for one in folder.glob(".venv/made-by-*")}
        for one in folder.glob(".venv/made-by-*"):
            one.unlink()
        return made if done.returncode == 0 else {f"failed: {done.stderr}"}

    return make


def test_python_variable_selects_the_interpreter_of_the_environment(
    fresh: Callable[..., set[str]], tmp_path: Path
) -> None:
    """Anew where another has made it; where none is named, any that is there will do."""
    for name in ("python3", "python3.99"):
        interpreter(tmp_path, name)

    assert fresh() == {"python3"}
    assert fresh() == set()
    assert fresh("PYTHON=python3") == set()
    assert fresh("PYTHON=python3.99") == {"python3.99"}
    assert fresh("PYTHON=python3.99") == set()
    assert fresh() == set()
    assert fresh(f"PYTHON={tmp_path}/python3") == {"python3"}


@pytest.mark.parametrize(
    "value", ["no-such-python", "python3; touch ran", "$(shell touch ran)", "/", "-c", "''"]
)
def test_python_that_cannot_run_is_an_error(tree: Tree, value: str) -> None:
    """The message names it, and nothing else is run."""
    done = tree.make("check", f"PYTHON={value}")

    assert (done.code, done.calls) == (2, [])
    assert f"problem: {value} " in done.printed


def test_makefile_uses_only_features_of_make_3_81() -> None:
    """The make of macOS is GNU make 3.81."""
    text = "".join((ROOT / name).read_text() for name in ("Makefile", "scripts/given.mk"))

    for word in ("undefine ", ".ONESHELL", "private ", "$(file ", "!=", "::=", "$(guile ", "&:"):
        assert word not in text


def places(project: Path, environment: str = ".venv") -> list[str]:
    """Return where Python finds both packages, isolated, from elsewhere; relative to a project."""
    code = (
        "import importlib.util as util, os; "
        "print(*(os.path.relpath(util.find_spec(one).origin, os.environ['PROJECT'])"
        " for one in ('contract_tests', 'prime_image_builds')), sep='\\n')"
    )
    done = subprocess.run(  # noqa: S603
        [project / environment / "bin/python", "-I", "-c", code],
        cwd="/", env={"PROJECT": str(project.resolve())}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a checkout with two empty packages, and its environment by the script."""
    folder = tmp_path / "a 'checkout'"
    for name in (*FILES, "contract_tests/__init__.py", "generated/prime_image_builds/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name.endswith(".py") else (ROOT / name).read_bytes())
    install(folder, folder / ".venv")
    return folder


def install(folder: Path, environment: Path) -> None:
    """Run the script of a checkout for an environment that has been made, but for the packages."""
    if not environment.is_dir():
        venv.create(environment, symlinks=True)
        sum_of_lock = subprocess.run(
            ["cksum"], input=(folder / "requirements.txt").read_bytes(),  # noqa: S607
            capture_output=True, check=True,
        ).stdout.split()[0].decode()  # fmt: skip
        (environment / f".ready-{sum_of_lock}").touch()
    script = folder / "scripts/ci/install.sh"
    subprocess.run(["sh", script, environment], cwd=folder, check=True)  # noqa: S603, S607


FOUND = ["contract_tests/__init__.py", "generated/prime_image_builds/__init__.py"]


def test_checkout_is_importable_in_its_environment(project: Path) -> None:
    """Wherever Python is started, though it is isolated."""
    assert places(project) == FOUND


def test_moved_and_copied_checkouts_import_their_own_packages(project: Path) -> None:
    """At once: nothing has to be installed again."""
    copied, moved = project.with_name("copied"), project.with_name("moved")
    shutil.copytree(project, copied, symlinks=True)
    project.rename(moved)

    assert places(copied) == places(moved) == FOUND


def test_linked_environment_imports_the_checkout_that_links_to_it(project: Path) -> None:
    """As a worktree that shares the environment of another does."""
    linking = project.with_name("linking")
    shutil.copytree(project, linking, ignore=shutil.ignore_patterns(".venv"))
    (linking / ".venv").symlink_to(project / ".venv")

    assert places(linking) == FOUND


def test_environment_outside_is_of_the_checkout_that_used_the_script_last(project: Path) -> None:
    """As in the temporary folder of a CI job, or of a hook."""
    other, outside = project.with_name("other"), project.with_name("outside")
    shutil.copytree(project, other, symlinks=True)
    install(project, outside)
    first = places(project, "../outside")
    install(other, outside)

    assert first == FOUND
    assert places(other, "../outside") == FOUND
