"""What came before an exchange: found by an index, so that judging a tape takes linear time.

A build may be polled ten thousand times, and a recording is as long as a stranger makes it. So no
rule walks through a history: it gives a test, and each exchange is tested once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ..contract.api import Api
from .exchange import OWN_NAME, UPLOAD, Exchange

if TYPE_CHECKING:
    from .tape import Tape

T = TypeVar("T", Exchange, "History")
Test = Callable[[T], object]
"""A function of a module: what it found is kept by it."""


class Timeline(Generic[T]):
    """Exchanges, or histories by their newest, in the order of the tape.

    Args:
        exchange: Returns the exchange of an item.

    """

    def __init__(self, exchange: Callable[[T], Exchange]) -> None:
        self.items: list[T] = []
        self._exchange: Callable[[T], Exchange] = exchange
        self._found: dict[tuple[Test[T], ...], _Found[T]] = {}

    def found(self, tests: tuple[Test[T], ...]) -> _Found[T]:
        """Return the items that pass all tests; only new ones are tested."""
        found = self._found.get(tests)
        if found is None:
            found = self._found[tests] = _Found()
        for at in range(found.tested, len(self.items)):
            item = self.items[at]
            for test in tests:
                if not test(item):
                    break
            else:
                found.add(item, self._exchange(item))
        found.tested = len(self.items)
        return found


class _Link(NamedTuple, Generic[T]):
    """An item among those that pass the same tests.

    ``before`` is the last earlier one that ended before it, and ``far`` one far before that: these
    are the jump pointers of Myers (1983), by which a search takes logarithmic time however many
    exchanges overlap.
    """

    item: T
    number: int
    ended: datetime
    first_end: datetime
    depth: int
    before: _Link[T] | None
    far: _Link[T] | None


class _Found(Generic[T]):
    """Items in order, with what finds the first and the last that had ended by a time."""

    __slots__ = ("links", "tested")

    def __init__(self) -> None:
        self.tested = 0
        self.links: list[_Link[T]] = []

    def add(self, item: T, exchange: Exchange) -> None:
        """Add the newest."""
        newest, ended = self.links[-1] if self.links else None, exchange.ended
        before = _back(newest, lambda end: end >= ended)
        far = before.far if before else None
        farther = far.far if far else None
        is_even = _depth(before) + _depth(farther) == 2 * _depth(far)
        first_end = min(ended, newest.first_end) if newest else ended
        self.links.append(
            _Link(
                item, exchange.number, ended, first_end, _depth(before) + 1, before,
                farther if is_even else before,
            )
        )  # fmt: skip

    def first(self, number: int, by: datetime | None = None) -> T | None:
        """Return the first before a number, or the first of these that had ended by a time."""
        count, at = self._count(number), 0
        if by is not None:
            at = bisect_left(self.links, True, 0, count, key=lambda one: one.first_end <= by)
        return self.links[at].item if at < count else None

    def last(self, number: int, by: datetime | None = None) -> T | None:
        """Return the last before a number, or the last of these that had ended by a time."""
        count = self._count(number)
        link = self.links[count - 1] if count else None
        if by is not None:
            link = _back(link, lambda end: end > by)
        return link.item if link else None

    def _count(self, number: int) -> int:
        return bisect_left(self.links, number, key=lambda one: one.number)


def _back(link: _Link[T] | None, is_passed: Callable[[datetime], bool]) -> _Link[T] | None:
    """Go back from an item to the first whose end is not passed over."""
    while link and is_passed(link.ended):
        link = link.far if link.far and is_passed(link.far.ended) else link.before
    return link


def _depth(link: _Link[T] | None) -> int:
    return link.depth if link else 0


@dataclass(frozen=True, eq=False)
class History:
    """All exchanges about one build so far, in order; rules check the last one.

    It ends with a delete of the build's name and tag: what comes later begins another one, which
    proves nothing, since nobody knows what becomes of a deleted build.

    Attributes:
        last: The newest exchange.
        tape: The tape that these are on.
        timeline: The exchanges about the build, later ones too.

    """

    last: Exchange
    tape: Tape = field(repr=False)
    timeline: Timeline[Exchange] = field(repr=False)

    def first(self, *tests: Test[Exchange], ended: bool = False) -> Exchange | None:
        """Return the first earlier exchange that passes all tests, or None.

        With ``ended``, of those that had ended when the newest began: any other has no known order.
        """
        by = self.last.began if ended else None
        return self.timeline.found(tests).first(self.last.number, by)

    def latest(self, *tests: Test[Exchange], ended: bool = False) -> Exchange | None:
        """Return the last earlier exchange that passes all tests, or None. See ``first``."""
        by = self.last.began if ended else None
        return self.timeline.found(tests).last(self.last.number, by)

    def has(self, test: Test[Exchange]) -> bool:
        """Whether any exchange passes a test, the newest included."""
        return bool(test(self.last)) or self.first(test) is not None

    def first_elsewhere(self, *tests: Test[History]) -> Exchange | None:
        """Return the first earlier exchange about any build whose history passes all tests."""
        found = self.tape.timeline.found(tests).first(self.last.number)
        return found.last if found else None

    def latest_elsewhere(self, *tests: Test[History]) -> Exchange | None:
        """Return the last earlier exchange about any build whose history passes all tests."""
        found = self.tape.timeline.found(tests).last(self.last.number)
        return found.last if found else None

    @property
    def is_whole(self) -> bool:
        """Whether everything that happened to the build is on the tape."""
        return self.tape.is_whole

    @property
    def api(self) -> Api:
        """The API whose names are on the tape."""
        return self.tape.api

    @cached_property
    def issue(self) -> Exchange | None:
        """The initiate that was seen to issue this build before the newest exchange, or None."""
        return self.first(is_issue, ended=True)

    @cached_property
    def shown(self) -> Exchange | None:
        """The last exchange before the newest that returned the build, or None."""
        return self.latest(returns_build, ended=True)

    @property
    def is_uploaded(self) -> bool:
        """Whether an upload was seen to succeed before the newest exchange."""
        return self.first(is_uploaded, ended=True) is not None

    @property
    def may_be_uploaded(self) -> bool:
        """Whether an upload may have been stored before the response of the newest exchange.

        One that failed with 5xx, or without a response, may have been.
        """
        return self.first(may_upload) is not None

    @property
    def is_started(self) -> bool:
        """Whether a valid start may precede the response of the newest, overlaps included."""
        return self.first(may_start) is not None

    @cached_property
    def cause(self) -> Exchange | None:
        """The last exchange before the newest that may have changed the build, or None.

        Where the build is not found, that is a delete of any image, if it comes later.
        """
        own = self.latest(is_unsafe)
        if self.last.response.status not in (404, 410):
            return own
        later = (
            one
            for one in reversed(self.tape.of(self.api.delete))
            if one.has_deleted and (own.number if own else 0) < one.number < self.last.number
        )
        return next(later, own)

    def is_rebuilt_since(self, exchange: Exchange) -> bool:
        """Whether another build of its name and tag was initiated between that and the newest."""
        names = self.last.names
        found = self.tape.latest_of_name(names, self.last.number) if names else None
        return found is not None and found.number > exchange.number

    @property
    def is_rebuild(self) -> bool:
        """Whether another build of its name and tag had been initiated before this one was."""
        issue = self.issue
        if issue is None or issue.names is None:
            return False
        return self.tape.latest_of_name(issue.names, issue.number) is not None

    @property
    def is_new_image(self) -> bool:
        """Whether the newest exchange initiates an image that cannot have existed before.

        Its name is of the run alone, and nothing before it initiated its tag.
        """
        names, last = self.last.names, self.last
        if names is None or not self.is_whole or not OWN_NAME.match(str(names[0])):
            return False
        return self.tape.latest_of_name(names, last.number) is None

    @property
    def refused_deletes(self) -> list[Exchange]:
        """The refused deletes of its name and tag between the last status and the newest exchange.

        Empty if that status did not find it, or if there are more than a client ever sends.
        """
        seen = self.latest(is_answered_status, ended=True)
        if seen is None or seen.names is None:
            return []
        return [
            one
            for one in self.tape.refused_deletes(seen.names, seen.number, self.last.number)
            if seen.ended <= one.began and one.ended <= self.last.began
        ]


def is_unsafe(exchange: Exchange) -> bool:
    """Whether it may have changed the build."""
    return exchange.request.method not in ("GET", "HEAD")


def is_issue(exchange: Exchange) -> bool:
    """Whether it issues a build."""
    return exchange.operation == exchange.api.initiate and exchange.succeeded


def is_valid_start(exchange: Exchange) -> bool:
    """Whether it is a start that a server may accept."""
    return exchange.is_valid_start


def has_started(exchange: Exchange) -> bool:
    """Whether it is a valid start that succeeded."""
    return exchange.is_valid_start and exchange.succeeded


def may_start(exchange: Exchange) -> bool:
    """Whether it is a valid start that may have been processed."""
    return exchange.is_valid_start and (exchange.succeeded or not exchange.is_answered)


def is_start(exchange: Exchange) -> bool:
    """Whether it is a start, valid or not."""
    return exchange.operation == exchange.api.start


def is_uploaded(exchange: Exchange) -> bool:
    """Whether it is an upload that succeeded."""
    return exchange.operation == UPLOAD and exchange.response.is_success


def may_upload(exchange: Exchange) -> bool:
    """Whether it is an upload that may have been stored."""
    return exchange.operation == UPLOAD and not 300 <= exchange.response.status <= 499


def returns_build(exchange: Exchange) -> bool:
    """Whether its response shows a build."""
    return bool(exchange.rows)


def is_answered_status(exchange: Exchange) -> bool:
    """Whether it is a status with a response."""
    return exchange.operation == exchange.api.status and exchange.is_answered
