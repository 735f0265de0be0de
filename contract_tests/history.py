"""A history: what happened to one build, as far as a tape tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from .contract import INITIATE
from .exchange import UPLOAD, Exchange

if TYPE_CHECKING:
    from .tape import Tape


@dataclass(frozen=True)
class History:
    """All exchanges about one build so far, in order; the last is the one to judge.

    Attributes:
        tape: What these are taken from.

    """

    exchanges: tuple[Exchange, ...]
    tape: Tape = field(repr=False)

    @property
    def last(self) -> Exchange:
        """The newest exchange."""
        return self.exchanges[-1]

    @cached_property
    def before(self) -> tuple[Exchange, ...]:
        """The exchanges that had ended when the newest began: what overlaps proves nothing."""
        began = self.last.began
        return tuple(one for one in self.exchanges[:-1] if one.ended <= began)

    @property
    def is_whole(self) -> bool:
        """Whether nothing happened to the build but what is told here."""
        return self.tape.is_whole

    @property
    def issue(self) -> Exchange | None:
        """The initiate that was seen to issue this build before the newest exchange, or None."""
        return next((e for e in self.before if e.operation == INITIATE and e.succeeded), None)

    @property
    def is_uploaded(self) -> bool:
        """Whether an upload was seen to succeed before the newest exchange."""
        return any(e.operation == UPLOAD and e.response.is_success for e in self.before)

    @property
    def may_be_uploaded(self) -> bool:
        """Whether an upload may have been stored before the response of the newest exchange.

        One that failed with 5xx, or without a response, may have been.
        """
        tried = [e for e in self.exchanges[:-1] if e.operation == UPLOAD]
        return any(not 300 <= one.response.status <= 499 for one in tried)

    @property
    def starts(self) -> list[Exchange]:
        """The starts with token and body in order that were seen to succeed before the newest."""
        return [e for e in self.before if e.is_valid_start and e.succeeded]

    @property
    def is_started(self) -> bool:
        """Whether such a start may have come before the answer of the newest, overlaps included."""
        starts = [e for e in self.exchanges[:-1] if e.is_valid_start]
        return any(one.succeeded or not one.is_answered for one in starts)

    @property
    def cause(self) -> Exchange | None:
        """The last exchange before the newest that asked for a change, or None."""
        asking = [one for one in self.exchanges[:-1] if one.request.method not in ("GET", "HEAD")]
        return asking[-1] if asking else None

    def elsewhere(self, operation: str) -> Iterator[Exchange]:
        """Yield the exchanges of an operation about any build that came before the newest."""
        for exchange in self.tape.of(operation):
            if exchange.number >= self.last.number:
                return
            yield exchange

    def of(self, exchange: Exchange) -> History:
        """Return the history that ends with another exchange of the tape."""
        return self.tape.history(exchange)
