"""Scenarios and faults of a mock, and which rules they violate."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest

from ...mock import MockImages
from ...reference.faults import FAULTS, Fault, ServerResponse
from ...reference.scenarios import PASSES, SCENARIOS
from ..support.mocked import BEARER, BUILDS, OCTETS, WEB, broken, context, started, status
from ..support.snapshots import assert_snapshot


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


def test_what_is_lost_is_on_the_tape() -> None:
    """Without a response; a delete that was lost with it ends what is known of its build."""
    for seed in range(40):
        lost = 0
        with MockImages(scenario="flaky", seed=seed) as mock:
            client = httpx.Client(transport=mock.transport(), headers=BEARER)
            for number in range(10):
                tag, url = f"v{number}", f"{BUILDS}/none"
                for method in ("POST", "DELETE", "GET"):
                    to = {"POST": BUILDS, "DELETE": f"{BUILDS[:-6]}/web/{tag}", "GET": url}[method]
                    body = {**WEB, "image_tag": tag} if method == "POST" else None
                    try:
                        answer = client.request(method, to, json=body)
                    except httpx.RemoteProtocolError:
                        lost += 1
                        continue
                    if answer.status_code == 201:
                        url = f"{BUILDS}/{answer.json()['build_id']}"
            mock.assert_held()

        assert len(mock.tape.exchanges) == 30
        assert [one.response.status for one in mock.tape.exchanges if one.failure] == [0] * lost


def test_a_server_that_breaks_answers_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it raises is not raised into the client, as over a socket, and violates P5."""

    async def breaks(*_: object) -> ServerResponse:
        raise RuntimeError("a defect")

    monkeypatch.setitem(FAULTS, "breaks", Fault("breaks", "P5", "breaks", around=breaks))
    with MockImages(fault="breaks") as mock, mock.respx():
        answer = httpx.get(f"{BUILDS}/bld_none", headers=BEARER)

    assert (answer.status_code, answer.content) == (500, b"")
    assert broken(mock) == {"P5"}
