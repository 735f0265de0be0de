"""An application answers in process as it does over uvicorn, a socket and the bounded client."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from ...drivers.http.client import Client, request
from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import TRIP, in_process
from ...drivers.http.sockets import Overdue, SessionError
from ...drivers.http.transport import BASE_URL, Endpoint, Limits
from ...reference.disruptions import Dropped
from ...reference.over_sockets import running

App = Callable[[Any, Any, Any], Any]
SMALL = Limits(size=2**10)


def answering(*bodies: bytes, status: int = 200, ends: bool = True, **headers: str) -> App:
    """Make an application that answers so, in as many parts."""

    async def app(_: Any, __: Any, send: Any) -> None:
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for number, body in enumerate(bodies, start=1):
            more = number < len(bodies) or not ends
            await send({"type": "http.response.body", "body": body, "more_body": more})

    return app


def raising(error: Exception, after: App | None = None) -> App:
    """Make an application that raises, at once or after it has done something else."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if after:
            await after(scope, receive, send)
        raise error

    return app


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Respond with what was received."""
    message = await receive()
    received = {
        name: scope[name] for name in ("method", "path", "raw_path", "query_string", "scheme")
    }
    sent = [one for one in scope["headers"] if one[0] != b"host"]
    content = repr((received, sent, message)).encode()
    await answering(content, content_type="text/plain")(scope, receive, send)


async def silent(_: Any, __: Any, ___: Any) -> None:
    """Answer nothing."""


async def outlasts(scope: Any, receive: Any, send: Any) -> None:
    """Wait for the client to go, which comes with the end of the answer, and no sooner."""
    await receive()
    gone = asyncio.create_task(receive())
    await asyncio.sleep(0)
    was_gone = gone.done()
    await answering(repr(was_gone).encode())(scope, receive, send)
    await gone


WHOLE = answering(b"whole")


async def twice(scope: Any, receive: Any, send: Any) -> None:
    """Answer, and answer again."""
    await WHOLE(scope, receive, send)
    await WHOLE(scope, receive, send)


APPS: dict[str, App] = {
    "a body": WHOLE,
    "a body in parts": answering(b"in ", b"parts"),
    "a length": answering(b"whole", content_length="5"),
    "a length that is too large": answering(b"part", content_length="5"),
    "an invalid length": answering(b"whole", content_length="x"),
    "a body that does not end": answering(b"part", ends=False),
    "nothing but a header": answering(),
    "a gzipped body": answering(gzip.compress(b"folded"), content_encoding="gzip"),
    "a body that is not gzipped": answering(b"folded", content_encoding="gzip"),
    "an unknown coding": answering(b"folded", content_encoding="br"),
    "a large body": answering(b"x" * 2**10, b"x"),
    "a large gzipped body": answering(gzip.compress(b"x" * 2**11), content_encoding="gzip"),
    "a header that is not HTTP": answering(b"", x_invalid="a\nb"),
    "a name that is not HTTP's": answering(b"", **{"x y": "a"}),  # type: ignore[arg-type]
    "no content": answering(b"", status=204),
    "no content, and a body": answering(b"x", status=204),
    "not modified": answering(b"", status=304),
    "an error": answering(b"{}", status=500),
    "the request": echo,
    "no answer": silent,
    "an exception": raising(ZeroDivisionError()),
    "an exception of time": raising(TimeoutError()),
    "an exception within the answer": raising(ZeroDivisionError(), answering(b"a", ends=False)),
    "an exception after the answer": raising(ZeroDivisionError(), WHOLE),
    "an answer after the answer": twice,
    "a closed connection": raising(Dropped()),
    "a client that goes": outlasts,
}


def outcome(at: Endpoint, method: str) -> tuple[Any, ...]:
    """Return the response, without what other servers phrase differently, or the error."""
    sent = request(
        method, f"{at.base_url}/a%2Fb/%E2%98%83?c=%20&d", {"X-A": "b"}, b"c" * (method == "POST")
    )
    sent.extensions["target"] = sent.url.raw_path
    try:
        answer = at.transport.send(sent)
    except SessionError as error:
        return type(error), str(error), error.is_sent
    own = ("date", "server", "connection", "transfer-encoding", "content-length")
    headers = [one for one in answer.headers.multi_items() if one[0] not in own]
    return answer.status, headers, answer.content


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, method) for name in APPS for method in ("GET", "HEAD")), ("the request", "POST")],
)
def test_same_as_over_a_socket(name: str, method: str) -> None:
    """Status, headers and body, or the same error."""
    here = in_process(APPS[name], VirtualClock(), SMALL, Dropped)
    with closing(here.transport):
        found = outcome(here, method)
    with running(APPS[name]) as url, Client(SMALL) as client:
        there = outcome(Endpoint(url, client), method)

    assert found == there


@pytest.mark.parametrize(
    "url", ["http://other.invalid/", f"{BASE_URL}:81/", "https://in-process.invalid/", "ftp://a/b"]
)
def test_another_server_is_not_there(url: str) -> None:
    """A request for another host fails, and is not sent to the application."""
    at = in_process(WHOLE, VirtualClock())

    with pytest.raises(SessionError) as caught:
        at.transport.send(request("GET", url, {}, b""))
    assert not caught.value.is_sent


@pytest.mark.parametrize("headers", [{"X-A": "a\nb"}, {"X A": "b"}, {"Content-Length": "x"}])
def test_request_that_is_no_http(headers: dict[str, str]) -> None:
    """It fails in the words of the bounded client."""
    at = in_process(WHOLE, VirtualClock())

    with pytest.raises(SessionError, match="it would not be HTTP"):
        at.transport.send(request("GET", BASE_URL, headers, b""))


def test_clock_moves_with_each_exchange() -> None:
    """By as much each way, so that the server's time lies between the client's."""
    clock = VirtualClock()
    seen: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(clock.monotonic())
        await WHOLE(scope, receive, send)

    at = in_process(app, clock)
    with closing(at.transport):
        at.transport.send(request("GET", BASE_URL, {}, b""))

    assert (seen, clock.monotonic()) == ([TRIP], 2 * TRIP)


@pytest.mark.parametrize("seconds", [0.5, 3600.0])
def test_application_that_sleeps(seconds: float) -> None:
    """Its sleep takes time of the clock alone, within what the exchange may take."""
    clock = VirtualClock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(str)
        await WHOLE(scope, receive, send)

    at = in_process(app, clock)
    with closing(at.transport):
        if seconds < at.transport.limits.seconds:
            assert at.transport.send(request("GET", BASE_URL, {}, b"")).content == b"whole"
        else:
            with pytest.raises(Overdue, match=r"^no response came within 30 s$") as caught:
                at.transport.send(request("GET", BASE_URL, {}, b""))
            assert caught.value.is_sent

    assert clock.monotonic() == pytest.approx(min(seconds, 30.0) + 2 * TRIP)


def test_application_that_never_answers() -> None:
    """It waits for a client that does not go: over by the limit of the exchange."""

    async def app(_: Any, receive: Any, __: Any) -> None:
        while True:
            await receive()

    at = in_process(app, VirtualClock())
    with closing(at.transport), pytest.raises(Overdue):
        at.transport.send(request("GET", BASE_URL, {}, b""), seconds=5.0)
