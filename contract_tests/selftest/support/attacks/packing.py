"""Directories of a stranger that the client packs."""

from __future__ import annotations

import os
import signal
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path

from prime_image_builds import errors, pack

from ....reference import dockerignore
from . import Attack, Family

SECRET = b"outside of the context"
# What a name in the directory is a link to; {} is a directory beside it.
TARGETS = {
    "a file, relative": "../outside/key", "a file, absolute": "{}/key", "a directory": "{}",
    "a chain of links": "chain", "a link outside": "{}/link", "a device": "/dev/zero",
    "an endless device": "/dev/urandom", "the environment": "/proc/self/environ",
    "a pipe": "{}/pipe", "itself": "self", "nothing": "{}/none", "the root": "/",
    "through the directory above": "sub/../../outside/key",
}  # fmt: skip
# Where the link is, and the Dockerfile that is packed.
PLACES = {
    "Dockerfile": "Dockerfile", ".dockerignore": "Dockerfile",
    "Dockerfile.dockerignore": "Dockerfile", "sub": "sub/key", "file": "Dockerfile",
    "sub/Dockerfile": "sub/Dockerfile", "sub/file": "Dockerfile",
}  # fmt: skip
PATTERNS = {
    "long": "a" * 4097, "long, of stars": "*" * 4097, "long, excepted": "!" + "a" * 4097,
    "an open class": "[a", "an empty class": "[]", "a range backwards": "[z-a]",
    "a class of classes": "[[:alpha:]]", "no pattern": "!", "a digit": r"\d", "an end": "a\\",
    "many": "a\n" * 600_000,
}  # fmt: skip
# What a regular expression may try at each character, repeated up to the length of the pattern.
WILDCARDS = (
    "*a", "*a*", "**a", "?*", "*?", "[a-z]*", "[^b]*", "*[^/]", "a*?*", "**/a", "**/*a", "a**/",
    "a*/*", "**a/*",
)  # fmt: skip
LENGTH = 200
NAMES = {
    "a long name": "a" * 250, "a deep path": "a/" * 60 + "a",
    "long names on a path": f"{'a' * 240}/" * 8 + "a",
}  # fmt: skip
# What is before such a pattern, and after it.
FILES = {
    "that matches nothing": ("", "*b"), "that matches": ("", "*"), "excepted": ("*\n!", "*b"),
    "excepted, of a file in a directory": ("*\n!", "*/b"),
}  # fmt: skip
# Whether aaa... is packed.
MANY = {
    "100 of 300 characters": ("\n".join(f"{'*a' * 150}{n}" for n in range(100)), True),
    "100 with more and more wildcards": ("\n".join(f"{'*a' * n}*b" for n in range(100)), True),
    "100 exceptions": ("*\n" + "\n".join(f"!{'**/*a' * n}*b" for n in range(100)), False),
    "10,000 that match": ("a*\n" * 10_000, False),
    "10,000 in turn": ("a*\n!a*\n" * 5000, True),
    "10,000 classes": ("\n".join(f"[{chr(0x4E00 + n)}b]*" for n in range(10_000)), True),
}  # fmt: skip
MOST_SECONDS = 10


def _lay(parent: Path) -> Path:
    """Make a context, and a directory beside it with a secret."""
    root, outside = parent / "context", parent / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "chain").symlink_to("next")
    (root / "next").symlink_to(outside / "key")
    (outside / "key").write_bytes(SECRET)
    (outside / "link").symlink_to("key")
    os.mkfifo(outside / "pipe")
    return root


def _packed(change: Callable[[Path], object], dockerfile: str) -> str | None:
    """Pack a directory with a change; return what was packed that is not below it."""
    with tempfile.TemporaryDirectory() as folder:
        root = _lay(Path(folder).resolve())
        change(root)
        try:
            with pack(root, dockerfile) as context, tarfile.open(fileobj=context.file) as archive:
                for entry in archive:
                    file = archive.extractfile(entry) if entry.isreg() else None
                    if file is not None and SECRET in file.read():
                        return f"{entry.name} has a file from outside"
                    if entry.isreg() and entry.size > 1000:
                        return f"{entry.name} has {entry.size} bytes"
        except errors.ContextError as error:
            return f"a message of {len(str(error))}" if len(str(error)) > 5000 else None
        return None


def _link(place: str, target: str, root: Path) -> None:
    path = root / place
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.symlink_to(target.format(root.parent / "outside"))


def _other(place: str, kind: str, root: Path) -> None:
    path = root / place
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path.mkdir()


def _refuses(pattern: str, name: str) -> str | None:
    def change(root: Path) -> None:
        (root / name).write_text(f"ok\n{pattern}\n")

    with tempfile.TemporaryDirectory() as folder:
        root = _lay(Path(folder).resolve())
        change(root)
        try:
            pack(root).close()
        except errors.ContextError as error:
            return f"a message of {len(str(error))}" if len(str(error)) > 5000 else None
        return "was packed"


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise an error after some seconds of this process, also within a regular expression."""

    def end(*_: object) -> None:
        raise RuntimeError(f"took more than {MOST_SECONDS} seconds")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _is_packed(text: str, path: str, expected: bool) -> str | None:
    """Pack a file beside an ignore file; return an error unless it is packed as expected."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        for name in (path, "Dockerfile"):
            (root / name).touch()
        (root / ".dockerignore").write_text(text)
        with _bounded(), pack(root) as context, tarfile.open(fileobj=context.file) as archive:
            found = path in archive.getnames()
    return None if found is expected else f"was {'packed' if found else 'left out'}"


def _like_the_reference(text: str, path: str) -> str | None:
    return _is_packed(text, path, expected=bool(dockerignore.read(text).visible([path])))


def _attacks() -> Iterator[Attack]:
    for place, dockerfile in PLACES.items():
        for what, target in TARGETS.items():
            run = partial(_packed, partial(_link, place, target), dockerfile)
            yield Attack("links", f"{place} to {what}", run)
        for kind in ("a pipe", "a directory"):
            run = partial(_packed, partial(_other, place, kind), dockerfile)
            yield Attack("other kinds of files", f"{place} is {kind}", run)
    for name in (".dockerignore", "Dockerfile.dockerignore"):
        for what, pattern in PATTERNS.items():
            yield Attack("patterns", f"{what} in {name}", partial(_refuses, pattern, name))
    for (what, path), unit, (how, (before, after)) in product(
        NAMES.items(), WILDCARDS, FILES.items()
    ):
        text = before + unit * (LENGTH // len(unit)) + after
        run = partial(_like_the_reference, text, path)
        yield Attack(f"wildcards on {what}", f"{unit}..., {how}, on {what}", run)
    for what, (text, expected) in MANY.items():
        yield Attack("many patterns", what, partial(_is_packed, text, "a" * 50, expected))


FAMILY = Family(
    "packing",
    "The client packs nothing from outside of the directory, and matches patterns in linear time.",
    _attacks,
)
