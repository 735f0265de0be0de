"""Merges what several processes record into one tape, in the order of the responses.

A process sends batches of what it recorded, each with the time up to which that is all. An exchange
goes onto the tape once every process has sent all that ended before it: the tape is what one
process would have recorded. Nothing is lost unseen: a batch has the number of the exchanges that
were sent before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

import msgspec

from .exchange import Credential, Exchange
from .tape import Tape

MOST_BYTES = 2**29
"""Bytes of messages that are kept, at most."""
_FIRST, _LAST = (one.replace(tzinfo=UTC) for one in (datetime.min, datetime.max))
_MESSAGE = 1024  # bytes that an exchange takes beside its bodies, about


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One exchange between two processes; the fields are those of ``Exchange`` and its messages.

    The valid token is not in it: ``credential`` says that it was sent.
    """

    driver: str
    intent: str
    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    credential: Credential
    status: int
    received: dict[str, str]
    response: bytes | None
    began: datetime
    ended: datetime
    upload_of: str | None
    is_absent: bool
    failure: str | None

    def __repr__(self) -> str:
        return f"<Entry, {self.method} {self.status}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an entry holds secrets and is not pickled")

    @property
    def size(self) -> int:
        """The bytes that it takes, about."""
        return _MESSAGE + len(self.content or b"") + len(self.response or b"")


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """What a process recorded since its last batch.

    Attributes:
        first: How many exchanges it sent before.
        entries: What is new.
        until: All that ended by this time is sent with it.
        left: The images of this process that may be left, each with the reason.
        unjudged: How many exchanges were not recorded, since a sample was to be.
        why: Why a user of it ended early, or an empty text.
        fix: What to do about that.
        is_done: Whether it is the last.

    """

    first: int
    entries: list[Entry]
    until: datetime
    left: dict[str, str] = {}
    unjudged: int = 0
    why: str = ""
    fix: str = ""
    is_done: bool = False


def entry(exchange: Exchange, token: str) -> Entry:
    """Return an exchange of a tape with this token, to be sent to another process."""
    request, response = exchange.request, exchange.response
    headers = dict(request.headers)
    if headers.get("authorization") == f"Bearer {token}":
        del headers["authorization"]
    return Entry(
        exchange.driver, exchange.intent, request.method, request.url, headers, request.content,
        request.credential, response.status, dict(response.headers), response.content,
        exchange.began, exchange.ended,
        exchange.build_id if exchange.operation == "upload" else None,
        exchange.is_absent, exchange.failure,
    )  # fmt: skip


@dataclass
class Source:
    """A process that sends batches.

    Attributes:
        until: All that ended by this time has come.
        came: How many exchanges have come.
        gaps: How many did not, though later ones came.
        last: Its last batch.
        is_lost: Whether it ended before its last batch came.

    """

    until: datetime = _FIRST
    came: int = 0
    gaps: int = 0
    last: Batch | None = None
    is_lost: bool = False
    waiting: list[Entry] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether it has sent its last batch."""
        return self.last is not None and self.last.is_done

    @property
    def is_over(self) -> bool:
        """Whether nothing more is waited for."""
        return self.is_done or self.is_lost


@dataclass
class Merge:
    """Puts the exchanges of several processes on a tape.

    Attributes:
        sources: The processes, by name; nothing is on the tape before each has sent a batch.
        size: The bytes of all that came, about.

    """

    tape: Tape
    sources: dict[str, Source] = field(default_factory=dict)
    size: int = 0
    _due: deque[Entry] = field(default_factory=deque)

    def join(self, name: str) -> Source:
        """Return a process that will send batches."""
        return self.sources.setdefault(name, Source())

    def take(self, name: str, batch: Batch) -> None:
        """Take the next batch of a process."""
        source = self.join(name)
        sent_before = source.came + source.gaps
        source.gaps += max(0, batch.first - sent_before)
        fresh = batch.entries[max(0, sent_before - batch.first) :]  # one may be sent twice
        source.came += len(fresh)
        source.waiting += fresh
        source.until, source.last = max(source.until, batch.until), batch
        source.is_lost = False
        self.size += sum(one.size for one in fresh)

    def lose(self, name: str) -> None:
        """Wait no more for a process that seems to have ended before its last batch came."""
        self.join(name).is_lost = True

    def release(self, most: int) -> int:
        """Put so many exchanges on the tape, at most, that nothing can come before.

        Returns how many were.
        """
        if not self._due:
            ends = [one.until for one in self.sources.values() if not one.is_over]
            self._gather(min(ends) if ends else _LAST)
        count = min(most, len(self._due))
        for _ in range(count):
            record(self.tape, self._due.popleft())
        return count

    def finish(self) -> None:
        """Put all that came on the tape."""
        for name, source in self.sources.items():
            if not source.is_over:
                self.lose(name)
        while self.release(len(self._due) or 1):
            pass

    @property
    def is_over(self) -> bool:
        """Whether each process has sent its last batch, or is lost."""
        return all(one.is_over for one in self.sources.values())

    @property
    def is_full(self) -> bool:
        """Whether so much has come that no more is to be kept."""
        return self.size > MOST_BYTES

    @property
    def missing(self) -> list[str]:
        """What did not come, one line for each process."""
        return [
            f"{name}: "
            + (f"{one.gaps} of its exchanges did not come" if one.gaps else
               f"it was lost, and what it sent after its first {one.came} exchanges is not known")
            for name, one in self.sources.items()
            if one.gaps or (one.is_lost and not one.is_done)
        ]  # fmt: skip

    def _gather(self, until: datetime) -> None:
        due: list[Entry] = []
        for source in self.sources.values():
            due += (one for one in source.waiting if one.ended <= until)
            source.waiting = [one for one in source.waiting if one.ended > until]
        self._due.extend(sorted(due, key=lambda one: one.ended))


def record(tape: Tape, one: Entry) -> None:
    """Record an exchange of another process, with the token of this tape."""
    credential, headers = one.credential, one.headers
    if credential is Credential.VALID and "authorization" not in headers:
        headers = {**headers, "authorization": f"Bearer {tape.token}"}
    tape.record(
        driver=one.driver, intent=one.intent,
        request=(one.method, one.url, headers, one.content),
        response=(one.status, one.received, one.response),
        at=(one.began, one.ended), credential=credential, upload_of=one.upload_of,
        is_absent=one.is_absent, failure=one.failure,
    )  # fmt: skip
