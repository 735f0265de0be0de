"""Sends requests to the target, and records each on the tape as the judge watches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from ..tape import Exchange, History, Tape
from ..verdict import Judge

_UNSENT = object()


class WireError(Exception):
    """The connection broke: there is no answer."""


class BudgetSpent(Exception):  # noqa: N818 (it is no error)
    """Nothing may be sent any more."""


@dataclass
class Wire:
    """A connection to the target whose traffic is on the tape."""

    base_url: str
    tape: Tape
    judge: Judge
    driver: str
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30.0))

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
        """
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization or f"Bearer {self.tape.token}"
        content = b""
        if body is not _UNSENT:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        request = self.client.build_request(
            method, self.base_url + path, headers=sent, content=content or None
        )
        return self._exchange(request, content, intent)

    def upload(self, build_id: str, url: str, content: bytes, intent: str) -> Exchange:
        """Upload a context, without the token."""
        headers = {"Content-Type": "application/octet-stream"}
        request = self.client.build_request("PUT", url, headers=headers, content=content)
        return self._exchange(request, b"", intent, upload_of=build_id)

    def exchange(self, request: httpx.Request, intent: str) -> Exchange:
        """Send a request that somebody else has made, to the letter.

        A request that is not made by the client has no timeout of its own.
        """
        request.extensions.setdefault("timeout", self.client.timeout.as_dict())
        return self._exchange(request, request.content, intent)

    def _exchange(
        self, request: httpx.Request, content: bytes, intent: str, upload_of: str | None = None
    ) -> Exchange:
        try:
            response = self.client.send(request)
        except httpx.HTTPError as error:
            raise WireError(f"{type(error).__name__} {error}".strip()) from error
        history = self.tape.record(
            driver=self.driver,
            intent=intent,
            request=(request.method, url_of(request), request.headers, content),
            response=(response.status_code, response.headers, response.content),
            upload_of=upload_of,
        )
        return self.see(history)

    def see(self, history: History) -> Exchange:
        """Let the judge see the newest exchange."""
        self.judge.see(history)
        return history.last


def url_of(request: httpx.Request) -> str:
    """Return the URL as it goes out; where a target is given by itself, httpx's URL is not that."""
    target: bytes | None = request.extensions.get("target")
    if target is None:
        return str(request.url)
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}{target.decode('ascii')}"
