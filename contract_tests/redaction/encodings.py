"""Finds what a text holds in encoded form: escapes, base64, hexadecimal digits and lists of bytes.

The time is linear in the length of a text, whatever the text is.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import html5
from typing import Final

MARKS: Final = ("…".encode(), b"...")
"""What stands where a text was cut."""

CUT: Final = re.compile(
    rb"""\\u2026|\\u\{0*2026\}|\\U00002026|\\xe2\\x80\\xa6|%e2%80%a6|%u2026
    |&\#0*8230;?|&\#x0*2026;?|&(?:hellip|mldr);|"""
    + b"|".join(map(re.escape, MARKS)),
    re.VERBOSE | re.IGNORECASE,
)
"""Such a mark, also where it is escaped: what stands beside it need not be."""

_ESCAPE = re.compile(
    rb"""[\\%&\0] (?:
      (?<=\\) (?:
          u (?P<four>[0-9A-Fa-f]{4}) | u\{0* (?P<long>[0-9A-Fa-f]{1,6}) \}
        | U (?P<eight>[0-9A-Fa-f]{8}) | x (?P<two>[0-9A-Fa-f]{2})
        | (?P<octal>[0-3][0-7]{2}|[0-7]{1,2}) | (?P<blank>[nrt]) | (?P<itself>[!-/:-@\[-`{-~]) )
    | (?<=%) (?: (?P<byte>[0-9A-Fa-f]{2}) | u (?P<old>[0-9A-Fa-f]{4}) )
    | (?<=&) (?:
          \#0* (?P<decimal>[0-9]{1,7}) ;? | \#[xX]0* (?P<hex>[0-9A-Fa-f]{1,6}) ;?
        | (?P<name>[A-Za-z][A-Za-z0-9]{1,31};|(?i:amp|lt|gt|quot)) )
    | (?<=\0) )""",
    re.VERBOSE,
)
_BASES = {
    "four": 16, "long": 16, "eight": 16, "two": 16, "octal": 8, "old": 16, "decimal": 10, "hex": 16,
}  # fmt: skip
_BLANKS = bytes.maketrans(b"nrt", b"\n\r\t")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]+)*")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_HEX = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f]{11,}")
_PAIRS = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f](?:[ :-][0-9A-Fa-f]{2}){7,}")
_BYTES = re.compile(rb"[0-9][0-9]{0,2}(?:(?:,\s{0,20}|\s)[0-9]{1,3}){7,}")
_HEX_BYTES = re.compile(rb"0[xX][0-9A-Fa-f]{2}(?:(?:,\s{0,20}|\s)0[xX][0-9A-Fa-f]{2}){7,}")
# Secrets are ASCII; hardly anything is that was not encoded from it.
_TEXTS = re.compile(rb"[\t-\r -~]{7,}")


class Layer:
    """A text that parts of another one are decoded to, and where those stand."""

    def __init__(
        self, outer: bytes, parts: Iterable[tuple[int, int, bytes]], *, gaps: bool
    ) -> None:
        """Decode parts: each has a start, an end and what is in it. Gaps are kept or dropped."""
        pieces: list[bytes] = []
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._parts: list[tuple[int, int]] = []
        size = done = 0
        for start, end, decoded in parts:
            # No UTF-8 has this byte, so that nothing is found across it.
            between = outer[done:start] if gaps else b"\xff"
            pieces += (between, decoded)
            size += len(between)
            self._begins.append(size)
            size += len(decoded)
            self._ends.append(size)
            self._parts.append((start, end))
            done = end
        if gaps:
            pieces.append(outer[done:])
        self.is_empty = not self._parts
        self.text = b"".join(pieces)

    def outside(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the other text a part of this one stands."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect.bisect_right(self._begins, at) - 1
        if index < 0:
            return at, at + 1
        if at < self._ends[index]:
            return self._parts[index]
        place = at - self._ends[index] + self._parts[index][1]
        return place, place + 1


def to_bytes(text: str) -> bytes:
    """Return the UTF-8 of a text, of lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


def unescaped(text: bytes) -> Layer:
    """Return a text with each escape of JSON, Python, URLs and HTML replaced by what it means."""
    parts = ((*found.span(), _character(found[0])) for found in _ESCAPE.finditer(text))
    return Layer(text, parts, gaps=True)


@lru_cache(4096)
def _character(escape: bytes) -> bytes:
    found = _ESCAPE.fullmatch(escape)
    kind = found.lastgroup if found else None
    if found is None or kind is None:  # every other byte of ASCII in UTF-16
        return b""
    word = found[kind].decode()
    if kind == "itself":
        return found[kind]
    if kind == "blank":
        return found[kind].translate(_BLANKS)
    if kind == "byte":
        return bytes.fromhex(word)
    if kind in _BASES:
        code = int(word, _BASES[kind])
        return to_bytes(chr(code)) if code < 0x110000 else escape
    return to_bytes(html5.get(word, escape.decode()))


def decoded(text: bytes) -> Layer:
    """Return what runs of base64 and of hexadecimal digits hold, from each place they may begin."""
    return Layer(text, _runs(text), gaps=False)


def _runs(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    for runs, decode in _CODES:
        for run in runs.finditer(text):
            start, end = run.span()
            # What is cut in its encoded form is cut in what it holds.
            before = b"..." if text.endswith(MARKS, 0, start) else b""
            after = b"..." if text.startswith(MARKS, end) else b""
            for decoded in decode(run[0]):
                plain = decoded.replace(b"\0", b"")  # UTF-16
                if texts := _TEXTS.findall(before + plain + after):
                    yield start, end, b"\xff".join(texts)


def from_base64(run: bytes, starts: range = range(4)) -> Iterator[bytes]:
    """Decode a run of base64 from each of some places: a run need not begin where a text did."""
    plain = run.translate(_URL_SAFE, b"\r\n=")
    for start in starts:
        digits = plain[start:]
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        try:
            yield base64.b64decode(digits + b"=" * (-len(digits) % 4))
        except (binascii.Error, ValueError):
            continue


def _from_hex(run: bytes) -> Iterator[bytes]:
    digits = run.translate(None, b" :-").decode()
    for start in (0, 1):
        yield bytes.fromhex(digits[start : start + (len(digits) - start) // 2 * 2])


def _from_list(run: bytes) -> Iterator[bytes]:
    yield bytes(min(int(one), 255) for one in run.replace(b",", b" ").split())


def _from_hex_list(run: bytes) -> Iterator[bytes]:
    yield bytes(int(one, 16) for one in run.replace(b",", b" ").split())


# A list of bytes is what some programs print for them.
_CODES: Final = (
    (_BASE64, from_base64), (_HEX, _from_hex), (_PAIRS, _from_hex), (_BYTES, _from_list),
    (_HEX_BYTES, _from_hex_list),
)  # fmt: skip
