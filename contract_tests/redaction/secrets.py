"""What is secret in a run.

The token, cookies, passwords in URLs, the query of an upload URL, and header values of 8 characters
or more or whose header name contains auth, token, key or secret. A shorter one is in ordinary text
too, so it is hidden only where it is the value of its header.
"""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from .encodings import from_base64, to_bytes
from .search import SHORTEST, Named, Search
from .values import COOKIE, SECRET, TOKEN

if TYPE_CHECKING:
    from ..tape.exchange import Exchange
    from ..tape.tape import Tape

_COOKIES = {"cookie", "set-cookie"}
_AUTHORIZATIONS = {"authorization", "proxy-authorization"}
# A challenge names schemes and realms, and is public.
_PUBLIC = {"www-authenticate", "proxy-authenticate"}
_SECRET_NAME = re.compile(r"auth|token|key|secret", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"auth|token|key|secret|sig|credential|password", re.IGNORECASE)
_COOKIE_PAIR = re.compile(r"(?:^|[,;])\s*([^=;,\s]+)=\"?([^;,\"]*)")
_COOKIE_ATTRIBUTES = {"expires", "path", "domain", "max-age", "samesite", "priority"}

# What is secret by where it stands: the user in a URL, a parameter whose name says so, the query of
# an upload. A server's log holds these, and nobody knows them where it is cleaned.
# Each pattern begins with a literal or a set of characters, which is what makes a search fast.
_PLACES = (
    r"://([^\s/?#\"'<>\\]+)@",
    rf"[?&][\w.-]{{0,40}}(?:{_SECRET_PARAMETER.pattern})[\w.-]{{0,40}}=([^\s&#\"'<>\\]+)",
    r"put (?:https?:/)?/[^\s?\"'<>\\]*\?([^\s\"'<>\\]+)",
    r"upload_url\W{1,6}[^\s?\"'<>\\]{0,400}\?([^\s\"'<>\\]+)",
)


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
        self.token = tape.token if tape else token
        self._tape = tape
        self._read = 0
        self._lock = threading.Lock()
        self._search = Search()
        for place in _PLACES:
            self._search.add_pattern(place, SECRET)
        self._headers = {name.lower() for name in headers or {}}
        self._add_token((tape.token if tape else token).strip())
        self.learn_headers((headers or {}).items(), are_secret=True)
        self._add_url(proxy or "")
        of_environment = (os.environ[one] for one in os.environ if one.lower().endswith("_proxy"))
        for url in filter(None, (proxy, *of_environment)):
            self._add_proxy(url)
        for secret in filter(None, secrets):
            if len(secret) < SHORTEST:
                self._search.add_short(secret, SECRET)
            self._search.add(secret, SECRET)

    def __call__(self, text: str) -> str:
        """Return a text without the secrets."""
        with self._lock:
            self._catch_up()
            return self._search.hidden(text)

    def replaced(self, raw: bytes, named: Named, public: re.Pattern[bytes] | None) -> bytes:
        """Return bytes with something else for each secret, but within what is public."""
        with self._lock:
            self._catch_up()
            return self._search.replaced(raw, named, public)

    def label(self, name: str) -> str | None:
        """Return the label of a header whose whole value is secret, or None."""
        lower = name.lower()
        if lower in _AUTHORIZATIONS:
            return TOKEN
        if lower in _COOKIES:
            return COOKIE
        return SECRET if lower in self._headers or _names_secret(lower) else None

    def header(self, name: str, value: str) -> str:
        """Return the value of a header as it may be shown."""
        return self.label(name) or self(value)

    def learn_headers(
        self, headers: Iterable[tuple[str, str]], *, are_secret: bool = False
    ) -> None:
        """Take note of the secrets in headers; ``are_secret`` where all of them are the user's."""
        for name, value in headers:
            lower = name.lower()
            if lower in _AUTHORIZATIONS:
                self._search.add(value.partition(" ")[2].strip(), TOKEN)
                self._search.add(value.strip(), TOKEN)
                self._search.add(_password(value), SECRET)
            elif lower in _COOKIES:
                self._search.add(value, COOKIE)
                for pair, content in _COOKIE_PAIR.findall(value):
                    if pair.lower() not in _COOKIE_ATTRIBUTES:
                        self._search.add(content, COOKIE)
            elif are_secret or _names_secret(lower):
                self._search.add(value, SECRET)
                if are_secret and value and len(value) < SHORTEST:
                    named = rf"\b{re.escape(lower)}[\"']?\s*[:=]\s*[\"']?"
                    self._search.add_pattern(rf"{named}({re.escape(value.lower())})(?!\w)", SECRET)

    def _add_token(self, token: str) -> None:
        """Take note of a token and of its prefix, which the gate sends too."""
        for one in filter(None, (token, token[:-1])):
            self._search.add(one, TOKEN)
            if len(one) < SHORTEST:
                basic = base64.b64encode(to_bytes(f"{one}:")).decode()
                words = "|".join(re.escape(word.lower()) for word in (one, basic))
                shown = rf"\b(?:bearer|token|basic)\s+({words})(?![\w.~+/=-])"
                self._search.add_pattern(shown, TOKEN)

    def _add_url(self, url: str) -> None:
        base, _, query = url.partition("#")[0].partition("?")
        self._search.add(query, SECRET)
        try:
            parts = urlsplit(url)
        except ValueError:  # no URL, and so without a password
            return
        if query and len(query) < SHORTEST:
            place = f"{parts.path}?" if len(parts.path) >= SHORTEST else f"{base}?"
            self._search.add(f"{place}{query}", SECRET, len(to_bytes(place)))
        for name, value in parse_qsl(query):
            if _SECRET_PARAMETER.search(name):
                self._search.add(value, SECRET)
        self._search.add(parts.password or "", SECRET)

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
            self._search.add(password or user, SECRET)
            pair = f"{user}:{password}"
            for one in (base64.b64encode(to_bytes(pair)).decode(), pair if password else ""):
                self._search.add(one, SECRET)
                if len(pair) > 1 and 0 < len(one) < SHORTEST:
                    word = re.escape(one.lower())
                    self._search.add_pattern(rf"(?<![\w+/])({word})(?![\w+/=])", SECRET)

    def _catch_up(self) -> None:
        """Read the exchanges that came onto the tape since the last time."""
        exchanges = self._tape.exchanges[self._read :] if self._tape else ()
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
    decoded = next(from_base64(credentials.strip().encode(), range(1)), b"")
    return decoded.decode("latin-1").partition(":")[2]
