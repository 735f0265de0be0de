"""The log of the reference server: a line is there before the client can look for it."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
import uvicorn

from ...reference.access_log import logged
from ...reference.app import create_app
from ...reference.disruptions import Dropped
from ...reference.over_sockets import running

TOKEN = "a-token-of-the-test"  # noqa: S105 (of servers that live as long as a test)
Message = dict[str, Any]


def begins(status: int, length: int | None = None) -> Message:
    """Return the message that begins a response."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}


def goes_on(body: bytes, more: bool = False) -> Message:
    """Return a message with a part of a response."""
    return {"type": "http.response.body", "body": body, "more_body": more}


@pytest.mark.parametrize(
    ("method", "messages", "sent_before"),
    [
        ("GET", [begins(200, 2), goes_on(b"ok")], 1),
        ("GET", [begins(200), goes_on(b"ok")], 1),
        ("GET", [begins(200), goes_on(b"o", True), goes_on(b"k")], 2),
        ("GET", [begins(200), goes_on(b"ok", True), goes_on(b"")], 2),
        # The client has all of it before the application marks it as the last.
        ("GET", [begins(200, 2), goes_on(b"ok", True), goes_on(b"")], 1),
        ("GET", [begins(200, 2), goes_on(b"o", True), goes_on(b"k", True), goes_on(b"")], 2),
        ("GET", [begins(200, 0), goes_on(b"")], 0),
        ("PUT", [begins(204), goes_on(b"")], 0),
        ("GET", [begins(304, 2), goes_on(b"")], 0),
        ("HEAD", [begins(200, 2), goes_on(b"ok")], 0),
        ("GET", [begins(200, 9), goes_on(b"ok", True)], 2),  # cut off: once nothing follows
    ],
)
def test_log_line_is_written_before_the_last_byte_is_sent(
    method: str, messages: list[Message], sent_before: int
) -> None:
    """Exactly one line, at the last moment at which the client cannot have all."""
    happened: list[object] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    async def send(message: Message) -> None:
        happened.append(message)

    def write(line: str) -> None:
        happened.append(json.loads(line)["status"])

    scope = {"type": "http", "method": method, "path": "/"}
    asyncio.run(logged(app, TOKEN, write)(scope, None, send))

    status = messages[0]["status"]
    assert happened == [*messages[:sent_before], status, *messages[sent_before:]]


@pytest.mark.parametrize(
    ("sent", "raised", "status"),
    [
        ([], RuntimeError, 500),
        ([begins(200, 2)], RuntimeError, 200),
        ([], Dropped, None),
        ([begins(200, 2)], Dropped, None),
        ([], asyncio.CancelledError, None),
    ],
)
def test_log_line_of_a_request_that_ended_badly(
    sent: list[Message], raised: type[BaseException], status: int | None
) -> None:
    """It is written before the connection is closed, with the status that the client is sent."""
    lines: list[str] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        for message in sent:
            await send(message)
        raise raised

    async def send(_: Message) -> None:
        assert lines == []

    scope = {"type": "http", "method": "GET", "path": "/"}
    with pytest.raises(raised):
        asyncio.run(logged(app, TOKEN, lines.append)(scope, None, send))

    assert [json.loads(line)["status"] for line in lines] == [status]


def test_embedded_server_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for: its thread has ended."""

    async def fails(*_: object) -> None:
        raise OSError("no server today")

    monkeypatch.setattr(uvicorn.Server, "startup", fails)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with pytest.raises(RuntimeError, match="did not start"), running(create_app(token=TOKEN)):
        pass
