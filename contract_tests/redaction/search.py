"""Finds secrets in a text, in any case and as it spells them, and puts labels for them.

Up to four encodings in one another are read. The time is linear in the length of a text, whatever
the text is, and hardly grows with the number of secrets, which a server chooses by its cookies.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from .encodings import CUT, decoded, to_bytes, unescaped
from .values import COOKIE, SECRET, TOKEN

SHORTEST: Final = 8
"""Length from which a secret is hidden in any text, and in encoded forms."""

# A prefix or suffix of a secret from this length on is hidden beside the mark of a cut.
_SHORTEST_CUT = 4
# So far from the mark; and over so many marks that the secret itself holds.
_LONGEST_CUT, _MOST_CUTS = 1024, 8
# Encodings in one another: JSON in JSON, an encoded URL in a query, base64 of either.
_MOST_LAYERS = 4
# From so many beginnings of secrets on, a text is read by place, and not searched for each.
_MANY = 500
# So many secrets that begin with one another are distinguished; of more, the longest is hidden.
_MOST_NESTED = 16
# Texts of so many characters in all, each up to so long, are kept as they are shown: each report
# shows the same headers and failures.
_MOST_KEPT, _LONGEST_KEPT = 2**22, 2**15
# An index has more than so many times the secrets of the next one.
_GROWTH = 16

_PLACEHOLDER = re.compile("|".join((TOKEN, COOKIE, SECRET)).encode())
_CUT_ESCAPE = re.compile(rb"(?:\\u?[0-9a-f]{0,7}|%[0-9a-f]?|&#?x?[0-9a-f]{0,6})?\s?\Z")


Named = Callable[[str, bytes, bytes], bytes]
"""Returns what stands for a secret: by its label, by itself, and by what is replaced."""


class _Span(NamedTuple):
    """Where a secret stands, and how it is spelled where it is not encoded."""

    start: int
    end: int
    label: str
    plain: bytes = b""


class _What(NamedTuple):
    """What is hidden: all of it but the first characters, which only tell where it is."""

    label: str
    skipped: int = 0


class _Index:
    """Secrets in order, so that those at a place of a text are found without a look at each."""

    def __init__(self, secrets: Mapping[bytes, _What]) -> None:
        self.secrets = secrets
        self._sorted = sorted(secrets)
        self._begins = {one[:SHORTEST] for one in secrets}
        self._longest = max(map(len, secrets), default=0)
        # The longest other secret that one begins with.
        self._within: dict[bytes, bytes | None] = {}
        last: bytes | None = None
        for one in self._sorted:
            while last is not None and not one.startswith(last):
                last = self._within[last]
            self._within[one] = last
            last = one
        whole = [one for one in self._sorted if not secrets[one].skipped]
        self._heads = _Beginnings(whole)
        self._tails = _Beginnings(sorted(one[::-1] for one in whole))

    def whole(self, text: bytes) -> Iterator[_Span]:
        """Yield where secrets stand in a text: the longest at each place."""
        for at in self._places(text):
            after = bisect.bisect_right(self._sorted, text[at : at + self._longest])
            one = self._sorted[after - 1] if after else None
            for step in itertools.count():
                if one is None:
                    break
                what, is_there = self.secrets[one], text.startswith(one, at)
                if is_there or step >= _MOST_NESTED:
                    end = min(at + len(one), len(text))
                    yield _Span(at + what.skipped, end, what.label)
                    if not what.skipped:
                        break
                one = self._within[one]

    def _places(self, text: bytes) -> Iterator[int]:
        if len(self._begins) > _MANY:
            last = len(text) - SHORTEST
            return (at for at in range(last + 1) if text[at : at + SHORTEST] in self._begins)
        return (at for one in self._begins for at in _each(one, text, step=1))

    def cut_off(self, text: bytes) -> Iterator[_Span]:
        """Yield what is left of a secret beside the mark of a cut."""
        starts, ends, size = [], [], len(text)
        for start, end in (mark.span() for mark in CUT.finditer(text)):
            part = _CUT_ESCAPE.search(text, max(0, start - 14), start)
            starts.append(part.start() if part else start)
            ends.append(size - end - text[end : end + 1].isspace())
        for at, end, one in self._heads.before(text, starts):
            yield _Span(at, end, self.secrets[one].label)
        for at, end, one in self._tails.before(text[::-1], ends[::-1]):
            yield _Span(size - end, size - at, self.secrets[one[::-1]].label)


class _Beginnings:
    """Secrets in order, whose beginnings are looked for before the marks of cuts."""

    def __init__(self, ordered: Sequence[bytes]) -> None:
        self._ordered = ordered
        self._first = {one[:_SHORTEST_CUT] for one in ordered}

    def before(self, text: bytes, cuts: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
        """Yield places of a text, the last cut that a secret's beginning goes to, and the secret.

        Cuts are in ascending order. A text is read once, whatever the number of its cuts.
        """
        done = 0
        for index, cut in enumerate(cuts):
            for at in range(max(done, cut - _LONGEST_CUT), cut - _SHORTEST_CUT + 1):
                if text[at : at + _SHORTEST_CUT] in self._first:
                    for end in cuts[index : index + _MOST_CUTS]:
                        part = text[at : min(end, at + _LONGEST_CUT)]
                        after = bisect.bisect_left(self._ordered, part)
                        one = self._ordered[after] if after < len(self._ordered) else b""
                        if not one.startswith(part):
                            break
                        yield at, at + len(part), one
            done = max(done, cut - _SHORTEST_CUT + 1)


class Search:
    """Secrets of at least ``SHORTEST`` characters and patterns, each with its label."""

    def __init__(self) -> None:
        self._secrets: dict[bytes, _What] = {}
        self._indexed = 0
        self._indexes: list[_Index] = []
        self._patterns: dict[re.Pattern[bytes], str] = {}
        self._short: dict[bytes, str] = {}
        self._hidden: dict[str, str] = {}
        self._kept = 0

    def add(self, secret: str, label: str, skipped: int = 0) -> None:
        """Hide a secret; not its first characters, if so many are only there to find it."""
        if len(secret) < SHORTEST:
            return
        raw, known = to_bytes(secret), len(self._secrets)
        for spelled in (raw, raw.replace(b" ", b"+")):  # as forms spell a blank
            self._secrets.setdefault(spelled.lower(), _What(label, skipped))
            # Where a text is unescaped, so are the escapes that the secret itself holds.
            inner = unescaped(spelled)
            for _ in range(0 if skipped else _MOST_LAYERS):
                if inner.is_empty or len(inner.text) < SHORTEST:
                    break
                self._secrets.setdefault(inner.text.lower(), _What(label))
                inner = unescaped(inner.text)
        if len(self._secrets) > known:
            self._forget()

    def add_short(self, secret: str, label: str) -> None:
        """Hide a secret of any length, where a text spells it as it is."""
        self._short[to_bytes(secret)] = label
        self._forget()

    def add_pattern(self, pattern: str, label: str) -> None:
        """Hide the first group of a pattern, which is searched for in lower case."""
        self._patterns[re.compile(to_bytes(pattern))] = label
        self._forget()

    def hidden(self, text: str) -> str:
        """Return a text with labels for what is secret."""
        if (known := self._hidden.get(text)) is not None:
            return known
        raw = to_bytes(text)
        replaced = self.replaced(raw, lambda label, *_: label.encode())
        shown = text if replaced is raw else replaced.decode("utf-8", "surrogatepass")
        if len(text) <= _LONGEST_KEPT:
            if self._kept + len(text) > _MOST_KEPT:
                self._forget()
            self._kept += len(text)
            self._hidden[text] = shown
        return shown

    def replaced(self, raw: bytes, named: Named, public: re.Pattern[bytes] | None = None) -> bytes:
        """Return bytes with something else for each secret, but within what is public."""
        self._catch_up()
        spans = [
            # It may overlap itself; half of its length is enough of a step to hide it.
            _Span(at, at + len(one), label, one)
            for one, label in self._short.items()
            for at in _each(one, raw, step=(len(one) + 1) // 2)
        ]
        spans += self._found(raw, _MOST_LAYERS)
        kept = [found.span() for found in public.finditer(raw)] if spans and public else []
        return _replaced(raw, spans, named, kept) if spans else raw

    def _forget(self) -> None:
        self._hidden.clear()
        self._kept = 0

    def _catch_up(self) -> None:
        """Make an index of the secrets that came since the last time."""
        if len(self._secrets) > self._indexed:
            fresh = dict(itertools.islice(self._secrets.items(), self._indexed, None))
            self._indexed = len(self._secrets)
            # A large index is not made again for each few secrets that come.
            while self._indexes and len(self._indexes[-1].secrets) <= _GROWTH * len(fresh):
                fresh |= self._indexes.pop().secrets
            self._indexes.append(_Index(fresh))

    def _found(self, text: bytes, layers: int) -> Iterator[_Span]:
        for span in self._plain(text.lower()):
            yield span._replace(plain=text[span.start : span.end])
        if layers:
            for inner in (unescaped(text), decoded(text)):
                if not inner.is_empty:
                    for span in self._found(inner.text, layers - 1):
                        start, end = inner.outside(span.start, span.end)
                        yield span._replace(start=start, end=end)

    def _plain(self, lower: bytes) -> Iterator[_Span]:
        for index in self._indexes:
            yield from index.whole(lower)
            yield from index.cut_off(lower)
        for pattern, label in self._patterns.items():
            for found in pattern.finditer(lower):
                yield _Span(*found.span(1), label)


def _replaced(
    text: bytes, spans: Iterable[_Span], named: Named, kept: Sequence[tuple[int, int]]
) -> bytes:
    """Put something else for spans; those that overlap get one.

    What is hidden already stays as it is, and what lies within a part that is kept.
    """
    kept = sorted([*kept, *(found.span() for found in _PLACEHOLDER.finditer(text))])
    begins = [start for start, _ in kept]
    merged: list[_Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        index = bisect.bisect_right(begins, span.start) - 1
        is_kept = index >= 0 and span.end <= kept[index][1]
        if span.start >= span.end or is_kept:
            continue
        if merged and span.start < merged[-1].end:
            if span.end > merged[-1].end:
                start = merged[-1].start
                merged[-1] = _Span(start, span.end, merged[-1].label, text[start : span.end])
        else:
            merged.append(span)
    parts: list[bytes] = []
    done = 0
    for span in merged:
        parts += (text[done : span.start],
                  named(span.label, span.plain, text[span.start : span.end]))  # fmt: skip
        done = span.end
    return b"".join([*parts, text[done:]])


def _each(secret: bytes, text: bytes, step: int) -> Iterator[int]:
    start = text.find(secret)
    while start >= 0:
        yield start
        start = text.find(secret, start + step)
