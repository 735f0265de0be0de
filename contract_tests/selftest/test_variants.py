"""Servers that differ from the reference server, and keep the contract, pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from .. import gate
from ..reference.app import create_app
from ..reference.embedded import running
from ..reference.faults import Answered, Asked, Fault
from ..target import BUILD_SECONDS, Target

Change = Callable[[Asked, Answered], None]


def without_nulls(_: Asked, answer: Answered) -> None:
    """Leave nullable keys out, and artifacts while there are none."""
    if answer.content:
        text = answer.content.decode()
        body = json.loads(text, object_hook=lambda o: {k: v for k, v in o.items() if v is not None})
        if body.get("artifacts") == []:
            del body["artifacts"]
        answer.content = json.dumps(body).encode()


def other_offsets(_: Asked, answer: Answered) -> None:
    """Write an offset for Z, and nanoseconds."""
    answer.content = re.sub(rb"(T[\d:]+\.\d{3})Z", rb"\g<1>000000+00:00", answer.content)


def unknown_keys(_: Asked, answer: Answered) -> None:
    """Add keys that the contract does not have."""
    if answer.content:
        answer.content = json.dumps({**json.loads(answer.content), "region": {"id": 7}}).encode()


def charset(_: Asked, answer: Answered) -> None:
    """Name the charset in the content type."""
    told = dict(answer.headers)
    if told.get(b"content-type") == b"application/json":
        told[b"content-type"] = b"application/json; charset=utf-8"
        answer.headers = list(told.items())


def detail_where_open(_: Asked, answer: Answered) -> None:
    """Tell detail, where the contract leaves the body open."""
    if answer.status in (404, 405, 409, 415):
        answer.content = b'{"detail": "no"}'


def other_refusals(_: Asked, answer: Answered) -> None:
    """Answer 410 for an unknown build, and 400 for a start that the state does not allow."""
    answer.status = {404: 410, 409: 400}.get(answer.status, answer.status)


def strict_on_names(request: Asked, answer: Answered) -> None:
    """Refuse names that are no plain words."""
    if request.operation == "initiate" and answer.status == 201:
        name = json.loads(request.content)["image_name"]
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            body = {"errors": [{"param": "image_name", "details": "is no plain name"}]}
            answer.status, answer.content = 422, json.dumps(body).encode()


def refuses_second_start() -> Change:
    """Answer 409 to a second start."""
    started: set[str] = set()

    def change(request: Asked, answer: Answered) -> None:
        if request.operation == "start" and answer.status == 200:
            if request.build_id in started:
                answer.status, answer.content = 409, b""
            started.add(request.build_id)

    return change


VARIANTS: list[Change] = [
    without_nulls, other_offsets, unknown_keys, charset, detail_where_open, other_refusals,
    strict_on_names, refuses_second_start(),
]  # fmt: skip


@pytest.mark.parametrize("change", VARIANTS, ids=lambda one: one.__qualname__.split(".")[0])
def test_conforming_server_passes(change: Change) -> None:
    """No rule cries wolf, neither over scripted nor over generated traffic."""
    target = Target(token="test-token")  # noqa: S106
    variant = Fault("variant", "", "", answered=change)
    app = variant.wrap(create_app(build_seconds=BUILD_SECONDS), target.token)

    with running(app) as url:
        run = gate.run(Target(url=url, token=target.token))

    assert {v.violations[0].text("") for v in run.judge.violated} == set()
