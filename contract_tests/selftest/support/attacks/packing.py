"""Directories of a stranger that the client packs."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from prime_image_builds import errors, pack

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
    "long": "a" * 1001, "long, of stars": "*" * 1001, "long, excepted": "!" + "a" * 1001,
    "an open class": "[a", "an empty class": "[]", "a range backwards": "[z-a]",
    "a class of classes": "[[:alpha:]]", "no pattern": "!", "a digit": r"\d", "an end": "a\\",
    "many": "a\n" * 600_000,
}  # fmt: skip


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


FAMILY = Family("packing", "The client packs nothing from outside of the directory.", _attacks)
