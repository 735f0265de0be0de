"""Journals: what a run makes, in a file, so that a run that was killed can be cleaned up after.

A journal is JSON lines: first the target and the run's image name, then one line for each thing
that happened to an image. An image is written, and on the disk, before the request that makes it
is sent: a last line that is not whole is of a request that was never sent. It holds no secret.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..problems import Problem
from ..tape.exchange import OWN_NAME

FORMAT = 1
# Of one run; more is not a journal.
MOST_BYTES = 16 * 2**20
MOST_ID = 512
# How many values stand behind the name of each event: a tag, a team or null, and the build's id.
_EVENTS = {"made": 2, "built": 3, "gone": 2}
# Servers and proxies may read these as more than one segment, or decode them twice; no URL can have
# half of a surrogate pair.
_SPLIT = re.compile(r"[/\\%\ud800-\udfff]")
SUFFIX = ".jsonl"


Event = tuple[str, list[Any]]
"""What happened to an image: ``made``, ``built`` or ``gone``; then its tag, its team, a build."""


@dataclass
class Journal:
    """The journal of one run. Its file is made with its first line, and locked until it is closed.

    Attributes:
        target: The base URL of the server.
        name: The image name that the run alone uses.

    """

    folder: Path
    target: str
    name: str
    _file: int | None = field(default=None, repr=False)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / f"{self.name}{SUFFIX}"

    def add(self, event: str, *values: Any) -> None:
        """Add a line; one that an image depends on is on the disk then. Raises ``Problem``."""
        if event == "built" and len(str(values[-1])) > MOST_ID:
            return  # a server may return any id, and its image is noted
        try:
            if self._file is None:
                self.open()
            self._write({event: values}, is_kept=event == "made")
        except OSError as error:
            what = f"what is made cannot be noted in {self.path}: {error.strerror}"
            raise Problem(what, "make that folder writable, or make room") from error

    def open(self) -> None:
        """Open and lock its file, without a last line that is not whole.

        Raises ``BlockingIOError`` if another process has it locked, and other ``OSError``.
        """
        self._file = self._opened()
        try:
            _lock(self._file)
            size = os.fstat(self._file).st_size
            if torn := size - (os.pread(self._file, size, 0).rfind(b"\n") + 1):
                os.ftruncate(self._file, size - torn)
            if size == torn:
                header = {"format": FORMAT, "target": self.target, "name": self.name}
                self._write(header, is_kept=True)
                _keep(self.folder)
        except BaseException:
            self.close(is_done=False)
            raise

    def _opened(self) -> int:
        for is_last in (False, False, True):  # a run that ends may remove the folder in between
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                return os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            except FileNotFoundError:
                if is_last:
                    raise
        raise AssertionError

    def close(self, *, is_done: bool) -> None:
        """Unlock it, and remove its file if nothing is left of what it holds."""
        if self._file is None:
            return
        if is_done:
            remove(self.path)
        os.close(self._file)
        self._file = None

    def _write(self, line: dict[str, Any], *, is_kept: bool) -> None:
        assert self._file is not None
        rest = memoryview(json.dumps(line).encode() + b"\n")
        while rest:
            rest = rest[os.write(self._file, rest) :]
        if is_kept:
            os.fsync(self._file)


def remove(path: Path) -> None:
    """Remove a journal, and the folder of journals if it was the last one, where that is possible.

    A run that begins at that moment makes the folder again.
    """
    with suppress(OSError):
        path.unlink()
        path.parent.rmdir()


def segment(tag: str) -> str:
    """Return a tag that every server takes for one segment of a path, as near as there is one."""
    tag = _SPLIT.sub("-", tag)
    return tag if tag.strip(".") else "v1"


def read(path: Path) -> tuple[Journal, list[Event]] | None:
    """Return a journal and its events, or None if its run made nothing. Raises ``Problem``."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "no reason given") from error
    if len(content) > MOST_BYTES:
        raise _unreadable(path, f"it has more than {MOST_BYTES} bytes")
    # The last one is empty, or was not written to its end.
    whole = content.split(b"\n")[:-1]
    if not whole:
        return None
    header, *lines = (_line(path, number, line) for number, line in enumerate(whole, start=1))
    target, name = header.get("target"), header.get("name")
    if header.get("format") != FORMAT or not isinstance(target, str) or not isinstance(name, str):
        raise _unreadable(path, f"line 1 is not of format {FORMAT}")
    if not OWN_NAME.fullmatch(name) or path.name != f"{name}{SUFFIX}":
        raise _unreadable(path, "its name of images is not that of its file and of a run")
    events = [(event, values) for line in lines for event, values in line.items()]
    for number, (event, values) in enumerate(events, start=2):
        if not _is_event(event, values):
            raise _unreadable(path, f"line {number} is not an event of an image")
    return Journal(path.parent, target, name), events


def discard(path: Path) -> None:
    """Remove a journal whose first line is not whole: its run has sent nothing. Raises ``OSError``.

    ``BlockingIOError`` is raised where the run is about to write it.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        _lock(file)
        path.unlink()
    finally:
        os.close(file)


def _line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"line {number} is not JSON") from error
    if not isinstance(read, dict) or (number > 1 and len(read) != 1):
        raise _unreadable(path, f"line {number} is not an event of an image")
    return read


def _is_event(event: str, values: Any) -> bool:
    if not isinstance(values, list) or len(values) != _EVENTS.get(event):
        return False
    tag, team, *build = values
    is_text = all(isinstance(one, str) for one in (tag, *build))
    return is_text and isinstance(team, str | None) and segment(tag) == tag


def _unreadable(path: Path, why: str) -> Problem:
    fix = "see what it holds, delete those images yourself, then remove it"
    return Problem(f"the journal {path} cannot be read: {why}", fix)


def _lock(file: int) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a file system may have no locks


def _keep(folder: Path) -> None:
    """Write the names of the files in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
