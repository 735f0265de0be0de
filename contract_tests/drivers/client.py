"""Calls the generated client, answers by respx, and records each call and what it returned."""

from __future__ import annotations

import asyncio
import importlib.util
import pkgutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import httpx
import respx
from prime_image_builds import AuthenticatedClient, api, errors
from prime_image_builds.models import BuildImageRequest, StartBuildRequest

from ..contract.api import DELETE, INITIATE, START, STATUS
from ..contract.openapi import contract
from ..payloads import load
from ..tape.call import Call
from ..tape.tape import Tape

BASE = "https://images.test"
WAYS = ("sync", "asyncio")
TOKEN = "s3cret-token-of-the-client"  # noqa: S105 (not a secret: leaks are searched for it)
UNUSUAL_IDS = ["..", ".", "", "a/b", "a?b=c", "a#b", "a%2Fb", "\N{SNOWMAN}", "a\nb", "a b"]
# What an operation takes is known of these. Whether the client can call any other is shown when it
# is made (scripts/generation/client_check.py).
DRIVEN = (INITIATE, STATUS, START, DELETE)
FAILURES = [400, 401, 402, 403, 404, 409, 410, 418, 422, 429, 500, 502, 503, 520, 599, 204, 302]


@dataclass(frozen=True)
class Stimulus:
    """One call to make, and the response to it.

    Attributes:
        path: The arguments that stand in the path; by default as many as the operation takes.

    """

    title: str
    operation: str
    answer: httpx.Response
    path: tuple[str, ...] = ()


def stimuli() -> Iterator[Stimulus]:
    """Yield every call to make."""
    for payload in load():
        for operation in (START, STATUS) if payload.operation == STATUS else (payload.operation,):
            success = contract().operations[operation].success
            answer = _raw(success, payload.content, payload.media_type)
            yield Stimulus(payload.title, operation, answer)
    for name in DRIVEN:
        success, good = contract().operations[name].success, example(name)
        yield Stimulus("the example", name, httpx.Response(success, json=good))
        for status in FAILURES:
            body = {"errors": [{"param": "image_name", "details": "is required"}]}
            yield Stimulus(f"a {status}", name, httpx.Response(status, json=body))
    for build_id in UNUSUAL_IDS:
        answer = httpx.Response(200, json=example(STATUS))
        yield Stimulus(f"the build id {build_id!r}", STATUS, answer, (build_id,))
        deleted = httpx.Response(200, json=example(DELETE))
        for path in ((build_id, "v1"), ("web", build_id)):
            yield Stimulus(f"the image {':'.join(path)!r}", DELETE, deleted, path)


def example(operation: str) -> dict[str, Any]:
    """Return the first example that the contract has of a success."""
    found = contract().operations[operation]
    content = found.responses[str(found.success)]["content"]["application/json"]
    first = next(iter(content["examples"].values()))
    body: dict[str, Any] = (
        contract().at(first["$ref"])["value"] if "$ref" in first else first["value"]
    )
    return body


def run(tape: Tape) -> None:
    """Make every call, once sync and once async."""
    with Caller(tape) as caller:
        for stimulus in stimuli():
            for how in WAYS:
                caller.call(stimulus, how)


class Caller:
    """Calls the client, and records each request, response and result.

    Patching httpx, an event loop and a client cost more than a call, so all calls share them.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._loop = asyncio.new_event_loop()
        self._client = AuthenticatedClient(BASE, TOKEN, verify_ssl=_tls())
        self._router = respx.mock(assert_all_called=False)
        self._route = self._router.route()

    def __enter__(self) -> Caller:
        self._router.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.__exit__()
        self._loop.run_until_complete(self._client.__aexit__())
        self._router.stop()
        self._loop.close()

    def call(self, stimulus: Stimulus, how: str) -> Call:
        """Make one call, in one of the ``WAYS``; record it, and return it."""
        returned: Any = None
        raised: Exception | None = None
        self._router.reset()
        self._route.mock(side_effect=lambda request: _copy(stimulus.answer, request))
        try:
            module, (arguments, body) = _module(stimulus.operation), _arguments(stimulus)
            if how == "sync":
                returned = module.sync(*arguments, client=self._client, **body)
            else:
                awaited = module.asyncio(*arguments, client=self._client, **body)
                returned = self._loop.run_until_complete(awaited)
        except Exception as error:
            raised = error
        sent = self._route.calls.last.request if self._route.calls else None
        return _recorded(self._tape, stimulus, self._client, sent, returned, raised)


def _recorded(
    tape: Tape, stimulus: Stimulus, client: AuthenticatedClient, sent: httpx.Request | None,
    returned: Any, raised: Exception | None,
) -> Call:  # fmt: skip
    exchange = None
    if sent is not None:
        history = tape.record(
            driver="client",
            intent=stimulus.title,
            request=(sent.method, str(sent.url), sent.headers, sent.content),
            response=(
                stimulus.answer.status_code, stimulus.answer.headers, stimulus.answer.content,
            ),
        )  # fmt: skip
        exchange = history.last
    shown = {"the client": repr(client) + str(client), "the result": repr(returned)}
    shown |= {"the exception": f"{raised!r} {raised}" if raised else ""}
    return tape.record_call(
        Call(
            intent=stimulus.title,
            operation=stimulus.operation,
            exchange=exchange,
            returned=returned.to_dict() if hasattr(returned, "to_dict") else returned,
            raised=type(raised).__name__ if raised else None,
            message=str(raised) if raised else "",
            is_typed=isinstance(raised, errors.ImageBuildsError),
            leaks=tuple(where for where, text in shown.items() if TOKEN in text),
        )
    )


@cache
def _tls() -> ssl.SSLContext:
    """Load the certificates once, and not for the client of each run."""
    return ssl.create_default_context()


@cache
def _module(operation: str) -> ModuleType:
    """Return the module of an operation, whatever tag it lies under."""
    tags = (found.name for found in pkgutil.iter_modules(api.__path__, f"{api.__name__}."))
    names = (f"{tag}.{operation}" for tag in tags)
    return importlib.import_module(next(name for name in names if importlib.util.find_spec(name)))


def _arguments(stimulus: Stimulus) -> tuple[list[str], dict[str, Any]]:
    if stimulus.operation == INITIATE:
        return [], {"body": BuildImageRequest(image_name="web", image_tag="v1")}
    if stimulus.operation == DELETE:
        return [*(stimulus.path or ("web", "v1"))], {"team_id": "team_1"}
    body = {"body": StartBuildRequest()} if stimulus.operation == START else {}
    return [*(stimulus.path or ("bld_1",))], body


def _raw(status: int, content: bytes, media_type: str = "application/json") -> httpx.Response:
    headers = {"Content-Type": media_type} if media_type else {}
    return httpx.Response(status, content=content, headers=headers)


def _copy(answer: httpx.Response, request: httpx.Request) -> httpx.Response:
    """Copy an answer: it can be read once only."""
    return httpx.Response(
        answer.status_code, headers=answer.headers, content=answer.content, request=request
    )
