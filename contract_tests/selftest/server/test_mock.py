"""The reference server is mounted in a test: no port, the clock in hand, judged as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import io
import json
import math
import os
import queue
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import prime_image_builds
import pytest
import respx
from prime_image_builds import AuthenticatedClient, build_image, build_image_async
from prime_image_builds.api.images import delete_image
from prime_image_builds.errors import BuildFailedError, BuildTimeoutError
from prime_image_builds.models import BuildImageRequest
from respx.models import AllMockedAssertionError

from ... import pytest_plugin
from ...contract.openapi import PATH
from ...mock import BASE_URL, START, MockImages
from ...problems import Problem
from ...reference.faults import FAULTS, Fault, Server, ServerRequest, ServerResponse
from ...reference.scenarios import PASSES, SCENARIOS
from ..support.snapshots import assert_snapshot

BUILDS = f"{BASE_URL}/api/v1/images/build"
BEARER = {"Authorization": "Bearer test-token"}
WEB = {"image_name": "web", "image_tag": "v1"}
REQUEST = BuildImageRequest(image_name="web", image_tag="v1")
OCTETS = {"Content-Type": "application/octet-stream"}
ENDS = {"slow": "BUILDING", "stuck": "BUILDING", "cancelled": "CANCELLED", "one-fails": "FAILED"}
PAGE = PATH.parent / "docs/mock.md"


def context(dockerfile: str = "FROM scratch\n", more: bytes = b"") -> bytes:
    """Pack a context."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        archive.addfile(member, io.BytesIO(dockerfile.encode()))
        member = tarfile.TarInfo("more")
        member.size = len(more)
        archive.addfile(member, io.BytesIO(more))
    return packed.getvalue()


def started(client: httpx.Client) -> str:
    """Initiate, upload and start; return the URL of the build."""
    build = client.post(BUILDS, json=WEB, headers=BEARER).raise_for_status().json()
    client.put(build["upload_url"], content=context(), headers=OCTETS).raise_for_status()
    url = f"{BUILDS}/{build['build_id']}"
    client.post(f"{url}/start", json={}, headers=BEARER).raise_for_status()
    return url


def status(client: httpx.Client, url: str) -> Any:
    """Ask for the status of a build."""
    return client.get(url, headers=BEARER).raise_for_status().json()["status"]


def broken(mock: MockImages) -> set[str]:
    """Return the ids of the rules that are violated."""
    return {rule for rule, verdict in mock.verdicts.items() if verdict.outcome == "violated"}


@pytest.mark.parametrize("way", ["respx", "transport"])
def test_the_clock_is_in_the_tests_hand(way: str) -> None:
    """A build runs until time has passed, and ends at the instant that it returns."""
    with MockImages(build_seconds=60) as mock, mock.respx():
        with httpx.Client(transport=mock.transport() if way == "transport" else None) as client:
            url = started(client)
            mock.advance(seconds=59.9)
            early = status(client, url)
            mock.advance(seconds=1000)
            body = client.get(url, headers=BEARER).json()
        mock.assert_held()

    assert early == "BUILDING"
    assert body["status"] == "COMPLETED"
    assert body["createdAt"] == "2026-01-02T03:04:05.000Z"
    assert body["completedAt"] == "2026-01-02T03:05:05.000Z"
    assert mock.now.timestamp() == START.timestamp() + 1059.9


@pytest.mark.parametrize("way", ["respx", "transport"])
def test_delete_is_answered(way: str) -> None:
    """The generated client deletes a build; its status is then no promise any more."""
    with MockImages() as mock, mock.respx():
        transport = mock.transport() if way == "transport" else None
        with httpx.Client(transport=transport, base_url=mock.base_url) as http:
            url = started(http)
            client = AuthenticatedClient(mock.base_url, mock.token).set_httpx_client(http)
            deleted = delete_image.sync("web", "v1", client=client, team_id="team_1")
            gone = http.get(url, headers=BEARER).status_code
        mock.assert_held()

    assert (deleted.success, gone) == (True, 404)
    assert [one.deletes for one in mock.tape.exchanges if one.deletes] == [("web", "v1")]


def test_other_paths_and_methods_below_images_are_left_to_the_test() -> None:
    """The mock answers the contract's operations; routes of the test answer the rest."""
    images = BUILDS.removesuffix("/build")
    with MockImages() as mock, mock.respx() as router:
        router.patch(f"{images}/web/v1/visibility").respond(200, json={})
        router.get(images).respond(200, json=[])
        with httpx.Client() as client:
            assert client.patch(f"{images}/web/v1/visibility").status_code == 200
            assert client.get(images).status_code == 200


def test_the_clock_may_be_far_from_the_machines() -> None:
    """The rules use the time of the clock, whatever it is."""
    for year in (1999, 2999):
        with MockImages(start=START.replace(year=year)) as mock:
            with httpx.Client(transport=mock.transport()) as client:
                url = started(client)
                mock.advance(seconds=30)

                assert status(client, url) == "COMPLETED"
            assert mock.verdicts["T6"].observed
            mock.assert_held()


def test_time_does_not_go_back() -> None:
    """It is refused, as is what is no time, and a start that names no instant."""
    wrong: list[Any] = [-1, math.nan, math.inf, 1e300, 10**400, "1", None, True, timedelta(1)]
    with MockImages() as mock:
        for seconds in wrong:
            with pytest.raises(ValueError, match=r"^seconds "):
                mock.advance(seconds=seconds)
        assert mock.now == START
    with pytest.raises(ValueError, match="no offset"):
        MockImages(start=datetime(2026, 1, 1))


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


@pytest.mark.parametrize("is_async", [False, True])
def test_generated_client(tmp_path: Path, is_async: bool) -> None:
    """The generated client does its whole job; the test lets time pass as it looks."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    client = AuthenticatedClient(BASE_URL, "test-token")

    with MockImages() as mock, mock.respx():
        settings: Any = {
            "client": client,
            "body": REQUEST,
            "interval": 0.01,
            "on_progress": lambda _: mock.advance(seconds=5),
        }
        if is_async:
            build = asyncio.run(build_image_async(tmp_path, **settings))
        else:
            build = build_image(tmp_path, **settings)
        mock.assert_held()

    assert (build.id, build.status) == ("bld_000001", "COMPLETED")
    operations = [exchange.operation for exchange in mock.tape.exchanges]
    assert operations[:3] == ["initiate_image_build", "upload", "start_image_build"]
    assert set(operations[3:]) == {"get_build_status"}


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("settings", "kind", "least", "most"),
    [
        ({"build_seconds": 1200}, BuildFailedError, 1200, 1260),
        ({"build_seconds": 3600}, BuildTimeoutError, 1800, 1800),
        ({"scenario": "errors", "seed": 1}, BuildFailedError, 30, 60),
    ],
)
def test_generated_client_in_virtual_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    kind: type[Exception],
    least: int,
    most: int,
    way: str,
) -> None:
    """Pauses between polls and before retries take none, and the deadline is the clock's."""

    async def sleep(seconds: float) -> None:
        assert seconds == 0

    monkeypatch.setattr("time.sleep", None)  # whoever sleeps raises
    monkeypatch.setattr("asyncio.sleep", sleep)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nRUN exit 3\n")

    def job(client: AuthenticatedClient) -> None:
        if way == "sync":
            build_image(tmp_path, client=client, body=REQUEST, interval=60)
        else:
            asyncio.run(build_image_async(tmp_path, client=client, body=REQUEST, interval=60))

    with MockImages(**settings) as mock, mock.respx(), mock.virtual_time(prime_image_builds):
        with pytest.raises(kind):
            job(AuthenticatedClient(BASE_URL, "test-token"))
        statuses = {exchange.response.status for exchange in mock.tape.exchanges}

    assert least <= (mock.now - START).total_seconds() <= most
    assert (503 in statuses) == ("scenario" in settings)
    assert prime_image_builds._calls.now() == pytest.approx(time.monotonic(), abs=60)


def test_virtual_time_of_another_module_is_refused() -> None:
    """Such as httpx, or a module of the client."""
    for module in (httpx, prime_image_builds.errors, None):
        with MockImages() as mock, pytest.raises(ValueError, match="generated client"):
            mock.virtual_time(module).__enter__()  # type: ignore[arg-type]


def test_fault_violates_its_rule_and_reaches_the_client() -> None:
    """With a fault, its rule is violated, and the client gets the broken response."""
    with MockImages(fault="completed-null", build_seconds=0) as mock, mock.respx():
        with httpx.Client() as client:
            body = client.get(started(client), headers=BEARER).json()
        with pytest.raises(AssertionError) as caught:
            mock.assert_held()

    assert body["completedAt"] is None
    assert broken(mock) == {"T5"}
    assert_snapshot("mock-violation", str(caught.value))


def test_argument_of_another_type_is_named() -> None:
    """By its name, its type and its value."""
    with pytest.raises(ValueError, match=r"build_seconds is not of the type int \| float: .*='3'"):
        MockImages(build_seconds="3")  # type: ignore[arg-type]


def test_unknown_names() -> None:
    """What is unknown is an error that names the nearest."""
    with pytest.raises(ValueError, match="use completed-null"):
        MockImages(fault="completed-nul")
    with pytest.raises(ValueError, match="use cancelled"):
        MockImages(scenario="canceled")
    for url in ("https://api.example/v1", "api.example", "https://api.example?x", ""):
        with pytest.raises(ValueError, match="scheme, host and port"):
            MockImages(base_url=url)


@pytest.mark.parametrize(
    "name",
    [
        name for name, one in SCENARIOS.items()
        if one.gate == PASSES and one.failures != "flaky"
    ],
)  # fmt: skip
def test_scenarios_hold(name: str) -> None:
    """Each scenario that is meant to conform does so here too; no clock but the mock's moves it.

    A bare client sends nothing again, so lost connections have a test of their own.
    """
    with MockImages(scenario=name) as mock, mock.respx(), httpx.Client() as client:
        if name == "limited":
            assert client.post(BUILDS, json=WEB, headers=BEARER).status_code == 429
            mock.advance(seconds=1)
        url = started(client)
        statuses = [status(client, url)]
        for _ in range(6):
            mock.advance(seconds=10)
            statuses.append(status(client, url))
        mock.assert_held()

    ends = {
        "slow": "BUILDING",
        "stuck": "BUILDING",
        "cancelled": "CANCELLED",
        "one-fails": "FAILED",
    }
    assert statuses[0] == ("UPLOADING" if name == "queued" else "BUILDING")
    assert statuses[-1] == ends.get(name, "COMPLETED")


def test_scenario_by_tag() -> None:
    """A build whose tag names a scenario goes by it."""
    with MockImages() as mock, mock.respx(), httpx.Client() as client:
        refused = client.post(BUILDS, json={**WEB, "image_tag": "payment"}, headers=BEARER)
        sound = client.post(BUILDS, json=WEB, headers=BEARER)
        mock.assert_held()

    assert (refused.status_code, sound.status_code) == (402, 201)


def test_scenario_that_breaks_a_rule() -> None:
    """A 5xx violates P5."""
    with MockImages(scenario="errors") as mock, mock.respx(), httpx.Client() as client:
        for _ in range(10):
            client.get(f"{BUILDS}/{client.post(BUILDS, json=WEB, headers=BEARER).json()}")

    assert broken(mock) == {"P5"}


@pytest.mark.parametrize("way", ["respx", "transport"])
def test_connections_are_dropped(way: str) -> None:
    """If the scenario drops the connection, httpx raises; what nobody saw violates no rule.

    The client here goes on after an upload that got no answer, which may have been taken.
    """
    unseen = 0
    for seed in range(30):
        with MockImages(scenario="flaky", seed=seed, build_seconds=0) as mock, mock.respx():
            with httpx.Client(transport=mock.transport() if way == "transport" else None) as client:

                def send(method: str, url: str, times: int = 3, **more: Any) -> Any:
                    for _ in range(times):
                        with contextlib.suppress(httpx.RemoteProtocolError):
                            return client.request(method, url, **more)
                    return None

                issued = send("POST", BUILDS, json=WEB, headers=BEARER).json()
                url = f"{BUILDS}/{issued['build_id']}"
                sent = send("PUT", issued["upload_url"], 1, content=context(), headers=OCTETS)
                send("POST", f"{url}/start", json={}, headers=BEARER)
                ended = send("GET", url, headers=BEARER).json()["status"] == "COMPLETED"
            unseen += sent is None and ended
            assert broken(mock) == set()

    assert unseen


def test_a_server_that_breaks_answers_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raises is not raised into the client, as over a socket, and violates P5."""

    async def breaks(*_: object) -> ServerResponse:
        raise RuntimeError("a defect")

    monkeypatch.setitem(FAULTS, "breaks", Fault("breaks", "P5", "breaks", around=breaks))
    with MockImages(fault="breaks") as mock, mock.respx():
        answer = httpx.get(f"{BUILDS}/bld_none", headers=BEARER)

    assert (answer.status_code, answer.content) == (500, b"")
    assert broken(mock) == {"P5"}


def test_nothing_seen_has_not_held() -> None:
    """A mock without requests proves nothing."""
    seen = r"nothing was seen(?s:.*)inside mock\.respx\(\)"
    with MockImages() as mock, pytest.raises(AssertionError, match=seen):
        mock.assert_held()


def test_nothing_goes_to_the_network() -> None:
    """What is not the API's raises, unless the test has a route for it."""
    with MockImages() as mock, mock.respx() as router, httpx.Client() as client:
        for url in ("https://elsewhere.example/", f"{BASE_URL}/api/v1/user/whoami"):
            with pytest.raises(AllMockedAssertionError):
                client.get(url)
        router.get(f"{BASE_URL}/api/v1/user/whoami").respond(json={"id": "user_1"})

        assert client.get(f"{BASE_URL}/api/v1/user/whoami").json() == {"id": "user_1"}
        with (
            httpx.Client(transport=mock.transport()) as other,
            pytest.raises(httpx.ConnectError, match=r"elsewhere\.example is not mocked"),
        ):
            other.get("https://elsewhere.example/")


def test_two_side_by_side() -> None:
    """Two mocks share neither builds, nor ids, nor time, nor tape."""
    with (
        MockImages() as one,
        MockImages(base_url="http://127.0.0.1:8000", token="token-of-the-other") as two,  # noqa: S106
        one.respx(),
        two.respx(),
        httpx.Client() as client,
    ):
        url = started(client)
        there = client.post(
            "http://127.0.0.1:8000/api/v1/images/build",
            json=WEB,
            headers={"Authorization": "Bearer token-of-the-other"},
        )
        one.advance(seconds=30)

        assert status(client, url) == "COMPLETED"
        assert there.json()["build_id"] == "bld_000001"
        assert there.json()["upload_url"].startswith("http://127.0.0.1:8000/uploads/bld_000001?")
        assert two.now == START
        assert [len(mock.tape.exchanges) for mock in (one, two)] == [4, 1]
        one.assert_held()
        two.assert_held()


def test_it_starts_alike_each_time() -> None:
    """The same requests get the same answers, but for the signature of an upload URL."""

    def body_of_a_build() -> Any:
        with MockImages() as mock, httpx.Client(transport=mock.transport()) as client:
            return client.get(started(client), headers=BEARER).json()

    assert body_of_a_build() == body_of_a_build()


def test_tape_has_requests_without_the_token() -> None:
    """Requests are on the tape with their bodies, uploads without; the token is nowhere."""
    with MockImages() as mock, mock.respx(), httpx.Client() as client:
        started(client)

    initiate, upload, start = mock.tape.exchanges
    assert mock.tape.is_whole
    assert initiate.request.json == WEB
    assert upload.request.headers["content-length"] == str(len(context()))
    assert upload.build_id == start.build_id == "bld_000001"
    assert start.request.json == {}
    assert "test-token" not in repr(mock.tape.exchanges)
    # While the clock stands still, the order is known all the same.
    instants = [at for one in mock.tape.exchanges for at in (one.began, one.ended)]
    assert instants == sorted(set(instants))


def test_streams_are_taken() -> None:
    """A body is taken from a generator, sync and async, and is on the tape as sent."""
    body = json.dumps(WEB).encode()

    def pieces(whole: bytes) -> Iterator[bytes]:
        yield whole[:10]
        yield whole[10:]

    async def pieces_async(whole: bytes) -> AsyncIterator[bytes]:
        for piece in pieces(whole):
            yield piece

    headers = {**BEARER, "Content-Type": "application/json"}

    async def upload(mock: MockImages) -> int:
        async with httpx.AsyncClient(transport=mock.transport()) as client:
            build = await client.post(BUILDS, content=pieces_async(body), headers=headers)
            url = build.json()["upload_url"]
            put = await client.put(url, content=pieces_async(context()), headers=OCTETS)
            return put.status_code

    with MockImages() as mock, httpx.Client(transport=mock.transport()) as client:
        build = client.post(BUILDS, content=pieces(body), headers=headers).json()
        put = client.put(build["upload_url"], content=pieces(context()), headers=OCTETS)

        assert (put.status_code, asyncio.run(upload(mock))) == (204, 204)
        assert [one.request.json for one in mock.tape.exchanges[::2]] == [WEB, WEB]


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


def blocks() -> list[str]:
    """Return the blocks of Python of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of another project."""
    return subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-W", "error",
         "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{PATH.parent}{os.pathsep}{PATH.parent / 'generated'}"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_example_runs_as_printed(tmp_path: Path) -> None:
    """The three files of the page are a project of their own whose tests pass."""
    for block in blocks()[:3]:
        name = block.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(block)

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(block.count('def test_') for block in blocks()[:3])} passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [((), {}), (("slow",), {"seed": 2}), ((), {"scenario": "slow"})],
)
def test_marker_takes_a_scenario_and_settings(
    arguments: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    """The scenario with and without its name, the rest by name."""
    expected = {**settings, "scenario": "slow"} if arguments else settings

    assert pytest_plugin._settings(*arguments, **settings) == expected


@pytest.mark.parametrize(
    ("arguments", "settings", "fix"),
    [
        (("slow", 30), {}, "by its name"),
        (("slow",), {"scenario": "stuck"}, "by its name"),
        ((7,), {}, "by its name"),
        ((None,), {}, "by its name"),
        ((), {"scenarios": "slow"}, "use scenario"),
        (("slow",), {"build_second": 0}, "use build_seconds"),
    ],
)
def test_marker_refuses_any_other_argument(
    arguments: tuple[Any, ...], settings: dict[str, Any], fix: str
) -> None:
    """Nothing is ignored; an unknown setting names the nearest."""
    with pytest.raises(Problem) as caught:
        pytest_plugin._settings(*arguments, **settings)

    assert fix in caught.value.fix


def test_fixture_reads_the_marker(tmp_path: Path) -> None:
    """What it is given reaches the mock, or is an error of the test."""
    (tmp_path / "conftest.py").write_text(blocks()[0])
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.image_builds('slow')\ndef test_slow(image_builds): pass\n"
        "@pytest.mark.image_builds('slwo')\ndef test_unknown(image_builds): pass\n"
        "@pytest.mark.image_builds('slow', 1)\ndef test_two(image_builds): pass\n"
    )
    done = run_pytest(tmp_path)

    assert "1 passed, 2 errors" in done.stdout
    assert "use slow" in done.stdout


def test_the_other_example_runs_as_printed() -> None:
    """The block that needs no pytest is sound too."""
    assert len(blocks()) == 4

    exec(blocks()[3], {})  # noqa: S102 (our own words)


def test_the_page_names_what_is_there() -> None:
    """Each method and setting of the mock stands in the page's tables, and nothing else."""
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    of_the_mock = {name for name in vars(MockImages) if not name.startswith("_")}
    settings = set(inspect.signature(MockImages).parameters)

    assert named == (of_the_mock - {"answer", "answer_async"}) | settings
