"""Replays recorded traffic: reads a HAR file, and puts what belongs to the contract on a tape."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from ...contract.api import Api
from ...problems import Problem
from ...redaction import Redaction
from ...tape.exchange import Credential
from ...tape.tape import Record, Tape
from . import reader as har
from .reader import Har, HarEntry, HarMessage, UnreadableEntry

__all__ = ["DRIVER", "Replayed", "replay"]

DRIVER = "recording"
# Overlaps with everything, so that it proves nothing about what came first. Not the very last
# instant, since rules add to it.
UNTIMED = (datetime.min.replace(tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
_Kept = tuple[bytes | None, bytes | None, str | None]
_M = TypeVar("_M", bound=HarMessage)
_SCHEMES = ("bearer", "basic", "digest", "negotiate", "token", "apikey")
# What tools write for a token: [Filtered], <redacted>, {{token}}, ***, abc…, REDACTED.
_REDACTED = re.compile(
    r"[<\[({].*[>\])}]|.*(\*\*|••|…|\.\.\.).*|\w*xxxx|\W*|"
    r"\W*(redacted|filtered|removed|masked|hidden|saniti[sz]ed|scrubbed)\W*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Replayed:
    """A recording, and what became of its entries.

    Attributes:
        tape: The exchanges of the contract, in the order in which they were answered.
        entries: How many the file has.
        ignored: How many are not for this API.
        left_out: Why others cannot be judged, and how many.
        untimed: How many of those judged have no time that can be read.
        bodiless: How many of those judged have a response whose body was not recorded as it was.
        repeated: How many list an exchange that another entry lists already.

    """

    tape: Tape
    entries: int
    ignored: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    untimed: int = 0
    bodiless: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        self.redaction = Redaction(self.tape)

    @property
    def judged(self) -> int:
        """How many entries are on the tape."""
        return len(self.tape.exchanges)


def replay(recording: str | Path | Har, *subscribers: Callable[[Record], object]) -> Replayed:
    """Put the entries of a HAR file on a tape that has these subscribers.

    Raises ``Problem`` if the file is no HAR, or none of its entries can be judged. An entry
    that cannot be read is left out, and counted with its reason.
    """
    read = recording if isinstance(recording, Har) else har.read(Path(recording))
    entries = read.entries
    replayed = Replayed(_tape(read), len(entries))
    found = _merged(entries)
    shown = _Shown(found, replayed.tape.api)
    for subscriber in subscribers:
        replayed.tape.subscribe(subscriber)
    replayed.redaction.learn_headers(read.headers)
    for one in _in_order(found):
        entry = one.entry
        if entry.address and read.own is None and not replayed.tape.concerns(*entry.address):
            replayed.ignored += one.count
        elif isinstance(entry, UnreadableEntry):
            replayed.left_out[entry.why] += 1
        else:
            replayed.repeated += one.count - 1
            _record(replayed, entry, shown.credential(entry, one.count))
    if not replayed.judged:
        raise _nothing_to_judge(replayed)
    return replayed


def _tape(read: Har) -> Tape:
    """Return the tape for a file; one that lacks entries of the gate's proves nothing by that."""
    if read.own is None:
        return Tape("", is_whole=False)
    has_all = [one.own.number for one in read.entries if isinstance(one, HarEntry) and one.own] == [
        *range(1, read.own.exchanges + 1)
    ]
    return Tape(
        read.own.token, is_whole=has_all and read.own.is_whole, is_live=read.own.is_live,
        stuck_after=read.own.stuck_after,
    )  # fmt: skip


def _record(replayed: Replayed, entry: HarEntry, credential: Credential) -> None:
    request, response, own = entry.request, entry.response, entry.own
    if own and own.is_withheld:
        replayed.tape.withheld.add(len(replayed.tape.exchanges) + 1)
    replayed.tape.record(
        driver=own.driver if own else DRIVER,
        intent=own.intent if own else f"entry {entry.number}",
        request=(*entry.address, request.headers, request.body),
        response=(response.status, response.headers, response.body),
        at=entry.times or UNTIMED,
        credential=own.credential if own else credential,
        upload_of=own.upload_of if own else None,
        is_absent=own is not None and own.is_absent,
        failure=own.failure if own else None,
    )
    replayed.untimed += entry.times is None
    replayed.bodiless += response.body is None and not (own and own.failure)


@dataclass
class _Copies:
    """The entries that list one exchange, as one entry. Merged exports list it once in each.

    Attributes:
        count: How many they are.
        is_sanitised: Whether some lack the Authorization header that others have.

    """

    entry: HarEntry | UnreadableEntry
    kept: _Kept = (None, None, None)
    count: int = 1
    is_sanitised: bool = False

    def takes(self, entry: HarEntry, kept: _Kept) -> bool:
        """Add an entry that differs in nothing that both keep; return whether it is one.

        What one lacks is taken from the other, so that their order in the file does not matter.
        """
        mine = self.entry
        if not isinstance(mine, HarEntry) or _differ(self.kept, kept):
            return False
        self.is_sanitised |= _has_token(mine) != _has_token(entry)
        fuller, other = (entry, mine) if mine.response.body is None else (mine, entry)
        self.entry = replace(
            fuller,
            request=_joined(fuller.request, other.request),
            response=_joined(fuller.response, other.response),
        )
        self.kept = _kept(self.entry)
        self.count += 1
        return True


def _merged(entries: list[HarEntry | UnreadableEntry]) -> list[_Copies]:
    found: list[_Copies] = []
    by_time: dict[object, list[_Copies]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, UnreadableEntry):
            found.append(_Copies(entry))
            continue
        number = entry.own.number if entry.own else None
        alike = by_time[number, entry.address, entry.times, entry.response.status]
        kept = _kept(entry)
        if not any(one.takes(entry, kept) for one in alike):
            alike.append(_Copies(entry, kept))
            found.append(alike[-1])
    return found


def _kept(entry: HarEntry) -> _Kept:
    """Return the bodies and the token, each None if it was not recorded."""
    token = entry.request.headers.get("authorization")
    is_known = token is not None and not _is_redacted(token)
    return entry.request.body, entry.response.body, token if is_known else None


def _differ(one: _Kept, other: _Kept) -> bool:
    pairs = zip(one, other, strict=True)
    return any(mine != its and mine is not None and its is not None for mine, its in pairs)


def _has_token(entry: HarEntry) -> bool:
    return "authorization" in entry.request.headers


def _joined(one: _M, other: _M) -> _M:
    shown = {name: value for name, value in one.headers.items() if not _is_redacted(value)}
    body = other.body if one.body is None else one.body
    return replace(one, headers={**one.headers, **other.headers, **shown}, body=body)


def _in_order(found: list[_Copies]) -> list[_Copies]:
    """Sort the exchanges as they ended; one without times keeps its place, as do the gate's."""
    if any(isinstance(one.entry, HarEntry) and one.entry.own for one in found):
        return sorted(found, key=_number)
    known, last = [], (UNTIMED[0],) * 2
    for one in found:
        last = one.entry.times or last
        known.append(last)
    return [found[index] for index in sorted(range(len(found)), key=lambda at: known[at][::-1])]


def _number(one: _Copies) -> int:
    entry = one.entry
    return entry.own.number if isinstance(entry, HarEntry) and entry.own else entry.number


class _Shown:
    """The Authorization headers of a recording, each with the status codes that it got."""

    def __init__(self, found: list[_Copies], api: Api) -> None:
        self._statuses: dict[str, set[int]] = {}
        self._any = False
        self._any_sanitised = any(one.is_sanitised for one in found)
        for entry in (one.entry for one in found):
            if entry.address and entry.request and _is_of(api, *entry.address):
                token = entry.request.headers.get("authorization")
                self._any = self._any or token is not None
                if token is not None and isinstance(entry, HarEntry):
                    self._statuses.setdefault(token, set()).add(entry.response.status)

    def credential(self, entry: HarEntry, copies: int) -> Credential:
        """Return what is known of the credential of a request.

        A recording without any Authorization header was sanitised, as browsers do, and so may be
        the only copy of a request in merged ones; the session may be in a cookie; and a token that
        was accepted before may have expired.
        """
        headers, status = entry.request.headers, entry.response.status
        authorization = headers.get("authorization")
        if authorization is None:
            is_sanitised = not self._any or (self._any_sanitised and copies == 1)
            is_reliable = headers and "cookie" not in headers and not is_sanitised
            return Credential.ABSENT if is_reliable else Credential.UNKNOWN
        statuses = self._statuses.get(authorization, set())
        if _is_redacted(authorization) or not statuses:
            return Credential.UNKNOWN
        if any(200 <= one <= 299 for one in statuses):
            return Credential.UNKNOWN if status == 401 else Credential.VALID
        return Credential.OTHER if statuses == {401} else Credential.UNKNOWN


def _is_of(api: Api, method: str, url: str) -> bool:
    return api.address(method, urlsplit(url).path).operation is not None


def _token(authorization: str) -> str:
    """Take the scheme off; what stands alone is a token, unless it is a scheme."""
    scheme, _, token = authorization.strip().partition(" ")
    if token.strip():
        return token.strip()
    return "" if scheme.lower() in _SCHEMES else scheme


def _is_redacted(authorization: str) -> bool:
    return bool(_REDACTED.fullmatch(_token(authorization)))


def _nothing_to_judge(replayed: Replayed) -> Problem:
    if not replayed.left_out:
        return Problem(
            f"nothing to judge: none of {replayed.entries} entries is for this API",
            "record the requests to paths like /api/v1/images/build",
        )
    reasons = "; ".join(f"{count}: {why}" for why, count in replayed.left_out.most_common(5))
    return Problem(
        f"nothing to judge: of {replayed.entries} entries, {replayed.ignored} are not for "
        f"this API, and the rest cannot be read ({reasons})",
        "save the traffic as HAR once more, with content",
    )
