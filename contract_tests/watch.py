"""Watches a client of somebody's own: the rules over its traffic, as event hooks of httpx.

watch = Watch(token="…")
client = httpx.Client(event_hooks=watch.hooks)  # httpx.AsyncClient: watch.async_hooks
…
watch.assert_held()
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from . import settings
from .redaction import Redaction, Secret
from .report import text
from .tape.tape import Record, Tape
from .verdicts.judge import Judge, Verdict

DRIVER = "watch"
_BEGAN = "contract_tests.began"


class Watch:
    """Holds the traffic of httpx clients to the rules, whether a server or a mock answers.

    One watch may be given to several clients, threads and tasks. It looks at requests to the
    contract's paths, and at uploads to the upload URL of an initiate; all else is left alone. A
    response of the contract is read whole when it comes, also where the client meant to stream it.

    Args:
        token: The valid bearer token. It is kept out of all that is shown.
        rule: Ids of the rules to judge, for example ``T5,T4``; by default all.
        level: ``must`` keeps to what the published contract states.
        raise_at_once: Raise AssertionError out of the very call whose exchange breaks a rule.
        is_whole: Vouch that nobody but the watched clients touches the builds. Some rules can be
            observed only then.
        secrets: What else to keep out of all that is shown.
        clock: Tells the time, with an offset, where the server's is not the machine's.

    Raises:
        GateError: If there is no such rule or level.

    """

    _driver = DRIVER
    _fix = "give the hooks to the client that calls the API, and call it"

    def __init__(
        self,
        token: str,
        *,
        rule: str = "",
        level: str = "",
        raise_at_once: bool = False,
        is_whole: bool = False,
        secrets: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        token = Secret(token.strip())  # a traceback may show local variables
        self.tape = Tape(token, is_whole=is_whole, is_live=False)
        self._hide = Redaction(self.tape, secrets=secrets)
        self._judge = Judge(settings.rules(rule), level=settings.level(level))
        self.tape.subscribe(self._judged)
        self._raise_at_once = raise_at_once
        self._now = clock
        self._lock = threading.Lock()

    @property
    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """The ``event_hooks`` of an ``httpx.Client``."""
        return {"request": [self._asked], "response": [self._answered]}

    @property
    def async_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """The ``event_hooks`` of an ``httpx.AsyncClient``."""
        return {"request": [self._asked_async], "response": [self._answered_async]}

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts so far, by rule id."""
        return self._judge.verdicts

    def assert_held(self) -> None:
        """Assert that no rule was violated, and that at least one was observed.

        Raises AssertionError with each group of violations.
        """
        if failed := text.violated(self._judge.violated, self._hide):
            raise AssertionError(failed)
        if not any(verdict.observed for verdict in self.verdicts.values()):
            raise AssertionError(text.nothing_seen(len(self.tape.exchanges), self._fix))

    def _asked(self, request: httpx.Request) -> None:
        request.extensions[_BEGAN] = self._now()

    async def _asked_async(self, request: httpx.Request) -> None:
        self._asked(request)

    def _answered(self, response: httpx.Response) -> None:
        if self._concerns(response):
            if not self._is_upload(response):
                response.read()
            self._record(response)

    async def _answered_async(self, response: httpx.Response) -> None:
        if self._concerns(response):
            if not self._is_upload(response):
                await response.aread()
            self._record(response)

    def _concerns(self, response: httpx.Response) -> bool:
        return self.tape.concerns(response.request.method, str(response.request.url))

    def _is_upload(self, response: httpx.Response) -> bool:
        return self.tape.is_upload(response.request.method, str(response.request.url))

    def _record(self, response: httpx.Response) -> None:
        request = response.request
        is_upload = self._is_upload(response)
        with self._lock:
            ended = self._now()
            self.tape.record(
                driver=self._driver,
                intent="watched",
                request=(
                    request.method,
                    str(request.url),
                    request.headers,
                    b"" if is_upload else _sent(request),
                ),
                response=(
                    response.status_code,
                    response.headers,
                    None if is_upload else response.content,
                ),
                at=(request.extensions.get(_BEGAN, ended), ended),
            )

    def _judged(self, record: Record) -> None:
        violations = self._judge.see(record)
        if violations and self._raise_at_once:
            raise AssertionError(text.each(violations, self._hide))


def _sent(request: httpx.Request) -> bytes | None:
    """Return the body of a request, or None for a stream: reading it would use it up."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return None
