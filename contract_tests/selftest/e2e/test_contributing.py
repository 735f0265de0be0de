"""The exercises of CONTRIBUTING.md are followed, line by line, each from the same release on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...contract.openapi import PATH

ROOT = PATH.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r"^```(console|diff)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SECTIONS = dict(re.findall(r"^###? (.+?)\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE))
EXERCISES = ["A field", "A status", "A rule"]
# The part of `make test` that an exercise breaks first.
MODULES = [f"contract_tests/selftest/unit/test_{name}.py" for name in ("payloads", "house")]
STYLE = ["ruff check --no-cache .", "ruff format --no-cache --check ."]
WHO = {
    f"GIT_{who}_{what}": "exercise" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


class Clone:
    """A clone of this project, as it stands, with an environment that it cannot spoil."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in self._git(ROOT, "ls-files", "-co", "--exclude-standard", "-z").split("\0"):
            if name and (ROOT / name).is_file():
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, place)
        venv = folder / ".venv"
        venv.mkdir()
        for path in Path(sys.prefix).iterdir():
            if not path.name.startswith(".") and path.name != "pycache":
                (venv / path.name).symlink_to(path)
        self._compiled(venv / "pycache")
        self._checked()
        lock = subprocess.run(
            ["cksum", "requirements.txt"],  # noqa: S607
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout.split()[0]  # fmt: skip
        (venv / f".ready-{lock}").touch()
        for words in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "All"]):
            self._git(folder, *words)

    def _compiled(self, cache: Path) -> None:
        """Let the clone use what Python has compiled of the same sources: they are not edited."""
        if sys.pycache_prefix is None:
            return

        def below(prefix: Path, folder: Path) -> Path:
            return prefix / folder.relative_to(folder.anchor)

        present = Path(sys.pycache_prefix)
        python = Path(sys.base_prefix)
        installed = {self.folder / ".venv/lib": Path(sys.prefix) / "lib", python: python}
        for place, folder in installed.items():
            link = below(cache, place)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(below(present, folder))
        for name in ("contract_tests", "generated", "scripts"):
            if (compiled := below(present, ROOT / name)).is_dir():
                shutil.copytree(compiled, below(cache, self.folder / name))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command, which compiles modules to where make has them."""
        return clean() | {"PYTHONPYCACHEPREFIX": str(self.folder / ".venv/pycache")}

    def _checked(self) -> None:
        """Let the clone use what mypy has found in the same client."""
        cache = Path(".mypy_cache/generated")
        if (ROOT / cache).is_dir():
            shutil.copytree(ROOT / cache, self.folder / cache)

    def reset(self) -> None:
        """Return to the release: what is committed, and nothing else that git would track."""
        self._git(self.folder, "reset", "-q", "--hard")
        self._git(self.folder, "clean", "-qfd")

    def follow(self, section: str) -> None:
        """Apply each diff of a section, run each command, and compare its output with the text."""
        for kind, block in BLOCK.findall(SECTIONS[section]):
            if kind == "diff":
                self._git(self.folder, "apply", "-", stdin=block)
                continue
            for command, expected in commands(block):
                actual = self.run(command)
                assert fits(actual, expected), f"$ {command}\n{actual}\n--- and not:\n{expected}"

    def run(self, command: str) -> str:
        """Run a command as a person would in a terminal; return what it prints."""
        done = self._shell(command)
        if re.match(r"\w+=", command):
            self._kept += f"{command}\n"
        return re.sub(r"^make: \*\*\* .*\n", "", done.stdout, flags=re.MULTILINE)

    def check(self, section: str) -> None:
        """Assert that the tree is as sound after an exercise as before it.

        The modules that the exercise itself runs last are not run again.
        """
        modules = " ".join(one for one in MODULES if one not in SECTIONS[section])
        tests = [f"python -m pytest -q --no-header {modules}"] if modules else []
        for command in [*tests, *STYLE]:
            done = self._shell(f".venv/bin/{command}")
            assert done.returncode == 0, f"$ {command}\n{done.stdout}"

    def _shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            ["bash", "-c", f"{self._kept}{command}"],  # noqa: S607
            cwd=self.folder, env=self.environment, text=True, check=False, timeout=600,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    _kept = ""

    @staticmethod
    def _git(folder: Path, *words: str, stdin: str = "") -> str:
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607
            cwd=folder, env=clean(), input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"git {' '.join(words)}\n{stdin}\n{done.stderr}"
        return done.stdout


def clean() -> dict[str, str]:
    """Return the environment without what the run around this one has set."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("GIT_", "PYTEST_", "CONTRACT_", "MAKE", "MFLAGS", "PYTHON"))
    }
    return {**kept, **WHO, "COLUMNS": "80"}


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and its expected output."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def fits(actual: str, expected: str) -> bool:
    """Whether a text is as expected: … matches all but a failure, a version matches any."""
    pattern = (
        re.escape(expected.strip()).replace("…\\\n", "(?:.*\\n)*?").replace("…", "(?:(?!failed).)*")
    )
    pattern = re.sub(r"\d+(\\\.\d+){2}", r"\\d+\\.\\d+\\.\\d+", pattern)
    return re.fullmatch(pattern, actual.strip()) is not None


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Make a clone that has a release."""
    made = Clone(tmp_path_factory.mktemp("clone") / "exercise")
    made.follow("Release")
    return made


@pytest.fixture
def clone(released: Clone) -> Clone:
    """Return the clone as it was released."""
    released.reset()
    return released


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_exercise(clone: Clone, exercise: str) -> None:
    """Each diff applies, each command prints what the text says, and nothing is broken then."""
    clone.follow(exercise)
    clone.check(exercise)


def test_every_exercise_is_followed() -> None:
    """No section with a diff in it is left out."""
    found = [name for name, text in SECTIONS.items() if "```diff" in text]

    assert found == EXERCISES


@pytest.mark.parametrize(
    ("actual", "expected", "is_so"),
    [
        ("a 1.1.0\nb\nc in 3 s", "a 1.0.0\n…\nc in … s", True),
        ("a\nc", "a\n…\nc", True),
        ("a\nb", "a\n…\nc", False),
        ("2 failed, 3 passed in 1 s", "… passed in … s", False),
        ("a\nb\nd", "a\nb", False),
        ("a\nb", "a\nb\nd", False),
        ("", "a", False),
    ],
)
def test_fits(actual: str, expected: str, is_so: bool) -> None:
    """A text with less, more or other lines does not fit."""
    assert fits(actual, expected) is is_so
