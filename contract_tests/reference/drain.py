"""Hears a request out before it is refused, so that its client gets to read why.

A client that is still sending when the connection closes may never see the answer.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

MOST_DRAINED = 16 * 2**20
_SECONDS = 5.0


def draining(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Read what is left of a body before an answer that refuses it; not where a client waits."""
    headers = {name.lower() for name, _ in scope["headers"]}
    has_body = headers & {b"content-length", b"transfer-encoding"} and b"expect" not in headers
    is_heard = not has_body

    async def receiving() -> Message:
        nonlocal is_heard
        message = await receive()
        is_heard = is_heard or not message.get("more_body")
        return message

    async def sending(message: Message) -> None:
        if not is_heard and message.get("status", 0) >= 400:
            await _drain()
        await send(message)

    async def _drain() -> None:
        left = MOST_DRAINED
        try:
            async with asyncio.timeout(_SECONDS):
                while left > 0 and not is_heard:
                    left -= len((await receiving()).get("body", b""))
        except TimeoutError:
            return

    return receiving, sending
