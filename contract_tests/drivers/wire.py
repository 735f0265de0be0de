"""Sends requests to the target, paced and bounded, and records each on the tape for the judge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from ..contract import INITIATE, contract
from ..exchange import Exchange
from ..report.redaction import Redaction
from ..tape import Tape
from ..verdict import Judge
from . import bounded
from .bounded import WireError
from .pace import BudgetSpent, Pace

__all__ = ["BudgetSpent", "Wire", "WireError", "url_of"]

_UNSENT = object()
_INITIATE = contract().operations[INITIATE]


@dataclass
class Wire:
    """A connection to the target whose traffic is on the tape.

    Attributes:
        driver: Whose traffic it is.
        pace: What may still be sent, and when.
        headers: Sent with every request to the API beside its own, but not with uploads.

    """

    base_url: str
    tape: Tape
    judge: Judge
    driver: str
    pace: Pace = field(default_factory=Pace)
    client: bounded.Client = field(default_factory=bounded.Client)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._hide = Redaction(self.tape, headers=self.headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

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

        Raises ``WireError`` where no answer could be had, ``BudgetSpent`` where none is asked for.

        """
        sent = {**self.headers}
        if authorization is not None:
            token = f"Bearer {self.tape.token}"
            sent["Authorization"] = token if authorization == "valid" else authorization
        if body is not _UNSENT:
            content = json.dumps(body).encode()
        if headers is not None:
            sent.update(headers)
        elif content is not None:
            sent["Content-Type"] = "application/json"
        with self._telling(f"{method} {path}"):
            request = bounded.request(method, self.base_url + path, sent, content or b"")
            request.extensions["target"] = _target(self.base_url, path)
            return self._answered(request, intent, is_absent=is_absent)

    def upload(self, build_id: str, url: str, content: bytes, intent: str) -> Exchange:
        """Upload a context, without the token. Raises as ``send`` does."""
        headers = {"Content-Type": "application/octet-stream"}
        # Without the query and the user: they are what makes a URL a secret.
        shown = re.sub("//[^/]*@", "//", url.partition("?")[0])
        with self._telling(f"the upload to {shown!r}"):
            request = bounded.request("PUT", url, headers, content)
            if (target := _issued_target(url)) is not None:
                request.extensions["target"] = target
            return self._answered(request, intent, upload_of=build_id)

    def exchange(self, request: httpx.Request, intent: str) -> Exchange:
        """Send a request that somebody else has made, to the letter. Raises as ``send`` does."""
        for name, value in self.headers.items():
            request.headers.setdefault(name, value)
        with self._telling(f"{request.method} {request.url.path}"):
            return self._answered(request, intent)

    def _answered(
        self,
        request: httpx.Request,
        intent: str,
        upload_of: str | None = None,
        *,
        is_absent: bool = False,
    ) -> Exchange:
        """Send until the answer is no 429 that asks to wait; each is on the tape."""
        initiates = request.method == _INITIATE.method and _INITIATE.is_asked(request.url.path)
        tries = 0
        while True:
            self.pace.admit(initiates=initiates and "authorization" in request.headers)
            answer = self.client.send(request)
            self.pace.take(len(answer.content))
            history = self.tape.record(
                driver=self.driver,
                intent=intent,
                request=(
                    request.method, url_of(request), request.headers,
                    b"" if upload_of else request.content,
                ),
                response=(answer.status, answer.headers, answer.content),
                at=(answer.began, answer.ended),
                upload_of=upload_of,
                is_absent=is_absent,
            )  # fmt: skip
            self.judge.see(history)
            self.pace.issued += initiates and history.last.succeeded
            wait = None
            if answer.status == 429:
                wait = self.pace.asked_to_wait(answer.headers, tries)
            if wait is None:
                return history.last
            self.pace.pause(wait)
            tries += 1

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Say of a failure what was asked, without secrets: a server may echo them in a URL."""
        try:
            yield
        except WireError as error:
            what = self._hide(what)
            shown = what if len(what) <= 120 else f"{what[:80]}…{what[-20:]}"
            raise WireError(f"{shown}: {self._hide(str(error))}") from None


def url_of(request: httpx.Request) -> str:
    """Return the URL as it goes out; where a target is given by itself, httpx's URL is not that."""
    target: bytes | None = request.extensions.get("target")
    if target is None:
        return str(request.url)
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{target.decode('ascii')}"


def _issued_target(url: str) -> bytes | None:
    """Return the target of an upload URL to the letter, or None where HTTP cannot carry it so.

    A signature may cover each character of it; httpx would spell some otherwise.
    """
    found = re.fullmatch(r"https?://[^/?#]+(/[\x21-\x7e]*)", url.partition("#")[0], re.IGNORECASE)
    return found[1].encode() if found else None


def _target(base_url: str, path: str) -> bytes:
    """Spell a request target to the letter; httpx would tidy up what is odd about it."""
    return (httpx.URL(base_url).raw_path.rstrip(b"/") + path.encode()).split(b"#")[0]
