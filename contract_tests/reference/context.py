"""Reads an uploaded context: a gzipped tar. Nothing of it is ever unpacked to disk."""

from __future__ import annotations

import gzip
import posixpath
import struct
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import IO, Any

from . import dockerignore
from .dockerignore import Ignore

MOST_BYTES = 256 * 2**20
MOST_UNPACKED = 2**30
# Text compresses to a tenth; a hundredth is a bomb, if it is large.
MOST_RATIO = 100
HARMLESS = 64 * 2**20
MOST_ENTRIES = 50_000
# What Linux opens. All paths together take the matcher of .dockerignore some seconds.
MOST_PATH = 4096
MOST_PATHS = 8 * 2**20
MOST_TEXT = 2**20
# A path and a link of that length, and attributes. The standard library reads some headers in
# quadratic time (CVE-2024-6232).
_MOST_HEADER = 2**14
_MOST_LINKS = 40
_CHUNK = 2**20


class Refused(Exception):  # noqa: N818 (it is not an error of the server)
    """A context that is refused; the text says why."""


class TooLarge(Refused):
    """A context, or a header of it, that is larger than the limit."""


@dataclass(frozen=True)
class Context:
    """What a builder reads of a context.

    Attributes:
        dockerfile: The text of the Dockerfile, or None if it has none at that path.
        names: Every entry, as a relative path.
        ignore: What .dockerignore hides: the Dockerfile's own, or that of the whole context.

    """

    dockerfile: str | None
    names: frozenset[str] = frozenset()
    ignore: Ignore = field(default_factory=Ignore)


class _Bounded:
    """A stream that is read up to a limit.

    Attributes:
        most_read: The size of one read, at most: that of a header, until all are read.

    """

    def __init__(self, stream: Any, most: int, most_header: int) -> None:
        self._stream, self._most = stream, most
        self.most_read = most_header

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.most_read:
            raise TooLarge("one of its headers is too large")
        left = self._most - self._stream.tell()
        content: bytes = self._stream.read(min(size, left + 1))
        if len(content) > left:
            raise TooLarge(f"it unpacks to more than {self._most} bytes")
        return content

    def seek(self, to: int, whence: int = 0) -> int:
        if whence == 0 and to > self._most:
            raise TooLarge(f"it unpacks to more than {self._most} bytes")
        return int(self._stream.seek(to, whence))

    def tell(self) -> int:
        return int(self._stream.tell())


def read(
    file: IO[bytes], size: int, dockerfile_path: str, most_unpacked: int = MOST_UNPACKED
) -> Context:
    """Read a context of ``size`` bytes. Raises ``Refused`` if it is invalid or harmful.

    Raises ``TooLarge`` if it unpacks to more than ``most_unpacked`` bytes, has a header of more
    than a small part of that, or is a bomb.
    """
    most = min(most_unpacked, HARMLESS + MOST_RATIO * size)
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            stream: Any = _Bounded(unzipped, most, min(_MOST_HEADER, most_unpacked // 32))
            with tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as archive:
                entries = _entries(archive)
                stream.most_read = _CHUNK
                _refuse_rest(archive, stream)
                return _context(archive, entries, dockerfile_path)
    except (
        OSError, EOFError, zlib.error, struct.error, tarfile.TarError, ValueError, OverflowError,
        RecursionError, IndexError, KeyError, AttributeError, TypeError,
    ) as error:  # fmt: skip
        # The standard library raises many kinds of errors for invalid archives.
        raise Refused(f"it is not a gzipped tar: {_shown(str(error))}") from error


def _entries(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Return the entries by their paths; of two with the same path, the last."""
    entries: dict[str, tarfile.TarInfo] = {}
    characters = end = 0
    for number, member in enumerate(iter(archive.next, None)):
        # The archive need not remember it too, nor the entry its attributes.
        archive.members.clear()  # type: ignore[attr-defined]
        member.pax_headers = {}
        if number >= MOST_ENTRIES:
            raise Refused(f"it has more than {MOST_ENTRIES} entries")
        if len(member.name) > MOST_PATH or len(member.linkname) > MOST_PATH:
            raise Refused(f"{_shown(member.name)}: the path has more than {MOST_PATH} characters")
        characters += len(member.name)
        if characters > MOST_PATHS:
            raise Refused(f"its paths have more than {MOST_PATHS} characters in all")
        if member.size < 0 or archive.offset <= end:
            raise Refused(f"{_shown(member.name)}: the size is negative")
        end = archive.offset
        name = posixpath.normpath(member.name or ".")
        if member.name.startswith("/"):
            raise Refused(f"{_shown(member.name)}: the path is absolute")
        if ".." in member.name.split("/"):
            raise Refused(f"{_shown(member.name)}: the path leads out of the context")
        # Docker sends named pipes along; nothing of them is stored but the name.
        is_link = member.issym() or member.islnk()
        if not (is_link or member.isfile() or member.isdir() or member.isfifo()):
            raise Refused(f"{_shown(member.name)}: is not a file, directory or link")
        if is_link:
            _target(name, member)
        entries[name] = member
    links = {name for name, member in entries.items() if member.issym()}
    for name in entries if links else ():
        above = posixpath.dirname(name)
        while above:
            if above in links:
                raise Refused(f"{_shown(name)}: is below a link")
            above = posixpath.dirname(above)
    return entries


def _target(name: str, member: tarfile.TarInfo) -> str:
    """Return the target of a link, as a path in the context."""
    if member.linkname.startswith("/"):
        raise Refused(f"{_shown(name)}: the link leads out of the context")
    place = posixpath.dirname(name) if member.issym() else ""
    target = posixpath.normpath(posixpath.join(place, member.linkname or "."))
    if target == ".." or target.startswith("../"):
        raise Refused(f"{_shown(name)}: the link leads out of the context")
    return target


def _refuse_rest(archive: tarfile.TarFile, stream: _Bounded) -> None:
    """Read to the end, which checks the checksum; only zeros may follow the entries."""
    stream.seek(archive.offset)
    while chunk := stream.read(_CHUNK):
        if chunk.count(0) != len(chunk):
            raise Refused("it is not a gzipped tar: it continues after its end")


def _context(archive: tarfile.TarFile, entries: dict[str, tarfile.TarInfo], path: str) -> Context:
    wanted = posixpath.normpath("/" + path).lstrip("/")
    text = _text(archive, entries, wanted)
    for name in (f"{wanted}.dockerignore", ".dockerignore"):
        if (ignored := _text(archive, entries, name)) is not None:
            return Context(text, frozenset(entries), dockerignore.read(ignored, name))
    return Context(text, frozenset(entries))


def _text(archive: tarfile.TarFile, entries: dict[str, tarfile.TarInfo], name: str) -> str | None:
    """Read a file of the context, through links."""
    for _ in range(_MOST_LINKS):
        member = entries.get(name)
        if member is None or member.isdir():
            return None
        if member.isfile():
            if member.size > MOST_TEXT:
                raise Refused(f"{_shown(name)}: is larger than {MOST_TEXT} bytes")
            file = archive.extractfile(member)
            return file.read().decode(errors="replace") if file else None
        name = _target(name, member)
    raise Refused(f"{_shown(name)}: the links have no target")


def _shown(name: str) -> str:
    text = name.encode("utf-8", "replace").decode()
    return text if len(text) <= 100 else text[:99] + "…"
