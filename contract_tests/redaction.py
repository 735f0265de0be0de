"""Hides secrets in text that is shown or written. The tape and the wire are never changed.

Secrets are the token, cookies, passwords in URLs, the query of an upload URL, and header values of
8 characters or more or whose header name contains auth, token, key or secret. A shorter one is in
ordinary text too, so it is hidden only where it is the value of its header.

Standard library only: the scripts for CI use this module without the gate's packages.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from .tape.exchange import Exchange
from .tape.tape import Tape

SHORTEST: Final = 8
"""Length from which a secret is hidden in any text, and in encoded forms."""

TOKEN, COOKIE, SECRET = "<token>", "<cookie>", "<secret>"

# A prefix or suffix of a secret from this length on is hidden beside the mark of a cut.
_SHORTEST_CUT = 4
# Nothing of ours cuts a text at more places, and a server may send any number of marks.
_MOST_CUTS = 8
# Unescaping is repeated: JSON in JSON, or an encoded URL in a query.
_MOST_LAYERS = 4

_COOKIES = {"cookie", "set-cookie"}
_AUTHORIZATIONS = {"authorization", "proxy-authorization"}
# A challenge names schemes and realms, and is public.
_PUBLIC = {"www-authenticate", "proxy-authenticate"}
_SECRET_NAME = re.compile(r"auth|token|key|secret", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"auth|token|key|secret|sig|credential|password", re.IGNORECASE)
_COOKIE_PAIR = re.compile(r"(?:^|[,;])\s*([^=;,\s]+)=\"?([^;,\"]*)")
_COOKIE_ATTRIBUTES = {"expires", "path", "domain", "max-age", "samesite", "priority"}

_PLACEHOLDER = re.compile("|".join((TOKEN, COOKIE, SECRET)))
_USERINFO = re.compile(r"(?<=://)[^\s/?#\"'<>\\@]+(?=@)")
_CUT = re.compile(r"\s?(?:…|\.\.\.)\s?")
_ESCAPE = re.compile(
    r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[/\"'\\]|"
    r"&(?:amp|lt|gt|quot|apos|#\d{1,4}|#[xX][0-9A-Fa-f]{1,3});|\0"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{11,}")
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")


class _Span(NamedTuple):
    start: int
    end: int
    label: str


class _Layer(NamedTuple):
    """A text after some unescaping, and where each of its characters stands in the original."""

    text: str
    places: range | list[int]


class Redaction:
    """What is secret in one run.

    Args:
        tape: Its token is a secret, and so is what its exchanges hold; they are read as they come.
        headers: Headers that the user sends with each request.
        secrets: Hidden in any text, whatever their length.
        token: The token, where there is no tape.

    """

    def __init__(
        self,
        tape: Tape | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        token: str = "",
    ) -> None:
        self._tape = tape
        self._read = 0
        self._lock = threading.Lock()
        self._secrets: dict[str, str] = {}
        self._patterns: dict[re.Pattern[str], str] = {}
        self._headers = {name.lower() for name in headers or {}}
        self._add_token(tape.token if tape else token)
        self.learn_headers((headers or {}).items(), are_secret=True)
        for secret in filter(None, secrets):
            self._secrets.setdefault(secret, SECRET)

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        self._catch_up()
        spans = [span for layer in _layers(text) for span in self._found(layer)]
        return _replaced(text, spans)

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
                    named = rf"(?i:\b{re.escape(name)}[\"']?\s*[:=]\s*[\"']?)"
                    self._patterns[re.compile(rf"{named}({re.escape(value)})(?!\w)")] = SECRET

    def _add(self, secret: str, label: str) -> None:
        if len(secret) >= SHORTEST:
            self._secrets.setdefault(secret, label)
            self._secrets.setdefault(secret.replace(" ", "+"), label)  # as forms spell a blank

    def _add_token(self, token: str) -> None:
        self._add(token, TOKEN)
        if token and len(token) < SHORTEST:
            shown = re.compile(rf"\b[Bb]earer\s+({re.escape(token)})(?![\w.~+/=-])")
            self._patterns[shown] = TOKEN

    def _add_url(self, url: str) -> None:
        base, _, query = url.partition("#")[0].partition("?")
        self._add(query, SECRET)
        if query and len(query) < SHORTEST:
            self._patterns[re.compile(rf"{re.escape(base)}\?({re.escape(query)})(?!\w)")] = SECRET
        for name, value in parse_qsl(query):
            if _SECRET_PARAMETER.search(name):
                self._add(value, SECRET)
        try:
            self._add(urlsplit(url).password or "", SECRET)
        except ValueError:  # no URL, and so without a password
            return

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

    def _found(self, layer: _Layer) -> Iterator[_Span]:
        text, places = layer
        is_original = isinstance(places, range)
        secrets = list(self._secrets.items())
        for secret, label in secrets:
            if is_original or len(secret) >= SHORTEST:
                start = text.find(secret)
                while start >= 0:
                    yield _Span(places[start], places[start + len(secret)], label)
                    start = text.find(secret, start + 1)
        long = {secret: label for secret, label in secrets if len(secret) >= SHORTEST}
        for start, end, label in (*_encoded(text, long), *_cut_off(text, long)):
            yield _Span(places[start], places[end], label)
        for pattern, label in [*self._patterns.items()]:
            for found in pattern.finditer(text):
                yield _Span(places[found.start(1)], places[found.end(1)], label)
        for found in _USERINFO.finditer(text):
            yield _Span(places[found.start()], places[found.end()], SECRET)


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
    return next(_decoded(credentials.strip(), range(1)), "").partition(":")[2]


def _layers(text: str) -> Iterator[_Layer]:
    """Yield a text as it is, and unescaped once, twice, and so on while that changes it."""
    layer = _Layer(text, range(len(text) + 1))
    yield layer
    for _ in range(_MOST_LAYERS):
        if _ESCAPE.search(layer.text) is None:
            return
        layer = _unescaped(layer)
        yield layer


def _unescaped(layer: _Layer) -> _Layer:
    parts: list[str] = []
    places: list[int] = []
    end = 0
    for found in _ESCAPE.finditer(layer.text):
        parts.append(layer.text[end : found.start()])
        places += layer.places[end : found.start()]
        end = found.end()
        one = _character(found[0])
        parts.append(one)
        places += [layer.places[found.start()]] * len(one)
    parts.append(layer.text[end:])
    places += layer.places[end:]
    return _Layer("".join(parts), places)


def _character(escape: str) -> str:
    if escape == "\0":  # every other byte of ASCII in UTF-16
        return ""
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    if escape[0] == "&":
        return html.unescape(escape)
    return escape[1] if len(escape) == 2 else chr(int(escape[2:], 16))


def _encoded(text: str, secrets: Mapping[str, str]) -> Iterator[_Span]:
    """Yield each run of base64 or hexadecimal digits that holds a secret, as a whole."""
    for run in _BASE64.finditer(text):
        for decoded in _decoded(run[0], range(4)):
            for secret, label in secrets.items():
                if secret in decoded:
                    yield _Span(run.start(), run.end(), label)
    for run in _HEX.finditer(text):
        for start in (0, 1):
            digits = run[0][start:]
            decoded = bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1")
            for secret, label in secrets.items():
                if secret in decoded:
                    yield _Span(run.start(), run.end(), label)


def _decoded(run: str, starts: range) -> Iterator[str]:
    """Decode a run of base64 from each of some places: a run need not begin where a text did."""
    plain = run.rstrip("=").replace("-", "+").replace("_", "/")
    for start in starts:
        digits = plain[start:]
        if len(digits) % 4 == 1:
            digits = digits[:-1]
        try:
            yield base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1")
        except (binascii.Error, ValueError):
            continue


def _cut_off(text: str, secrets: Mapping[str, str]) -> Iterator[_Span]:
    """Yield what is left of a secret beside the mark of a cut."""
    longest = max(map(len, secrets), default=0)
    for mark in itertools.islice(_CUT.finditer(text), _MOST_CUTS):
        start, end = mark.span()
        head, tail = text[max(0, start - longest) : start], text[end : end + longest]
        for secret, label in secrets.items():
            sizes = range(len(secret) - 1, _SHORTEST_CUT - 1, -1)
            if secret[:_SHORTEST_CUT] in head:
                kept = next((size for size in sizes if head.endswith(secret[:size])), 0)
                yield _Span(start - kept, start, label)
            if secret[-_SHORTEST_CUT:] in tail:
                kept = next((size for size in sizes if tail.startswith(secret[-size:])), 0)
                yield _Span(end, end + kept, label)


def _replaced(text: str, spans: Iterable[_Span]) -> str:
    """Put labels for spans; those that overlap get one. What is hidden already stays as it is."""
    hidden = [found.span() for found in _PLACEHOLDER.finditer(text)]
    parts: list[str] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        is_empty = span.start == span.end
        if is_empty or any(start <= span.start and span.end <= stop for start, stop in hidden):
            continue
        if span.start >= end:
            parts += (text[end : span.start], span.label)
        end = max(end, span.end)
    return "".join([*parts, text[end:]])
