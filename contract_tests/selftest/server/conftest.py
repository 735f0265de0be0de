"""What the tests of the reference server and those of the proxy share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ...reference.access_log import logged
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.proxied import Passing, passing
from ..support.reference_server import TOKEN, Served


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve an application, with its log."""
    lines: list[str] = []
    moved: list[timedelta] = []
    app = create_app(
        token=TOKEN,
        build_seconds=0.05,
        clock=lambda: datetime.now(UTC) + sum(moved, timedelta()),
    )
    with running(logged(app, TOKEN, lines.append)) as url, httpx.Client(base_url=url) as client:
        yield Served(client, lines, moved)


@pytest.fixture
def reference() -> Iterator[str]:
    """Run a sound server."""
    with running(create_app(token=TOKEN, build_seconds=0.05)) as url:
        yield url


@pytest.fixture
def passed(reference: str) -> Iterator[Passing]:
    """Run a proxy before it."""
    with passing(reference) as made:
        yield made
