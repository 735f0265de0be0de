"""Upload URLs that lead through the proxy, so that uploads are seen."""

from __future__ import annotations

import json
import re
import secrets
from typing import NamedTuple

import httpx

from ..session import issued_target

PATH = "/.uploads/"
_BLANK = re.compile(r"[ \t\r\n]*")


class Upload(NamedTuple):
    """Where an upload goes, and whose context it is."""

    url: str
    parsed: httpx.URL
    target: bytes
    build_id: str | None


class Uploads:
    """The upload URLs that were issued, each with a path of the proxy."""

    def __init__(self) -> None:
        self._issued: dict[str, Upload] = {}

    def issue(self, url: str, build_id: str | None) -> str | None:
        """Return a path for an upload URL; None for one that is not an http(s) URL."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL:
            return None
        if parsed.scheme not in ("http", "https") or not parsed.host:
            return None
        path = f"{PATH}{secrets.token_urlsafe(16)}"
        target = issued_target(url) or parsed.raw_path
        self._issued[path] = Upload(url, parsed, target, build_id)
        return path

    def find(self, path: str) -> Upload | None:
        """Return the upload of a path, or None."""
        return self._issued.get(path)


def replaced(content: bytes, key: str, value: str) -> bytes:
    """Replace the text of a key in a JSON object, and no other byte. The JSON must be strict."""
    text, decoder = content.decode(), json.JSONDecoder()
    at = text.index("{") + 1
    while True:
        name, at = decoder.raw_decode(text, _after_blanks(text, at))
        start = _after_blanks(text, _after_blanks(text, at) + 1)
        _, end = decoder.raw_decode(text, start)
        if name == key:
            return f"{text[:start]}{json.dumps(value)}{text[end:]}".encode()
        at = _after_blanks(text, end) + 1


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
