"""Check a vendored copy against its own lock: it finds accidents, not attacks.

Who edits a file can edit the lock, and this file, too: only ``vendor-check`` in a clone of the
source compares with what was vendored. This file is part of each copy, and needs the standard
library alone. Exit codes: 0 fresh, 1 edited or broken, 4 cannot tell.
"""

from __future__ import annotations

import sys

# Beside this file in a copy is a types.py, which must not replace the standard library's.
if __name__ == "__main__" and not getattr(sys.flags, "safe_path", sys.flags.isolated):
    del sys.path[0]

import argparse
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, NoReturn

PACKAGE = "prime_image_builds"
LOCK = "vendor.lock.json"
FORMAT = 1
FRESH, UPDATE, EDITED, BROKEN = "fresh", "update", "edited", "broken"
UNKNOWN, ERROR = "unknown", "error"
CODES = {FRESH: 0, UPDATE: 1, EDITED: 1, BROKEN: 1, UNKNOWN: 4, ERROR: 4}
"""The exit code of each state; only ``vendor-check`` finds an update, or an unknown source."""
IGNORED = {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"}
"""What tools leave in any folder."""
LARGEST = 2**20
"""Bytes of the lock, and of a file of a copy, at most; a larger one is not read to its end."""
EDITS = ("edited", "added", "unreadable")
"""Kinds of differences whose content an update would lose."""
_OBEYED = re.compile(
    "^ *:(?=:)|#(?=#\\w*\\[)|[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]", re.ASCII
)
"""What is printable, but a command in the log of a CI system, or cannot be seen."""


class CopyState(NamedTuple):
    """The state of a copy, what was found, and the fix; a fresh copy does not need one.

    ``details`` are shown after what was found, a line each.
    """

    state: str
    what: str
    fix: str = ""
    details: tuple[str, ...] = ()

    @property
    def code(self) -> int:
        """The exit code."""
        return CODES[self.state]

    def __str__(self) -> str:
        if not self.fix:
            return _line(f"{self.state}: {self.what}")
        lines = (f"problem: {self.what}", *self.details, f"    fix: {self.fix}")
        return "\n".join(map(_line, lines))

    def as_json(self) -> str:
        """Return state and text as JSON."""
        return json.dumps({"state": self.state, "text": str(self)})


class LockError(Exception):
    """A lock that is missing or invalid."""


def locate(path: Path) -> Path:
    """Return the copy: the folder itself, or the package in it."""
    inner = path / PACKAGE
    return inner if inner.is_dir() and not (path / LOCK).is_file() else path


def read_lock(package: Path) -> dict[str, Any]:
    """Return the lock of a copy. Raises ``LockError``."""
    path = package / LOCK
    try:
        content = read(path)
        lock: Any = None if content is None else json.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise LockError(f"{package} is not a copy: it has no {LOCK}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise LockError(f"{path} cannot be read: {error}") from error
    if content is None:
        raise LockError(f"{path} is not a regular file of at most {LARGEST} bytes")
    if not isinstance(lock, dict) or lock.get("lock") != FORMAT:
        raise LockError(f"{path} is not a lock of format {FORMAT}")
    files, contract = lock.get("files"), lock.get("contract")
    if not isinstance(files, dict) or not files or not all(map(_is_inside, files.items())):
        raise LockError(f"{path} does not list the files of the copy")
    if not isinstance(contract, dict) or not isinstance(contract.get("version"), str):
        raise LockError(f"{path} has no contract version")
    return lock


def read(path: Path) -> bytes | None:
    """Return what is in a file; None if it is a link, not a regular file, or larger than LARGEST.

    Raises ``OSError``. A FIFO or a device is not waited for.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        return None
    # It may be replaced meanwhile. Windows has neither flag, and needs the third for line ends.
    names = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")
    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in names)
    with os.fdopen(os.open(path, flags), "rb") as file:
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        content = file.read(LARGEST + 1) if is_regular else b""
    return content if is_regular and len(content) <= LARGEST else None


def _line(text: str) -> str:
    """Return a text for one line, as ``escape.line`` of the project does, which no copy has."""
    shown = "".join(one if one.isprintable() else _escaped(one) for one in text)
    return _OBEYED.sub(lambda found: f"{found[0][:-1]}\\u{ord(found[0][-1]):04x}", shown)


def _escaped(one: str) -> str:
    return ascii(one)[1:-1].replace(r"\x", r"\u00")


def _is_inside(entry: tuple[object, object]) -> bool:
    name, digest = entry
    path = PurePosixPath(str(name))
    return isinstance(digest, str) and not path.is_absolute() and ".." not in path.parts


def differences(package: Path, files: dict[str, str]) -> dict[str, str]:
    """Return each file that differs from its digest, with the kind of difference.

    The kinds are ``missing``, ``unreadable``, ``edited``, ``line ends`` (only those), ``added``.
    """
    found = {name: _difference(package / name, digest) for name, digest in files.items()}
    found |= {name: "added" for name in _names(package) if name not in files and name != LOCK}
    return {name: found[name] for name in sorted(found) if found[name]}


def _difference(path: Path, digest: str) -> str:
    try:
        if not path.exists():
            return "missing"
        content = read(path)
    except OSError:
        return "unreadable"
    if content is None:
        return "edited"
    if sha256(content) == digest:
        return ""
    return "line ends" if sha256(content.replace(b"\r\n", b"\n")) == digest else "edited"


def _names(package: Path) -> Iterator[str]:
    """Yield each file, and each link to a folder, relative to the copy."""
    for folder, folders, names in os.walk(package):
        folders[:] = [name for name in folders if name not in IGNORED]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*names, *links):
            if name not in IGNORED:
                yield Path(folder, name).relative_to(package).as_posix()


def sha256(content: bytes) -> str:
    """Return the digest as locks have it."""
    return hashlib.sha256(content).hexdigest()


def listed(found: dict[str, str]) -> tuple[str, ...]:
    """Return a line for each difference."""
    return tuple(f"{kind:<10} {name}" for name, kind in found.items())


def check(package: Path) -> CopyState:
    """Compare a copy with its lock."""
    try:
        lock = read_lock(package)
    except LockError as error:
        return CopyState(
            BROKEN, str(error), "vendor the client anew; --force (make: FORCE=1) if it was there"
        )
    found = differences(package, lock["files"])
    kinds = {*found.values()}
    if kinds & {"missing", "unreadable"}:
        fix = "vendor it anew; if your .gitignore hides them, add them with git add -f"
        return CopyState(BROKEN, f"{package} is not complete", fix, listed(found))
    if kinds & {*EDITS}:
        fix = (
            "keep the edits elsewhere and vendor it anew with --force (make: FORCE=1); "
            "exclude it from formatters"
        )
        return CopyState(EDITED, f"{package} was edited", fix, listed(found))
    if kinds:
        what = f"git changed the line ends of {package} (autocrlf), and nothing else"
        fix = "commit its .gitattributes, and vendor it anew"
        return CopyState(EDITED, what, fix, listed(found))
    what = f"{package} agrees with its lock: {summary(lock)}; this finds accidents, not attacks"
    return CopyState(FRESH, what)


def summary(lock: dict[str, Any]) -> str:
    """Return contract, number of files and source of a copy in one line."""
    version, files = lock["contract"]["version"], len(lock["files"])
    return f"contract {version}, {files} files, source {commit_of(lock)[:12]}"


def commit_of(lock: dict[str, Any]) -> str:
    """Return the commit that a copy was made from, or ``unknown``."""
    source = lock.get("source")
    return str(source.get("commit", "unknown")) if isinstance(source, dict) else "unknown"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with code 4: argparse's own, 2, means interrupted in this project."""
        self.exit(CODES[ERROR], f"{CopyState(ERROR, message, f'see {self.prog} --help')}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    about = (__doc__ or "").partition("\n")[0]
    parser = _Parser(prog="vendor_check.py", description=about, allow_abbrev=False)
    parser.add_argument("path", nargs="?", type=Path, default=Path(__file__).resolve().parent,
                        help="the copy, or the folder that holds it")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON: state and text")
    options = parser.parse_args(arguments)
    try:
        found = check(locate(options.path))
    except OSError as error:
        found = CopyState(ERROR, str(error), "correct that, and run again")
    text = found.as_json() if options.json else str(found)
    stream = sys.stderr if found.state == ERROR and not options.json else sys.stdout
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:  # a reader that has gone changes no code; nor may Python's last flush
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return found.code


if __name__ == "__main__":
    sys.exit(main())
