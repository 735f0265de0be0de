"""Tell whether a vendored copy is as it was vendored. Offline, with the standard library alone.

Usage: python vendor_check.py [PATH] [--source DIR] [--json]

PATH is the copy, or the folder that holds it; by default the copy that this file lies in. DIR is a
checkout of the project that the copy came from; without one nobody can tell of updates.

Exit codes: 0 fresh, 1 an update is available, edited or broken, 4 cannot tell.
"""

from __future__ import annotations

import sys

# Beside this file lies a types.py, which must not stand for the standard library's.
if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]

import argparse
import hashlib
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

PACKAGE = "prime_image_builds"
LOCK = "vendor.lock.json"
FORMAT = 1
OK, FOUND, CANNOT_TELL = 0, 1, 4
# How a copy stands; an error says that nothing is known of it.
FRESH, UPDATE, EDITED, BROKEN, ERROR = "fresh", "update", "edited", "broken", "error"
# What tools leave behind in any folder.
IGNORED = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"}
# Vendoring anew loses what is in these; what cannot be read may have been edited.
EDITS = ("edited", "added", "unreadable")


class Problem(Exception):  # noqa: N818 (it is told to a person, with its exit code)
    """A copy that is not fresh: its state, what is wrong, and the fix."""

    def __init__(self, state: str, what: str, fix: str) -> None:
        super().__init__(state, what, fix)
        self.state, self.what, self.fix = state, what, fix

    def __str__(self) -> str:
        return f"problem: {self.what}\n    fix: {self.fix}"


class Checked(NamedTuple):
    """What came of a check."""

    state: str
    text: str

    @property
    def code(self) -> int:
        """The exit code."""
        return {FRESH: OK, ERROR: CANNOT_TELL}.get(self.state, FOUND)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are problems."""

    def error(self, message: str) -> NoReturn:
        """Raise ``Problem`` in place of leaving with a code that says nothing."""
        raise Problem(ERROR, message, f"see {self.prog} --help")


def locate(path: Path) -> Path:
    """Return the copy: the folder itself, or the package in it."""
    inner = path / PACKAGE
    return inner if inner.is_dir() and not (path / LOCK).is_file() else path


def read_lock(package: Path) -> dict[str, Any]:
    """Return the lock of a copy. Raises ``Problem`` if it cannot be relied upon."""
    path = package / LOCK
    anew = "vendor the client anew"
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        anew += " with --force, if it was there"
        raise Problem(BROKEN, f"{package} holds no copy: there is no {LOCK}", anew) from None
    except (OSError, ValueError, RecursionError) as error:
        raise Problem(BROKEN, f"{path} cannot be read: {error}", anew) from error
    if not isinstance(lock, dict) or not isinstance(lock.get("lock"), int):
        raise Problem(BROKEN, f"{path} is no lock", anew)
    if lock["lock"] > FORMAT:
        newer = "check with the vendor_check.py that lies in the copy"
        raise Problem(BROKEN, f"{path} is of format {lock['lock']}, unknown here", newer)
    files, contract = lock.get("files"), lock.get("contract")
    if not isinstance(files, dict) or not files or not all(map(_is_ours, files.items())):
        raise Problem(BROKEN, f"{path} lists no files", anew)
    if not isinstance(contract, dict) or not isinstance(contract.get("version"), str):
        raise Problem(BROKEN, f"{path} names no contract", anew)
    return lock


def _is_ours(entry: tuple[object, object]) -> bool:
    """Tell whether a name stays in the copy, and has a digest."""
    name, digest = entry
    path = PurePosixPath(str(name))
    return isinstance(digest, str) and not path.is_absolute() and ".." not in path.parts


def differences(package: Path, files: dict[str, str]) -> dict[str, str]:
    """Tell each file that is not as the lock says: its name, and in what way.

    The ways: ``missing``, ``unreadable``, ``edited``, ``line ends`` (else as vendored), ``added``.
    """
    told = {name: _state(package / name, digest) for name, digest in files.items()}
    told |= {name: "added" for name in _found(package) if name not in files and name != LOCK}
    return {name: told[name] for name in sorted(told) if told[name]}


def _state(path: Path, digest: str) -> str:
    try:
        if not path.exists():
            return "missing"
        if not path.is_file():
            return "edited"
        content = path.read_bytes()
    except OSError:
        return "unreadable"
    if sha256(content) == digest:
        return ""
    return "line ends" if sha256(content.replace(b"\r\n", b"\n")) == digest else "edited"


def _found(package: Path) -> Iterator[str]:
    """Yield the name of each file, and of each link to a folder, relative to the copy."""
    for folder, folders, names in os.walk(package):
        folders[:] = [name for name in folders if name not in IGNORED]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*names, *links):
            if name not in IGNORED:
                yield Path(folder, name).relative_to(package).as_posix()


def sha256(content: bytes) -> str:
    """Return the digest that locks hold."""
    return hashlib.sha256(content).hexdigest()


def listed(differences: dict[str, str]) -> list[str]:
    """Return a line for each difference; no name can break out of its line."""
    return [
        f"{way:<10} {name if name.isprintable() else ascii(name)}"
        for name, way in differences.items()
    ]


def check(package: Path) -> str:
    """Return a sentence on a copy that is as vendored. Raises ``Problem`` if it is not."""
    lock = read_lock(package)
    told = differences(package, lock["files"])
    ways = set(told.values())
    lines = "".join(f"\n{line}" for line in listed(told))
    if ways & {"missing", "unreadable"}:
        raise Problem(
            BROKEN,
            f"{package} is not whole{lines}",
            "vendor it anew; if your .gitignore hides them, add them with git add -f",
        )
    if ways & set(EDITS):
        raise Problem(
            EDITED,
            f"{package} was edited{lines}",
            "keep the edits elsewhere and vendor it anew with --force; exclude it from formatters",
        )
    if ways:
        raise Problem(
            EDITED,
            f"{package} has its line ends changed, as by git's autocrlf, and nothing else{lines}",
            "commit its .gitattributes, which forbids that, and vendor it anew",
        )
    return (
        f"fresh: {package} is as vendored: contract {lock['contract']['version']},"
        f" {len(lock['files'])} files, source {commit_of(lock)[:12]}"
    )


def commit_of(lock: dict[str, Any]) -> str:
    """Return the commit that a copy was made from, or ``unknown``."""
    source = lock.get("source")
    return str(source.get("commit", "unknown")) if isinstance(source, dict) else "unknown"


def ask_source(source: Path, package: Path, *options: str) -> int:
    """Have the script of a checkout check the copy: it alone knows what it would copy now."""
    script = source / "scripts/vendor.py"
    if not script.is_file():
        raise Problem(
            ERROR, f"{source} is no checkout: there is no scripts/vendor.py", "--source dir"
        )
    command = [sys.executable, str(script), "check", *options, "--", str(package)]
    return subprocess.run(command, check=False).returncode  # noqa: S603


def checked(run: Callable[[], str]) -> Checked:
    """Return what came of a check, or of a copy that was made. Nothing is raised."""
    try:
        return Checked(FRESH, run())
    except Problem as known:
        problem = known
    except OSError as error:
        problem = Problem(ERROR, str(error), "correct that, and run again")
    except Exception as error:
        problem = Problem(ERROR, f"{type(error).__name__}: {error}", "report it, with the command")
    return Checked(problem.state, str(problem))


def show(done: Checked, *, as_json: bool = False) -> int:
    """Print what came of a check; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    text = json.dumps(done._asdict()) if as_json else done.text
    print(text, file=sys.stderr if done.state == ERROR and not as_json else sys.stdout)
    return done.code


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    as_json = False
    try:
        options = parser().parse_args(arguments)
        as_json = options.json
        if options.source:
            wanted = ["--json"] if as_json else []
            return ask_source(options.source, locate(options.path), *wanted)
    except Problem as problem:
        return show(Checked(problem.state, str(problem)), as_json=as_json)
    return show(checked(lambda: check(locate(options.path))), as_json=as_json)


def parser() -> Parser:
    """Return what reads the command line."""
    made = Parser(
        prog="vendor_check.py", description="Check whether a vendored copy is as it was vendored."
    )
    made.add_argument("path", nargs="?", type=Path, default=Path(__file__).resolve().parent,
                      help="the copy, or the folder that holds it")  # fmt: skip
    made.add_argument("--source", type=Path, metavar="DIR", help="a checkout, to tell of updates")
    made.add_argument("--json", action="store_true", help="print JSON: state and text")
    return made


if __name__ == "__main__":
    sys.exit(main())
