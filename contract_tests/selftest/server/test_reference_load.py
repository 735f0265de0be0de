"""The load test of the reference server."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from scripts.dev import load

from ...reference.app import create_app
from ...reference.over_sockets import running


def test_load_on_a_conforming_server_finds_nothing() -> None:
    """Many clients at once each see their own build, from its beginning to its end."""
    result = load.run(builds=120, clients=40, build_seconds=0.2)

    assert result.errors == []
    assert result.ends == {"COMPLETED": 90, "FAILED": 30}
    assert len(result.times) >= 120 * 6


def test_load_reports_unexpected_statuses() -> None:
    """A server that mixes builds up, or ends them differently, is reported."""
    app = create_app(token=load.TOKEN, build_seconds=0.01, scenario="cancelled")
    with running(app) as url:
        address = urlsplit(url)
        result = asyncio.run(load.load("127.0.0.1", address.port or 0, 4, 2, 0.02))

    assert len(result.errors) >= 4
    assert "CANCELLED" in result.errors[0]
    assert f"errors      {len(result.errors)}" in [*result.lines()]
