"""P12 to P15: advice about the headers of responses, from the standard of HTTP itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ..tape.exchange import Exchange, date_of
from .base import HELD, Broken, Judgement, Level, exchanges, rule

FRESH = 10.0
"""Seconds between two polls of the vendor's clients; a status may be this old."""

_HTTP_DATE = re.compile(r"[A-Za-z]{3,9},? .*\d\d:\d\d:\d\d.*")


@rule(
    "P12", Level.ADVICE,
    "A 401 has WWW-Authenticate.",
    source="#/components/responses/Unauthorized",
    over=exchanges,
    standard="RFC 9110, section 11.6.1",
)  # fmt: skip
def challenges(exchange: Exchange) -> Judgement:
    """Check every 401 to a request for a path of the contract.

    Source: standard. RFC 9110, section 11.6.1: a 401 must have the header, so that a client knows
    how to authenticate.

    Not a violation:

    - any scheme and any parameters;
    - a 403 without the header, and a 401 of an upload URL, which the contract does not have.
    """
    value = exchange.response.headers.get("www-authenticate", "").strip()
    return _sent(exchange, 401, "WWW-Authenticate", "a challenge, such as Bearer", bool(value))


@rule(
    "P13", Level.ADVICE,
    "A 405 has Allow.",
    source="#/paths",
    over=exchanges,
    standard="RFC 9110, section 15.5.6",
)  # fmt: skip
def lists_methods(exchange: Exchange) -> Judgement:
    """Check every 405 to a request for a path of the contract.

    Source: standard. RFC 9110, section 15.5.6: a 405 must have the header, with the methods that
    the resource has.

    Not a violation:

    - an empty Allow, which says that the resource has no method;
    - methods that the contract does not have, or not all that it has;
    - 404 or 501 instead of 405.
    """
    is_there = "allow" in exchange.response.headers
    return _sent(exchange, 405, "Allow", "the methods that there are", is_there)


@rule(
    "P14", Level.ADVICE,
    "A Retry-After is a number of seconds or a date.",
    source="#/paths",
    over=exchanges,
    standard="RFC 9110, section 10.2.3",
)  # fmt: skip
def can_be_waited_for(exchange: Exchange) -> Judgement:
    """Check every Retry-After, of an upload too.

    Source: standard. RFC 9110, section 10.2.3: digits, or a date in one of the forms of HTTP.

    Not a violation:

    - no header, 0, any number of seconds however large, and a date that is over;
    - the obsolete forms of a date, which a recipient must accept.
    """
    value = exchange.response.headers.get("retry-after")
    if value is None:
        return None
    value = value.strip()
    if (value.isascii() and value.isdigit()) or _http_date(value) is not None:
        return HELD
    return Broken("the header Retry-After", "seconds, as digits, or an HTTP date", repr(value))


@rule(
    "P15", Level.ADVICE,
    "A status may not be cached for longer than 10 s.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}/get/responses/200",
    over=exchanges,
    standard="RFC 9111, section 4.2",
)  # fmt: skip
def is_fresh(exchange: Exchange) -> Judgement:
    """Check every success of status.

    Source: standard. RFC 9111, section 4.2, has when a stored response is fresh; the vendor's
    clients poll every 10 s (observed).

    Not a violation:

    - no header about caching at all;
    - no-store or no-cache, whatever else there is, and a lifetime of up to 10 s;
    - directives that are not known, and a header that does not parse, which caches ignore.
    """
    if exchange.operation != exchange.api.status or not exchange.succeeded:
        return None
    name, seconds = _lifetime(exchange.response.headers)
    if seconds is None or seconds <= FRESH:
        return HELD
    return Broken(f"the header {name}", f"up to {FRESH:g} s", f"{seconds:g} s")


def _lifetime(headers: Mapping[str, str]) -> tuple[str, float | None]:
    """Return the header that says how long a response is fresh, and the seconds; or None."""
    directives = _directives(headers.get("cache-control", ""))
    if directives.keys() & {"no-store", "no-cache"}:
        return "Cache-Control", None
    ages = [directives[name] for name in ("s-maxage", "max-age") if name in directives]
    known = [float(age) for age in ages if age.isascii() and age.isdigit()]
    if known:
        return "Cache-Control", max(known)
    expires = _http_date(headers.get("expires", ""))
    date = _http_date(headers.get("date", "")) if expires else None
    return "Expires", (expires - date).total_seconds() if expires and date else None


def _directives(value: str) -> dict[str, str]:
    parts = (part.partition("=") for part in value.split(","))
    return {name.strip().lower(): argument.strip().strip('"') for name, _, argument in parts}


def _http_date(value: str) -> datetime | None:
    """Return an HTTP date in any of its three forms, or None."""
    return date_of(value) if _HTTP_DATE.fullmatch(value) else None


def _sent(exchange: Exchange, status: int, name: str, expected: str, is_there: bool) -> Judgement:
    """Judge whether a response of a status, to a path of the contract, has a header."""
    if exchange.template is None or exchange.response.status != status:
        return None
    return HELD if is_there else Broken(f"the header {name}", expected, "absent")
