"""Watches a client of somebody's own: the rules over its traffic, as event hooks of httpx.

watch = Watch(token="…")
client = httpx.Client(event_hooks=watch.hooks)  # httpx.AsyncClient: watch.async_hooks
…
watch.assert_held()
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpcore
import httpx

from . import settings
from .problems import Problem
from .redaction import Redaction, Secret
from .report import text
from .tape.tape import NO_RESPONSE, Record, Tape
from .verdicts.judge import Judge, Verdict

DRIVER = "watch"
_BEGAN, _DONE = "contract_tests.began", "contract_tests.done"
# The events of httpcore that are over when a request was sent, or partly; connecting is none.
_LOST = re.compile(r"\w+\.(send_request|receive_response)_\w+\.failed")


class Watch:
    """Holds the traffic of httpx clients to the rules, whether a server or a mock answers.

    One watch may be given to several clients, threads and tasks. It looks at requests to the
    contract's paths, and at uploads to the upload URL of an initiate; all else is left alone. A
    response of the contract is read whole when it comes, also where the client meant to stream it.
    A request whose response is lost is on the tape without one, since the server may have processed
    it; where no request goes over a network (a transport of your own), such a loss is not seen.

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
        if failed := self._judge.violated:
            raise AssertionError("\n\n".join(text.failures(one, self._hide) for one in failed))
        if not any(verdict.observed for verdict in self.verdicts.values()):
            count = len(self.tape.exchanges)
            what = f"nothing was seen: no rule was observed on {count} exchanges"
            raise AssertionError(Problem(what, self._fix))

    def _asked(self, request: httpx.Request) -> None:
        self._begun(request)
        trace = request.extensions.get("trace")

        def traced(event: str, info: dict[str, Any]) -> None:
            self._traced(request, event, info)
            if trace is not None:
                trace(event, info)

        request.extensions["trace"] = traced

    async def _asked_async(self, request: httpx.Request) -> None:
        self._begun(request)
        trace = request.extensions.get("trace")

        async def traced(event: str, info: dict[str, Any]) -> None:
            self._traced(request, event, info)
            if trace is not None:
                await trace(event, info)

        request.extensions["trace"] = traced

    def _begun(self, request: httpx.Request) -> None:
        request.extensions[_BEGAN] = self._now()
        request.extensions.pop(_DONE, None)  # a redirect has those of the request before it

    def _traced(self, request: httpx.Request, event: str, info: dict[str, Any]) -> None:
        error = info.get("exception")
        # After this one, httpcore reads whether a response came all the same.
        if _LOST.fullmatch(event) and not isinstance(error, httpcore.WriteError):
            self.lost(request, error)

    def lost(self, request: httpx.Request, error: object) -> None:
        """Record a request that was sent, and whose response did not come; for transports.

        The server may have processed it.
        """
        if _DONE not in request.extensions and self.tape.concerns(request.method, str(request.url)):
            failure = str(error) or type(error).__name__
            self._record(request, NO_RESPONSE, failure=failure)

    def _answered(self, response: httpx.Response) -> None:
        if self._concerns(response):
            if not self._is_upload(response.request):
                response.read()
            self._received(response)

    async def _answered_async(self, response: httpx.Response) -> None:
        if self._concerns(response):
            if not self._is_upload(response.request):
                await response.aread()
            self._received(response)

    def _concerns(self, response: httpx.Response) -> bool:
        return self.tape.concerns(response.request.method, str(response.request.url))

    def _is_upload(self, request: httpx.Request) -> bool:
        return self.tape.is_upload(request.method, str(request.url))

    def _received(self, response: httpx.Response) -> None:
        content = None if self._is_upload(response.request) else response.content
        self._record(response.request, (response.status_code, response.headers, content))

    def _record(
        self,
        request: httpx.Request,
        response: tuple[int, Mapping[str, str], bytes | None],
        failure: str | None = None,
    ) -> None:
        request.extensions[_DONE] = True
        method, url = request.method, str(request.url)
        sent = b"" if self._is_upload(request) else _sent(request)
        with self._lock:
            ended = self._now()
            self.tape.record(
                driver=self._driver,
                intent="watched",
                request=(method, url, request.headers, sent),
                response=response,
                at=(request.extensions.get(_BEGAN, ended), ended),
                failure=failure,
            )

    def _judged(self, record: Record) -> None:
        violations = self._judge.see(record)
        if violations and self._raise_at_once:
            shown = (text.single(one, self._hide) for one in violations)
            raise AssertionError("\n\n".join(shown))


def _sent(request: httpx.Request) -> bytes | None:
    """Return the body of a request, or None for a stream: reading it would use it up."""
    try:
        return request.content
    except httpx.RequestNotRead:
        return None
