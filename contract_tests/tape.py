"""The tape: what was asked and answered, in order, without secrets.

Drivers record, rules read. The token is taken out on the way in, so that nothing behind the tape
can show it; what remains is whether a request carried the valid one.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from .contract import INITIATE, START, STATUS, contract

UPLOAD = "upload"
"""The operation name of an upload, which the contract does not have: its URL is anywhere."""

REDACTED = "<token>"


class Credential(StrEnum):
    """What a request showed for a token."""

    VALID = "valid"
    ABSENT = "absent"
    OTHER = "other"


class _NotJson:
    def __repr__(self) -> str:
        return "no JSON"


NOT_JSON: Final = _NotJson()
"""Stands for a body that is no JSON value."""


@dataclass(frozen=True)
class Message:
    """What requests and responses share. Header names are in lower case."""

    headers: Mapping[str, str]
    content: bytes

    @cached_property
    def json(self) -> Any:
        """The JSON value of the body, or ``NOT_JSON``."""
        return NOT_JSON if self.json_error else self._json[0]

    @property
    def json_error(self) -> str | None:
        """Why the body is no strict JSON, or None where it is."""
        return self._json[1]

    @cached_property
    def _json(self) -> tuple[Any, str | None]:
        try:
            return strict_json(self.content), None
        except (ValueError, RecursionError) as error:
            return None, str(error)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True)
class Request(Message):
    """One request, as it was sent."""

    method: str
    url: str
    credential: Credential

    @property
    def path(self) -> str:
        """The path of the URL, percent-encoded as it was sent."""
        return urlsplit(self.url).path


@dataclass(frozen=True)
class Response(Message):
    """One response, as it was received."""

    status: int

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status <= 299


@dataclass(frozen=True)
class Exchange:
    """One request and its response.

    Attributes:
        number: Its place on the tape, from 1.
        driver: Which driver made it happen.
        intent: What the driver meant by it, in a few words.
        operation: The operation of the contract, ``upload``, or None for neither.
        build_id: The build it is about, asked for or issued, or None.

    """

    number: int
    driver: str
    intent: str
    operation: str | None
    build_id: str | None
    request: Request
    response: Response

    @property
    def succeeded(self) -> bool:
        """Whether it is an operation of the contract that was answered with a 2xx."""
        return self.operation in contract().operations and self.response.is_success

    @property
    def rows(self) -> list[Row]:
        """The group and the artifacts that a status or a start tells of."""
        body = self.response.json
        if not (self.succeeded and self.operation in (START, STATUS) and isinstance(body, dict)):
            return []
        rows = [Row(self, "$", body)]
        artifacts = body.get("artifacts")
        for index, artifact in enumerate(artifacts if isinstance(artifacts, list) else []):
            if isinstance(artifact, dict):
                rows.append(Row(self, f"$.artifacts[{index}]", artifact))
        return rows


@dataclass(frozen=True)
class Row:
    """A build group or an artifact, as one response told of it."""

    exchange: Exchange
    path: str
    data: dict[str, Any]

    @property
    def is_group(self) -> bool:
        """Whether it is the group, and no artifact."""
        return self.path == "$"

    @property
    def status(self) -> Any:
        """Its status, whatever stands there."""
        return self.data.get("status")

    @property
    def phase(self) -> str | None:
        """Where its status stands in the life of a build, or None if it is no status."""
        return contract().phase(self.status)

    def is_set(self, key: str) -> bool:
        """Whether a key is there, and not null."""
        return self.data.get(key) is not None


@dataclass(frozen=True)
class History:
    """All exchanges about one build so far, oldest first; the last is the one to judge."""

    exchanges: tuple[Exchange, ...]

    @property
    def last(self) -> Exchange:
        """The newest exchange."""
        return self.exchanges[-1]

    @property
    def before(self) -> tuple[Exchange, ...]:
        """The exchanges before the newest."""
        return self.exchanges[:-1]

    @property
    def is_issued(self) -> bool:
        """Whether initiate was seen to issue this build before the newest exchange."""
        return any(one.operation == INITIATE and one.succeeded for one in self.before)

    @property
    def is_started(self) -> bool:
        """Whether a start with the valid token was seen to succeed before the newest exchange."""
        return any(
            one.operation == START
            and one.succeeded
            and one.request.credential is Credential.VALID
            and not broken_request(one)
            for one in self.before
        )

    @property
    def cause(self) -> Exchange | None:
        """The last exchange before the newest that asked for a change, or None."""
        asking = [one for one in self.before if one.request.method not in ("GET", "HEAD")]
        return asking[-1] if asking else None


def strict_json(content: bytes) -> Any:
    """Read JSON as RFC 8259 and I-JSON (RFC 7493) have it.

    Raises ValueError for a BOM, another encoding than UTF-8, a key that stands twice, a NaN or an
    infinity, a lone surrogate, and anything after the value; RecursionError for a pit of brackets.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for key, value in pairs:
            if key in body:
                raise ValueError(f"the key {key!r} stands twice")
            body[key] = value
        return body

    def constant(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    text = content.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("it starts with a BOM")
    value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be encoded
    return value


def broken_request(exchange: Exchange) -> str | None:
    """Say how a JSON request body breaks its schema, or None where it does not."""
    operation = contract().operations.get(exchange.operation or "")
    request = exchange.request
    if operation is None or operation.request_schema is None:
        return None
    if request.media_type != "application/json" or request.json is NOT_JSON:
        return None
    errors = contract().request_errors(operation, request.json)
    return f"{errors[0].at}: {errors[0].what}" if errors else None


@dataclass
class Tape:
    """Holds exchanges in the order in which they were answered. Safe to record from threads."""

    token: str
    exchanges: list[Exchange] = field(default_factory=list)
    _by_build: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(
        self,
        *,
        driver: str,
        intent: str,
        request: tuple[str, str, Mapping[str, str], bytes],
        response: tuple[int, Mapping[str, str], bytes],
        upload_of: str | None = None,
    ) -> History:
        """Add an exchange; return the history of its build, which ends with it.

        ``request`` is method, URL, headers, body; ``response`` is status, headers, body.
        """
        method, url, headers, content = request
        status, response_headers, response_content = response
        asked = Request(
            headers=self._headers(headers),
            content=self._redact(content),
            method=method.upper(),
            url=self._redact(url.encode()).decode(),
            credential=self._credential(headers),
        )
        answered = Response(
            headers=self._headers(response_headers),
            content=self._redact(response_content),
            status=status,
        )
        operation, build_id = (UPLOAD, upload_of) if upload_of else _addressed(asked)
        if operation == INITIATE and answered.is_success and isinstance(answered.json, dict):
            issued = answered.json.get("build_id")
            build_id = issued if isinstance(issued, str) else None
        with self._lock:
            exchange = Exchange(
                len(self.exchanges) + 1, driver, intent, operation, build_id, asked, answered
            )
            self.exchanges.append(exchange)
            if build_id is None:
                return History((exchange,))
            self._by_build[build_id].append(exchange)
            return History(tuple(self._by_build[build_id]))

    def histories(self) -> Iterator[History]:
        """Replay the tape: for each exchange the history of its build that ends with it."""
        seen: dict[str, list[Exchange]] = defaultdict(list)
        for exchange in self.exchanges:
            if exchange.build_id is None:
                yield History((exchange,))
            else:
                seen[exchange.build_id].append(exchange)
                yield History(tuple(seen[exchange.build_id]))

    def successes(self, driver: str | None = None) -> dict[str, int]:
        """Count the successes of each operation, of one driver or of all."""
        counts = dict.fromkeys(contract().operations, 0)
        for exchange in self.exchanges:
            if exchange.succeeded and exchange.operation and driver in (None, exchange.driver):
                counts[exchange.operation] += 1
        return counts

    def _credential(self, headers: Mapping[str, str]) -> Credential:
        told = {name.lower(): value for name, value in headers.items()}.get("authorization")
        if told is None:
            return Credential.ABSENT
        scheme, _, token = told.partition(" ")
        valid = scheme.lower() == "bearer" and token == self.token
        return Credential.VALID if valid else Credential.OTHER

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        lower = {
            name.lower(): value.replace(self.token, REDACTED) for name, value in headers.items()
        }
        if "authorization" in lower:
            lower["authorization"] = REDACTED
        return lower

    def _redact(self, content: bytes) -> bytes:
        return content.replace(self.token.encode(), REDACTED.encode())


def _addressed(request: Request) -> tuple[str | None, str | None]:
    """Find the operation that a request is for, and the build it asks for."""
    for operation in contract().operations.values():
        # A base URL may carry a path of its own before the contract's.
        at = request.path.find("/api/v1/")
        found = operation.match(request.path[at:]) if at >= 0 else None
        if found is not None:
            name = operation.name if operation.method == request.method else None
            if name or operation.name == STATUS:
                return name, found.get("build_id")
    return None, None
