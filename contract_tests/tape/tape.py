"""The tape: what was sent and received, in order, byte for byte; and the calls of a client.

Drivers record, rules read the history of one build at a time. A tape holds secrets:
``redaction`` removes them from whatever is shown or written. So a tape stays in memory, and
its ``repr`` shows no bytes.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from ..contract.api import IMAGES, Address, Api
from .call import Call
from .exchange import UPLOAD, Credential, Exchange, Request, Response, Row

NO_RESPONSE: tuple[int, Mapping[str, str], None] = (0, {}, None)


@dataclass(frozen=True)
class History:
    """All exchanges about one build so far, in order; rules check the last one.

    It ends with a delete of the build's name and tag: what comes later begins another one, which
    proves nothing, since nobody knows what becomes of a deleted build.

    Attributes:
        tape: The tape that these are on.

    """

    exchanges: tuple[Exchange, ...]
    tape: Tape = field(repr=False)

    @property
    def last(self) -> Exchange:
        """The newest exchange."""
        return self.exchanges[-1]

    @cached_property
    def before(self) -> tuple[Exchange, ...]:
        """The exchanges that had ended when the newest began; any other has no known order."""
        began = self.last.began
        return tuple(one for one in self.exchanges[:-1] if one.ended <= began)

    @property
    def is_whole(self) -> bool:
        """Whether everything that happened to the build is on the tape."""
        return self.tape.is_whole

    @property
    def api(self) -> Api:
        """The API whose names are on the tape."""
        return self.tape.api

    @property
    def issue(self) -> Exchange | None:
        """The initiate that was seen to issue this build before the newest exchange, or None."""
        initiate = self.api.initiate
        return next((e for e in self.before if e.operation == initiate and e.succeeded), None)

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
        """The valid starts that were seen to succeed before the newest exchange."""
        return [e for e in self.before if e.is_valid_start and e.succeeded]

    @property
    def is_started(self) -> bool:
        """Whether a valid start may precede the response of the newest, overlaps included."""
        starts = [e for e in self.exchanges[:-1] if e.is_valid_start]
        return any(one.succeeded or not one.is_answered for one in starts)

    @property
    def cause(self) -> Exchange | None:
        """The last exchange before the newest that may have changed the build, or None."""
        unsafe = [one for one in self.exchanges[:-1] if one.request.method not in ("GET", "HEAD")]
        return unsafe[-1] if unsafe else None

    def elsewhere(self, operation: str) -> Iterator[Exchange]:
        """Yield the exchanges of an operation about any build that came before the newest."""
        for exchange in self.tape.of(operation):
            if exchange.number >= self.last.number:
                return
            yield exchange

    @property
    def refused_deletes(self) -> list[Exchange]:
        """The refused deletes of its name and tag between the last status and the newest exchange.

        Empty if that status did not find it.
        """
        looks = [one for one in self.before if one.operation == self.api.status]
        seen = next((one for one in reversed(looks) if one.is_answered), None)
        if seen is None or seen.names is None:
            return []
        return [
            one
            for one in self.elsewhere(self.api.delete)
            if one.deletes is not None
            and _folded(one.deletes) == _folded(seen.names)
            and not one.may_delete
            and seen.ended <= one.began
            and one.ended <= self.last.began
        ]

    def of(self, exchange: Exchange) -> History:
        """Return the history that ends with another exchange of the tape."""
        return self.tape.history(exchange)


Record = History | Call
"""What a subscriber of a tape receives: a history that ends with a new exchange, or a call."""


@dataclass
class Tape:
    """Holds exchanges in the order of their responses. Threads may record at the same time.

    Attributes:
        token: The valid token.
        is_whole: Whether nobody but the tape's drivers touches its builds. Recorded traffic may be
            a part of what happened, so that what it lacks proves nothing.
        api: The API that the traffic is of.

    """

    token: str = field(repr=False)
    is_whole: bool = True
    api: Api = field(default=IMAGES, repr=False)
    exchanges: list[Exchange] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by_build: dict[str, list[Exchange]] = defaultdict(list)
        self._by_operation: dict[str, list[Exchange]] = defaultdict(list)
        self._by_name: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._deletes: dict[str, list[Exchange]] = defaultdict(list)
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
        """Add a call of a client; return it. Its exchange is on the tape already."""
        with self._lock:
            self.calls.append(call)
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
        if exchange.build_id is None:
            return History((exchange,), self)
        number, end = exchange.number, self._end(exchange)
        ours = self._by_build[exchange.build_id]
        return History(tuple(one for one in ours if end < one.number <= number), self)

    def is_deleted(self, build_id: str) -> bool:
        """Whether a delete of a build's name and tag was seen to succeed after it was issued."""
        return any(one.succeeded for one in self._deletes[build_id])

    def owner(self, artifact: Row) -> str | None:
        """Return the build that first listed an artifact of this id and createdAt, or None."""
        return self._artifacts.get(_named(artifact))

    def histories(self) -> Iterator[History]:
        """Replay the tape: for each exchange the history of its build that ends with it."""
        for exchange in self.exchanges:
            yield self.history(exchange)

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
        if exchange.deletes is not None and exchange.may_delete:
            for build_id in self._by_name[_folded(exchange.deletes)]:
                self._deletes[build_id].append(exchange)
        if exchange.build_id is None:
            return History((exchange,), self)
        self._by_build[exchange.build_id].append(exchange)
        if exchange.names is not None:
            self._by_name[_folded(exchange.names)].add(exchange.build_id)
        for row in exchange.rows[1:]:
            self._artifacts.setdefault(_named(row), exchange.build_id)
        return self.history(exchange)

    def _issued(self, exchange: Exchange) -> Exchange:
        """Return an exchange with the build id that it issued, if any; keep its upload URL."""
        build_id = exchange.issued.get(self.api.issued.build_id)
        if not isinstance(build_id, str):
            return exchange
        if exchange.upload_url is not None:
            self._uploads[_normal(exchange.upload_url)] = build_id
        return replace(exchange, build_id=build_id)

    def _deletes_what(self, to: Address) -> tuple[str, str] | None:
        if to.operation != self.api.delete:
            return None
        name, tag = self.api.path_name
        return to.parameters[name], to.parameters[tag]

    def _end(self, exchange: Exchange) -> int:
        """Return the number of the last delete that may precede an exchange of a build; else 0."""
        deletes = self._deletes.get(exchange.build_id or "", ())
        return max((one.number for one in deletes if one.number < exchange.number), default=0)

    def _uploaded_by(self, method: str, url: str) -> str | None:
        """Return the build whose context a request uploads, by the URL that initiate issued."""
        return self._uploads.get(_normal(url)) if method in ("PUT", "POST") else None

    def _credential(self, headers: Mapping[str, str]) -> Credential:
        authorization = _headers(headers).get("authorization")
        if authorization is None:
            return Credential.ABSENT
        scheme, _, token = authorization.partition(" ")
        valid = scheme.lower() == "bearer" and token == self.token
        return Credential.VALID if valid else Credential.OTHER


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _named(artifact: Row) -> tuple[str, str]:
    names = artifact.api.build
    return str(artifact.data.get(names.id)), str(artifact.data.get(names.created))


def _folded(names: tuple[Any, Any]) -> tuple[str, str]:
    """Return a name and tag in one spelling: a server may spell them in another way."""
    name, tag = names
    return str(name).casefold(), str(tag).casefold()


def _normal(url: str) -> str:
    """Return a URL as clients send it."""
    try:
        return str(httpx.URL(url))
    except httpx.InvalidURL:
        return url
