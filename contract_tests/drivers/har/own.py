"""The ``_contract`` fields of a HAR file: what the gate knows and HAR has no place for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ...problems import Problem
from ...tape.exchange import Credential

KEY = "_contract"
FORMAT = 1
"""Incremented with each incompatible change; a new key is not one."""


@dataclass(frozen=True)
class OwnLog:
    """What is true of all exchanges of a tape.

    Attributes:
        exchanges: How many were recorded. If a file has fewer, what it lacks proves nothing.
        token: What stands for the valid token.
        level: Up to which level a violation failed the run.
        rules: The ids of the rules that judged the run; none where all that there were did.
        target: What was judged.
        excused: Why rules were not applicable, by their ids.
        is_whole: As of the tape, as are ``is_live`` and ``stuck_after``.

    """

    exchanges: int
    token: str
    level: str
    target: str
    excused: dict[str, str]
    is_whole: bool
    is_live: bool
    stuck_after: float | None = None
    format: int = FORMAT
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """What is true of one exchange; the attributes are those of ``Exchange``.

    Attributes:
        upload_of: The build whose context it uploads, or None.
        is_withheld: Whether the client did not get the response, but one of the proxy's own.

    """

    number: int
    driver: str
    intent: str = field(repr=False)
    credential: Credential
    began: datetime
    ended: datetime
    is_absent: bool = False
    upload_of: str | None = field(default=None, repr=False)
    failure: str | None = field(default=None, repr=False)
    is_withheld: bool = False


T = TypeVar("T", OwnLog, OwnEntry)


def write(own: OwnLog | OwnEntry) -> dict[str, Any]:
    """Return the fields as JSON values."""
    written: dict[str, Any] = msgspec.to_builtins(own)
    return written


def read(where: str, holder: Any, kind: type[T]) -> T | None:
    """Return the fields of a log or an entry, or None if it has none.

    Raises ``Problem`` for fields that the gate does not write: guesses would change verdicts.
    """
    if not isinstance(holder, dict) or KEY not in holder:
        return None
    try:
        own = msgspec.convert(holder[KEY], kind)
    except msgspec.ValidationError as error:
        raise _unreadable(f"{where} has invalid {KEY} fields: {error}") from error
    if isinstance(own, OwnLog) and own.format != FORMAT:
        raise _unreadable(f"{where} has {KEY} fields of format {own.format}, and not {FORMAT}")
    if isinstance(own, OwnEntry) and not (own.began.tzinfo and own.ended.tzinfo):
        raise _unreadable(f"{where} has instants without an offset in {KEY}")
    return own


def _unreadable(what: str) -> Problem:
    return Problem(what, f"judge the file as it was written, or remove {KEY} from its log")
