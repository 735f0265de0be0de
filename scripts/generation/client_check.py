"""Checks a fresh client against its contract: imports it, sends and receives values.

Each operation is called, sync and async, with its examples and with values of its schemas; it must
send and return the same values. Runs in a process of its own, which has no other client loaded:

Usage: python -m scripts.generation.client_check FOLDER PACKAGE CONTRACT (as JSON)

Prints the problems as a JSON list of texts. The exit code is 0.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

from scripts.generation.schema_values import Schema, losses, resolve, values

BASE = "http://contract.invalid"
MOST = 20


class ExampleCall(httpx.MockTransport):
    """Returns one response, sync and async, and keeps the requests."""

    def __init__(self, status: int, value: Any, *, has_body: bool) -> None:
        self.requests: list[httpx.Request] = []
        self.response = {"json": value} if has_body else {}
        self.status = status
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.status, **self.response)


def check(package: str, contract: Schema) -> Iterator[str]:
    """Yield the problems of a package that can be imported by its name."""
    modules = dict(_modules(package))
    client_module = modules[f"{package}.client"]
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            name = operation["operationId"]
            found = [
                m for m in modules if m.startswith(f"{package}.api.") and m.endswith(f".{name}")
            ]
            if len(found) != 1:
                yield f"{name}: {len(found)} modules have this name"
                continue
            one = _Operation(contract, client_module, modules[found[0]], path, method, operation)
            yield from (f"{name}: {what}" for what in one.check())


def _modules(package: str) -> Iterator[tuple[str, ModuleType]]:
    top = importlib.import_module(package)
    yield package, top
    for found in pkgutil.walk_packages(top.__path__, f"{package}."):
        yield found.name, importlib.import_module(found.name)


class _Operation:
    def __init__(
        self, contract: Schema, client: ModuleType, module: ModuleType,
        path: str, method: str, operation: Schema,
    ) -> None:  # fmt: skip
        self.contract, self.client, self.module = contract, client, module
        self.path, self.method, self.operation = path, method, operation
        self.responses = {
            code: resolve(contract, given) for code, given in operation["responses"].items()
        }
        (self.success,) = (code for code in self.responses if code.startswith("2"))
        parameters = inspect.signature(module.sync).parameters.values()
        self.places = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
        queried = [one.name for one in parameters if one.default is None]
        documented = [resolve(contract, one) for one in operation.get("parameters", [])]
        # They stand in the contract's order; a value has what a query escapes.
        names = [one["name"] for one in documented if one["in"] == "query"]
        self.query = {one: f"{one} &=+\N{SNOWMAN}" for one in names}
        self.options = dict(zip(queried, self.query.values(), strict=True))

    def check(self) -> Iterator[str]:
        requests, media = [None], {}
        if "requestBody" in self.operation:
            media = resolve(self.contract, self.operation["requestBody"])["content"]
            requests = self._given(media["application/json"])
        yield from (what for request in requests for what in self._request(media, request))
        for code, response in self.responses.items():
            media = response.get("content", {})
            given = self._given(media["application/json"]) if media else [None]
            for value in given:
                yield from self._response(code, media, value, requests[0])

    def _given(self, media: Schema) -> list[Any]:
        examples = media.get("examples", {}).values()
        written = [resolve(self.contract, example)["value"] for example in examples]
        return written + values(self.contract, media["schema"])

    def _request(self, media: Schema, value: Any) -> Iterator[str]:
        content = self.responses[self.success].get("content", {})
        answer = self._given(content["application/json"])[0] if content else None
        for transport, result in self._calls("_detailed", self.success, content, answer, value):
            if isinstance(result, Exception):
                yield f"request {_short(value)}: {_described(result)}"
                continue
            (request,) = transport.requests
            where = self.path.replace("{", "").replace("}", "")
            if (request.method.lower(), request.url.path) != (self.method, where):
                yield f"request goes to {request.method} {request.url.path}"
            if dict(request.url.params) != self.query:
                yield f"request has the query {request.url.query.decode()}, not {self.query}"
            if not media:
                if request.content:
                    yield f"request has a body where none is documented: {request.content!r}"
                continue
            schema = media["application/json"]["schema"]
            for what in losses(self.contract, schema, value, json.loads(request.content)):
                yield f"request {_short(value)}: {what}"

    def _response(self, code: str, media: Schema, value: Any, request: Any) -> Iterator[str]:
        status = self._status(code)
        for variant in ("", "_detailed") if code == self.success else ("_detailed",):
            for _, result in self._calls(variant, status, media, value, request):
                if isinstance(result, Exception):
                    yield f"{code} {_short(value)}: {_described(result)}"
                    continue
                model = result.parsed if variant else result
                if not media:
                    if model is not None:
                        yield f"{code}: {model!r} is returned where no body is documented"
                    continue
                try:
                    got = model.to_dict()
                except Exception as error:
                    yield f"{code} {_short(value)}: {_described(error)}"
                    continue
                schema = media["application/json"]["schema"]
                for what in losses(self.contract, schema, value, got):
                    yield f"{code} {_short(value)}: {what}"

    def _status(self, code: str) -> int:
        """Return the status code of a response; for a range, one without a response of its own."""
        first = int(code[0]) * 100
        free = (one for one in range(first + 99, first, -1) if str(one) not in self.responses)
        return next(free) if code.endswith("XX") else int(code)

    def _calls(
        self, variant: str, code: str | int, media: Schema, answer: Any, request: Any
    ) -> Iterator[tuple[ExampleCall, Any]]:
        """Call the operation, sync and async; yield the transport, and the result or error."""
        for prefix in ("sync", "asyncio"):
            transport = ExampleCall(int(code), answer, has_body=bool(media))
            try:
                yield transport, self._call(f"{prefix}{variant}", transport, request)
            except Exception as error:
                yield transport, error

    def _call(self, name: str, transport: ExampleCall, request: Any) -> Any:
        function = getattr(self.module, name)
        client = self.client.AuthenticatedClient(BASE, "token")
        given: dict[str, Any] = {place: place for place in self.places} | self.options
        if request is not None:
            given["body"] = typing.get_type_hints(function)["body"].from_dict(request)
        if not inspect.iscoroutinefunction(function):
            with httpx.Client(transport=transport, base_url=BASE) as sync:
                return function(**given, client=client.set_httpx_client(sync))

        async def call() -> Any:
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as open_client:
                return await function(**given, client=client.set_async_httpx_client(open_client))

        return asyncio.run(call())


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:99]}…"


def main(folder: str, package: str, contract: str) -> int:
    """Print the problems of a client in a folder."""
    sys.path.insert(0, folder)  # the client under test, before the one of this checkout
    sys.dont_write_bytecode = True
    document = json.loads(Path(contract).read_text(encoding="utf-8"))
    found: list[str] = []
    try:
        for what in check(package, document):
            if what not in found:
                found.append(what)
            if len(found) == MOST:
                break
    except Exception as error:
        found.append(_described(error))
    print(json.dumps(found))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
