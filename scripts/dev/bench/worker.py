"""Measures one client; runs with the Python of its environment, and imports nothing of the project.

Usage: worker.py times|memory|import, with BENCH_PEER, BENCH_URL and BENCH_FOLDER (of body-N.json).
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOKEN = "bench-token"  # noqa: S105 (of a server on the loopback)
PATH = "/api/v1/images/build/"
SIZES = (2, 100)
MODELS = 2_000
PACKAGES = {"ours": "prime_image_builds", "msgspec": "msgspec", "pydantic": "pydantic",
            "stock": "stock_client.api.images.get_build_status", "generator": "og_client",
            "vendor": "prime_sandboxes"}  # fmt: skip


def body(size: int) -> bytes:
    """Return a status with so many artifacts."""
    return Path(os.environ["BENCH_FOLDER"], f"body-{size}.json").read_bytes()


class ByHand:
    """httpx, and a decoder that somebody has written down; the base of each peer below."""

    def __init__(self, url: str, transport: Any = None) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {TOKEN}"}
        kind = httpx.AsyncClient if hasattr(transport, "is_async") else httpx.Client
        self.http: Any = kind(base_url=url, transport=transport, headers=headers)
        self.decode: Callable[[bytes], Any] = json.loads
        self.call: Callable[[str], Any] = self._get
        self.call_async: Callable[[str], Any] = self._get_async

    def _get(self, build_id: str) -> Any:
        response = self.http.get(PATH + build_id)
        response.raise_for_status()
        return self.decode(response.content)

    async def _get_async(self, build_id: str) -> Any:
        response = await self.http.get(PATH + build_id)
        response.raise_for_status()
        return self.decode(response.content)


class Msgspec(ByHand):
    """httpx and msgspec."""

    def __init__(self, *arguments: Any) -> None:
        import msgspec

        super().__init__(*arguments)
        times = [(f"{name}At", datetime.datetime | None, None) for name in ("started", "completed")]
        common: list[Any] = [("id", str), ("status", str), ("createdAt", datetime.datetime), *times]
        row = msgspec.defstruct("Row", [*common, ("artifactType", str, "CONTAINER_IMAGE"),
            ("fullImagePath", str | None, None), ("errorMessage", str | None, None)])  # fmt: skip
        names: list[Any] = [("imageName", str), ("imageTag", str)]
        group = msgspec.defstruct("Group", [*names, *common, ("artifacts", list[row], [])])  # type: ignore[valid-type]
        self.decode = msgspec.json.Decoder(group).decode


class Pydantic(ByHand):
    """httpx and pydantic."""

    def __init__(self, *arguments: Any) -> None:
        import pydantic

        super().__init__(*arguments)
        at = datetime.datetime
        maybe = (at | None, None)
        common: Any = {"id": (str, ...), "status": (str, ...), "createdAt": (at, ...),
                       "startedAt": maybe, "completedAt": maybe}  # fmt: skip
        row = pydantic.create_model("Row", **common, artifactType=(str, "CONTAINER_IMAGE"),
            fullImagePath=(str | None, None), errorMessage=(str | None, None))  # fmt: skip
        group: Any = pydantic.create_model("Group", **common, imageName=(str, ...),
            imageTag=(str, ...), artifacts=(list[row], []))  # type: ignore[valid-type]  # fmt: skip
        self.decode = group.model_validate_json


class Ours(ByHand):
    """The client of this project."""

    def __init__(self, url: str, transport: Any = None) -> None:
        from prime_image_builds import AuthenticatedClient
        from prime_image_builds._json import read
        from prime_image_builds.api.images import get_build_status as operation
        from prime_image_builds.models import BuildStatusResponse

        client = AuthenticatedClient(url, TOKEN, httpx_args={"transport": transport})
        self.decode = lambda content: read(content, BuildStatusResponse)
        self.call = lambda name: operation.sync(name, client=client)
        self.call_async = lambda name: operation.asyncio(name, client=client)


class Stock(ByHand):
    """openapi-python-client with its own templates, and with errors for unexpected statuses."""

    def __init__(self, url: str, transport: Any = None) -> None:
        from stock_client.api.images import get_build_status as operation
        from stock_client.client import AuthenticatedClient
        from stock_client.models import BuildStatusResponse

        client = AuthenticatedClient(
            base_url=url, token=TOKEN, raise_on_unexpected_status=True,
            httpx_args={"transport": transport},
        )  # fmt: skip
        self.decode = lambda content: BuildStatusResponse.from_dict(json.loads(content))
        self.call = lambda name: operation.sync(name, client=client)
        self.call_async = lambda name: operation.asyncio(name, client=client)


class Generator(ByHand):
    """openapi-generator's Python client, over urllib3: no transport can take its place."""

    def __init__(self, url: str, *_: Any) -> None:
        import og_client
        from og_client.models import BuildStatusResponse

        self.is_over_sockets_alone = True
        settings = og_client.Configuration(host=url, access_token=TOKEN)
        api = og_client.ImagesApi(og_client.ApiClient(settings))
        self.decode = lambda content: BuildStatusResponse.from_json(content.decode())
        self.call = api.get_build_status


class Vendor(ByHand):
    """The vendor's SDK; a status is a dict."""

    def __init__(self, url: str, transport: Any = None) -> None:
        from prime_sandboxes.core import APIClient
        from prime_sandboxes.images import ImageClient

        super().__init__(url, transport)
        os.environ["PRIME_API_BASE_URL"] = url
        client = APIClient(api_key=TOKEN)
        if transport is not None:
            client.client = self.http
        self.call = ImageClient(client).get_build_status


PEERS: dict[str, type[ByHand]] = {
    "ours": Ours, "msgspec": Msgspec, "pydantic": Pydantic, "stock": Stock,
    "generator": Generator, "vendor": Vendor,
}  # fmt: skip


def times(part: str, peer: type[ByHand], url: str) -> None:
    """Run the benchmarks of a part under pyperf, whose options are on the command line."""
    import pyperf

    os.environ["NO_PROXY"] = "127.0.0.1"
    runner = pyperf.Runner()
    if part == "decode":
        decode = peer(url).decode
        for size in SIZES:
            runner.bench_time_func(f"decode {size}", cpu, decode, body(size))
        return
    over_sockets = peer(url)
    if not hasattr(over_sockets, "is_over_sockets_alone"):
        transport = _transport()
        for size in SIZES:
            runner.bench_time_func(f"mock {size}", cpu, peer(url, transport).call, f"b{size}")
        transport.is_async = True
        if peer is not Vendor:
            call_async = peer(url, transport).call_async
            runner.bench_time_func("mock async 2", cpu_async, call_async, "b2")
    for size in SIZES:
        runner.bench_func(f"loopback {size}", over_sockets.call, f"b{size}")


def cpu(loops: int, act: Any, argument: Any) -> float:
    """Return the CPU seconds of so many calls, to which what else runs adds little."""
    repeated = range(loops)
    began = time.process_time()
    for _ in repeated:
        act(argument)
    return time.process_time() - began


def cpu_async(loops: int, act: Any, argument: Any) -> float:
    """Return the CPU seconds of so many calls that are awaited."""

    async def run() -> float:
        repeated = range(loops)
        began = time.process_time()
        for _ in repeated:
            await act(argument)
        return time.process_time() - began

    return asyncio.run(run())


def _transport() -> Any:
    import httpx

    contents = {f"b{size}": body(size) for size in SIZES}
    kind = {"Content-Type": "application/json"}

    def respond(request: httpx.Request) -> httpx.Response:
        content = contents[request.url.path.rpartition("/")[2]]
        return httpx.Response(200, content=content, headers=kind)

    return httpx.MockTransport(respond)


def memory(peer: type[ByHand], url: str) -> float:
    """Return the bytes of one decoded status with two artifacts."""
    decode, content = peer(url).decode, body(2)
    kept = [decode(content)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept += [decode(content) for _ in range(MODELS)]
    return (tracemalloc.get_traced_memory()[0] - before) / MODELS


def importing(name: str) -> float:
    """Return the CPU seconds that an import takes after that of httpx."""
    import httpx  # noqa: F401

    began = time.process_time()
    __import__(PACKAGES[name])
    return time.process_time() - began


if __name__ == "__main__":
    name, url = os.environ["BENCH_PEER"], os.environ["BENCH_URL"]
    what = os.environ["BENCH_PART"]
    if what == "memory":
        print(memory(PEERS[name], url))  # noqa: T201
    elif what == "import":
        sys.stdout.write(str(importing(name)))
    else:
        times(what, PEERS[name], url)
