"""Logs each request as a line of JSON, without query, headers and body: without secrets."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ..escape import as_json
from .disruptions import Dropped

_BUILD = re.compile(r"/(?:api/v1/images/build|uploads)/([^/]+)(?:/start)?")
_MOST_PATH = 300


def logged(app: Any, token: str, write: Callable[[str], None]) -> Any:
    """Write a line for each request, before the client can have read the whole response.

    A token in a path is hidden. The status of a connection that is closed without a response is
    null.
    """

    async def logging(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, at = time.perf_counter(), datetime.now(UTC)
        # The application sets the build before it responds.
        state = scope.setdefault("state", {})
        response = _Response(scope["method"])
        is_noted = False

        def note() -> None:
            nonlocal is_noted
            if is_noted:
                return
            is_noted = True
            # A percent-encoded "?" begins a query, too.
            path = scope["path"].partition("?")[0].replace(token, "***")[:_MOST_PATH]
            named = _BUILD.fullmatch(path)
            line = {
                "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "method": scope["method"],
                "path": path,
                "status": response.status,
                "ms": round(1000 * (time.perf_counter() - began), 1),
                "build": state.get("build") or (named[1] if named else None),
            }
            with contextlib.suppress(OSError):  # a full disk is no reason not to respond
                write(as_json(line))

        async def sending(message: Any) -> None:
            # Once the last byte is sent, the client may read the log before this task continues.
            if response.ends_with(message):
                note()
            await send(message)

        try:
            await app(scope, receive, sending)
        except Dropped:
            response.status = None
            raise
        except Exception:
            response.status = response.status or 500  # the HTTP server sends it
            raise
        finally:
            note()

    return logging


class _Response:
    """What was sent of a response: enough to recognise its last byte."""

    def __init__(self, method: str) -> None:
        self.status: int | None = None
        self._has_body = method != "HEAD"
        self._left = float("inf")

    def ends_with(self, message: Any) -> bool:
        """Return whether the response is complete with this message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            length = dict(message.get("headers", ())).get(b"content-length", b"")
            if length.isdigit():
                self._left = int(length)
            self._has_body &= self.status not in (204, 304) and self._left > 0
            return not self._has_body
        self._left -= len(message.get("body", b""))
        return self._left <= 0 or not message.get("more_body", False)
