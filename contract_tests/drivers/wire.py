"""Sends requests to the target, and records each on the tape as the judge watches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from ..tape import REDACTED, Exchange, History, Tape
from ..verdict import Judge
from . import bounded
from .bounded import WireError

_UNSENT = object()


@dataclass
class Wire:
    """A connection to the target whose traffic is on the tape."""

    base_url: str
    tape: Tape
    judge: Judge
    driver: str
    client: bounded.Client = field(default_factory=bounded.Client)

    def __enter__(self) -> Wire:
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
        headers: Mapping[str, str] | None = None,
        authorization: str | None = "",
    ) -> Exchange:
        """Send one request to the API.

        ``authorization`` is the valid token by default; None sends no such header.
        Raises ``WireError`` where no answer could be had.
        """
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization or f"Bearer {self.tape.token}"
        content = b""
        if body is not _UNSENT:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        with self._told(f"{method} {path}"):
            request = bounded.request(method, self.base_url + path, sent, content)
            answer = self.client.send(request)
        return self._record(request, content, answer, intent)

    def upload(self, build_id: str, url: str, content: bytes, intent: str) -> Exchange:
        """Upload a context, without the token.

        Raises ``WireError`` where no answer could be had.
        """
        headers = {"Content-Type": "application/octet-stream"}
        # Without the query and the user: they are what makes a URL a secret.
        shown = re.sub("//[^/]*@", "//", url.partition("?")[0])
        with self._told(f"the upload to {shown!r}"):
            request = bounded.request("PUT", url, headers, content)
            answer = self.client.send(request)
        return self._record(request, b"", answer, intent, upload_of=build_id)

    def _record(
        self,
        request: httpx.Request,
        content: bytes,
        answer: bounded.Answer,
        intent: str,
        upload_of: str | None = None,
    ) -> Exchange:
        history = self.tape.record(
            driver=self.driver,
            intent=intent,
            request=(request.method, str(request.url), request.headers, content),
            response=(answer.status, answer.headers, answer.content),
            upload_of=upload_of,
        )
        return self.see(history)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Say of a failure what was asked, without the token that a server may echo in a URL."""
        try:
            yield
        except WireError as error:
            what = re.sub(re.escape(self.tape.token), REDACTED, what, flags=re.I)
            shown = what if len(what) <= 120 else f"{what[:80]}…{what[-20:]}"
            why = re.sub(re.escape(self.tape.token), REDACTED, str(error), flags=re.I)
            raise WireError(f"{shown}: {why}") from error

    def see(self, history: History) -> Exchange:
        """Let the judge see the newest exchange."""
        self.judge.see(history)
        return history.last
