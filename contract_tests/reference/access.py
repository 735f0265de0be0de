"""Notes each request in one line of JSON: no query, no header, no body, and so no secret."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .weather import Dropped

_BUILD = re.compile(r"/(?:api/v1/images/build|uploads)/([^/]+)(?:/start)?")
_MOST_PATH = 300


def logged(app: Any, token: str, write: Callable[[str], None]) -> Any:
    """Write a line for each request that an application has answered.

    A token that somebody puts into a path is hidden. The status of a connection that is closed
    without an answer is null.
    """

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, at = time.perf_counter(), datetime.now(UTC)
        # The application's own word of the build; it is there before the answer is.
        state = scope.setdefault("state", {})
        status: int | None = None

        async def sending(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await app(scope, receive, sending)
        except Dropped:
            status = None
            raise
        finally:
            # A query that came percent-encoded is a query all the same.
            path = scope["path"].partition("?")[0].replace(token, "***")[:_MOST_PATH]
            named = _BUILD.fullmatch(path)
            line = {
                "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "method": scope["method"],
                "path": path,
                "status": status,
                "ms": round(1000 * (time.perf_counter() - began), 1),
                "build": state.get("build") or (named[1] if named else None),
            }
            write(json.dumps(line))

    return noted
