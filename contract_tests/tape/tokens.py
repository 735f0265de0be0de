"""Where the token of an API stands in headers: an upload must not have it."""

from __future__ import annotations

from collections.abc import Mapping

_LONG = 8


def token_of(headers: Mapping[str, str]) -> str:
    """Return the bearer token of a request, or an empty text. Names are in lower case."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def carrying(headers: Mapping[str, str], token: str) -> list[str]:
    """Return the names of the headers whose value has a token in it.

    A short token is in ordinary text too, so it counts only as a word of its own.
    """
    return [
        name
        for name, value in headers.items()
        if token and (token in value if len(token) >= _LONG else token in value.split())
    ]
