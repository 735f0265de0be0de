"""The reference server inside a test: no port, its clock in the test's hand, judged as it goes.

with MockImages() as mock, mock.respx():
    …  # any httpx client; mock.advance(seconds=30) lets a build end
mock.assert_held()
"""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import weakref
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Self
from unittest.mock import patch

import httpx
import respx

from .reference.app import create_app
from .reference.disruptions import Dropped
from .reference.faults import apply
from .report.curl import MOCK
from .tape.tape import Tape
from .verdicts.judge import Verdict
from .watch import Watch

BASE_URL = "https://api.primeintellect.ai"
TOKEN = "test-token"  # noqa: S105 (of a server that nobody can reach)
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BUILD_SECONDS = 30.0
# Other paths of the API's host are left to the test's own routes.
_PATHS = r"^/(api/v1/images/build|uploads)(/|$)"
_DELETES = r"^/api/v1/images/[^/]+/[^/]+$"


class _Watch(Watch):
    """Whose exchanges no server answered, and no network lost."""

    _driver = MOCK
    _fix = (
        "call the API inside mock.respx(), or by a client with transport=mock.transport(), at the "
        "mock's base_url"
    )


class MockImages:
    """A stateful image-build API for tests, sync and async, whose own traffic is checked too.

    Two of them share nothing. Ids are counted, and the clock stands still: without ``advance``
    nothing completes. A thread answers the requests; ``close`` ends it.

    Args:
        token: The bearer token that it takes.
        base_url: Where the client believes the API to be: scheme, host and port.
        build_seconds: How long each build builds, by the mock's clock.
        start: The first time of the clock, with an offset.
        scenario: What becomes of builds, by the name of a scenario of the reference server. An
            image tag that names one goes before it.
        seed: Of what a scenario draws by chance.
        fault: The name of a fault, to see what a client makes of an answer that breaks a rule.

    Raises:
        ValueError: If an argument is of another type, if there is no such fault or scenario (the
            nearest are named), if ``base_url`` is more or less than an origin, or if ``start`` has
            no offset.

    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        base_url: str = BASE_URL,
        build_seconds: float = BUILD_SECONDS,
        start: datetime = START,
        scenario: str = "default",
        seed: int = 0,
        fault: str | None = None,
    ) -> None:
        _check_types(
            token=(token, str), base_url=(base_url, str), start=(start, datetime),
            build_seconds=(build_seconds, int | float), scenario=(scenario, str), seed=(seed, int),
            fault=(fault, str | None),
        )  # fmt: skip
        if start.tzinfo is None:
            raise ValueError("start has no offset: give it a tzinfo")
        self.token = token
        self.base_url = _origin(base_url)
        self._time = start
        self._ticks = itertools.count(1)
        self._ids: defaultdict[str, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
        app: Any = create_app(
            token=token,
            build_seconds=build_seconds,
            clock=self._now,
            new_id=lambda prefix: f"{prefix}_{next(self._ids[prefix]):06d}",
            scenario=scenario,
            seed=seed,
        )
        self._server = httpx.ASGITransport(apply(app, fault, token) if fault else app)
        self._watch = _Watch(token, is_whole=True, clock=self._tick)
        self._worker = _Worker()
        self._is_reachable = True
        weakref.finalize(self, self._worker.stop)

    @property
    def now(self) -> datetime:
        """The current time of the clock."""
        return self._time

    def advance(self, *, seconds: float) -> None:
        """Let time pass. Raises ValueError if it would go back, or beyond the year 9999."""
        _check_types(seconds=(seconds, int | float))
        try:
            if not seconds >= 0:
                raise ValueError(f"seconds is not 0 or more; time does not go back: {seconds}")
            self._time += timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError("seconds goes beyond the year 9999") from None

    @contextmanager
    def virtual_time(self, client: ModuleType) -> Iterator[None]:
        """Let the generated client pause by this clock: at once, and the clock advances instead.

        Its deadlines pass by this clock, too. Applies to all of the process that uses the package.

        Args:
            client: The package of the generated client: ``prime_image_builds``, or your copy.

        Raises:
            ValueError: If it is not one.

        """
        calls = getattr(client, "_calls", None)
        if not isinstance(calls, ModuleType):
            raise ValueError(f"not the package of a generated client: {client!r}")

        def pause(seconds: float) -> Any:
            async def passes() -> None:
                self.advance(seconds=seconds)
                await asyncio.sleep(0)  # others may run in a pause

            return calls.Call(lambda: self.advance(seconds=seconds), passes)

        def now() -> float:
            return (self._time - START).total_seconds()

        with patch.multiple(calls, pause=pause, now=now):
            yield

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse each connection meanwhile, with ``httpx.ConnectError``: an outage.

        Nothing is sent, so that nothing is on the tape. The clock and the builds go on.
        """
        self._is_reachable = False
        try:
            yield
        finally:
            self._is_reachable = True

    @property
    def tape(self) -> Tape:
        """The exchanges in order, uploads included, but not their contents.

        One that a scenario loses has no response: its ``failure`` says so, and its status is 0.
        """
        return self._watch.tape

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts so far, by rule id."""
        return self._watch.verdicts

    def assert_held(self) -> None:
        """Assert that each answer kept to the contract, and that there was one."""
        self._watch.assert_held()

    @contextmanager
    def respx(self) -> Iterator[respx.MockRouter]:
        """Answer every httpx client that asks the API or an upload URL; yield the router.

        Any other request raises, unless the test adds a route for it.
        """
        with respx.mock(assert_all_called=False) as router:
            ours = router.route(url__startswith=f"{self.base_url}/", path__regex=_PATHS)
            ours.mock(side_effect=self.answer)
            deletes = router.delete(url__startswith=f"{self.base_url}/", path__regex=_DELETES)
            deletes.mock(side_effect=self.answer)
            yield router

    def transport(self) -> MockTransport:
        """Return what an ``httpx.Client`` or ``httpx.AsyncClient`` takes as its ``transport``."""
        return MockTransport(self)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, also from inside a running event loop."""
        self._connect(request)
        request.read()
        return self._worker.submit(self._exchange(request)).result()

    async def answer_async(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, and let the loop run meanwhile."""
        self._connect(request)
        await request.aread()
        answer = self._worker.submit(self._exchange(request))
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a loop of another kind
            return answer.result()
        return await asyncio.wrap_future(answer)

    def _connect(self, request: httpx.Request) -> None:
        if not self._is_reachable:
            raise httpx.ConnectError("the mock is unreachable", request=request)

    def close(self) -> None:
        """End the thread. A request starts another; what was built and seen stays."""
        self._worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        hooks = self._watch.hooks
        for asked in hooks["request"]:
            asked(request)
        try:
            response = await self._response(request)
        except httpx.RemoteProtocolError as error:
            self._watch.lost(request, error)
            raise
        for seen in hooks["response"]:
            seen(response)
        return response

    async def _response(self, request: httpx.Request) -> httpx.Response:
        try:
            answered = await self._server.handle_async_request(request)
        except Dropped:
            text = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(text, request=request) from None
        except Exception:  # a server that breaks answers; it raises nothing into its clients
            return httpx.Response(500, request=request)
        content = await answered.aread()
        return httpx.Response(
            answered.status_code, headers=answered.headers, content=content, request=request
        )

    def _now(self) -> datetime:
        return self._time

    def _tick(self) -> datetime:
        """Tell exchanges apart that happen while the clock stands: what overlaps, overlaps."""
        return self._time + timedelta(microseconds=next(self._ticks))


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers by a mock, and raises ``httpx.ConnectError`` for any other host."""

    def __init__(self, mock: MockImages) -> None:
        self._mock = mock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an ``httpx.Client``."""
        self._check(request)
        return self._mock.answer(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of an ``httpx.AsyncClient``."""
        self._check(request)
        return await self._mock.answer_async(request)

    def _check(self, request: httpx.Request) -> None:
        if not str(request.url).startswith(f"{self._mock.base_url}/"):
            raise httpx.ConnectError(f"{request.url.host} is not mocked", request=request)


class _Worker:
    """An event loop in a thread of its own, from the first thing to do on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, what: Coroutine[Any, Any, httpx.Response]) -> Future[httpx.Response]:
        """Have something done."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(what, self._loop)

    def stop(self) -> None:
        """End the thread, if there is one."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            # A collector may run anywhere, there too.
            if thread is not threading.current_thread():
                thread.join()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        # Requests from before the end are answered: somebody waits for them.
        while waiting := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _check_types(**given: tuple[object, Any]) -> None:
    for name, (value, kind) in given.items():
        if not isinstance(value, kind) or isinstance(value, bool):
            word = getattr(kind, "__name__", kind)
            raise ValueError(f"{name} is not of the type {word}: {name}={value!r}")


def _origin(url: str) -> str:
    if not re.fullmatch(r"https?://[^/?#]+/?", url):
        raise ValueError(f"base_url is not scheme, host and port alone: {url}")
    return url.rstrip("/")
