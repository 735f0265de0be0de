"""Waivers: rules that may be violated for now, each with its reason and its last day."""

from __future__ import annotations

import contextlib
import datetime
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class WaiverError(Exception):
    """A file of waivers that does not read as one; the text says where, and what to do."""


@dataclass(frozen=True)
class Waiver:
    """One rule that may be violated.

    Attributes:
        reason: Why, in words for who reads the report.
        expires: The last day on which it holds.

    """

    rule: str
    reason: str
    expires: datetime.date


def load(path: Path, known: list[str], today: datetime.date) -> tuple[Waiver, ...]:
    """Read a file of waivers: TOML, an array of tables ``[[waiver]]`` with rule, reason, expires.

    Raises WaiverError for a file that is not there or is no TOML, for an unknown key or rule, for
    a rule that stands twice, a reason that is blank, a date that is none or is past.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WaiverError(f"{path}: {error.strerror}.  fix: mend WAIVERS") from error
    except ValueError as error:
        raise WaiverError(f"{path} is no TOML: {error}.  fix: mend the file") from error
    entries = document.pop("waiver", [])
    if document or not isinstance(entries, list):
        raise WaiverError(f"{path} holds something other than [[waiver]].  fix: take it out")
    waivers = tuple(_waiver(path, number, one) for number, one in enumerate(entries, start=1))
    for number, one in enumerate(waivers, start=1):
        at = f"{path}, waiver {number}"
        if one.rule not in known:
            raise WaiverError(f"{at}: there is no rule {one.rule}.  fix: use {', '.join(known)}")
        if one.rule in [other.rule for other in waivers[: number - 1]]:
            raise WaiverError(f"{at}: {one.rule} is waived twice.  fix: keep one")
        if one.expires < today:
            told = f"{at}: the waiver of {one.rule} ({one.reason}) expired on {one.expires}"
            raise WaiverError(f"{told}.  fix: mend the server, or give it a new date")
    return waivers


def _waiver(path: Path, number: int, entry: Any) -> Waiver:
    at = f"{path}, waiver {number}"
    wanted = {"rule", "reason", "expires"}
    if not isinstance(entry, dict) or set(entry) != wanted:
        raise WaiverError(f"{at}: it needs rule, reason and expires, and no more.  fix: mend it")
    rule, reason, expires = entry["rule"], entry["reason"], entry["expires"]
    if not isinstance(rule, str) or not isinstance(reason, str) or not reason.strip():
        raise WaiverError(f"{at}: rule and reason are texts, none blank.  fix: mend it")
    if isinstance(expires, str):
        with contextlib.suppress(ValueError):
            expires = datetime.date.fromisoformat(expires)
    if isinstance(expires, datetime.datetime):
        expires = expires.date()
    if not isinstance(expires, datetime.date):
        raise WaiverError(f"{at}: expires is no date.  fix: expires = 2026-12-31")
    return Waiver(rule.upper(), reason.strip(), expires)
