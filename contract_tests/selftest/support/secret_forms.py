"""Secrets that stand in ordinary traffic, and the forms in which a text may hold one."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

SECRET = "s3cret/with+signs&such"  # noqa: S105 (not a secret: no server accepts it)
# What stands in every exchange: letters, words of JSON, of HTTP and of the contract.
WORDS = [
    "a", "t", "1", "true", "json", "build", "200", "Bearer", "POST", "http", "completedAt",
    "BUILDING", "application/json", "2026", SECRET,
]  # fmt: skip

FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f"),
    "half of it": lambda text: text.replace("/", "%2F"),
    "all of it": lambda text: "".join(f"%{ord(one):02x}" for one in text),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": quote_plus,
    "JSON": lambda text: json.dumps(text),
    "JSON with escaped slashes": lambda text: text.replace("/", "\\/"),
    "JSON for HTML": lambda text: text.replace("&", "\\u0026").replace("+", "\\u002B"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text.replace("/", "\\/"))),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "repr of bytes": lambda text: repr(text.encode("utf-16-le")),
    "UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of more": lambda text: base64.b64encode(f"me:{text}!".encode()).decode(),
    "base64 behind a path": lambda text: "x/" + base64.b64encode(text.encode()).decode(),
    "base64 by lines": lambda text: base64.encodebytes((9 * text).encode()).decode().strip(),
    "base64 by lines in JSON": lambda text: json.dumps(
        base64.encodebytes((9 * text).encode()).decode()
    )[1:-1],
    "hexadecimal": lambda text: text.encode().hex(),
    "indented list": lambda text: json.dumps([*text.encode()], indent=4)[1:-1],
    "cut at its end": lambda text: f"{text[:-3]}…",
    "cut by three dots": lambda text: f"{text[:-3]}...",
    "cut at its beginning": lambda text: f"… {text[5:]}",
}
