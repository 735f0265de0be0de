"""Parses requests, and refuses invalid ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import IO, Any

from starlette.requests import ClientDisconnect, Request

MOST_JSON_BYTES = 2**20
# Seconds that a body may take to arrive: JSON, and a context.
_JSON_SECONDS = 30.0
_FILE_SECONDS = 600.0


class Refusal(Exception):  # noqa: N818 (it is not an error of the server)
    """A request that is refused, and why."""

    def __init__(
        self, status: int, param: str, details: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(details)
        self.status, self.headers = status, headers
        self.body = {"errors": [{"param": param, "details": details}]}


async def json_object(request: Request) -> dict[str, Any]:
    """Read the JSON object of a body."""
    if media_type(request) != "application/json":
        raise Refusal(415, "Content-Type", "must be application/json")
    content = bytearray()
    async for chunk in _chunks(request, MOST_JSON_BYTES, _JSON_SECONDS):
        content += chunk
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_no_constant)
        if b"\\u" in content:
            # A lone surrogate is not a character, and could not be encoded in a response.
            json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Refusal(422, "body", "is not JSON") from error
    if not isinstance(body, dict):
        raise Refusal(422, "body", "must be an object")
    return body


async def into_file(request: Request, file: IO[bytes], most: int) -> int:
    """Write a body to a file as it arrives; return its size."""
    size = 0
    async for chunk in _chunks(request, most, _FILE_SECONDS):
        file.write(chunk)
        size += len(chunk)
    return size


async def _chunks(request: Request, most: int, seconds: float) -> AsyncIterator[bytes]:
    too_large = Refusal(413, "body", f"is larger than {most} bytes")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > most):
        raise too_large
    size = 0
    until = asyncio.get_running_loop().time() + seconds
    chunks = request.stream()
    try:
        while True:
            async with asyncio.timeout_at(until):
                chunk = await anext(chunks)
            size += len(chunk)
            if size > most:
                raise too_large
            yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError as late:
        raise Refusal(408, "body", f"did not arrive within {seconds:g} seconds") from late
    except ClientDisconnect as gone:
        raise Refusal(400, "body", "is not complete") from gone


def value(body: dict[str, Any], key: str, kind: type, default: Any = None) -> Any:
    """Return a value of a type; without a default it is required."""
    if key not in body:
        if default is None:
            raise Refusal(422, key, "is required")
        return default
    if type(body[key]) is not kind:
        raise Refusal(422, key, f"must be a {'boolean' if kind is bool else 'string'}")
    return body[key]


def one_of(body: dict[str, Any], key: str, values: tuple[str, ...], default: str) -> str:
    """Return a text that is one of some values."""
    text = value(body, key, str, default)
    if text not in values:
        raise Refusal(422, key, f"must be one of {', '.join(values)}")
    return str(text)


def media_type(request: Request) -> str:
    """Return the content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
