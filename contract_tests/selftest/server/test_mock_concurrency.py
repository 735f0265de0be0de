"""A mock answers threads and loops at once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import threading
from typing import Any

import httpx
import pytest
import respx

from ...mock import MockImages
from ...reference.faults import FAULTS, Fault, Server, ServerRequest, ServerResponse
from ..support.mocked import BEARER, BUILDS, OCTETS, WEB, context, started, status


@pytest.mark.parametrize("way", ["respx", "transport"])
def test_async(way: str) -> None:
    """Asynchronous clients are answered, many at once."""

    async def build(client: httpx.AsyncClient) -> Any:
        issued = (await client.post(BUILDS, json=WEB, headers=BEARER)).json()
        await client.put(issued["upload_url"], content=context(), headers=OCTETS)
        await client.post(f"{BUILDS}/{issued['build_id']}/start", json={}, headers=BEARER)
        return (await client.get(f"{BUILDS}/{issued['build_id']}", headers=BEARER)).json()

    async def builds(mock: MockImages) -> list[Any]:
        transport = mock.transport() if way == "transport" else None
        async with httpx.AsyncClient(transport=transport) as client:
            return await asyncio.gather(*(build(client) for _ in range(20)))

    with MockImages(build_seconds=0) as mock, mock.respx():
        ended = asyncio.run(builds(mock))
        mock.assert_held()

    assert {one["status"] for one in ended} == {"COMPLETED"}
    assert len({one["id"] for one in ended}) == 20
    assert len(mock.tape.exchanges) == 80


def test_sync_client_inside_a_loop() -> None:
    """A synchronous client is answered where a loop is running."""

    async def send(mock: MockImages) -> Any:
        with httpx.Client() as client, httpx.Client(transport=mock.transport()) as other:
            return status(client, started(client)), status(other, started(other))

    with MockImages() as mock, mock.respx():
        assert asyncio.run(send(mock)) == ("BUILDING", "BUILDING")


def test_threads() -> None:
    """Clients in many threads find their own builds, and no rule takes one for another."""
    with MockImages(build_seconds=0) as mock:
        found: list[tuple[str, Any]] = []

        def send() -> None:
            with httpx.Client(transport=mock.transport()) as client:
                url = started(client)
                found.append((url, status(client, url)))

        threads = [threading.Thread(target=send) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        mock.assert_held()

    assert len(dict(found)) == 10
    assert {status for _, status in found} == {"COMPLETED"}


def test_a_loop_runs_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport answers several requests of one loop at once, where the server takes its time."""
    waiting = most = 0

    async def slow(request: ServerRequest, server: Server) -> ServerResponse:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.1)
        waiting -= 1
        return await server.respond(request)

    async def send(mock: MockImages) -> None:
        async with httpx.AsyncClient(transport=mock.transport()) as client:
            await asyncio.gather(*(client.get(f"{BUILDS}/bld_none") for _ in range(5)))

    monkeypatch.setitem(FAULTS, "slow", Fault("slow", "", "takes its time", around=slow))
    with MockImages(fault="slow") as mock:
        asyncio.run(send(mock))

    assert most > 1
    assert len(mock.tape.exchanges) == 5


def test_a_request_is_answered_though_the_mock_is_closed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for an answer does not wait for ever."""

    async def closing(request: ServerRequest, server: Server) -> ServerResponse:
        mock.close()
        threads.append(threading.current_thread())
        for _ in range(5):  # the loop is notified long before the response is there
            await asyncio.sleep(0)
        return await server.respond(request)

    monkeypatch.setitem(FAULTS, "closing", Fault("closing", "", "closes", around=closing))
    mock = MockImages(fault="closing")
    answers: queue.Queue[int] = queue.Queue()
    threads: list[threading.Thread] = []
    request = httpx.Request("GET", f"{BUILDS}/bld_none", headers=BEARER)

    def send() -> None:
        answers.put(mock.answer(request).status_code)

    threads.append(threading.Thread(target=send, daemon=True))
    threads[0].start()

    assert answers.get(timeout=60) == 404
    for one in threads:
        one.join(60)
    assert len(mock.tape.exchanges) == 1


def test_clean_up() -> None:
    """No thread and no patch stays behind, even if nothing closes it."""

    def begun() -> list[threading.Thread]:
        """Return the threads that were not there before."""
        return [one for one in threading.enumerate() if one not in before]

    def left() -> list[threading.Thread]:
        """Return those that do not end: one that has to may take a moment."""
        for one in begun():
            one.join(10)
        return begun()

    before = threading.enumerate()
    with MockImages() as mock, mock.respx(), httpx.Client() as client:
        build = client.post(BUILDS, json=WEB, headers=BEARER).json()
        assert len(begun()) == 1
        # So large that the server reads it in a thread.
        large = context(more=os.urandom(2**18))
        assert client.put(build["upload_url"], content=large, headers=OCTETS).is_success
    assert left() == []
    assert respx.mocks.HTTPCoreMocker.routers == []

    forgotten = MockImages()
    with httpx.Client(transport=forgotten.transport()) as client:
        started(client)
    del forgotten, client
    gc.collect()
    assert left() == []


def test_it_goes_on_after_a_close() -> None:
    """What was built stays."""
    mock = MockImages()
    with httpx.Client(transport=mock.transport()) as client:
        url = started(client)
        mock.close()

        assert status(client, url) == "BUILDING"
        mock.close()
