"""A scripted network, a clock that tests move, and build_image in both variants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prime_image_builds import AuthenticatedClient, _calls, build_image, build_image_async
from prime_image_builds.models import BuildImageRequest, BuildStatusResponse

from ...contract.openapi import contract
from ...drivers.client import example

TOKEN = "a-token-of-the-job"  # noqa: S105 (no secret)
WEB = BuildImageRequest(image_name="web", image_tag="v1")
Build = Callable[..., BuildStatusResponse]


def build_sync(*arguments: Any, client: AuthenticatedClient, **named: Any) -> BuildStatusResponse:
    """Build an image, in this thread."""
    with client:
        return build_image(*arguments, client=client, **named)


def build_asyncio(
    *arguments: Any, client: AuthenticatedClient, **named: Any
) -> BuildStatusResponse:
    """Build an image, in a loop of its own."""

    async def built() -> BuildStatusResponse:
        async with client:
            return await build_image_async(*arguments, client=client, **named)

    return asyncio.run(built())


both = pytest.mark.parametrize("build", [build_sync, build_asyncio], ids=["sync", "asyncio"])


class Clock:
    """The clock of a test: only pauses of a job move it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.time = 1000.0
        self.pauses: list[float] = []
        # In this module alone: a server of these tests sleeps in another thread.
        patch.setattr(_calls, "now", lambda: self.time)
        patch.setattr(_calls, "pause", self._pause)

    def _pause(self, seconds: float) -> _calls.Call[None]:
        async def passed() -> None:
            self.passes(seconds)

        return _calls.Call(lambda: self.passes(seconds), passed)

    def passes(self, seconds: float) -> None:
        """Let time pass, and note how much."""
        self.time += seconds
        self.pauses.append(seconds)


def context(folder: Path) -> Path:
    """Make a context that builds."""
    made = folder / "context"
    made.mkdir()
    (made / "Dockerfile").write_text("FROM scratch\n")
    return made


class Network(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds by a script: for each operation its steps in order, the last one repeated."""

    def __init__(self, **script: list[Any]) -> None:
        self.script = {"initiate": [201], "upload": [200], "start": [200], "status": [200]} | script
        self.operations: list[str] = []
        self.requests: list[httpx.Request] = []
        self.largest = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Take the next step of the script."""
        path = request.url.path
        name = "upload" if request.method == "PUT" else "initiate" if path.endswith("build") else ""
        name = name or ("start" if path.endswith("/start") else "status")
        self.operations.append(name)
        self.requests.append(request)
        steps = self.script[name]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, httpx.Response):
            return step
        if isinstance(step, str):
            return httpx.Response(200, json=status_body(step))
        body = example("initiate_image_build") if name == "initiate" else status_body("COMPLETED")
        return httpx.Response(step, json=body if step < 300 else {"detail": "no"})

    def handle_request(self, request: httpx.Request) -> httpx.Response:  # noqa: D102 (httpx's own)
        assert isinstance(request.stream, httpx.SyncByteStream)
        for piece in request.stream:
            self.largest = max(self.largest, len(piece))
        return self.answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: D102 (httpx's own)
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for piece in request.stream:
            self.largest = max(self.largest, len(piece))
        return self.answer(request)

    @property
    def client(self) -> AuthenticatedClient:
        """A client whose requests all come here."""
        return AuthenticatedClient(
            "https://images.test",
            TOKEN,
            headers={"X-Mine": "1"},
            cookies={"mine": "1"},
            httpx_args={"transport": self},
        )


def status_body(status: str) -> dict[str, Any]:
    """Return the contract's example of a status."""
    body: dict[str, Any] = contract().document["components"]["examples"][status]["value"]
    return body


def built(folder: Path, network: Network, way: str, **given: Any) -> BuildStatusResponse:
    """Build an image from a folder, sync or async; return its last status."""
    if way == "sync":
        return build_image(folder, client=network.client, **given)
    return asyncio.run(build_image_async(folder, client=network.client, **given))
