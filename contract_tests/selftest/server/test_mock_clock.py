"""Time in a mock is the test's own, and the generated client may wait in it."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import prime_image_builds
import pytest
from prime_image_builds import AuthenticatedClient, build_image, build_image_async
from prime_image_builds.errors import BuildFailedError, BuildTimeoutError
from prime_image_builds.models import BuildImageRequest

from ...mock import BASE_URL, START, MockImages
from ..support.mocked import BEARER, started, status

REQUEST = BuildImageRequest(image_name="web", image_tag="v1")


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
    """It is refused, as is what is not a time, and a start without an offset."""
    wrong: list[Any] = [-1, math.nan, math.inf, 1e300, 10**400, "1", None, True, timedelta(1)]
    with MockImages() as mock:
        for seconds in wrong:
            with pytest.raises(ValueError, match=r"^seconds "):
                mock.advance(seconds=seconds)
        assert mock.now == START
    with pytest.raises(ValueError, match="no offset"):
        MockImages(start=datetime(2026, 1, 1))


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


@pytest.mark.parametrize("mount", ["respx", "transport"])
def test_outage_refuses_each_connection_while_it_lasts(mount: str) -> None:
    """Sync and async; nothing of it is on the tape, and builds go on."""
    with MockImages(build_seconds=30) as mock, mock.respx():
        transport = mock.transport() if mount == "transport" else None
        with httpx.Client(transport=transport, headers=BEARER) as client:
            url = started(client)
            seen = len(mock.tape.exchanges)
            with mock.unreachable():
                mock.advance(seconds=60)
                with pytest.raises(httpx.ConnectError, match="unreachable"):
                    client.get(url)

                async def ask() -> None:
                    async with httpx.AsyncClient(transport=transport, headers=BEARER) as other:
                        await other.get(url)

                with pytest.raises(httpx.ConnectError, match="unreachable"):
                    asyncio.run(ask())
            assert len(mock.tape.exchanges) == seen
            assert client.get(url).json()["status"] == "COMPLETED"
        mock.assert_held()


def test_virtual_time_of_another_module_is_refused() -> None:
    """Such as httpx, or a module of the client."""
    for module in (httpx, prime_image_builds.errors, None):
        with MockImages() as mock, pytest.raises(ValueError, match="generated client"):
            mock.virtual_time(module).__enter__()  # type: ignore[arg-type]
