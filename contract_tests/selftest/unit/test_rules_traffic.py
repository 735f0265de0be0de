"""Clients with one fault each, and ordinary ones, as the traffic that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ...rules import TRAFFIC_RULES
from ...tape.tape import Tape
from ..support.story import BUILD, JSON, TOKEN, Story, row

Tell = Callable[[Story], object]
NAMED = {"image_name": "web", "image_tag": "v1"}
LATER = {"retry-after": "5"}
CURL = {"user-agent": "curl/8"}


def _poll(*times: float, status: str = "BUILDING", **more: Any) -> Tell:
    """Request the status at some times."""
    return _poll_through(*((at, status) for at in times), **more)


def _poll_through(*shown: tuple[float, str | None], status: int = 200, **more: Any) -> Tell:
    def tell(story: Story) -> None:
        for at, one in shown:
            story.look("b", one, status, seconds=(at, at + 0.1), **more)

    return tell


def _upload(**headers: str) -> Tell:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda s: s.send("PUT", "https://up.test/b?s=1", 204, token=None, headers=named)


def _initiate(at: float, status: int, body: Any = NAMED, **more: Any) -> Tell:
    return lambda s: s.send("POST", BUILD, status, body=body, seconds=(at, at + 1), **more)


def _lost(at: float, url: str = BUILD, body: Any = NAMED, **more: Any) -> Tell:
    gone = {"failure": "reset", "response_headers": {}, **more}
    return lambda s: s.send("POST", url, 0, body=body, seconds=(at, at + 1), **gone)


def _start(at: float, status: int = 200) -> Tell:
    return lambda s: s.send(
        "POST", START, status, row("b", "BUILDING"), body={}, seconds=(at, at + 1)
    )


def _in_turn(*tells: Tell) -> Tell:
    def tell(story: Story) -> None:
        for one in tells:
            one(story)

    return tell


START = f"{BUILD}/b/start"
BAD: dict[str, tuple[str, Tell]] = {
    "its session's headers go to the storage": ("C7", _upload(authorization=f"Bearer {TOKEN}")),
    "the token in another header": ("C7", _upload(x_api_key=TOKEN)),
    "the token in a cookie": ("C7", _upload(cookie=f"session={TOKEN}")),
    "initiate again after a reset": ("C8", _in_turn(_lost(10), _initiate(12, 201))),
    "initiate again after a 502": ("C8", _in_turn(_initiate(10, 502), _initiate(12, 201))),
    "start again after a time-out": ("C8", _in_turn(_lost(10, START, {}), _start(41))),
    "initiate again, among other initiates": (
        "C8",
        _in_turn(_lost(10), _initiate(12, 201, {**NAMED, "image_tag": "v2"}), _initiate(14, 201)),
    ),
    "a poll each second": ("C9", _poll(10, 11, 12)),
    "a poll each 9 s": ("C9", _poll(10, 19, 28)),
    "a status that it does not know as the end": (
        "C10",
        _poll_through((10, "BUILDING"), *((t, "CANCELLED") for t in (20, 30, 40, 50))),
    ),
    "polls after FAILED": ("C10", _poll(10, 20, 30, 40, status="FAILED")),
}
SOUND: dict[str, tuple[str, Tell]] = {
    "an upload without a token": ("C7", _upload(content_type="application/octet-stream")),
    "credentials of the storage": ("C7", _upload(authorization="Basic c3RvcmFnZQ==")),
    "a start after a lost initiate of another name": (
        "C8", _in_turn(_lost(10), _initiate(12, 201, {**NAMED, "image_tag": "v2"})),
    ),
    "a start again after a look": (
        "C8", _in_turn(_lost(10, START, {}), _poll(12, status="UPLOADING"), _start(14)),
    ),
    "a poll each 10 s": ("C9", _poll(10, 20, 30, 39.8)),
    "polls that back off": ("C9", _poll(10, 11, 12.5, 14.8, 18.2, 23.3, 31, 41)),
    "polls until the end": ("C10", _poll_through((10, "BUILDING"), (20, "COMPLETED"))),
    "two more looks": ("C10", _poll(10, 11, 12, status="COMPLETED")),
    "a look now and then": ("C10", _poll(10, 80, 150, 220, 290, status="COMPLETED")),
}  # fmt: skip
UNJUDGED: dict[str, tuple[str, Tell]] = {
    "initiate again after a 429": ("C8", _in_turn(_initiate(10, 429), _initiate(12, 201))),
    "initiate again after a 503 that invites it": (
        "C8", _in_turn(_initiate(10, 503, response_headers=LATER), _initiate(16, 201)),
    ),
    "a rebuild": ("C8", _in_turn(_initiate(10, 201), _initiate(12, 201))),
    "somebody's new try": ("C8", _in_turn(_lost(10), _initiate(90, 201))),
    "another client": ("C8", _in_turn(_lost(10), _initiate(12, 201, headers=JSON | CURL))),
    "at the same time": ("C8", _in_turn(_lost(10), _initiate(10.5, 201))),
    "two statuses": ("C9", _poll(10, 11)),
    "statuses around a start": (
        "C9", _in_turn(_poll(10), _start(10.5), _poll(12), _start(13), _poll(14)),
    ),
    "retries of a status": ("C9", _poll_through((10, None), (11, None), (12, None), status=503)),
    "a pace that the server sets": ("C9", _poll(10, 11, 12, response_headers=JSON | LATER)),
    "two clients": (
        "C9", _in_turn(_poll(10, 12), _poll(13, headers=CURL), _poll(14), _poll(15, headers=CURL)),
    ),
    "polls while it runs": ("C10", _poll(10, 20, 30, 40, 50)),
}  # fmt: skip


@pytest.fixture
def story() -> Story:
    """Return traffic of a build that is initiated and uploaded, as a proxy sees it."""
    begun = Story(Tape(TOKEN, is_whole=False), rules=TRAFFIC_RULES)
    begun.initiate("b")
    return begun


def _judged(story: Story, tell: Tell) -> Story:
    story.held.clear()
    tell(story)
    return story


@pytest.mark.parametrize("name", BAD)
def test_bad_client_breaks_its_rule_and_no_other(story: Story, name: str) -> None:
    """Once, at the request that breaks it."""
    rule, tell = BAD[name]

    assert set(_judged(story, tell).broken) == {rule}


@pytest.mark.parametrize("name", SOUND)
def test_sound_client_passes(story: Story, name: str) -> None:
    """The rule was observed, and nothing is broken."""
    rule, tell = SOUND[name]

    assert (_judged(story, tell).broken, rule in story.held) == ([], True)


@pytest.mark.parametrize("name", UNJUDGED)
def test_what_proves_nothing_is_not_judged(story: Story, name: str) -> None:
    """Neither broken nor passed."""
    rule, tell = UNJUDGED[name]

    assert (_judged(story, tell).broken, rule in story.held) == ([], False)


def test_each_rule_has_two_bad_clients_and_a_sound_one() -> None:
    """A rule that nobody breaks is none."""
    broken = [rule for rule, _ in BAD.values()]

    assert {rule for rule in broken if broken.count(rule) > 1} == {*TRAFFIC_RULES}
    assert {rule for rule, _ in SOUND.values()} == {*TRAFFIC_RULES}


def test_token_of_another_initiate_is_not_looked_for(story: Story) -> None:
    """Without an initiate that was seen, nothing shows what the token of the API is."""
    story.send("PUT", "https://up.test/unseen", 204, token=TOKEN, upload_of="unseen")

    assert story.broken == []
