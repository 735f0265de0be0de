"""The catalogue of faults is in order, and no fault is without effect."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import quote, unquote

import pytest

from ...reference.app import create_app
from ...reference.faults import FAULTS, GROUPS, Fault, apply

BUILD = "/api/v1/images/build"
GOOD = "FROM scratch\n"
HOPELESS = "FROM scratch\nRUN false\n"
TOKEN = "A-test-token"  # noqa: S105 (of a server that lives as long as the test)
Step = tuple[str, str, Any, dict[str, str]]
Answer = tuple[int, str, bytes]
OF_BODY = {"image_name": "contract-gate"}
UNUSUAL_IDS = ["-dash", "a.b", "x" * 64, "x" * 256, "\N{SNOWMAN}", "a%2Fb", "a\0b"]
INVALID_TOKENS = [
    None, "Bearer wrong", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer {TOKEN.swapcase()}",
    "Basic dXNlcjpwYXNz", "Bearer",
]  # fmt: skip
INVALID_BODIES: list[Any] = [
    [], {**OF_BODY}, {**OF_BODY, "image_tag": 1}, {"image_name": None, "image_tag": "v1"},
    {**OF_BODY, "image_tag": "v1", "platform": "amiga"},
    {**OF_BODY, "image_tag": "v1", "visibility": "SECRET"},
    {**OF_BODY, "image_tag": "v1", "dockerfile_path": 7},
    {**OF_BODY, "image_tag": "v1", "teamId": 7},
]  # fmt: skip


class Server:
    """A server in this process, on a clock that moves a second with each request."""

    def __init__(self, fault: Fault | None) -> None:
        self.now = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
        numbers = count(1)
        app: Any = create_app(
            token=TOKEN,
            build_seconds=10.0,
            clock=lambda: self.now,
            new_id=lambda prefix: f"{prefix}_{next(numbers):02}",
        )
        self._app: Any = fault.wrap(app, TOKEN) if fault else app

    def send_step(self, step: Step) -> Answer:
        """Send one request, a second after the one before."""
        method, path, body, headers = step
        self.now += timedelta(seconds=1)
        content = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        sent = {"host": "test", "authorization": f"Bearer {TOKEN}", **headers}
        target, _, query = path.partition("?")
        scope = {
            "type": "http", "http_version": "1.1", "scheme": "http", "method": method,
            "path": unquote(target), "raw_path": target.encode(), "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in sent.items() if v], "root_path": "",
        }  # fmt: skip
        answer: dict[str, Any] = {"body": b""}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            answer.update({**message, "body": answer["body"] + message.get("body", b"")})

        asyncio.run(self._app(scope, receive, send))
        kept = {key: value for key, value in answer["headers"] if key != b"content-length"}
        # What signs an upload is drawn by chance.
        known = re.sub(rb"signature=\w+", b"signature=", answer["body"])
        self.last = answer["body"]
        return answer["status"], repr(sorted(kept.items())), known


def context(dockerfile: str) -> bytes:
    """Pack a context that holds a Dockerfile alone."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
    return gzip.compress(packed.getvalue())


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


def script(server: Server) -> Iterator[Step]:
    """Yield requests for several builds, then requests that must be refused."""
    json_type = {"content-type": "application/json"}
    octets = {"content-type": "application/octet-stream"}
    urls: list[str] = []

    def initiate(tag: str) -> Iterator[Step]:
        body = {**OF_BODY, "image_tag": tag, "visibility": "PRIVATE"}
        yield "POST", BUILD, body, json_type
        issued = json.loads(server.last)
        urls.append("/" + issued["upload_url"].split("/", 3)[3])

    def upload(number: int, text: str = GOOD) -> Step:
        return "PUT", urls[number], context(text), {**octets, "authorization": ""}

    def at(number: int) -> str:
        return f"{BUILD}/{re.findall(r'bld_[0-9]+', urls[number])[0]}"

    def status(number: int) -> Step:
        return "GET", at(number), None, {}

    def start(number: int, body: Any = None) -> Step:
        return "POST", f"{at(number)}/start", {} if body is None else body, json_type

    for tag in ("v1", "v2", "v3"):
        yield from initiate(tag)
    for number, text in enumerate((GOOD, HOPELESS, GOOD)):
        yield from (status(number), upload(number, text), status(number), status(number))
    for authorization in INVALID_TOKENS:
        headers = {**json_type, "authorization": authorization or ""}
        yield from ((m, p, b, headers) for m, p, b, _ in (start(2), status(2)))
        yield "POST", BUILD, {**OF_BODY, "image_tag": "v9"}, headers
        yield status(2)
    headers = {**json_type, "authorization": ""}
    yield from (("POST", BUILD, {}, headers), ("GET", f"{BUILD}/no-such-build", None, headers))
    yield from (("GET", path, None, {}) for path in (at(0)[:-1], f"{at(0)}x"))
    for body in INVALID_BODIES:
        yield "POST", BUILD, body, json_type
    for body in ([], None, {"context_uploaded": "maybe"}):
        yield "POST", f"{at(2)}/start", b"null" if body is None else body, json_type
        yield status(2)
    for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        yield method, BUILD, None, {}
        yield method, at(2), None, {}
        yield method, f"{at(2)}/start", None, {}
        yield status(2)
    yield from (start(2, {"context_uploaded": False}), status(2))
    yield from (start(0, {"context_uploaded": True}), status(1), status(2))
    yield from (status(0), status(0), start(0), status(0))
    yield from (start(1), status(1), start(2), status(2))
    for _ in range(8):
        yield from (status(0), status(1), status(2))
    yield from (start(0), status(0), status(0))
    yield from (start(1), status(1), status(1), upload(0, GOOD), status(0), status(0))
    yield from initiate("v1")
    yield from (status(0), status(3), start(3))
    yield from (status(3) for _ in range(12))
    for build_id in UNUSUAL_IDS:
        path = f"{BUILD}/{quote(build_id, safe='')}"
        yield from (("GET", path, None, {}), ("POST", f"{path}/start", {}, json_type))
    for body, headers in (
        (None, json_type), (None, {}), (b"{", json_type), (b"a: 1", {"content-type": "text/yaml"}),
        (b'"' + b"x" * 2**20 + b'"', json_type),
    ):  # fmt: skip
        yield "POST", BUILD, body, headers
    yield "POST", f"{at(2)}/start", b'"' + b"x" * 2**20 + b'"', json_type
    for option in ({"platform": "linux/arm64"}, {"teamId": None}, {"dockerfile_path": "\0"}):
        yield "POST", BUILD, {**OF_BODY, "image_tag": "v5", **option}, json_type
    yield from initiate("v2-kept")
    images = f"{BUILD.removesuffix('/build')}/{OF_BODY['image_name']}"
    yield "GET", f"{images}/v2-kept", None, {}
    yield from (("DELETE", f"{images}/v2", None, {}), status(4), status(1))
    for authorization in INVALID_TOKENS:
        yield "DELETE", f"{images}/v1", None, {"authorization": authorization or ""}
        yield status(3)


@cache
def sound() -> list[Answer]:
    """Return what the faultless server answers."""
    server = Server(None)
    return [server.send_step(step) for step in script(server)]


def differs(fault: Fault) -> int | None:
    """Return the number of the first answer that is not that of the faultless server."""
    server = Server(fault)
    steps = script(server)
    for number, expected in enumerate(sound()):
        if server.send_step(next(steps)) != expected:
            return number
    return None


@pytest.mark.parametrize("name", list(FAULTS))
def test_fault_has_an_effect(name: str) -> None:
    """At least one answer is another than that of the faultless server."""
    assert differs(FAULTS[name]) is not None


def test_no_fault_has_none() -> None:
    """The same script gives the same answers, and what stands between changes none by itself."""
    assert differs(Fault("none", "", "")) is None


def test_faults_keep_nothing_in_mind_of_another_server() -> None:
    """A fault that counts begins anew with each server."""
    fault = FAULTS["found-late"]
    first = differs(fault)

    assert (first, differs(fault)) == (3, 3)


def test_names() -> None:
    """Each name is there once, and in kebab case."""
    names = [fault.name for faults in GROUPS.values() for fault in faults]

    assert sorted(names) == sorted(FAULTS)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)] == []


def test_groups() -> None:
    """The faults are spread over all groups, and know their own."""
    groups = {fault.name: fault.group for fault in FAULTS.values()}

    assert groups == {one.name: group for group, faults in GROUPS.items() for one in faults}
    assert set(groups.values()) == {
        "enums", "times", "shape", "protocol", "auth", "state", "effects",
    }  # fmt: skip


def test_size() -> None:
    """There are many."""
    assert len(FAULTS) >= 245


def test_what_they_say() -> None:
    """Each has a description of its own, and one rule."""
    descriptions = [fault.summary for fault in FAULTS.values()]

    assert sorted(set(descriptions)) == sorted(descriptions)
    assert [fault.name for fault in FAULTS.values() if fault.rule in fault.also] == []


def test_unknown_fault_names_the_nearest() -> None:
    """A misspelt name is an error that names the one that was meant."""
    with pytest.raises(ValueError, match=r"(?s)unknown fault start-203.*start-202"):
        apply(create_app(), "start-203", TOKEN)
