"""Hides secrets in text that is shown or written. The tape and the wire are never changed.

Secrets are the token, cookies, passwords in URLs, the query of an upload URL, and header values of
8 characters or more or whose header name contains auth, token, key or secret. A shorter one is in
ordinary text too, so it is hidden only where it is the value of its header.

A secret is found in any case, and as escapes, base64 and hexadecimal digits spell it, up to four of
these in one another. The time is linear in the length of a text, whatever the text is, and hardly
grows with the number of secrets, which a server chooses by its cookies.

Standard library only: the scripts for CI use this module without the gate's packages.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import itertools
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from html.entities import html5
from typing import TYPE_CHECKING, Final, NamedTuple, SupportsIndex
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from .tape.exchange import Exchange
    from .tape.tape import Tape

SHORTEST: Final = 8
"""Length from which a secret is hidden in any text, and in encoded forms."""

TOKEN, COOKIE, SECRET = "<token>", "<cookie>", "<secret>"

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
# An index has more than so many times the secrets of the next one.
_GROWTH = 16

_COOKIES = {"cookie", "set-cookie"}
_AUTHORIZATIONS = {"authorization", "proxy-authorization"}
# A challenge names schemes and realms, and is public.
_PUBLIC = {"www-authenticate", "proxy-authenticate"}
_SECRET_NAME = re.compile(r"auth|token|key|secret", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"auth|token|key|secret|sig|credential|password", re.IGNORECASE)
_COOKIE_PAIR = re.compile(r"(?:^|[,;])\s*([^=;,\s]+)=\"?([^;,\"]*)")
_COOKIE_ATTRIBUTES = {"expires", "path", "domain", "max-age", "samesite", "priority"}

_PLACEHOLDER = re.compile("|".join((TOKEN, COOKIE, SECRET)).encode())
# What is secret by where it stands: the user in a URL, a parameter whose name says so, the query of
# an upload. A server's log holds these, and nobody knows them where it is cleaned.
# Each pattern begins with a literal or a set of characters, which is what makes a search fast.
_PLACES = (
    re.compile(rb"://([^\s/?#\"'<>\\]+)@"),
    re.compile(
        rb"[?&][\w.-]{0,40}(?:%b)[\w.-]{0,40}=([^\s&#\"'<>\\]+)"
        % _SECRET_PARAMETER.pattern.encode()
    ),
    re.compile(rb"put (?:https?:/)?/[^\s?\"'<>\\]*\?([^\s\"'<>\\]+)"),
    re.compile(rb"upload_url\W{1,6}[^\s?\"'<>\\]{0,400}\?([^\s\"'<>\\]+)"),
)
_MARKS = ("…".encode(), b"...")
_CUT = re.compile(b"|".join(map(re.escape, _MARKS)))
_CUT_ESCAPE = re.compile(rb"(?:\\u?[0-9a-f]{0,7}|%[0-9a-f]?|&#?x?[0-9a-f]{0,6})?\s?\Z")
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
# Secrets are ASCII; hardly anything is that was not encoded from it.
_TEXTS = re.compile(rb"[\t-\r -~]{7,}")


class _Span(NamedTuple):
    start: int
    end: int
    label: str


class _What(NamedTuple):
    """What is hidden: all of it but the first characters, which only tell where it is."""

    label: str
    skipped: int = 0


class _Layer:
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

    def outside(self, span: _Span) -> _Span:
        """Return where in the other text something stands."""
        return _Span(self._place(span.start)[0], self._place(span.end - 1)[1], span.label)

    def _place(self, at: int) -> tuple[int, int]:
        index = bisect.bisect_right(self._begins, at) - 1
        if index < 0:
            return at, at + 1
        if at < self._ends[index]:
            return self._parts[index]
        place = at - self._ends[index] + self._parts[index][1]
        return place, place + 1


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
        return (span.start for one in self._begins for span in _each(one, text, step=1))

    def cut_off(self, text: bytes) -> Iterator[_Span]:
        """Yield what is left of a secret beside the mark of a cut."""
        if not any(mark in text for mark in _MARKS):
            return
        starts, ends, size = [], [], len(text)
        for start, end in (mark.span() for mark in _CUT.finditer(text)):
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


class Redaction:
    """What is secret in one run.

    Args:
        tape: Its token is a secret, and so is what its exchanges hold; they are read as they come.
        headers: Headers that the user sends with each request.
        secrets: Hidden in any text, whatever their length.
        token: The token, where there is no tape.
        proxy: The URL of a proxy, whose password is a secret, as are those of the environment's.

    """

    def __init__(
        self,
        tape: Tape | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        token: str = "",
        proxy: str | None = None,
    ) -> None:
        self._tape = tape
        self._read = 0
        self._lock = threading.Lock()
        self._secrets: dict[bytes, _What] = {}
        self._indexed = 0
        self._indexes: list[_Index] = []
        self._patterns: dict[re.Pattern[bytes], str] = {}
        self._headers = {name.lower() for name in headers or {}}
        self._add_token((tape.token if tape else token).strip())
        self.learn_headers((headers or {}).items(), are_secret=True)
        self._add_url(proxy or "")
        of_environment = (os.environ[one] for one in os.environ if one.lower().endswith("_proxy"))
        for url in filter(None, (proxy, *of_environment)):
            self._add_proxy(url)
        self._short: list[bytes] = []
        for secret in filter(None, secrets):
            self._add(secret, SECRET)
            self._short += [_bytes(secret)] if len(secret) < SHORTEST else []

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        raw = _bytes(text)
        spans = [span for one in self._short for span in _each(one, raw)]
        with self._lock:
            self._catch_up()
            spans += self._found(raw, _MOST_LAYERS)
        return _replaced(raw, spans).decode("utf-8", "surrogatepass") if spans else text

    def header(self, name: str, value: str) -> str:
        """Return the value of a header as it may be shown."""
        lower = name.lower()
        if lower in _AUTHORIZATIONS:
            return TOKEN
        if lower in _COOKIES:
            return COOKIE
        if lower in self._headers or _names_secret(lower):
            return SECRET
        return self(value)

    def learn_headers(
        self, headers: Iterable[tuple[str, str]], *, are_secret: bool = False
    ) -> None:
        """Take note of the secrets in headers; ``are_secret`` where all of them are the user's."""
        for name, value in headers:
            lower = name.lower()
            if lower in _AUTHORIZATIONS:
                self._add(value.partition(" ")[2].strip(), TOKEN)
                self._add(value.strip(), TOKEN)
                self._add(_password(value), SECRET)
            elif lower in _COOKIES:
                self._add(value, COOKIE)
                for pair, content in _COOKIE_PAIR.findall(value):
                    if pair.lower() not in _COOKIE_ATTRIBUTES:
                        self._add(content, COOKIE)
            elif are_secret or _names_secret(lower):
                self._add(value, SECRET)
                if are_secret and value and len(value) < SHORTEST:
                    named = rf"\b{re.escape(lower)}[\"']?\s*[:=]\s*[\"']?"
                    self._add_pattern(rf"{named}({re.escape(value.lower())})(?!\w)", SECRET)

    def _add(self, secret: str, label: str, skipped: int = 0) -> None:
        if len(secret) < SHORTEST:
            return
        raw = _bytes(secret)
        for spelled in (raw, raw.replace(b" ", b"+")):  # as forms spell a blank
            self._secrets.setdefault(spelled.lower(), _What(label, skipped))
            # Where a text is unescaped, so are the escapes that the secret itself holds.
            inner = _unescaped(spelled)
            for _ in range(0 if skipped else _MOST_LAYERS):
                if inner.is_empty or len(inner.text) < SHORTEST:
                    break
                self._secrets.setdefault(inner.text.lower(), _What(label))
                inner = _unescaped(inner.text)

    def _add_pattern(self, pattern: str, label: str) -> None:
        self._patterns[re.compile(_bytes(pattern))] = label

    def _add_token(self, token: str) -> None:
        """Take note of a token and of its prefix, which the gate sends too."""
        for one in filter(None, (token, token[:-1])):
            self._add(one, TOKEN)
            if len(one) < SHORTEST:
                basic = base64.b64encode(_bytes(f"{one}:")).decode()
                words = "|".join(re.escape(word.lower()) for word in (one, basic))
                shown = rf"\b(?:bearer|token|basic)\s+({words})(?![\w.~+/=-])"
                self._add_pattern(shown, TOKEN)

    def _add_url(self, url: str) -> None:
        base, _, query = url.partition("#")[0].partition("?")
        self._add(query, SECRET)
        try:
            parts = urlsplit(url)
        except ValueError:  # no URL, and so without a password
            return
        if query and len(query) < SHORTEST:
            place = f"{parts.path}?" if len(parts.path) >= SHORTEST else f"{base}?"
            self._add(f"{place}{query}", SECRET, len(_bytes(place)))
        for name, value in parse_qsl(query):
            if _SECRET_PARAMETER.search(name):
                self._add(value, SECRET)
        self._add(parts.password or "", SECRET)

    def _add_proxy(self, url: str) -> None:
        """Take note of what the URL of a proxy holds: as it is, decoded, and as it is sent."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
        except ValueError:
            return
        for user, password in (
            (parts.username or "", parts.password or ""),
            (unquote(parts.username or ""), unquote(parts.password or "")),
        ):
            self._add(password or user, SECRET)
            pair = f"{user}:{password}"
            for one in (base64.b64encode(_bytes(pair)).decode(), pair if password else ""):
                self._add(one, SECRET)
                if len(pair) > 1 and 0 < len(one) < SHORTEST:
                    word = re.escape(one.lower())
                    self._add_pattern(rf"(?<![\w+/])({word})(?![\w+/=])", SECRET)

    def _catch_up(self) -> None:
        """Read the exchanges that came onto the tape since the last time."""
        exchanges = self._tape.exchanges[self._read :] if self._tape else ()
        self._read += len(exchanges)
        for exchange in exchanges:
            self._learn(exchange)
        if len(self._secrets) > self._indexed:
            fresh = dict(itertools.islice(self._secrets.items(), self._indexed, None))
            self._indexed = len(self._secrets)
            # A large index is not made again for each few secrets that come.
            while self._indexes and len(self._indexes[-1].secrets) <= _GROWTH * len(fresh):
                fresh |= self._indexes.pop().secrets
            self._indexes.append(_Index(fresh))

    def _learn(self, exchange: Exchange) -> None:
        for message in (exchange.request, exchange.response):
            self.learn_headers(message.headers.items())
        if exchange.operation == "upload":
            self._add_url(exchange.request.url)
        elif exchange.upload_url is not None:
            self._add_url(exchange.upload_url)

    def _found(self, text: bytes, layers: int) -> Iterator[_Span]:
        lower = text.lower()
        for index in self._indexes:
            yield from index.whole(lower)
            yield from index.cut_off(lower)
        for pattern in (*_PLACES, *self._patterns):
            for found in pattern.finditer(lower):
                yield _Span(*found.span(1), self._patterns.get(pattern, SECRET))
        if layers:
            for inner in (_unescaped(text), _decoded(text)):
                if not inner.is_empty:
                    yield from map(inner.outside, self._found(inner.text, layers - 1))


class Secret(str):
    """A text that no repr shows, nor that of a part of it: tracebacks may show local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SECRET

    def __getitem__(self, key: SupportsIndex | slice) -> Secret:
        return Secret(super().__getitem__(key))


class Unshown(Mapping[str, str]):
    """A mapping, such as the environment, whose repr shows its keys alone."""

    def __init__(self, content: Mapping[str, str]) -> None:
        self._content = content

    def __getitem__(self, key: str) -> str:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


def without_user(url: str) -> str:
    """Return a URL, or what was meant as one, without its user and password."""
    user, at, rest = url.rpartition("@")
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", user)
    return f"{scheme[0] if scheme else ''}{SECRET}@{rest}" if at else str(url)


def is_secret_header(name: str, value: str) -> bool:
    """Whether a header that the user sends is a secret, and not just a setting."""
    lower = name.lower()
    return len(value) >= SHORTEST or lower in _COOKIES | _AUTHORIZATIONS or _names_secret(lower)


def _names_secret(lower: str) -> bool:
    return lower not in _PUBLIC and bool(_SECRET_NAME.search(lower))


def _password(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    decoded = next(_from_base64(credentials.strip().encode(), range(1)), b"")
    return decoded.decode("latin-1").partition(":")[2]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _each(secret: bytes, text: bytes, step: int = 0) -> Iterator[_Span]:
    # A secret may overlap itself; half of its length is enough of a step to hide it.
    start = text.find(secret)
    while start >= 0:
        yield _Span(start, start + len(secret), SECRET)
        start = text.find(secret, start + (step or (len(secret) + 1) // 2))


def _unescaped(text: bytes) -> _Layer:
    """Return a text with each escape of JSON, Python, URLs and HTML replaced by what it means."""
    parts = ((*found.span(), _character(found[0])) for found in _ESCAPE.finditer(text))
    return _Layer(text, parts, gaps=True)


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
        return _bytes(chr(code)) if code < 0x110000 else escape
    return _bytes(html5.get(word, escape.decode()))


def _decoded(text: bytes) -> _Layer:
    """Return what runs of base64 and of hexadecimal digits hold, from each place they may begin."""
    return _Layer(text, _runs(text), gaps=False)


def _runs(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    for runs, decode in _CODES:
        for run in runs.finditer(text):
            start, end = run.span()
            # What is cut in its encoded form is cut in what it holds.
            before = b"..." if text.endswith(_MARKS, 0, start) else b""
            after = b"..." if text.startswith(_MARKS, end) else b""
            for decoded in decode(run[0]):
                plain = decoded.replace(b"\0", b"")  # UTF-16
                if texts := _TEXTS.findall(before + plain + after):
                    yield start, end, b"\xff".join(texts)


def _from_base64(run: bytes, starts: range = range(4)) -> Iterator[bytes]:
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


# A list of bytes is what some programs print for them.
_CODES: Final = (
    (_BASE64, _from_base64), (_HEX, _from_hex), (_PAIRS, _from_hex), (_BYTES, _from_list),
)  # fmt: skip


def _replaced(text: bytes, spans: Iterable[_Span]) -> bytes:
    """Put labels for spans; those that overlap get one. What is hidden already stays as it is."""
    hidden = [found.span() for found in _PLACEHOLDER.finditer(text)]
    begins = [start for start, _ in hidden]
    parts: list[bytes] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        index = bisect.bisect_right(begins, span.start) - 1
        is_hidden = index >= 0 and span.end <= hidden[index][1]
        if span.start >= span.end or is_hidden:
            continue
        if span.start >= end:
            parts += (text[end : span.start], span.label.encode())
        end = max(end, span.end)
    return b"".join([*parts, text[end:]])
