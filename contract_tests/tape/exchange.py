"""An exchange: one request and its response, as rules check them."""

from __future__ import annotations

import email.utils
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final, NoReturn
from urllib.parse import urljoin, urlsplit

from ..contract.api import IMAGES, Api
from ..contract.openapi import LONGEST_KEPT, Operation, instant
from ..contract.size import excess


class Credential(StrEnum):
    """Whether a request has the valid token."""

    VALID = "valid"
    ABSENT = "absent"
    OTHER = "other"
    UNKNOWN = "unknown"
    """Recorded traffic may lack the token, or not show whether it was valid."""


class _NotJson:
    def __repr__(self) -> str:
        return "not JSON"


OWN = "contract-gate-"
"""How the image name of a run begins: 12 random digits follow, so that nobody else has it."""
OWN_NAME = re.compile(OWN + "[0-9a-f]{12}")
UPLOAD = "upload"
"""The operation name of an upload, which the contract does not have: its URL may be anywhere."""

MOST_ROWS = 500
"""The number of artifacts of one response that rules check; schema validation checks all."""

NOT_JSON: Final = _NotJson()
"""Stands for a body that is not a JSON value."""


# The texts that pydantic and others read as a boolean.
_BOOLEAN_WORDS = {"0", "1", "true", "false", "yes", "no", "on", "off", "t", "f", "y", "n"}


@dataclass(frozen=True, repr=False)
class Message:
    """What requests and responses have in common, as sent or received, secrets included.

    So its ``repr`` shows neither headers nor content, and it cannot be pickled. Header names are in
    lower case. ``content`` is None where a recording lacks the body.
    """

    headers: Mapping[str, str]
    content: bytes | None

    def __repr__(self) -> str:
        size = "not recorded" if self.content is None else f"{len(self.content)} bytes"
        return f"<{type(self).__name__}, {len(self.headers)} headers, {size}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a message holds secrets and is not pickled: pickle a report of the run")

    @property
    def json(self) -> Any:
        """The JSON value of the body, or ``NOT_JSON``."""
        return self._json[0]

    @property
    def json_error(self) -> str | None:
        """Why the body is not strict JSON, or is more than is read; None if it is JSON."""
        return self._json[1]

    @property
    def text(self) -> str:
        """The body as text, with U+FFFD for what is not UTF-8."""
        return (self.content or b"").decode(errors="replace")

    @cached_property
    def _json(self) -> tuple[Any, str | None]:
        if self.content is None:
            return NOT_JSON, "it was not recorded"
        if not self.content:
            return NOT_JSON, "it is empty"
        if more := excess(self.text):
            return NOT_JSON, more
        try:
            return strict_json(self.content), None
        except (ValueError, RecursionError) as error:
            return NOT_JSON, str(error)

    @property
    def is_utf_8(self) -> bool:
        """Whether the content type names no other charset."""
        parameters = self.headers.get("content-type", "").lower().split(";")[1:]
        names = [one.partition("=")[2].strip(' "') for one in parameters if "charset" in one]
        return all(name.replace("-", "") == "utf8" for name in names)

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; empty if there is none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, repr=False)
class Request(Message):
    """One request, as it was sent."""

    method: str
    url: str
    credential: Credential

    @property
    def path(self) -> str:
        """The path of the URL, percent-encoded as it was sent."""
        return urlsplit(self.url).path


@dataclass(frozen=True, repr=False)
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
        driver: The driver that made it happen.
        intent: The purpose of the exchange, in a few words.
        operation: The operation of the contract, ``upload``, or None for neither.
        template: The path of the contract that the URL matches, for any method, or None.
        build_id: The build in the URL, or the one that initiate issued, or None.
        began: When the request was sent.
        ended: When the response was complete. Exchanges that overlap have no known order.
        is_absent: Whether the driver knows that there is no such build.
        failure: Why there is no response, or None. Without one, the status is 0, and the request
            may have been processed all the same.
        api: The API whose names are in it.
        deletes: The name and tag in the URL of a delete, or None.

    """

    number: int
    driver: str
    intent: str = field(repr=False)
    operation: str | None
    template: str | None
    build_id: str | None = field(repr=False)
    request: Request
    response: Response
    began: datetime
    ended: datetime
    is_absent: bool = False
    failure: str | None = field(default=None, repr=False)
    api: Api = field(default=IMAGES, repr=False, compare=False)
    deletes: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def documented(self) -> Operation | None:
        """The operation as the contract has it; None for an upload, and for what it lacks."""
        return self.api.contract.operations.get(self.operation or "")

    @property
    def is_answered(self) -> bool:
        """Whether there is a response."""
        return self.failure is None

    @property
    def succeeded(self) -> bool:
        """Whether it is an operation of the contract whose response is a 2xx."""
        return self.documented is not None and self.response.is_success

    @cached_property
    def date(self) -> datetime | None:
        """The time of the response's Date, by the server's clock, or None."""
        return date_of(self.response.headers.get("date", ""))

    @property
    def upload_url(self) -> str | None:
        """The upload URL that a successful initiate issued, or None.

        A path alone is one of the server that was asked: P10 is violated, the rest can be judged.
        """
        url = self.issued.get(self.api.issued.upload_url)
        if not isinstance(url, str):
            return None
        is_path = url.startswith("/") and not url.startswith("//")
        return urljoin(self.request.url, url) if is_path else url

    @property
    def issued(self) -> dict[str, Any]:
        """What a successful initiate returned; empty for anything else."""
        is_issue = self.operation == self.api.initiate and self.response.is_success
        body = self.response.json if is_issue else None
        return body if isinstance(body, dict) else {}

    @property
    def may_delete(self) -> bool:
        """Whether it is a delete that may have taken effect: any but one that was refused."""
        return self.deletes is not None and not 300 <= self.response.status <= 499

    @property
    def has_deleted(self) -> bool:
        """Whether it is a delete whose response shows that the image is deleted."""
        body = self.response.json if self.deletes is not None and self.succeeded else None
        return isinstance(body, dict) and body.get(self.api.has_deleted) is True

    @property
    def names(self) -> tuple[Any, Any] | None:
        """The name and tag of the build in it, as initiate was given them or a group has them."""
        sent, build = self.api.sent, self.api.build
        if self.issued and isinstance(self.request.json, dict):
            return self.request.json.get(sent.name), self.request.json.get(sent.tag)
        group = next(iter(self.rows), None)
        return (group.data.get(build.name), group.data.get(build.tag)) if group else None

    @cached_property
    def is_valid_start(self) -> bool:
        """Whether it is a start with a token and a body that a server may accept."""
        return (
            self.operation == self.api.start
            and self.request.credential in (Credential.VALID, Credential.UNKNOWN)
            and isinstance(self.request.json, dict)
            and (self.is_read_leniently or self.request_error is None)
        )

    @cached_property
    def request_error(self) -> str | None:
        """How a JSON request body breaks its schema, or None if it does not."""
        operation, request = self.documented, self.request
        if operation is None or operation.request_schema is None:
            return None
        if request.media_type != "application/json" or request.json is NOT_JSON:
            return None
        if not request.is_utf_8:
            return None  # by its charset it is another text, or none
        errors = self.api.contract.request_errors(operation, request.json)
        return f"{errors[0].at}: {errors[0].what}" if errors else None

    @property
    def says_uploaded(self) -> bool | None:
        """The context_uploaded of a valid start, true by default.

        None for any other exchange, and for a value that only a lenient reader takes for a boolean.
        """
        flag = self.api.sent.is_uploaded
        value = self.request.json.get(flag, True) if self.is_valid_start else None
        return value if isinstance(value, bool) else None

    @property
    def is_read_leniently(self) -> bool:
        """Whether a start has a context_uploaded that only a lenient reader takes for a boolean."""
        body = self.request.json
        if not isinstance(body, dict):
            return False
        value = body.get(self.api.sent.is_uploaded)
        if self.operation != self.api.start or isinstance(value, bool):
            return False
        if isinstance(value, str):
            return value.strip().lower() in _BOOLEAN_WORDS
        return isinstance(value, int | float) and value in (0, 1)

    @cached_property
    def rows(self) -> list[Row]:
        """The group and the artifacts that a status or a start returns."""
        body, returning = self.response.json, (self.api.start, self.api.status)
        if not (self.succeeded and self.operation in returning and isinstance(body, dict)):
            return []
        group = Row(self, "$", body)
        return [group, *group.artifacts]


@dataclass(frozen=True)
class Check:
    """The result of another tool's check of an exchange.

    Attributes:
        name: The tool's name of the check.
        failures: The tool's own messages; empty if the check passed.

    """

    name: str
    exchange: Exchange
    failures: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A build group or an artifact, as one response describes it."""

    exchange: Exchange
    path: str
    data: dict[str, Any] = field(repr=False)

    @property
    def api(self) -> Api:
        """The API whose names are in it."""
        return self.exchange.api

    @property
    def is_group(self) -> bool:
        """Whether it is the group, not an artifact."""
        return self.path == "$"

    @property
    def artifacts(self) -> list[Row]:
        """The artifacts that a group lists, up to a limit that no real build comes near."""
        key = self.api.build.artifacts
        listed = self.data.get(key) if self.is_group else None
        return [
            Row(self.exchange, f"$.{key}[{index}]", artifact)
            for index, artifact in enumerate(
                (listed if isinstance(listed, list) else [])[:MOST_ROWS]
            )
            if isinstance(artifact, dict)
        ]

    @property
    def status(self) -> Any:
        """Its status, of any type."""
        return self.data.get(self.api.build.status)

    @property
    def kind(self) -> Any:
        """The type of an artifact, of any JSON type; one that is left out is a container image."""
        return self.data.get(self.api.build.kind, self.api.image_kind)

    @property
    def phase(self) -> str | None:
        """The phase of its status in the life of a build, or None if the status is unknown."""
        return self.api.phase(self.status)

    def is_set(self, key: str) -> bool:
        """Whether a key is present and not null."""
        return self.data.get(key) is not None

    def is_early(self, key: str) -> bool:
        """Whether a time is set whose event has not come, by the status: T3's or T5's alone."""
        names = self.api.build
        has_come = {
            names.started: self.phase != "waiting",
            names.completed: self.phase is None or self.api.is_terminal(self.status),
        }
        return self.is_set(key) and not has_come.get(key, True)

    def instant(self, key: str) -> datetime | None:
        """Return the value of a key as an instant with an offset, or None if it is not one."""
        return self.moment(key, instant)

    def moment(self, key: str, read: Callable[[str], datetime | None]) -> datetime | None:
        """Return the value of a key as ``read`` returns it, or None if it is not a text."""
        value = self.data.get(key)
        return read(value) if isinstance(value, str) else None


def date_of(header: str) -> datetime | None:
    """Return the date of a header, in UTC; None if it is not one. One without an offset is UTC."""
    return _date_once(header) if len(header) <= LONGEST_KEPT else None


@lru_cache(maxsize=256)
def _date_once(header: str) -> datetime | None:
    try:
        read = email.utils.parsedate_to_datetime(header)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def strict_json(content: bytes) -> Any:
    """Parse JSON strictly, by RFC 8259 and I-JSON (RFC 7493).

    Raises ValueError for a BOM, another encoding than UTF-8, a duplicate key, a NaN or an infinity,
    a lone surrogate, and anything after the value; RecursionError if it is nested too deeply.
    """
    text = content.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("it starts with a BOM")
    value = _DECODER.decode(text)
    if "\\u" in text:  # without an escape there is no lone surrogate, which cannot be encoded
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, _ in pairs if counts[key] > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return body


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
