"""The token, timeout, redirects, copies and httpx client of a client."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient, Client, errors
from prime_image_builds.api.images import get_build_status

from ...contract.api import INITIATE, START, STATUS
from ...drivers.client import example
from ..support.client_calls import (
    BASE,
    STATUS_PATH,
    TOKEN,
    answered,
    call,
    leaking,
    peer,
    variants,
)


def test_pickling_a_client_raises() -> None:
    """A pickle would hold the token in clear."""
    with pytest.raises(TypeError, match="token"):
        pickle.dumps(AuthenticatedClient(BASE, TOKEN))


@pytest.mark.parametrize(
    "token", ["", " ", "a b", "a\nb", "a\r\nX: y", "caf\u00e9", "\0", " a", "a ", None, 7, b"a"]
)
def test_invalid_token_raises(token: Any) -> None:
    """The error does not show the token; a client keeps its valid one."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        AuthenticatedClient(BASE, token)
    assert repr(token) not in str(caught.value)

    client = AuthenticatedClient(BASE, TOKEN)
    with pytest.raises(errors.InvalidRequestError):
        client.token = token
    assert client.token == TOKEN


def test_repr_of_the_operations_has_that_of_their_client() -> None:
    """Which shows no token."""
    client = AuthenticatedClient(BASE, TOKEN)

    assert repr(client.images) == f"Images({client!r})"


def sent_by(client: Client, variant: str = "sync") -> httpx.Headers:
    """Return the headers that a client sends."""
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        call(client, STATUS, variant)  # type: ignore[arg-type]
    headers: httpx.Headers = route.calls.last.request.headers
    return headers


def test_a_changed_token_takes_effect() -> None:
    """The next request carries it, in a client that was used before too."""
    client = AuthenticatedClient(BASE, TOKEN)
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        get_build_status.sync("bld_1", client=client)
        client.token = "another"  # noqa: S105
        get_build_status.sync("bld_1", client=client)
    client.get_httpx_client().close()

    assert [one.request.headers["authorization"] for one in route.calls] == [
        f"Bearer {TOKEN}",
        "Bearer another",
    ]


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_copies_do_not_reach_into_the_original(variant: str) -> None:
    """What a copy is given, and what the caller's mappings become, the original never sees."""
    headers, cookies = {"X-One": "1"}, {"one": "1"}
    client = AuthenticatedClient(BASE, TOKEN, headers=headers, cookies=cookies)
    other = client.with_headers({"X-Two": "2"}).with_cookies({"two": "2"}).with_timeout(1)
    other.token = "another"  # noqa: S105
    headers["X-Late"] = cookies["late"] = "1"

    sent, sent_by_other = sent_by(copy.copy(client), variant), sent_by(other, variant)

    assert (sent["x-one"], sent["cookie"]) == ("1", "one=1")
    assert sent["authorization"] == f"Bearer {TOKEN}"
    assert {"x-two", "x-late"} & set(sent) == set()
    assert (sent_by_other["x-one"], sent_by_other["x-two"]) == ("1", "2")
    assert sent_by_other["cookie"] == "one=1; two=2"
    assert sent_by_other["authorization"] == "Bearer another"
    assert headers == {"X-One": "1", "X-Late": "1"}
    assert copy.deepcopy(client).token == TOKEN


@pytest.mark.parametrize("variant", ["sync", "asyncio"])
def test_a_client_without_a_token_sends_nothing(variant: str) -> None:
    """Each operation needs a token; ``request`` of a ``Client`` sends none."""
    with respx.mock() as router:
        route = router.route().mock(return_value=answered(200, json=example(STATUS)))
        for operation in (INITIATE, START, STATUS):
            with pytest.raises(errors.InvalidRequestError, match="token"):
                call(Client(BASE), operation, variant)  # type: ignore[arg-type]
        assert route.calls.call_count == 0
        with Client(BASE) as client:
            client.request("GET", "/")

    assert "authorization" not in route.calls.last.request.headers


def test_there_is_a_timeout() -> None:
    """A silent server does not hold its caller for ever; the caller may say how long."""
    with AuthenticatedClient(BASE, TOKEN) as client:
        assert client.get_httpx_client().timeout == httpx.Timeout(30.0, connect=10.0)
    with client.with_timeout(3) as shorter:
        assert shorter.get_httpx_client().timeout == httpx.Timeout(3)
    with peer() as server, AuthenticatedClient(server.url, TOKEN, timeout=0.2) as impatient:
        gate = threading.Event()
        server.answer = lambda: (gate.wait(5) and b"") or b""
        with pytest.raises(httpx.ReadTimeout):
            get_build_status.sync("bld_1", client=impatient)
        gate.set()


@variants
@pytest.mark.parametrize("follow", [False, True])
def test_a_redirect_never_carries_the_token_elsewhere(follow: bool, variant: str) -> None:
    """It is not followed by default; where it is, another origin gets no token."""
    with peer() as elsewhere, peer() as server:
        elsewhere.respond(200, example(STATUS))
        server.respond(307, {}, f"Location: {elsewhere.url}{STATUS_PATH}")
        client = AuthenticatedClient(server.url, TOKEN, follow_redirects=follow)
        if follow:
            call(client, STATUS, variant)
        else:
            with pytest.raises(errors.UnexpectedStatusError) as caught:
                call(client, STATUS, variant)
            assert leaking(caught.value) == []

    assert len(elsewhere.received) == follow
    assert TOKEN.encode() in server.received[0]
    assert all(TOKEN.encode() not in request for request in elsewhere.received)


def test_a_client_of_the_callers_is_used() -> None:
    """Its own settings hold, and the token is added to each request."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(200, json=example(STATUS))

    mine = httpx.Client(base_url="https://mine.test", transport=httpx.MockTransport(answer))
    with AuthenticatedClient(BASE, TOKEN).set_httpx_client(mine) as client:
        assert client.get_httpx_client() is mine
        get_build_status.sync("bld_1", client=client)
        assert str(seen[0].url) == f"https://mine.test{STATUS_PATH}"
        assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert "authorization" not in mine.headers


def test_an_async_client_of_the_callers_is_used() -> None:
    """As the synchronous one."""

    async def used() -> str:
        transport = httpx.MockTransport(lambda _: answered(200, json=example(STATUS)))
        async with httpx.AsyncClient(base_url=BASE, transport=transport) as mine:
            client = AuthenticatedClient("https://other.test", TOKEN).set_async_httpx_client(mine)
            assert client.get_async_httpx_client() is mine
            return (await get_build_status.asyncio("bld_1", client=client)).id

    assert asyncio.run(used()) == example(STATUS)["id"]


def test_the_defaults_are_the_safe_ones() -> None:
    """Certificates are checked, and no redirect is followed."""
    client = AuthenticatedClient(BASE, TOKEN)

    assert client._httpx_arguments()["verify"] is True
    with client:
        assert client.get_httpx_client().follow_redirects is False
    assert type(Client(BASE).with_timeout(1)) is Client


def test_threads_share_one_httpx_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen that start at once: none leaves a second client behind, with open connections."""
    client = AuthenticatedClient("https://images.test", "token")
    barrier = threading.Barrier(16)
    made: list[httpx.Client] = []
    real = httpx.Client

    def make(**settings: Any) -> httpx.Client:
        made.append(real(**settings))
        return made[-1]

    def first_use() -> httpx.Client:
        barrier.wait()
        return client.get_httpx_client()

    monkeypatch.setattr(httpx, "Client", make)
    with ThreadPoolExecutor(16) as pool:
        used = [pool.submit(first_use) for _ in range(16)]

    assert {id(one.result()) for one in used} == {id(made[0])}
    assert len(made) == 1
