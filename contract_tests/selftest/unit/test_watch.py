"""Watch judges the traffic of a client from its event hooks, whoever answers it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient, build_image
from prime_image_builds.api.images import get_build_status
from prime_image_builds.models import BuildImageRequest

from ...gate.target import GateError
from ...reference.app import create_app
from ...reference.over_sockets import running
from ...tape.exchange import Credential
from ...watch import Watch
from ..support.recordings import status_body
from ..support.snapshots import assert_message, assert_snapshot

TOKEN = "token-of-the-watched-client"  # noqa: S105 (of the embedded server)
BASE = "https://api.builds.example"
BUILD = f"{BASE}/api/v1/images/build/bld_1"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NULL = status_body("COMPLETED", completedAt=None)
REQUEST = BuildImageRequest(image_name="web", image_tag="v1")


@pytest.fixture
def watch() -> Watch:
    """Return a watch over all rules."""
    return Watch(TOKEN)


@pytest.fixture
def mocked() -> Iterator[respx.Router]:
    """Answer by respx: a build that is COMPLETED, and has no completedAt."""
    with respx.mock(assert_all_called=False) as router:
        router.get(BUILD).mock(side_effect=lambda _: httpx.Response(200, json=NULL))
        router.get(f"{BASE}/me").mock(side_effect=lambda _: httpx.Response(200, json={}))
        yield router


def broken(watch: Watch) -> set[str]:
    """Return the ids of the rules that are violated."""
    return {one for one, verdict in watch.verdicts.items() if verdict.outcome == "violated"}


def counted(watch: Watch, rule: str) -> tuple[int, int]:
    """Return on how many exchanges a rule was broken, and on how many it was observed."""
    verdict = watch.verdicts[rule]
    return verdict.broken, verdict.observed


def failure(watch: Watch) -> str:
    """Return the message of the assertion."""
    with pytest.raises(AssertionError) as caught:
        watch.assert_held()
    return str(caught.value)


@pytest.mark.usefixtures("mocked")
def test_violation_is_reported_without_the_token(watch: Watch) -> None:
    """The first violation of a rule is shown in full, the others are counted; no token is shown."""
    with httpx.Client(event_hooks=watch.hooks, headers=BEARER) as client:
        for _ in range(3):
            assert client.get(BUILD).json() == NULL
    text = failure(watch)

    assert broken(watch) == {"T5"}
    assert_snapshot("watch-violation", text)
    assert TOKEN not in text + repr(watch.tape.exchanges)


@pytest.mark.usefixtures("mocked")
def test_async(watch: Watch) -> None:
    """An asynchronous client is watched by the hooks of its kind."""

    async def send() -> None:
        async with httpx.AsyncClient(event_hooks=watch.async_hooks, headers=BEARER) as client:
            await asyncio.gather(*(client.get(BUILD) for _ in range(3)))

    asyncio.run(send())

    assert broken(watch) == {"T5"}
    assert len(watch.tape.exchanges) == 3


@pytest.mark.usefixtures("mocked")
def test_raise_at_once() -> None:
    """The very call that breaks a rule raises, sync and async."""
    watch = Watch(TOKEN, raise_at_once=True)

    async def send() -> None:
        async with httpx.AsyncClient(event_hooks=watch.async_hooks) as client:
            await client.get(BUILD, headers=BEARER)

    with (
        httpx.Client(event_hooks=watch.hooks) as client,
        pytest.raises(AssertionError, match=r"^T5 SHOULD"),
    ):
        client.get(BUILD, headers=BEARER)
    with pytest.raises(AssertionError, match=r"^T5 SHOULD"):
        asyncio.run(send())


@pytest.mark.usefixtures("mocked")
def test_rules_and_level() -> None:
    """Only the selected rules are judged; an unknown one is an error."""
    for watch in (Watch(TOKEN, rule="T1,p6"), Watch(TOKEN, level="must")):
        with httpx.Client(event_hooks=watch.hooks, headers=BEARER) as client:
            client.get(BUILD)
        watch.assert_held()

        assert watch.verdicts["T1"].observed == 1
        assert [one.rule.id for one in watch.verdicts.values() if one.outcome == "violated"] == []

    with pytest.raises(GateError, match="use T5"):
        Watch(TOKEN, rule="T55")
    with pytest.raises(GateError, match="use must"):
        Watch(TOKEN, level="mus")


@pytest.mark.usefixtures("mocked")
def test_nothing_seen_is_no_pass(watch: Watch) -> None:
    """Without an exchange of the contract nothing held; others are left alone."""
    with httpx.Client(event_hooks=watch.hooks) as client:
        client.get(f"{BASE}/me")

    assert watch.tape.exchanges == []
    assert_message("watch-problems", "nothing seen", failure(watch))
    assert "fix: " in failure(watch)


def test_nothing_observed_is_no_pass(mocked: respx.Router) -> None:
    """An exchange on which no rule was observed is not enough."""
    mocked.options(BUILD).respond(204)
    watch = Watch(TOKEN, rule="T5")
    with httpx.Client(event_hooks=watch.hooks) as client:
        client.options(BUILD)

    assert "no rule was observed on 1 exchanges" in failure(watch)


@pytest.mark.usefixtures("mocked")
def test_streamed_response(watch: Watch) -> None:
    """A response that is streamed is judged, and can still be read in pieces."""

    async def send() -> bytes:
        async with (
            httpx.AsyncClient(event_hooks=watch.async_hooks, headers=BEARER) as client,
            client.stream("GET", BUILD) as answer,
        ):
            return b"".join([piece async for piece in answer.aiter_bytes()])

    with httpx.Client(event_hooks=watch.hooks, headers=BEARER) as client:
        with client.stream("GET", BUILD) as answer:
            content = b"".join(answer.iter_bytes())

        assert content == asyncio.run(send())
        assert counted(watch, "T5") == (2, 2)


@pytest.mark.usefixtures("mocked")
def test_what_is_not_the_contracts_is_not_read(watch: Watch) -> None:
    """A stream of another address is left as it is."""
    with (
        httpx.Client(event_hooks=watch.hooks) as client,
        client.stream("GET", f"{BASE}/me") as answer,
    ):
        assert not answer.is_stream_consumed


def test_streamed_request(watch: Watch) -> None:
    """A body that is sent as a stream is not used up by watching it, and not judged as empty."""
    sent = []

    class Transport(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            sent.append(b"".join(request.stream))
            return httpx.Response(422, json={"errors": []})

    with httpx.Client(transport=Transport(), event_hooks=watch.hooks, headers=BEARER) as client:
        client.post(f"{BUILD}/start", content=iter([b"{", b"}"]))

    assert sent == [b"{}"]
    assert watch.tape.exchanges[0].request.content is None
    assert broken(watch) == set()


@pytest.mark.usefixtures("mocked")
def test_credentials(watch: Watch) -> None:
    """A request is known by what it shows: the token, another one, or none."""
    with httpx.Client(event_hooks=watch.hooks) as client:
        for headers in (BEARER, {"Authorization": "Bearer other"}, {}):
            client.get(BUILD, headers=headers)
    shown = [one.request.credential for one in watch.tape.exchanges]

    assert shown == [Credential.VALID, Credential.OTHER, Credential.ABSENT]
    assert broken(watch) == {"P2", "T5"}


def test_redirect_is_an_exchange_of_its_own(mocked: respx.Router, watch: Watch) -> None:
    """Each hop is seen, in order."""
    mocked.get(f"{BUILD}x").respond(307, headers={"Location": BUILD})
    with httpx.Client(event_hooks=watch.hooks, follow_redirects=True, headers=BEARER) as client:
        client.get(f"{BUILD}x")

    assert [one.response.status for one in watch.tape.exchanges] == [307, 200]


def test_generated_client(tmp_path: Any) -> None:
    """The whole job of the generated client is watched, its streamed upload included."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    watch = Watch(TOKEN)
    options = {"event_hooks": watch.hooks}
    with (
        running(create_app(token=TOKEN, build_seconds=0.08)) as url,
        AuthenticatedClient(url, TOKEN, httpx_args=options) as client,
    ):
        build = build_image(tmp_path, client=client, body=REQUEST, interval=0.01)
    watch.assert_held()

    assert build.status == "COMPLETED"
    assert len(watch.tape.of("upload")) == 1
    assert {name for name, count in watch.tape.successes().items() if count} == {
        "initiate_image_build", "start_image_build", "get_build_status",
    }  # fmt: skip
    assert watch.verdicts["L3"].observed > 1
    assert watch.verdicts["L10"].observed > 0


def test_generated_client_async() -> None:
    """The generated client takes the asynchronous hooks too."""
    watch = Watch(TOKEN)
    options = {"event_hooks": watch.async_hooks}

    async def send(url: str) -> Any:
        async with AuthenticatedClient(url, TOKEN, httpx_args=options) as client:
            return await get_build_status.asyncio_detailed("none", client=client)

    with running(create_app(token=TOKEN)) as url:
        answer = asyncio.run(send(url))
    watch.assert_held()

    assert answer.status_code == 404
    assert [one.response.status for one in watch.tape.exchanges] == [404]


def test_poll_beside_a_start(watch: Watch) -> None:
    """A poll that overlaps with the start may show the build before it."""
    polled, started = threading.Event(), threading.Event()

    def poll(_: httpx.Request) -> httpx.Response:
        polled.set()
        assert started.wait(20)
        return httpx.Response(200, json=status_body("PENDING"))

    def start(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=status_body("BUILDING"))

    transport = httpx.MockTransport(
        lambda request: (poll if request.method == "GET" else start)(request)
    )
    with httpx.Client(transport=transport, event_hooks=watch.hooks, headers=BEARER) as client:
        poller = threading.Thread(target=client.get, args=(BUILD,))
        poller.start()
        assert polled.wait(20)
        client.post(f"{BUILD}/start", json={})
        started.set()
        poller.join(20)

        assert [one.request.method for one in watch.tape.exchanges] == ["POST", "GET"]
        assert broken(watch) == set()

        client.get(BUILD)

        assert broken(watch) == set()  # an older response that comes late is not a step back
        assert counted(watch, "T3") == (0, 2)


def test_threads(watch: Watch) -> None:
    """Each exchange of many threads is counted once."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=NULL))
    with httpx.Client(transport=transport, event_hooks=watch.hooks, headers=BEARER) as client:

        def send() -> None:
            for _ in range(20):
                client.get(BUILD)

        threads = [threading.Thread(target=send) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(60)

    assert counted(watch, "T5") == (160, 160)
    assert [one.number for one in watch.tape.exchanges] == list(range(1, 161))
    assert all(one.began < one.ended for one in watch.tape.exchanges)


@pytest.mark.parametrize(("is_whole", "rules"), [(False, set()), (True, {"L8"})])
def test_whole(is_whole: bool, rules: set[str]) -> None:
    """Rules that need the whole history are observed only where it is vouched for."""
    issued = {
        "build_id": "bld_1", "upload_url": "https://up.example/1", "expires_in": 60,
        "fullImagePath": "r/web:v1", "visibility": "PRIVATE",
    }  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/build"):
            return httpx.Response(201, json=issued)
        return httpx.Response(200, json=status_body("COMPLETED"))

    watch = Watch(TOKEN, is_whole=is_whole)
    with httpx.Client(
        transport=httpx.MockTransport(answer), event_hooks=watch.hooks, headers=BEARER
    ) as client:
        client.post(f"{BASE}/api/v1/images/build", json={"image_name": "web", "image_tag": "v1"})
        client.post(f"{BUILD}/start", json={})

    assert broken(watch) == rules


LOSING = ["a delete is lost with its response", "a body breaks off", "nothing is sent"]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("loss", LOSING)
def test_lost_response_is_on_the_tape(loss: str, is_async: bool) -> None:
    """Without it: the request may have been processed. What was never sent is not."""
    request = {"nothing is sent": "GET", "a body breaks off": "GET"}.get(loss, "DELETE")
    watch, noted = Watch(TOKEN), list[str]()

    def traced(event: str, _: Any) -> None:
        noted.append(event)

    async def traced_async(event: str, _: Any) -> None:
        noted.append(event)

    async def ask(url: str) -> None:
        hooks = watch.async_hooks if is_async else watch.hooks
        more = {"trace": traced_async if is_async else traced}
        with contextlib.suppress(httpx.TransportError):
            if is_async:
                async with httpx.AsyncClient(event_hooks=hooks) as client:
                    await client.request(request, url, headers=BEARER, extensions=more)
            else:
                with httpx.Client(event_hooks=hooks) as client:
                    client.request(request, url, headers=BEARER, extensions=more)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/images/build/bld_1"
        if loss == "nothing is sent":
            listener.close()
            asyncio.run(ask(url))
        else:
            half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{" if request == "GET" else b""
            server = threading.Thread(target=answer_once, args=(listener, half))
            server.start()
            asyncio.run(ask(url))
            server.join()

    lost = [(one.request.method, one.response.status) for one in watch.tape.exchanges]
    assert lost == ([] if loss == "nothing is sent" else [(request, 0)])
    assert all(one.failure for one in watch.tape.exchanges)
    assert any(one.endswith(".failed") for one in noted)  # a trace of the caller's own goes on


def answer_once(listener: socket.socket, content: bytes) -> None:
    """Read one request, send this, and close the connection."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(content)


def test_build_that_a_lost_delete_removed_is_no_violation() -> None:
    """A 404 after it is not L10's: the server may have deleted the image."""
    watch = Watch(TOKEN, is_whole=True)

    class Losing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                issued = {"build_id": "bld_1", "upload_url": "https://up.example/1"}
                return httpx.Response(201, json=issued | {"expires_in": 60, "fullImagePath": "a"})
            if request.method == "DELETE":
                error = httpx.ReadError("reset by peer", request=request)
                watch.lost(request, error)
                raise error
            return httpx.Response(404, json={"detail": "no such build"})

    hooks = watch.hooks
    with httpx.Client(transport=Losing(), base_url=BASE, event_hooks=hooks) as client:
        client.post("/api/v1/images/build", json={"image_name": "web", "image_tag": "v1"},
                    headers=BEARER)  # fmt: skip
        with pytest.raises(httpx.ReadError):
            client.delete("/api/v1/images/web/v1", headers=BEARER)
        client.get("/api/v1/images/build/bld_1", headers=BEARER)

    assert "L10" not in broken(watch)
    assert [one.failure for one in watch.tape.exchanges] == [None, "reset by peer", None]
