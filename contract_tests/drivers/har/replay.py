"""Replays recorded traffic: reads a HAR file, and puts what belongs to the contract on a tape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from ...contract.api import Api
from ...problems import Problem
from ...redaction import Redaction
from ...tape.exchange import Credential
from ...tape.tape import Record, Tape
from . import reader as har
from .reader import Har, HarEntry, UnreadableEntry

__all__ = ["DRIVER", "Replayed", "replay"]

DRIVER = "recording"
# Overlaps with everything, so that it proves nothing about what came first. Not the very last
# instant, since rules add to it.
UNTIMED = (datetime.min.replace(tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
_Bodies = tuple[bytes | None, bytes | None]
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
    shown, seen = _Shown(entries, replayed.tape.api), _Seen()
    for subscriber in subscribers:
        replayed.tape.subscribe(subscriber)
    replayed.redaction.learn_headers(read.headers)
    for entry in _in_order(entries):
        if entry.address and read.own is None and not replayed.tape.concerns(*entry.address):
            replayed.ignored += 1
        elif isinstance(entry, UnreadableEntry):
            replayed.left_out[entry.why] += 1
        elif seen.before(entry):
            replayed.repeated += 1
        else:
            _record(replayed, shown, entry)
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


def _record(replayed: Replayed, shown: _Shown, entry: HarEntry) -> None:
    request, response, own = entry.request, entry.response, entry.own
    if own and own.is_withheld:
        replayed.tape.withheld.add(len(replayed.tape.exchanges) + 1)
    replayed.tape.record(
        driver=own.driver if own else DRIVER,
        intent=own.intent if own else f"entry {entry.number}",
        request=(*entry.address, request.headers, request.body),
        response=(response.status, response.headers, response.body),
        at=entry.times or UNTIMED,
        credential=own.credential if own else shown.credential(request.headers, response.status),
        upload_of=own.upload_of if own else None,
        is_absent=own is not None and own.is_absent,
        failure=own.failure if own else None,
    )
    replayed.untimed += entry.times is None
    replayed.bodiless += response.body is None and not (own and own.failure)


def _in_order(entries: list[HarEntry | UnreadableEntry]) -> list[HarEntry | UnreadableEntry]:
    """Sort the entries as they ended; one without times keeps its place, as do the gate's."""
    if any(isinstance(one, HarEntry) and one.own for one in entries):
        return sorted(entries, key=_number)
    known, last = [], (UNTIMED[0],) * 2
    for entry in entries:
        last = entry.times or last
        known.append(last)
    return [entries[index] for index in sorted(range(len(entries)), key=lambda at: known[at][::-1])]


def _number(entry: HarEntry | UnreadableEntry) -> int:
    return entry.own.number if isinstance(entry, HarEntry) and entry.own else entry.number


class _Seen:
    """The exchanges met so far. Merged exports list one twice, the second time without a body."""

    def __init__(self) -> None:
        self._bodies: dict[object, list[_Bodies]] = {}

    def before(self, entry: HarEntry) -> bool:
        """Note an entry; return whether one that is alike in time and bytes was noted before.

        A body that was not recorded is like any.
        """
        request, response = entry.request, entry.response
        token = request.headers.get("authorization")
        number = entry.own.number if entry.own else None
        key = (number, entry.address, entry.times, token, response.status)
        alike = self._bodies.setdefault(key, [])
        bodies = (request.body, response.body)
        if any(_are_alike(bodies, other) for other in alike):
            return True
        alike.append(bodies)
        return False


def _are_alike(one: _Bodies, other: _Bodies) -> bool:
    return all(
        mine is None or mine == its or its is None for mine, its in zip(one, other, strict=True)
    )


class _Shown:
    """The Authorization headers of a recording, each with the status codes that it got."""

    def __init__(self, entries: list[HarEntry | UnreadableEntry], api: Api) -> None:
        self._statuses: dict[str, set[int]] = {}
        self._any = False
        for entry in entries:
            if entry.address and entry.request and _is_of(api, *entry.address):
                token = entry.request.headers.get("authorization")
                self._any = self._any or token is not None
                if token is not None and isinstance(entry, HarEntry):
                    self._statuses.setdefault(token, set()).add(entry.response.status)

    def credential(self, headers: Mapping[str, str], status: int) -> Credential:
        """Return what is known of the credential of a request.

        A recording without any Authorization header was sanitised, as browsers do; the session may
        be in a cookie; and a token that was accepted before may have expired.
        """
        authorization = headers.get("authorization")
        if authorization is None:
            is_reliable = self._any and headers and "cookie" not in headers
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
