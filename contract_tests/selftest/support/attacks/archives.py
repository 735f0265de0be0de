"""Archives: uploaded contexts, checked by the reference server's builder as ``make serve`` does."""

from __future__ import annotations

import asyncio
import atexit
import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from functools import cache, partial
from typing import Literal

from ....reference.builder import Builder
from ....reference.context import Refused
from . import Attack, Family

REFUSED, FAILS, BUILDS = "refused", "fails", "builds"
_LIMITED = ("the context takes", "the check of the context")
_FORMATS = ("gnu", "pax")
_TYPES = {"file": b"0", "directory": b"5", "link": b"2", "hard link": b"1", "pipe": b"6"}
_DOCKERFILE = b"FROM scratch\nCOPY a /\n"
_END = bytes(1024)


@cache
def _builder() -> Builder:
    """Return one builder for all attacks; no context is checked in this process."""
    builder = Builder(isolated=True)
    atexit.register(builder.stop)
    return builder


def _check(content: bytes, expected: str) -> str | None:
    """Check a context. Any outcome but a reached limit or a crash will do if none is expected."""
    try:
        failure = asyncio.run(_builder().failure(io.BytesIO(content), len(content), "Dockerfile"))
    except Refused as error:
        outcome, text = REFUSED, str(error)
    else:
        outcome, text = (BUILDS, "") if failure is None else (FAILS, failure)
    if text.startswith(_LIMITED):
        return text
    if len(text) > 1000:
        return f"a message of {len(text)} characters"
    return None if expected in ("", outcome) else f"{outcome}: {text}"


def entry(
    name: str, content: bytes = b"", kind: bytes = b"0", link: str = "", form: str = "pax"
) -> bytes:
    """Return an entry of a tar archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    written: Literal[1, 2] = 1 if form == "gnu" else 2  # as tarfile numbers them
    header = info.tobuf(written, "utf-8", "surrogateescape")
    return header + content + bytes(-len(content) % 512)


def _raw(kind: bytes, size: bytes, content: bytes = b"", name: bytes = b"x") -> bytes:
    """Return an entry whose header has what tarfile does not write, with a valid checksum."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108], block[124:136], block[156:157] = b"0000644\0", size.ljust(12, b"\0"), kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % 512)


def _record(key: str, value: bytes) -> bytes:
    """Return a record of an extended header."""
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest) + 1
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _octal(size: int) -> bytes:
    return b"%011o" % size


def zipped(*entries: bytes) -> bytes:
    """Return a gzipped tar archive of entries."""
    return gzip.compress(b"".join(entries) + _END, 1, mtime=0)


_OUTSIDE = (
    "/etc/passwd", "//x", "../x", "..", "a/../../x", "./../x", "a/b/../../../x", "../" * 40 + "x",
    "/" + "d/" * 60 + "x", "../\udcff", "../\n::error::x", "../\x1b[2J",
)  # fmt: skip


def _paths() -> Iterator[tuple[str, bytes, str]]:
    for path in _OUTSIDE:
        for form in _FORMATS:
            for place in ("file", "link", "hard link"):
                kind, is_link = _TYPES[place], "link" in place
                name, link = ("l", path) if is_link else (path, "")
                made = entry(name, b"", kind, link, form)
                yield f"{place} {path[:20]!r} of {len(path)} as {form}", made, REFUSED
    for length in (4097, 70_000, 2**20):
        for form in _FORMATS:
            yield f"a path of {length} as {form}", entry("x" * length, form=form), REFUSED
            made = entry("l", b"", b"2", "x" * length, form)
            yield f"a link to a path of {length} as {form}", made, REFUSED
    yield "a path through a link", entry("l", kind=b"2", link=".") + entry("l/x"), REFUSED
    yield "a path of 2,000 directories", entry("d/" * 2000 + "x"), BUILDS


def _sizes() -> Iterator[tuple[str, bytes, str]]:
    sizes = {
        "minus 1": b"\xff" * 12, "minus 512": b"\xff" * 10 + b"\xfe\x00",
        "minus 2**90": b"\xff" + b"\x00" * 11, "2**88": b"\x80\x01" + bytes(10),
        "8 GiB": b"7" * 11, "4 GiB": b"\x80" + bytes(6) + b"\x01" + bytes(4),
        "a letter": b"z" * 11, "minus in octal": b"-0000000001",
    }  # fmt: skip
    for label, size in sizes.items():
        for kind in b"0LxgS":
            # Nobody may read the size of an entry without content.
            yield f"{label} of a {chr(kind)}", _raw(bytes([kind]), size), ""
    for kind in b"34":
        for length in (0, 512):
            yield f"a device {chr(kind)} of {length}", _raw(bytes([kind]), _octal(length)), REFUSED
    for kind in b"ADEIMNVZ89\xff":
        yield f"the type {kind:#x}", _raw(bytes([kind]), _octal(0)), ""


def _extended() -> Iterator[tuple[str, bytes, str]]:
    values = {
        "minus 1": b"-1", "10**30": b"1" + b"0" * 30, "a float": b"1e9", "nothing": b"",
        "no number": b"x", "NUL": b"\0", "no UTF-8": b"\xff\xfe", "5,000 digits": b"9" * 5000,
        "upwards": b"../x", "absolute": b"/x", "lines": b"a\n12 path=/x\n",
    }  # fmt: skip
    keys = ("size", "path", "linkpath", "mtime", "hdrcharset", "GNU.sparse.map", "GNU.sparse.size",
            "GNU.sparse.major")  # fmt: skip
    for key in keys:
        for label, value in values.items():
            record = _record(key, value)
            header = _raw(b"x", _octal(len(record)), record)
            yield f"{key} is {label}", header + entry("y", b"content"), ""
    for kind in b"xg":
        for label, content in {
            "digits without end": b"1" * 16_000,
            "an absurd length": b"999999999999 path=x\n",
            "a length of 0": b"0 path=x\n",
            "many records": b"".join(_record(f"k{number}", b"") for number in range(1000)),
            "more than its limit": _record("comment", b"x" * 2**17),
        }.items():
            header = _raw(bytes([kind]), _octal(len(content)), content)
            yield f"{label} in a {chr(kind)}", header + entry("y"), ""
    for kind in b"LKxg":
        content = b"" if kind in b"xg" else b"n\0"
        nested = _raw(bytes([kind]), _octal(len(content)), content) * 2000
        yield f"2,000 headers {chr(kind)}, nested", nested + entry("y"), ""
    sparse = bytearray(_raw(b"S", _octal(0)))
    sparse[482] = 1  # more of the map follows, and does not come
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    yield "a sparse map that goes on", bytes(sparse), ""
    sparse_1 = b"".join(
        _record(f"GNU.sparse.{key}", value)
        for key, value in (("major", b"1"), ("minor", b"0"), ("realsize", b"9"))
    )
    for count in (b"99999999999", b"-1", b"x", b"1" * 600):
        header = _raw(b"x", _octal(len(sparse_1)), sparse_1)
        yield (
            f"a sparse file of {count[:12].decode()} parts",
            header + entry("y", count + b"\n"),
            "",
        )


def _compressed() -> Iterator[tuple[str, bytes, str]]:
    tar = entry("Dockerfile", _DOCKERFILE) + entry("a") + _END
    sound = gzip.compress(tar, mtime=0)
    others = {"none": tar, "xz": lzma.compress(tar), "bz2": bz2.compress(tar),
              "zlib": zlib.compress(tar), "gzip twice": gzip.compress(sound),
              "lzma": lzma.compress(tar, lzma.FORMAT_ALONE), "zip": b"PK\3\4" + tar}  # fmt: skip
    for name, content in others.items():
        yield f"compressed by {name}", content, REFUSED
    for part in range(1, 20):
        yield f"{part} of 20 parts", sound[: len(sound) * part // 20], REFUSED
    for flags in (1, 2, 4, 8, 16, 3, 12, 31):
        altered = sound[:3] + bytes([flags]) + sound[4:]
        yield f"gzip flags {flags:#07b}", altered, "" if flags == 1 else REFUSED
    half = len(tar) // 1024 * 512
    yield "two members", gzip.compress(tar[:half]) + gzip.compress(tar[half:]), BUILDS
    yield "3,000 empty members", sound + gzip.compress(b"") * 3000, BUILDS
    yield "another member after the end", sound + gzip.compress(b"x"), REFUSED
    yield "a checksum of another", sound[:-8] + bytes(8), REFUSED
    zeros = gzip.compress(bytes(2**20), mtime=0)
    for size, expected in ((60, BUILDS), (150, REFUSED)):
        yield f"{size} MiB of zeros after the end", sound + zeros * size, expected
    mebibyte = _raw(b"0", _octal(0)) * 2048
    yield "100,000 entries", gzip.compress(mebibyte, mtime=0) * 49 + sound, REFUSED


def _patterns() -> Iterator[tuple[str, bytes, str]]:
    for unit in (
        "*a",
        "*a*",
        "**a",
        "?*",
        "[a-z]*",
        "[^b]*",
        "*?",
        "**/a",
        "a**/",
        "*[^/]",
        "a*/*",
    ):
        for length in (30, 176, 990):
            pattern = (unit * length)[:length].rstrip("/[^a-z") + "*b"
            start = "*\n!" if length == 176 else ""
            ignore = entry(".dockerignore", f"b\n{start}{pattern}\n".encode())
            path = entry("a" * 3000)
            expected = FAILS if start else BUILDS
            yield f"{start!r}{unit} to {length} characters", ignore + path, expected
    for label, text, expected in (
        ("10,000 patterns", "\n".join(f"**/{number}*x" for number in range(4000)), BUILDS),
        ("more patterns than the limit", "*abc\n" * 9000, FAILS),
        ("a million empty lines", "\n" * 2**20, BUILDS),
        ("a pattern of a mebibyte", "*" * 2**20, BUILDS),
        ("8,000 classes", "\n".join(f"[{chr(0x4E00 + number)}]" for number in range(8000)), BUILDS),
    ):
        many = b"".join(entry(f"{number}/{'d/' * 20}x") for number in range(300))
        yield label, entry(".dockerignore", text.encode()[: 2**20]) + many, expected


def _dockerfiles() -> Iterator[tuple[str, bytes]]:
    for count in (1000, 30_000, 250_000):
        chain = "".join(f"FROM s{number} AS s{number + 1}\n" for number in range(count // 20))
        for label, text in {
            "blanks in a directive": f"# a=x{' ' * count}y\nFROM a\n",
            "mounts": f"FROM a\nRUN {'--mount=x' * (count // 9)}\n",
            "mounts by words": f"FROM a\nRUN {'--mount=from=0 ' * (count // 15)}\n",
            "flags": f"FROM a\nRUN {'--a ' * (count // 4)}\n",
            "stages": "FROM a\n" * (count // 7),
            "a chain of stages": chain,
            "escapes": f"FROM a\nRUN {chr(92) * count} x\n",
            "escapes and blanks": f"FROM a\nRUN {(chr(92) + ' ') * (count // 2)} x\n",
            "continued lines": f"FROM a\nRUN x \\\n{'y ' + chr(92) + chr(10)}" * (count // 20),
            "heredocs": "FROM a\nRUN " + "<<a " * (count // 6) + "\n" + "a\n" * (count // 6),
            "a heredoc without an end": f"FROM a\nRUN <<a\n{'b' + chr(10)}" * (count // 20),
            "a long word in quotes": f"FROM a\nRUN <<'{'x' * count}\n",
            "a long source": f"FROM a\nCOPY {'x' * count} {'../' * (count // 3)} /\n",
            "deep JSON": f"FROM a\nCOPY {'[' * count}\n",
            "an unknown word": "FROM a\n" + "RUM" * (count // 3) + " x\n",
            "digits": f"FROM a\nRUN exit {'9' * count}\n",
            "blanks before digits": f"FROM a\nRUN exit {' ' * count}x\n",
        }.items():
            made = entry("Dockerfile", text.encode()[: 2**20])
            yield f"{label}, {count} characters", zipped(made, entry("a"))


def _collisions() -> Iterator[tuple[str, bytes, str]]:
    for first, one in _TYPES.items():
        for second, other in _TYPES.items():
            entries = entry("a", kind=one, link="Dockerfile") + entry("a", kind=other, link="b")
            yield f"a {first}, then a {second} of its name", entries, ""
    ring = entry("Dockerfile", kind=b"2", link="b") + entry("b", kind=b"2", link="Dockerfile")
    yield "links in a ring", ring, REFUSED
    chain = b"".join(entry(f"{n}", kind=b"2", link=f"{n + 1}") for n in range(100))
    yield "100 links", entry("Dockerfile", kind=b"2", link="0") + chain, REFUSED
    yield (
        "a Dockerfile that links to itself",
        entry("Dockerfile", kind=b"1", link="Dockerfile"),
        REFUSED,
    )
    for name in (
        "\udcff\udcfe",
        "a\nb",
        "\x1b]0;x\x07",
        "\u202ex",
        " ",
        "a\\b",
        "C:\\x",
        "CON",
        "\x7f",
    ):
        for form in _FORMATS:
            yield f"the name {name!r} as {form}", entry(name, form=form), BUILDS


def _attacks() -> Iterator[Attack]:
    base = entry("Dockerfile", _DOCKERFILE) + entry("a")
    for kind, made in {
        "paths": _paths, "sizes and types": _sizes, "extended headers": _extended,
        "patterns": _patterns, "entries of one name": _collisions,
    }.items():  # fmt: skip
        for name, entries, expected in made():
            yield Attack(kind, name, partial(_check, zipped(base, entries), expected))
    for name, content, expected in _compressed():
        yield Attack("compression", name, partial(_check, content, expected))
    for name, content in _dockerfiles():
        yield Attack("Dockerfiles", name, partial(_check, content, ""))


FAMILY = Family(
    "archives",
    "Each uploaded context builds, fails or is refused, within the limits of a child process.",
    _attacks,
)
