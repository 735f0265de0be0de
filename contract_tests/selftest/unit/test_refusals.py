"""A refusal that has nothing to do with a request's content violates nothing, whenever it comes.

Tokens expire, accounts run dry, limits apply: in the traffic of clients any request may be refused.
"""

from __future__ import annotations

from typing import Any

import pytest

from ...tape.exchange import Credential
from ...tape.tape import Tape
from ..support.story import BUILD, Story, row

REFUSALS = [401, 402, 403, 408, 413, 423, 425, 429, 431, 451]


def life(refused: int | None = None, status: int = 401, *, again: bool = True) -> Story:
    """Record two builds, started in both ways, a third without, a fourth that must be refused.

    Args:
        refused: Which of the requests is refused, if any.
        status: By which status code.
        again: Whether it is then sent again, with the response that it has else.

    """
    story = Story(Tape("", is_whole=False))
    at = 0

    def send(method: str, url: str, code: int, answer: Any = None, **more: Any) -> None:
        nonlocal at
        sent: dict[str, Any] = {"token": None, "credential": Credential.UNKNOWN, **more}
        if at == refused:
            story.send(method, url, status, **sent)
        if at != refused or again:
            story.send(method, url, code, answer, **sent)
        at += 1

    for name, body in (("a", {"context_uploaded": True}), ("b", {}), ("c", None)):
        made = {"image_name": f"web-{name}", "image_tag": "v1"}
        named = {"imageName": f"web-{name}"}
        send("POST", BUILD, 422, {"errors": [{"param": "image_tag", "details": "is missing"}]},
             body={"image_name": "web"})  # fmt: skip
        send("POST", BUILD, 201, {
            "build_id": name, "upload_url": f"https://up.test/{name}?s=1", "expires_in": 60,
            "fullImagePath": "x/y:z", "visibility": "PRIVATE",
        }, body=made)  # fmt: skip
        send("PUT", f"https://up.test/{name}?s=1", 204, headers={})
        send("GET", f"{BUILD}/{name}", 200, row(name, "PENDING", **named))
        if body is not None:
            answer = row(name, "BUILDING", **named)
            send("POST", f"{BUILD}/{name}/start", 200, answer, body=body)
            send("POST", f"{BUILD}/{name}/start", 409, body=body)
            send("GET", f"{BUILD}/{name}", 200, row(name, "COMPLETED", **named))
        else:
            send("POST", f"{BUILD}/{name}/start", 422, {
                "errors": [{"param": "context_uploaded", "details": "is not a boolean"}],
            }, body={"context_uploaded": 7})  # fmt: skip
            send("DELETE", f"{BUILD.removesuffix('/build')}/web-c/v1", 200,
                 {"success": True, "message": "deleted"})  # fmt: skip
        send("GET", f"{BUILD}/{name}", 200, row(name, "COMPLETED", **named))
    return story


def test_the_life_itself_violates_nothing() -> None:
    """Without a refusal."""
    assert not life().found


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_at_any_time_violates_nothing(status: int, again: bool) -> None:
    """Whether or not the client then sends the request again."""
    requests = len(life().tape.exchanges)
    found = {at: life(at, status, again=again).found for at in range(requests)}

    assert {at: one for at, one in found.items() if one} == {}
