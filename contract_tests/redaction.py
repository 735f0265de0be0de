"""Hides secrets in text that is shown or written. The tape and the wire are never changed.

Secrets are the token, cookies, passwords in URLs, the query of an upload URL, and header values of
8 characters or more or whose header name contains auth, token, key or secret. A shorter one is in
ordinary text too, so it is hidden only where it is the value of its header.

A secret is found in any case, and as escapes, base64 and hexadecimal digits spell it, up to four of
these in one another. The time is linear in the length of a text, whatever the text is.

Standard library only: the scripts for CI use this module without the gate's packages.
"""

from __future__ import annotations

import base64
import binascii
import bisect
import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from html.entities import html5
from typing import TYPE_CHECKING, Final, NamedTuple, SupportsIndex
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from .tape.exchange import Exchange
    from .tape.tape import Tape

SHORTEST: Final = 8
"""Length from which a secret is hidden in any text, and in encoded forms."""

TOKEN, COOKIE, SECRET = "<token>", "<cookie>", "<secret>"

# A prefix or suffix of a secret from this length on is hidden beside the mark of a cut.
_SHORTEST_CUT = 4
# So far from the mark; and a server may send any number of marks.
_LONGEST_CUT, _MOST_CUTS = 1024, 64
# Encodings in one another: JSON in JSON, an encoded URL in a query, base64 of either.
_MOST_LAYERS = 4
# From so many secrets on, a text is first searched for their beginnings, whatever their number.
_MANY = 500

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
_CUT_ESCAPE = re.compile(rb"(?:\\u?[0-9a-f]{0,3}|%[0-9a-f]?|&#?x?[0-9a-f]{0,6})?\s?\Z")
_ESCAPE = re.compile(
    rb"""[\\%&\0] (?:
      (?<=\\) (?:
          u (?P<four>[0-9A-Fa-f]{4}) | u\{0* (?P<long>[0-9A-Fa-f]{1,6}) \}
        | x (?P<two>[0-9A-Fa-f]{2}) | (?P<octal>[0-3][0-7]{2}) | (?P<itself>[!-/:-@\[-`{-~]) )
    | (?<=%) (?: (?P<byte>[0-9A-Fa-f]{2}) | u (?P<old>[0-9A-Fa-f]{4}) )
    | (?<=&) (?:
          \#0* (?P<decimal>[0-9]{1,7}) ;? | \#[xX]0* (?P<hex>[0-9A-Fa-f]{1,6}) ;?
        | (?P<name>[A-Za-z][A-Za-z0-9]{1,31};|(?i:amp|lt|gt|quot)) )
    | (?<=\0) )""",
    re.VERBOSE,
)
_BASES = {"four": 16, "long": 16, "two": 16, "octal": 8, "old": 16, "decimal": 10, "hex": 16}
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}(?:\r?\n[A-Za-z0-9+/_-]+)*")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_HEX = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f]{11,}")
_PAIRS = re.compile(rb"[0-9A-Fa-f][0-9A-Fa-f](?:[ :-][0-9A-Fa-f]{2}){7,}")
_BYTES = re.compile(rb"[0-9][0-9]{0,2}(?:,\s?[0-9]{1,3}){7,}")
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


class Redaction:
    """What is secret in one run.

    Args:
        tape: Its token is a secret, and so is what its exchanges hold; they are read as they come.
        headers: Headers that the user sends with each request.
        secrets: Hidden in any text, whatever their length.
        token: The token, where there is no tape.
        proxy: The URL of a proxy, whose password is a secret.

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
        self._begins: dict[bytes, list[bytes]] = defaultdict(list)
        self._heads: dict[bytes, list[bytes]] = defaultdict(list)
        self._tails: dict[bytes, list[bytes]] = defaultdict(list)
        self._patterns: dict[re.Pattern[bytes], str] = {}
        self._headers = {name.lower() for name in headers or {}}
        self._add_token((tape.token if tape else token).strip())
        self.learn_headers((headers or {}).items(), are_secret=True)
        self._add_url(proxy or "")
        self._short: list[bytes] = []
        for secret in filter(None, secrets):
            self._add(secret, SECRET)
            self._short += [_bytes(secret)] if len(secret) < SHORTEST else []

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        self._catch_up()
        raw = _bytes(text)
        spans = [span for one in self._short for span in _each(one, raw, _What(SECRET))]
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
        for spelled in dict.fromkeys((secret, secret.replace(" ", "+"))):  # as forms spell a blank
            key = _bytes(spelled).lower()
            if key in self._secrets:
                continue
            self._secrets[key] = _What(label, skipped)
            self._begins[key[:SHORTEST]].append(key)
            if not skipped:
                self._heads[key[:_SHORTEST_CUT]].append(key)
                self._tails[key[-_SHORTEST_CUT:]].append(key)

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

    def _catch_up(self) -> None:
        """Read the exchanges that came onto the tape since the last time."""
        if self._tape is None:
            return
        with self._lock:
            exchanges = self._tape.exchanges[self._read :]
            self._read += len(exchanges)
            for exchange in exchanges:
                self._learn(exchange)

    def _learn(self, exchange: Exchange) -> None:
        for message in (exchange.request, exchange.response):
            self.learn_headers(message.headers.items())
        if exchange.operation == "upload":
            self._add_url(exchange.request.url)
        elif exchange.upload_url is not None:
            self._add_url(exchange.upload_url)

    def _found(self, text: bytes, layers: int) -> Iterator[_Span]:
        lower = text.lower()
        for secret in self._begun(lower):
            yield from _each(secret, lower, self._secrets[secret])
        yield from self._cut_off(lower)
        for pattern in (*_PLACES, *self._patterns):
            for found in pattern.finditer(lower):
                yield _Span(*found.span(1), self._patterns.get(pattern, SECRET))
        if layers:
            for inner in (_unescaped(text), _decoded(text)):
                if not inner.is_empty:
                    yield from map(inner.outside, self._found(inner.text, layers - 1))

    def _begun(self, lower: bytes) -> list[bytes]:
        """Return the secrets that a text may hold."""
        begins = [*self._begins.values()]
        if len(begins) > _MANY:
            windows = {lower[at : at + SHORTEST] for at in range(len(lower) - SHORTEST + 1)}
            begins = [self._begins[one] for one in windows & self._begins.keys()]
        return [*itertools.chain.from_iterable(begins)]

    def _cut_off(self, lower: bytes) -> Iterator[_Span]:
        """Yield what is left of a secret beside the mark of a cut."""
        size = _SHORTEST_CUT
        if not any(mark in lower for mark in _MARKS):
            return
        for mark in itertools.islice(_CUT.finditer(lower), _MOST_CUTS):
            start, end = mark.span()
            first = max(0, start - _LONGEST_CUT)
            if part := _CUT_ESCAPE.search(lower, max(first, start - 10), start):
                start = part.start()
            end += lower[end : end + 1].isspace()
            for at in range(first, start - size + 1):
                for one in self._heads.get(lower[at : at + size], ()):
                    if one.startswith(lower[at:start]):
                        yield _Span(at, start, self._secrets[one].label)
            for at in range(min(len(lower), end + _LONGEST_CUT), end + size - 1, -1):
                for one in self._tails.get(lower[at - size : at], ()):
                    if one.endswith(lower[end:at]):
                        yield _Span(end, at, self._secrets[one].label)


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


def _each(secret: bytes, text: bytes, what: _What) -> Iterator[_Span]:
    # A secret may overlap itself; half of its length is enough of a step.
    start, step = text.find(secret), (len(secret) + 1) // 2
    while start >= 0:
        yield _Span(start + what.skipped, start + len(secret), what.label)
        start = text.find(secret, start + step)


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
    yield bytes(min(int(one), 255) for one in run.split(b","))


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
