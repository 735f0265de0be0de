"""The tape: what was sent and received, in order, byte for byte; subscribers get it as it comes.

Drivers record, rules read the history of one build at a time. A tape holds secrets:
``redaction`` removes them from whatever is shown or written. So a tape stays in memory, and
its ``repr`` shows no bytes.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from sys import intern
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from ..contract.api import IMAGES, Address, Api
from .call import Call
from .exchange import UPLOAD, Credential, Exchange, Request, Response, Row
from .history import History, Timeline

NO_RESPONSE: tuple[int, Mapping[str, str], None] = (0, {}, None)

MOST_REFUSED = 100
"""Refused deletes between two statuses; more prove nothing, since no client sends so many."""

_Name = tuple[str, str]


Record = History | Call
"""What a subscriber of a tape receives: a history that ends with a new exchange, or a call."""


@dataclass
class Tape:
    """Holds exchanges in the order of their responses. Threads may record at the same time.

    Attributes:
        token: The valid token.
        is_whole: Whether nobody but the tape's drivers touches its builds. Recorded traffic may be
            a part of what happened, so that what it lacks proves nothing.
        is_live: Whether the responses are made when they are sent. A mock may answer from examples,
            whose times are of another day.
        stuck_after: Seconds in which a started build should end; None for what is observed of the
            vendor's clients.
        takes_any_token: Whether any bearer token is a valid one, since the server knows no tokens.
        api: The API that the traffic is of.
        withheld: Numbers of exchanges whose response the client did not get: a proxy sent another.

    """

    token: str = field(repr=False)
    is_whole: bool = True
    is_live: bool = True
    stuck_after: float | None = None
    takes_any_token: bool = False
    api: Api = field(default=IMAGES, repr=False)
    exchanges: list[Exchange] = field(default_factory=list)
    withheld: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.timeline: Timeline[History] = Timeline(attrgetter("last"))
        self._timelines: dict[str, Timeline[Exchange]] = {}
        self._by_operation: dict[str, list[Exchange]] = defaultdict(list)
        self._issues: dict[tuple[str, str], Exchange] = {}
        self._initiated: dict[_Name, list[Exchange]] = defaultdict(list)
        self._names: dict[str, set[_Name]] = defaultdict(set)
        self._living: dict[_Name, set[str]] = defaultdict(set)
        self._refused: dict[_Name, list[Exchange]] = defaultdict(list)
        self._uploads: dict[str, str] = {}
        self._artifacts: dict[tuple[str, str], str] = {}
        self._subscribers: list[Callable[[Record], object]] = []
        self._lock = threading.Lock()

    def subscribe(self, subscriber: Callable[[Record], object]) -> None:
        """Call a subscriber with each new record, one at a time and in the order of the tape.

        It runs in the thread that records, whose ``record`` raises what it raises. It must not call
        ``record`` itself.
        """
        self._subscribers.append(subscriber)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a tape holds secrets and is not pickled: pickle a report of the run")

    def record(
        self,
        *,
        driver: str,
        intent: str,
        request: tuple[str, str, Mapping[str, str], bytes | None],
        response: tuple[int, Mapping[str, str], bytes | None] = NO_RESPONSE,
        at: tuple[datetime, datetime] | None = None,
        credential: Credential | None = None,
        upload_of: str | None = None,
        is_absent: bool = False,
        failure: str | None = None,
    ) -> History:
        """Add an exchange; return the history of its build, which ends with it.

        Args:
            driver: The driver that made it happen.
            intent: The purpose of the exchange, in a few words.
            request: Method, URL, headers, body.
            response: Status, headers, body. A body is None where it was not recorded.
            at: When it began and ended, with offsets; by default just now.
            credential: The credential of the request; by default that of its headers.
            upload_of: The build whose context it uploads; by default that of the upload URL.
            is_absent: Whether the driver knows that there is no such build.
            failure: Why there is no response, or None.

        """
        method, url, headers, content = request
        status, response_headers, response_content = response
        sent = Request(
            headers=_headers(headers),
            content=content,
            method=method.upper(),
            url=url,
            credential=credential or self._credential(headers),
        )
        received = Response(
            headers=_headers(response_headers),
            content=response_content,
            status=status,
        )
        began, ended = at or (datetime.now(UTC),) * 2
        with self._lock:
            upload_of = upload_of or self._uploaded_by(sent.method, sent.url)
            to = self.api.address(sent.method, sent.path)
            exchange = Exchange(
                len(self.exchanges) + 1,
                driver,
                intent,
                UPLOAD if upload_of else to.operation,
                None if upload_of else to.template,
                upload_of or to.parameters.get(self.api.path_id),
                sent,
                received,
                began,
                ended,
                is_absent,
                failure,
                self.api,
                self._deletes_what(to),
            )
            exchange = self._issued(exchange)
            history = self._filed(exchange)
            self._publish(history)
            return history

    def record_call(self, call: Call) -> Call:
        """Pass on a call of a client, and return it. Its exchange is on the tape already."""
        with self._lock:
            self._publish(call)
        return call

    def concerns(self, method: str, url: str) -> bool:
        """Whether a request is for a path of the contract, or uploads a context."""
        template = self.api.address(method, urlsplit(url).path).template
        return template is not None or self.is_upload(method, url)

    def is_upload(self, method: str, url: str) -> bool:
        """Whether a request uploads to a URL that an initiate issued."""
        return self._uploaded_by(method.upper(), url) is not None

    def of(self, operation: str) -> Sequence[Exchange]:
        """Return the exchanges of one operation, in order."""
        return self._by_operation[operation]

    def history(self, exchange: Exchange) -> History:
        """Return the history that ends with an exchange of this tape."""
        return self.timeline.items[exchange.number - 1]

    def refused_deletes(self, names: tuple[Any, Any], after: int, before: int) -> list[Exchange]:
        """Return the refused deletes of a name and tag between two numbers of the tape.

        Empty if there are more than ``MOST_REFUSED``.
        """
        refused, number = self._refused.get(_folded(names), []), attrgetter("number")
        first = bisect_right(refused, after, key=number)
        end = bisect_left(refused, before, key=number)
        return refused[first:end] if end - first <= MOST_REFUSED else []

    def first_issue(self, key: str, value: Any) -> Exchange | None:
        """Return the first initiate that returned this text for a key, or None."""
        return self._issues.get((key, value)) if isinstance(value, str) else None

    def latest_of_name(self, names: tuple[Any, Any], before: int) -> Exchange | None:
        """Return the last initiate of a name and tag before a number that succeeded, or None."""
        initiated = self._initiated.get(_folded(names), [])
        count = bisect_left(initiated, before, key=attrgetter("number"))
        return initiated[count - 1] if count else None

    def owner(self, artifact: Row) -> str | None:
        """Return the build that first listed an artifact of this id and createdAt, or None."""
        return self._artifacts.get(_named(artifact))

    def successes(self, driver: str | None = None) -> dict[str, int]:
        """Count the successes of each operation, of one driver or of all."""
        counts = dict.fromkeys(self.api.contract.operations, 0)
        for exchange in self.exchanges:
            if exchange.succeeded and exchange.operation and driver in (None, exchange.driver):
                counts[exchange.operation] += 1
        return counts

    def _publish(self, record: Record) -> None:
        for subscriber in self._subscribers:
            subscriber(record)

    def _filed(self, exchange: Exchange) -> History:
        self.exchanges.append(exchange)
        if exchange.operation:
            self._by_operation[exchange.operation].append(exchange)
        if exchange.deletes is not None:
            self._note_delete(_folded(exchange.deletes), exchange)
        for key in (self.api.issued.build_id, self.api.issued.upload_url):
            if isinstance(value := exchange.issued.get(key), str):
                self._issues.setdefault((key, value), exchange)
        if exchange.issued and exchange.names is not None:
            self._initiated[_folded(exchange.names)].append(exchange)
        history = History(exchange, self, self._timeline(exchange))
        history.timeline.items.append(exchange)
        self.timeline.items.append(history)
        if exchange.build_id is not None:
            for row in exchange.rows[1:]:
                self._artifacts.setdefault(_named(row), exchange.build_id)
        return history

    def _timeline(self, exchange: Exchange) -> Timeline[Exchange]:
        """Return the timeline of an exchange's build, a new one after a delete; note its name."""
        build_id = exchange.build_id
        if build_id is None:
            return Timeline(_itself)
        names = self._names[build_id]
        if build_id not in self._timelines:
            self._timelines[build_id] = Timeline(_itself)
            for name in names:
                self._living[name].add(build_id)
        if exchange.names is not None:
            name = _folded(exchange.names)
            names.add(name)
            self._living[name].add(build_id)
        return self._timelines[build_id]

    def _note_delete(self, name: _Name, exchange: Exchange) -> None:
        """End the histories of the builds of a name, if a delete may have taken effect."""
        if not exchange.may_delete:
            self._refused[name].append(exchange)
            return
        for build_id in self._living.pop(name, ()):
            self._timelines.pop(build_id, None)

    def _issued(self, exchange: Exchange) -> Exchange:
        """Return an exchange with the build id that it issued, if any; keep its upload URL."""
        build_id = exchange.issued.get(self.api.issued.build_id)
        if not isinstance(build_id, str):
            return exchange
        if exchange.upload_url is not None:
            self._uploads[normal(exchange.upload_url)] = build_id
        return replace(exchange, build_id=build_id)

    def _deletes_what(self, to: Address) -> tuple[str, str] | None:
        if to.operation != self.api.delete:
            return None
        name, tag = self.api.path_name
        return to.parameters[name], to.parameters[tag]

    def _uploaded_by(self, method: str, url: str) -> str | None:
        """Return the build whose context a request uploads, by the URL that initiate issued."""
        return self._uploads.get(normal(url)) if method in ("PUT", "POST") else None

    def _credential(self, headers: Mapping[str, str]) -> Credential:
        authorization = _headers(headers).get("authorization")
        if authorization is None:
            return Credential.ABSENT
        scheme, _, token = authorization.partition(" ")
        is_known = token == self.token or (self.takes_any_token and bool(token.strip()))
        valid = scheme.lower() == "bearer" and is_known
        return Credential.VALID if valid else Credential.OTHER


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {intern(name.lower()): value for name, value in headers.items()}


def _itself(exchange: Exchange) -> Exchange:
    return exchange


def _named(artifact: Row) -> tuple[str, str]:
    names = artifact.api.build
    return str(artifact.data.get(names.id)), str(artifact.data.get(names.created))


def _folded(names: tuple[Any, Any]) -> _Name:
    """Return a name and tag in one spelling: a server may spell them in another way."""
    name, tag = names
    return str(name).casefold(), str(tag).casefold()


@lru_cache(maxsize=256)
def normal(url: str) -> str:
    """Return a URL as clients send it, and so in one spelling."""
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL:
        return url
