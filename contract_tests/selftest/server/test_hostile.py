"""A hostile target cannot hang the gate, fill its memory, or make it fall over."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest

from ...drivers.http.client import Client
from ...drivers.http.transport import BASE_URL, Answer, Endpoint, Limits, Transport
from ...drivers.scripted import scenarios
from ...gate import drive
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support import hostile
from ..support.sampling import sampled
from ..support.snapshots import message

TOKEN = "a-valid-token"  # noqa: S105 (no secret: the servers are ours)
# Generous: it means that the gate ends.
MOST_SECONDS = 60.0
# Enough for the hostile step, where each request to it is waited for.
FEW = 60
MOST_BYTES = 100 * 2**20

BROKEN: dict[hostile.Behaviour, str] = {
    hostile.endless_body: "an endless body",
    hostile.gigabyte_body: "an endless body",
    hostile.gzip_bomb: "a gzip bomb",
    hostile.deflate_bomb: "a deflate bomb",
    hostile.many_headers: "too many headers",
    hostile.long_header: "too many headers",
    hostile.garbage: "not HTTP",
    hostile.null_header: "not HTTP",
    hostile.half_status_line: "half a status line",
    hostile.short_body: "half a body",
    hostile.broken_chunk: "a broken chunk",
    hostile.no_answer: "no response",
    hostile.reset: "a reset",
    hostile.no_gzip: "not gzip",
    hostile.half_gzip: "half a gzip stream",
    hostile.unknown_coding: "an unknown coding",
}
"""Each with the name of its message among the session errors."""
SLOW: dict[hostile.Behaviour, str] = {
    hostile.silence: "silence",
    hostile.drip_body: "a body that drips",
    hostile.drip_chunks: "a body that drips",
    hostile.drip_headers: "a body that drips",
    hostile.endless_continue: "a body that drips",
}
JSON = "Content-Type: application/json"
UNUSUAL_BODIES = {
    "100,000 brackets": hostile.nested(100_000),
    "500 brackets": hostile.nested(500),
    "500 objects": b'{"a":' * 500 + b"1" + b"}" * 500,
    "a deep createdAt": b'{"createdAt":' + hostile.nested(400) + b"}",
    "no UTF-8": b'{"id":"\xff"}',
    "a lone surrogate": b'{"id":"\\ud800","status":"\\ud800"}',
    "a long number": b'{"id":' + b"9" * 40_000 + b"}",
    "an infinity": b'{"id":1e999,"status":1e999,"artifacts":[1e999],"createdAt":1e999}',
    "lists for texts": b'{"status":[1],"artifacts":[{"status":{},"artifactType":[]}]}',
    "an object for a list": b'{"artifacts":{"a":1}}',
    "a NUL": b'{"id":"\\u0000","status":"\\u0000"}',
    "null": b"null",
    "nothing": b"",
}
INVALID_URLS = {
    "": "a URL without a host",
    "no url": "a URL without a host",
    "file:///etc/passwd": "a URL without a host",
    "ftp://127.0.0.1/x": "a URL without a host",
    "http://exa\0mple/": "a NUL in a name",
    "http://127.0.0.1:99999/": "a port out of range",
    "http://127.0.0.1:1/x": "a closed port",
    "http://contract-gate.invalid/x": "a name that does not resolve",
    "http://127.0.0.1:1/" + "x" * 2**17: "a long URL",
}
UNUSUAL_IDS = ["", ".", "..", "../../x", "a/b", "a?b#c", "a\r\nb\x00", "\N{SNOWMAN}", "\u202e", " "]


@pytest.fixture(scope="module")
def sound() -> Iterator[str]:
    """Run a sound server over a socket, to be in front of."""
    with running(create_app(token=TOKEN, build_seconds=0.05)) as url:
        yield url


@dataclass
class OneStep:
    """Sends the requests of one step to a hostile server, over a socket; the rest in process.

    Attributes:
        url: The hostile server.
        at: The step, as ``hostile.step`` names it.
        sound: The conforming server in this process.
        limits: What bounds each exchange.

    """

    url: str
    at: str
    sound: Transport
    limits: Limits

    def __post_init__(self) -> None:
        self._client = Client(self.limits)

    def send(self, request: httpx.Request, seconds: float | None = None) -> Answer:
        """Send a request. See ``Transport``."""
        path = request.url.path
        if hostile.step(request.method, path) == self.at and "preflight" not in path:
            headers = [one for one in request.headers.raw if one[0].lower() != b"host"]
            request = httpx.Request(
                request.method, self.url, headers=headers, content=request.content or None,
                extensions={"target": request.url.raw_path, **request.extensions},
            )  # fmt: skip
        elif request.url.host == httpx.URL(BASE_URL).host:
            return self.sound.send(request, seconds)
        return self._client.send(request, seconds)

    def close(self) -> None:
        """Close both."""
        self._client.close()
        self.sound.close()


@contextmanager
def hostile_at(
    at: str, behaviour: hostile.Behaviour, limits: Limits | None = None
) -> Iterator[Endpoint]:
    """Yield a server that is hostile at one step, or everywhere if that is empty."""
    limits = limits or Limits()
    with hostile.hostile(behaviour) as url:
        if at:
            sound = embedded(TOKEN, limits=limits)
            yield Endpoint(BASE_URL, OneStep(url, at, sound.transport, limits), sound.clock)
        else:
            yield Endpoint(url, Client(limits))


def judged(at: Endpoint | str, requests: int | None = None) -> str:
    """Judge a server; return why it cannot be judged, and why responses did not come.

    Anything but a verdict or a ``GateError`` is raised, and too long a time too. A verdict alone is
    never a pass here.
    """
    began = time.monotonic()
    endpoint = Endpoint(at, Client()) if isinstance(at, str) else at
    budget = Budget(deadline=30.0, requests=requests)
    # Behind a sound server in this process, the hostile one has an address of its own.
    target = Target(url=endpoint.base_url, token=TOKEN, budget=budget, upload_hosts=("127.0.0.1",))
    run = Run(target, at=endpoint)
    try:
        drive.drive(run, fuzzing=False)
    except GateError as error:
        text = str(error)
        assert text.startswith("problem: ")
        assert "fix: " in text
        assert TOKEN not in text
    else:
        text = str(run.problem or "")
        assert TOKEN not in text
        assert run.judge.violated or run.unanswered
    assert time.monotonic() - began < MOST_SECONDS
    failures = {f"{one.operation}: {one.failure}" for one in run.tape.exchanges if one.failure}
    assert all(TOKEN not in one for one in failures)
    return "\n".join(filter(None, [text, *sorted(failures)]))


@pytest.mark.parametrize("behaviour", BROKEN, ids=lambda one: one.__name__)
@pytest.mark.parametrize("at", sampled(["status", "", "upload"], 3))
def test_broken_answer(behaviour: hostile.Behaviour, at: str) -> None:
    """An invalid response is recorded with the reason, whatever it is a response to."""
    with hostile_at(at, behaviour) as server:
        text = judged(server)

    assert message("session-errors", BROKEN[behaviour]) in text


@pytest.mark.parametrize("behaviour", SLOW, ids=lambda one: one.__name__)
@pytest.mark.parametrize("at", ["", "upload", "status"])
def test_slow_answer(behaviour: hostile.Behaviour, at: str) -> None:
    """An answer that does not end is not waited for."""
    with hostile_at(at, behaviour, Limits(seconds=0.5)) as server:
        text = judged(server, FEW)

    assert message("session-errors", SLOW[behaviour]).replace("1 s", "0.5 s") in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "nth", "operation"),
    [
        ("initiate", 1, "initiate_image_build"),
        ("upload", 1, "upload"),
        ("start", 1, "start_image_build"),
        ("status", 1, "get_build_status"),
        ("status", 3, "get_build_status"),
        ("status", 9, "get_build_status"),
        ("start", 4, "start_image_build"),
    ],
)
def test_reset(
    at: str, nth: int, operation: str, sound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset connection is recorded with its operation, at every step of a lifecycle."""
    monkeypatch.setattr(scenarios, "HASTE", 0.2)
    with hostile.hostile(hostile.reset, at=at, nth=nth, upstream=sound) as url:
        text = judged(url)

    assert f"{operation}: {message('session-errors', 'a reset')}" in text


@pytest.mark.parametrize(
    "behaviour",
    [hostile.endless_body, hostile.gigabyte_body, hostile.gzip_bomb, hostile.deflate_bomb],
    ids=lambda one: one.__name__,
)
def test_memory(behaviour: hostile.Behaviour) -> None:
    """A body that is a bomb is never decompressed in memory."""
    hostile.gzipped_blanks()
    with hostile.hostile(behaviour) as url:
        tracemalloc.start()
        try:
            judged(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < MOST_BYTES


@pytest.mark.parametrize("body", sampled(UNUSUAL_BODIES, 4))
@pytest.mark.parametrize(
    ("at", "status"), [("initiate", 201), ("start", 200), ("status", 200), ("status", 422)]
)
def test_unusual_body_is_judged(body: str, at: str, status: int) -> None:
    """An unusual body is a violation at most, and never an exception."""
    behaviour = hostile.answering(status, UNUSUAL_BODIES[body], JSON)
    with hostile_at(at, behaviour) as server:
        text = judged(server)

    assert text == ""


def test_latin_1_headers_are_read() -> None:
    """Headers that are no UTF-8 are read all the same."""
    with hostile_at("start", hostile.latin_1_headers) as server:
        text = judged(server)

    assert text == ""


@pytest.mark.parametrize("to", ["/", "http://contract-gate.invalid/", "http://["])
@pytest.mark.parametrize("at", ["", "upload"])
def test_redirect(to: str, at: str) -> None:
    """A redirect is not followed, wherever it leads."""
    behaviour = hostile.redirecting(to)
    with hostile_at(at, behaviour) as server:
        text = judged(server)

    assert "nothing to judge" in text or text == ""


@pytest.mark.parametrize("status", [0, 99, 101, 199, 1000])
def test_invalid_status_code_is_no_response(status: int) -> None:
    """An invalid status code is not an answer."""
    with hostile.hostile(hostile.answering(status, b"")) as url:
        text = judged(url)

    assert "no response from" in text


@pytest.mark.parametrize("upload_url", INVALID_URLS)
def test_invalid_upload_url_is_recorded_with_its_reason(upload_url: str) -> None:
    """An unusable upload URL is recorded with the reason."""
    with hostile_at("initiate", issuing("bld_1", upload_url)) as server:
        text = judged(server)

    failure = message("session-errors", INVALID_URLS[upload_url])
    assert f"upload: {failure}" in text.splitlines()


def test_upload_failure_has_no_secrets() -> None:
    """What an upload URL holds of secrets is not in the reason for a failure."""
    upload_url = f"http://me:s3cret@127.0.0.1:1/{TOKEN}?signature=s3cret"
    with hostile_at("initiate", issuing("bld_1", upload_url)) as server:
        text = judged(server)

    assert f"upload: {message('session-errors', 'a closed port')}" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("build_id", UNUSUAL_IDS)
def test_unusual_build_id_is_judged(build_id: str) -> None:
    """An unusual build id is requested, and judged."""
    with hostile_at("initiate", issuing(build_id, f"{BASE_URL}/uploads/x")) as server:
        text = judged(server)

    assert text == ""


@pytest.mark.slow
def test_long_build_id() -> None:
    """A build id too long for a URL is reported, and not in full."""
    with hostile_at("initiate", issuing("x" * 2**20, f"{BASE_URL}/uploads/x")) as server:
        text = judged(server)

    assert message("session-errors", "a long URL") in text
    assert len(text) < 2000


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://contract-gate.invalid", "the name contract-gate.invalid does not resolve"),
        ("http://127.0.0.1:1", "connection refused"),
        ("http://127.0.0.1:99999", "the URL is invalid"),
    ],
)
def test_unreachable_target_has_the_reason(url: str, reason: str) -> None:
    """An unreachable target is a problem with the reason."""
    assert reason in judged(url)


def test_target_without_tls(sound: str) -> None:
    """A target that does not speak TLS is a problem with the reason."""
    assert "TLS failed: " in judged(sound.replace("http://", "https://"))


def issuing(build_id: str, upload_url: str) -> hostile.Behaviour:
    """Issue such a build."""
    return hostile.answering_json(
        201,
        {
            "build_id": build_id,
            "upload_url": upload_url,
            "expires_in": 60,
            "fullImagePath": "registry.example/x:v1",
            "visibility": "PRIVATE",
        },
    )
