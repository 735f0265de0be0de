"""Reads the rest of a request before it is refused, so that its client can read the response.

A client that is still sending when the connection closes may never read the response.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

MOST_DRAINED = 16 * 2**20
_SECONDS = 5.0


def draining(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Read the rest of a body before a refusal, unless the client waits for 100 Continue."""
    headers = {name.lower() for name, _ in scope["headers"]}
    has_body = headers & {b"content-length", b"transfer-encoding"} and b"expect" not in headers
    is_complete = not has_body

    async def receiving() -> Message:
        nonlocal is_complete
        message = await receive()
        is_complete = is_complete or not message.get("more_body")
        return message

    async def sending(message: Message) -> None:
        if not is_complete and message.get("status", 0) >= 400:
            await _drain()
        await send(message)

    async def _drain() -> None:
        left = MOST_DRAINED
        try:
            async with asyncio.timeout(_SECONDS):
                while left > 0 and not is_complete:
                    left -= len((await receiving()).get("body", b""))
        except TimeoutError:
            return

    return receiving, sending
