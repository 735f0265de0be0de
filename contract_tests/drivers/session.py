"""Sends requests to the target within budgets and limits, and records each on the tape."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from prime_image_builds._urls import UploadPolicy, read_hosts

from ..redaction import Secret, Unshown
from ..tape.exchange import UPLOAD, Exchange
from ..tape.tape import NO_RESPONSE, Tape
from .http import client as bounded
from .http.client import SessionError
from .http.pace import BudgetSpent, Pace
from .http.reachability import Reachability
from .http.transport import Answer, Endpoint
from .images import Image, OwnImages

__all__ = ["BudgetSpent", "Session", "SessionError", "url_of"]

_UNSENT = object()
# An exchange may end this much after the deadline: one that is cut off too early proves nothing.
LAST_SECONDS = 1.0
# Safe methods: a request that was lost with a kept connection may be sent again.
_SAFE = {"GET", "HEAD", "OPTIONS"}


@dataclass
class Session:
    """A connection to the target whose traffic is on the tape.

    Attributes:
        endpoint: The target.
        driver: Whose traffic it is.
        pace: What may still be sent, and when.
        reach: Whether the server can still be reached.
        headers: Sent with every request to the API beside its own, but not with uploads.
        own: The images of this run. No other image is ever initiated or deleted.
        upload_hosts: Hosts that get uploads whatever their address is.
        refused: The hosts that got none, each with the reason; the sessions of a run share it.

    """

    endpoint: Endpoint
    tape: Tape
    driver: str
    pace: Pace
    reach: Reachability = field(default_factory=Reachability)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    own: OwnImages | None = None
    upload_hosts: Sequence[str] = ()
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def own_name(self) -> str:
        """The image name that this run alone uses; empty where it has none."""
        return self.own.name if self.own else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoint.transport.close()

    def send(
        self,
        method: str,
        path: str,
        intent: str,
        *,
        body: Any = _UNSENT,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = "valid",
        is_absent: bool = False,
    ) -> Exchange:
        """Send one request to the API.

        Args:
            method: As it is written on the wire.
            path: Percent-encoded, as it is written on the wire.
            intent: What is meant by it, in a few words.
            body: A JSON value.
            content: The bytes of a body, where it is no JSON value; called JSON all the same.
            headers: Beside those that a request of its kind has.
            authorization: The header; the valid token by default, None for no such header.
            is_absent: Whether there is no such build.

        The exchange returned has a ``failure`` where no response came. Raises ``SessionError`` once
        the server cannot be reached any more, ``BudgetSpent`` where nothing may be sent.

        """
        if body is not _UNSENT:
            content = json.dumps(body).encode()
        if headers is None:
            headers = {"Content-Type": "application/json"} if content is not None else {}
        # Tracebacks may show local variables.
        sent = Unshown({**self.headers, **self._credentials(authorization), **headers})
        url = self.endpoint.base_url + path
        try:
            request = bounded.request(method, url, sent, content or b"")
        except SessionError as error:
            return self._unsent(method, url, sent, intent, error)
        request.extensions["target"] = _target(self.endpoint.base_url, path)
        return self._answered(request, intent, is_absent=is_absent)

    def _credentials(self, authorization: str | None) -> dict[str, str]:
        if authorization == "valid":
            authorization = Secret(f"Bearer {self.tape.token}")
        return {} if authorization is None else {"Authorization": authorization}

    def upload(self, build_id: str, url: str, content: bytes, intent: str) -> Exchange:
        """Upload a context, without the token. Returns and raises as ``send`` does."""
        headers = {"Content-Type": "application/octet-stream"}
        try:
            request = bounded.request("PUT", url, headers, content)
        except SessionError as error:
            return self._unsent("PUT", url, headers, intent, error, upload_of=build_id)
        if (target := issued_target(url)) is not None:
            request.extensions["target"] = target
        base = httpx.URL(self.endpoint.base_url)
        request.extensions[bounded.POLICY] = UploadPolicy(base, read_hosts(self.upload_hosts))
        return self._answered(request, intent, upload_of=build_id)

    def exchange(self, request: httpx.Request, intent: str) -> Exchange:
        """Send a prepared request unchanged. Returns and raises as ``send`` does."""
        for name, value in self.headers.items():
            request.headers.setdefault(name, value)
        return self._answered(request, intent)

    def _unsent(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        intent: str,
        error: SessionError,
        upload_of: str | None = None,
    ) -> Exchange:
        """Record a request that cannot be sent at all."""
        request = (method, url, headers, b"")
        return self.tape.record(
            driver=self.driver, intent=intent, request=request, upload_of=upload_of,
            failure=str(error), at=(self.endpoint.clock.now(),) * 2,
        ).last  # fmt: skip

    def _answered(
        self,
        request: httpx.Request,
        intent: str,
        upload_of: str | None = None,
        *,
        is_absent: bool = False,
    ) -> Exchange:
        """Send, and send again after a 429 with the delay that it gives; each try is on the tape.

        A safe request that was lost with a kept connection is sent once more.
        """
        if self._deletes_others(request):
            error = SessionError("not sent: it would delete an image that is not of this run")
            return self._unsent(request.method, url_of(request), request.headers, intent, error)
        image = None
        if self.own is not None and upload_of is None:
            request, image = self.own.claim(request, self.tape.api)
        request.headers = bounded.SentHeaders(request.headers)
        kind = self._kind(request, upload_of)
        initiates = kind == self.tape.api.initiate
        tries, is_again, now = 0, False, self.endpoint.clock.now
        while True:
            if self.own is not None and image is not None:
                self.pace.admit(initiates=initiates, reserves=self.own.reserves(image))
                self.own.note(image)
            else:
                self.pace.admit(initiates=initiates)
            began = now()
            answer, failure = self._tried(request, kind)
            ended = now()
            exchange = self.tape.record(
                driver=self.driver,
                intent=intent,
                request=(
                    request.method, url_of(request), request.headers,
                    b"" if upload_of else request.content,
                ),
                response=(
                    (answer.status, answer.headers, answer.content) if answer else NO_RESPONSE
                ),
                at=(began, ended),
                upload_of=upload_of,
                is_absent=is_absent,
                failure=str(failure) if failure else None,
            ).last  # fmt: skip
            # What was lost may have been processed.
            is_lost = failure is not None and failure.is_sent
            if self.own is not None:
                self._follow(self.own, image, exchange, is_lost=is_lost)
            self.pace.issued += initiates and (exchange.succeeded or is_lost)
            self.pace.initiating -= initiates
            self.reach.overdue(kind, failure)
            if kind != UPLOAD:
                self.reach.note(failure, self.pace.pause)
            if failure is not None:
                if failure.is_stale and request.method in _SAFE and not is_again:
                    is_again = True
                    continue
                return exchange
            self.pace.take(len(answer.content) if answer else 0)
            wait = None
            if exchange.response.status == 429:
                wait = self.pace.retry_delay(exchange.response.headers, tries)
            if wait is None:
                return exchange
            self.pace.pause(wait)
            tries += 1

    def _follow(
        self, own: OwnImages, image: Image | None, exchange: Exchange, *, is_lost: bool
    ) -> None:
        """Note what an exchange made of an image, or that it deleted one."""
        if image is not None:
            is_unsent = not (exchange.is_answered or is_lost)
            has_made_none = is_unsent or 400 <= exchange.response.status <= 499
            if has_made_none and not own.made[image]:
                self._forget(own, image)
            elif not has_made_none:
                own.built(image, exchange.build_id if exchange.issued else None)
        if exchange.has_deleted and exchange.deletes is not None:
            image = Image(exchange.deletes[1])
            if image in own.made and "?" not in exchange.request.url:
                self._forget(own, image)

    def _forget(self, own: OwnImages, image: Image) -> None:
        own.forget(image)
        self.pace.reserved = max(0, self.pace.reserved - 1)

    def _deletes_others(self, request: httpx.Request) -> bool:
        """Whether a request may delete anything but an image of this run's own name.

        A DELETE is sent to another path of the contract, which has no such method, or to delete
        with that name; never to a path that a server may read in another way.
        """
        if request.method.upper() != "DELETE":
            return False
        to = self.tape.api.address(request.method, urlsplit(url_of(request)).path)
        if to.operation is None:
            return to.template is None
        return not self.own_name or to.parameters[self.tape.api.path_name[0]] != self.own_name

    def _kind(self, request: httpx.Request, upload_of: str | None) -> str:
        """Name the kind of a request: the operation of the contract, or its method and host."""
        if upload_of is not None:
            return UPLOAD
        operation = self.tape.api.address(request.method, request.url.path).operation
        return operation or f"{request.method} {request.url.host}"

    def _tried(
        self, request: httpx.Request, kind: str
    ) -> tuple[Answer | None, SessionError | None]:
        try:
            seconds = self.reach.seconds(kind, self.endpoint.transport.limits.seconds)
            seconds = min(seconds, max(self.pace.left, LAST_SECONDS))
            return self.endpoint.transport.send(request, seconds), None
        except bounded.Refused as error:
            self.refused[error.host] = str(error)
            return None, error
        except SessionError as error:
            return None, error


def url_of(request: httpx.Request) -> str:
    """Return the URL as it goes out; where a target is given by itself, httpx's URL is not that."""
    target: bytes | None = request.extensions.get("target")
    if target is None:
        return str(request.url)
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{target.decode('ascii')}"


def issued_target(url: str) -> bytes | None:
    """Return the target of an upload URL to the letter, or None where HTTP cannot carry it so.

    A signature may cover each character of it, and httpx would encode some differently.
    """
    found = re.fullmatch(r"https?://[^/?#]+(/[\x21-\x7e]*)", url.partition("#")[0], re.IGNORECASE)
    return found[1].encode() if found else None


def _target(base_url: str, path: str) -> bytes:
    """Return a request target unchanged; httpx would normalise it."""
    return (_prefix(base_url) + path.encode()).split(b"#")[0]


@cache
def _prefix(base_url: str) -> bytes:
    return httpx.URL(base_url).raw_path.rstrip(b"/")
