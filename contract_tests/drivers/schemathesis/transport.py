"""Lets schemathesis send all its requests through our session, unchanged.

A schema has one transport, and everything that sends takes it from the schema: the cases, and the
requests that checks make by themselves. So a schema with our transport is enough.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from schemathesis.core.transport import Response
from schemathesis.generation.overrides import Override
from schemathesis.specs.openapi.schemas import OpenApiSchema
from schemathesis.transport.requests import REQUESTS_TRANSPORT, RequestsTransport

from ...tape.exchange import Exchange
from ..session import Session
from .feed import Feed

# What a header may hold on the wire (RFC 9110, section 5); anything else no HTTP client sends.
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?")


class Ended(KeyboardInterrupt):
    """Ends the run of schemathesis.

    It is a KeyboardInterrupt, as schemathesis' own reasons to stop are: any other exception would
    be reported as a failure of the case.
    """


class WireTransport(RequestsTransport):
    """Sends cases through a session.

    Attributes:
        sent: The exchanges made, by the id of their case.
        ended_by: What ended the run early, or None.

    """

    def __init__(self, session: Session, feed: Feed) -> None:
        super().__init__()
        self._copy_serializers_from(REQUESTS_TRANSPORT)
        self._session = session
        self._feed = feed
        self.sent: dict[str, Exchange] = {}
        self.ended_by: BaseException | None = None

    def send(
        self, case: Any, *, session: requests.Session | None = None, **kwargs: Any
    ) -> Response:
        """Send a case and return the answer.

        Raises ``Ended`` where the session or the feed raises anything at all, and ever after.
        """
        if self.ended_by is not None:
            raise Ended
        # The requests that checks make by themselves come without a session, and are left alone.
        is_case = session is not None
        try:
            if is_case:
                self._feed.feed(case)
            prepared = requests.Request(**self.serialize_case(case, **kwargs)).prepare()
            exchange = self._session.exchange(to_httpx(prepared), _intent(case, is_case))
            self._feed.learn(case, exchange)
        except BaseException as error:
            self.ended_by = error
            raise Ended from error
        self.sent[case.id] = exchange
        return to_schemathesis(exchange, prepared, Override.from_send_kwargs(kwargs))


class WiredSchema(OpenApiSchema):
    """A schema whose requests all go through one transport."""

    wire_transport: WireTransport

    @property
    def transport(self) -> WireTransport:
        """The transport of all requests."""
        return self.wire_transport

    def create_extra_data_source(self) -> None:
        """Reuse no values of responses: they hold ids that are new in every run."""


def to_httpx(prepared: requests.PreparedRequest) -> httpx.Request:
    """Turn a prepared request into one of httpx: same method, target, headers and body.

    A header that HTTP cannot carry is left out.
    """
    headers = [(_bytes(name), _bytes(value)) for name, value in prepared.headers.items()]
    return httpx.Request(
        prepared.method or "GET",
        prepared.url or "",
        headers=[one for one in headers if _NAME.fullmatch(one[0]) and _VALUE.fullmatch(one[1])],
        content=None if prepared.body is None else _bytes(prepared.body, "utf-8"),
        # httpx would write dot segments and percent-encodings in its own way.
        extensions={"target": prepared.path_url.encode("ascii")},
    )


def to_schemathesis(
    exchange: Exchange, prepared: requests.PreparedRequest, override: Override
) -> Response:
    """Turn an exchange into the response that schemathesis' checks read."""
    headers = exchange.response.headers
    return Response(
        status_code=exchange.response.status,
        headers={name: [value] for name, value in headers.items()},
        content=exchange.response.content or b"",
        request=prepared,
        elapsed=(exchange.ended - exchange.began).total_seconds(),
        verify=True,
        encoding=get_encoding_from_headers(CaseInsensitiveDict(headers)),
        _override=override,
    )


def _intent(case: Any, is_case: bool) -> str:
    phase = case.meta.phase.name.value if case.meta else "generated"
    return f"{phase} case" if is_case else f"probe of a {phase} case"


def _bytes(value: Any, encoding: str = "latin-1") -> bytes:
    return value.encode(encoding) if isinstance(value, str) else bytes(value)
