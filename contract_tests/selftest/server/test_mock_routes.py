"""Which requests a mock answers, over respx or a transport, and what it records of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from prime_image_builds import AuthenticatedClient
from prime_image_builds.api.images import delete_image
from respx.models import AllMockedAssertionError

from ...mock import BASE_URL, START, MockImages
from ..support.mocked import BEARER, BUILDS, OCTETS, WEB, context, started, status


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
