"""The log of the reference server: one line for each request, and no secret."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlsplit

import httpx

from ...drivers.scripted.inputs import GOOD, context
from ...reference.access_log import logged
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.reference_server import (
    AUTH,
    BUILD,
    MOST,
    NAMED,
    OCTETS,
    TOKEN,
    Served,
    process,
)


def test_log_has_one_line_for_each_request_and_no_secret(served: Served) -> None:
    """Time, method, path, status, milliseconds, build; neither token nor signature."""
    url = served.upload_url()
    build_id = urlsplit(url).path.rpartition("/")[2]
    served.client.put(url, content=context(GOOD), headers=OCTETS)
    served.client.get(f"{BUILD}/{build_id}", headers=AUTH)
    served.client.get(f"/{TOKEN}?token={TOKEN}")
    lines = [json.loads(line) for line in served.lines]

    assert [(one["method"], one["path"], one["status"], one["build"]) for one in lines] == [
        ("POST", BUILD, 201, build_id),
        ("PUT", f"/uploads/{build_id}", 204, build_id),
        ("GET", f"{BUILD}/{build_id}", 200, build_id),
        ("GET", "/***", 404, None),
    ]
    assert all(one["ms"] >= 0 and datetime.fromisoformat(one["time"]).tzinfo for one in lines)
    assert TOKEN not in "".join(served.lines)
    assert "signature" not in "".join(served.lines)


def test_dropped_connection_has_no_answer() -> None:
    """The client of a flaky server sees the connection close; the log has no status."""
    lines: list[str] = []
    app = create_app(token=TOKEN, scenario="flaky", seed=1)
    with running(logged(app, TOKEN, lines.append)) as url, httpx.Client(base_url=url) as client:
        lost = 0
        for _ in range(20):
            try:
                client.post(BUILD, json=NAMED, headers=AUTH)
            except httpx.TransportError:
                lost += 1

    assert lost == 4
    assert [json.loads(line)["status"] for line in lines].count(None) == 4


def test_a_query_that_is_percent_encoded_is_not_logged() -> None:
    """It may hold a signature all the same."""
    with process("--token", TOKEN) as (server, url, _):
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        httpx.put(created["upload_url"].replace("?", "%3F"), content=b"x")
        server.terminate()
        _, log = server.communicate(timeout=MOST)

    assert json.loads(log.splitlines()[-1])["status"] == 403
    assert "signature" not in log
