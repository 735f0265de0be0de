"""Which call is tried again, when, and for how long: each failure of each call."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Progress,
    Step,
    _upload,
    build_image,
    build_image_async,
    errors,
    pack,
    upload,
    upload_async,
    wait,
    wait_async,
)
from prime_image_builds.models import BuildImageResponse

from ...drivers.client import example
from ..support.network import WEB, Build, Clock, Network, both, build_sync, context

POSTS = ["initiate", "start"]
IDEMPOTENT = ["upload", "status"]
OPERATIONS = [*POSTS, *IDEMPOTENT]

BACK_OFF = [1, 2, 4, 8, 10, 10, 10, 10, 5]
"""The pauses of an idempotent call: they double to 10 s, and end 60 s after the first failure."""

AT_LEAST_5 = [5, 5, 5, 8, 10, 10, 10, 7]
"""The same with a Retry-After of 5 s: it waits for that, and never less than the back-off."""

PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
NOT_READ = [
    None, "0", PAST, "soon", "", "-7", "7.5", "1e3", "\u0665", "Tue, 99 Nov 2015 09:00:00 GMT",
    "Tue, 24 Nov 2015 09:00:00 +99999999999999",
]  # fmt: skip
"""Retry-After of zero, or invalid: the back-off is used."""

TOO_LONG = ["1800", "86400", "9" * 400, "Fri, 01 Jan 2100 00:00:00 GMT"]
"""Retry-After of the whole deadline (1800 s), or more."""

FINAL = [400, 401, 402, 403, 404, 409, 410, 413, 422, 600]
LOST = [httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
NOTHING_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a context that builds."""
    return context(tmp_path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the job a time of its own."""
    return Clock(monkeypatch)


def refusal(status: int, retry_after: str | None) -> httpx.Response:
    """Return a refusal with a Retry-After."""
    headers = {} if retry_after is None else {"Retry-After": retry_after.encode()}
    return httpx.Response(status, headers=headers)  # type: ignore[arg-type]


def tried(build: Build, folder: Path, clock: Clock, operation: str, failure: Any) -> Any:
    """Fail one operation always; return what is raised, how often it was tried, and the pauses."""
    # A start that may have been taken is looked at: it was not.
    network = Network(**{"status": ["UPLOADING"], operation: [failure]})
    clock.pauses.clear()
    with pytest.raises((errors.ImageBuildsError, httpx.HTTPError)) as caught:
        build(folder, client=network.client, body=WEB)
    return type(caught.value), network.operations.count(operation), list(clock.pauses)


def refused(operation: str, status: int) -> type[errors.ApiError]:
    """Name the class that a refusal of an operation has."""
    of = type(errors.ApiError.of(httpx.Response(status)))
    return errors.UploadRefusedError if operation == "upload" else of


@both
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("status", [429, 408, 500, 502, 503, 504, 520, 599, *FINAL])
def test_each_status_of_each_operation(
    folder: Path, build: Build, clock: Clock, operation: str, status: int
) -> None:
    """Tries, floor and patience, for every form of Retry-After."""
    kind = refused(operation, status)
    for_ever = {"initiate": kind}.get(operation, errors.BuildTimeoutError)
    if operation in IDEMPOTENT and status not in FINAL:
        expected = {"none": (kind, 10, BACK_OFF), "5": (kind, 9, AT_LEAST_5)}
    elif status == 429:
        expected = {"none": (kind, 3, [1, 2]), "5": (kind, 3, [5, 5])}
    else:
        expected, for_ever = {"none": (kind, 1, []), "5": (kind, 1, [])}, kind

    for retry_after in NOT_READ[:: 1 if status in (429, 503) else 5]:
        outcome = tried(build, folder, clock, operation, refusal(status, retry_after))
        assert outcome == expected["none"], retry_after
    assert tried(build, folder, clock, operation, refusal(status, "5")) == expected["5"]
    for retry_after in TOO_LONG:
        outcome = tried(build, folder, clock, operation, refusal(status, retry_after))
        assert outcome == (for_ever, 1, []), retry_after


@both
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("failure", [*LOST, *NOTHING_SENT])
def test_each_lost_connection_of_each_operation(
    folder: Path, build: Build, clock: Clock, operation: str, failure: type[httpx.TransportError]
) -> None:
    """A POST is tried again only where nothing was sent; what is idempotent, always."""
    outcome = tried(build, folder, clock, operation, failure("lost"))

    if operation in IDEMPOTENT:
        assert outcome == (failure, 10, BACK_OFF)
    elif failure in NOTHING_SENT:
        assert outcome == (failure, 3, [1, 2])
    else:
        assert outcome == (failure, 1, [])


@both
def test_patience_is_reset_by_each_success(folder: Path, build: Build, clock: Clock) -> None:
    """Failures between successes never add up, whatever their kind."""
    outage: list[Any] = [503, 408, httpx.ReadError("lost"), 429, httpx.ConnectError("refused")] * 2
    looks = [*outage[:9], "BUILDING"] * 5
    network = Network(status=[*looks, "COMPLETED"])

    assert build(folder, client=network.client, body=WEB).status == "COMPLETED"
    assert sum(clock.pauses) > 5 * 60 - 1
    assert len(network.operations) == 3 + 51


@both
@pytest.mark.parametrize("status", [503, 408, 502, 429])
def test_a_rolling_deploy_is_outlasted(
    folder: Path, build: Build, clock: Clock, status: int
) -> None:
    """15 s without the service do not end a wait of 60 s."""
    begun = clock.time
    network = Network()
    answer = network.answer

    def deployed(request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and 1 < clock.time - begun < 16:
            return httpx.Response(status, headers={"Retry-After": "5"}, text="<html>")
        return answer(request)

    network.answer = deployed  # type: ignore[method-assign]
    network.script["status"] = ["BUILDING", "BUILDING", "COMPLETED"]

    assert build(folder, client=network.client, body=WEB, deadline=60).status == "COMPLETED"


@both
@pytest.mark.parametrize("deadline", [0, 1, 3, 20, 59])
def test_the_deadline_ends_patience(
    folder: Path, build: Build, clock: Clock, deadline: float
) -> None:
    """The last try is made at the deadline, and none after it."""
    begun = clock.time
    with pytest.raises(errors.BuildTimeoutError):
        build(folder, client=Network(status=[503]).client, body=WEB, deadline=deadline)

    assert clock.time - begun == deadline


@both
def test_a_limit_outlasts_a_short_deadline(folder: Path, build: Build, clock: Clock) -> None:
    """With no build to wait for yet, the refusal itself is raised, once the time is over."""
    limited = refusal(429, "0")
    with pytest.raises(errors.RateLimitedError):
        build(folder, client=Network(initiate=[limited]).client, body=WEB, deadline=0.5)
    assert clock.pauses == [0.5]

    network = Network(initiate=[limited, 201])
    assert build(folder, client=network.client, body=WEB, deadline=1.5).status == "COMPLETED"


@both
@pytest.mark.parametrize(
    ("moment", "sent", "is_started"),
    [
        ("", [], False),
        ("packing, sent: False", [], False),
        ("initiating, sent: False", ["initiate"], False),
        ("uploading, sent: False", ["initiate"], False),
        ("uploading, sent: True", ["initiate", "upload"], False),
        ("starting, sent: False", ["initiate", "upload", "start", "status"], True),
    ],
)
def test_no_step_begins_after_the_deadline(
    folder: Path, build: Build, clock: Clock, moment: str, sent: list[str], is_started: bool
) -> None:
    """The time is over at once, or during a step; the status is read once."""

    def passes(progress: Progress) -> None:
        clock.time += 100 * (f"{progress.step}, sent: {progress.sent > 0}" == moment)

    network = Network(status=["BUILDING"])
    deadline = 99 if moment else 0
    with pytest.raises(errors.BuildTimeoutError) as caught:
        build(folder, client=network.client, body=WEB, deadline=deadline, on_progress=passes)

    assert (network.operations, caught.value.is_started) == (sent, is_started)
    assert caught.value.build_id == ("bld_7c1e09" if sent else "")
    assert ("wait()" in str(caught.value)) == is_started


@both
@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
@pytest.mark.parametrize("operation", ["initiate", "upload", "start", "status"])
def test_interrupt_has_a_note_with_the_build(
    folder: Path, build: Build, operation: str, kind: type[BaseException]
) -> None:
    """There is no id before initiate has returned one."""
    network = Network(**{operation: [kind()]})
    with pytest.raises(kind) as caught:
        build(folder, client=network.client, body=WEB)

    notes = getattr(caught.value, "__notes__", [])
    assert notes == ([] if operation == "initiate" else ["build id: bld_7c1e09"])


def test_cancelled_task_has_a_note_with_the_build(folder: Path) -> None:
    """A timeout of asyncio cancels the call; its traceback shows the note."""

    async def cancelled() -> None:
        async with Network().client as client, asyncio.timeout(None) as timeout:

            async def hangs(progress: Progress) -> None:
                if progress.step is Step.WAITING:
                    timeout.reschedule(0)
                    await asyncio.Event().wait()

            await build_image_async(folder, client=client, body=WEB, on_progress=hangs)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(cancelled())

    assert "build id: bld_7c1e09" in "".join(traceback.format_exception(caught.value))


def uploaded(
    client: AuthenticatedClient, upload_url: str | None, folder: Path, is_async: bool
) -> None:
    """Upload a context, in either world."""
    body = example("initiate_image_build")
    build = BuildImageResponse.from_dict(body | ({"upload_url": upload_url} if upload_url else {}))
    with pack(folder) as packed:
        if is_async:
            asyncio.run(upload_async(build, packed, client=client))
        else:
            upload(build, packed, client=client)


@pytest.mark.parametrize("is_async", [False, True])
def test_an_upload_without_a_deadline_is_bounded(
    folder: Path, clock: Clock, is_async: bool
) -> None:
    """A Retry-After of a day is not waited for; one of a minute is."""
    cases: list[tuple[str, list[float]]] = [("86400", []), ("61", []), ("60", [60.0])]
    for retry_after, pauses in cases:
        clock.pauses.clear()
        client = Network(upload=[refusal(503, retry_after)]).client
        with pytest.raises(errors.UploadRefusedError):
            uploaded(client, None, folder, is_async)
        assert clock.pauses == pauses


@pytest.mark.parametrize("is_async", [False, True])
def test_wait_alone_is_as_patient(clock: Clock, is_async: bool) -> None:
    """It needs no job around it."""
    client = Network(status=["BUILDING", *[503] * 8, "COMPLETED"]).client
    if is_async:
        done = asyncio.run(wait_async("bld_1", client=client, deadline=120))
    else:
        done = wait("bld_1", client=client, deadline=120)

    assert done.status == "COMPLETED"
    assert clock.pauses == [1.0, *BACK_OFF[:8]]


@both
def test_a_certificate_is_not_waited_for(folder: Path, build: Build, clock: Clock) -> None:
    """No time makes it valid, so the error comes at once."""
    invalid = httpx.ConnectError("certificate")
    invalid.__cause__ = ssl.SSLCertVerificationError()

    for operation in OPERATIONS:
        outcome = tried(build, folder, clock, operation, invalid)
        assert outcome == (httpx.ConnectError, 1, [])


@pytest.mark.parametrize("attribute", ["__cause__", "__context__"])
@both
def test_causes_in_a_circle_end(build: Build, folder: Path, clock: Clock, attribute: str) -> None:
    """As respx makes them: each error that a side effect raises is the cause of its own cause."""
    circle, itself = httpx.ReadError("gone"), httpx.ReadError("gone")
    between = RuntimeError("a side effect failed")
    setattr(circle, attribute, between)
    setattr(between, attribute, circle)
    setattr(itself, attribute, itself)

    for error in (circle, itself):
        assert tried(build, folder, clock, "status", error)[0] is httpx.ReadError


@both
@pytest.mark.usefixtures("clock")
def test_start_without_response_is_followed_by_a_poll(folder: Path, build: Build) -> None:
    """The server may have processed the start: the status shows whether it did."""
    for failure in (httpx.ReadTimeout("lost"), 408, 500, 502, 503):
        network = Network(start=[failure], status=[503, "BUILDING", "COMPLETED"])
        assert build(folder, client=network.client, body=WEB).status == "COMPLETED"
        assert network.operations == ["initiate", "upload", "start", "status", "status", "status"]

    network = Network(start=[httpx.ReadTimeout("lost")], status=["UPLOADING"])
    with pytest.raises(httpx.ReadTimeout) as caught:
        build(folder, client=network.client, body=WEB)
    assert network.operations == ["initiate", "upload", "start", "status"]
    assert ["bld_7c1e09" in note for note in caught.value.__notes__] == [True]


@pytest.mark.usefixtures("clock")
def test_a_start_that_was_never_sent_is_not_looked_at(folder: Path) -> None:
    """There is nothing to find."""
    network = Network(start=[httpx.ConnectError("refused")], status=["UPLOADING"])
    with pytest.raises(httpx.ConnectError):
        build_sync(folder, client=network.client, body=WEB)

    assert network.operations == ["initiate", "upload", "start", "start", "start"]


# --- an upload that is answered before its body is read ------------------------------------------


@contextmanager
def early(status: int, *, reads: int = 0) -> Iterator[tuple[str, list[int]]]:
    """Run a server that answers once it has the head and some of the body, and closes."""
    listener = socket.create_server(("127.0.0.1", 0))
    answered: list[int] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(4096)
                for _ in range(reads):
                    connection.recv(4096)
                head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
                connection.sendall(head.encode() + b"<Error>")
                answered.append(status)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/context?signature=s", answered
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("reads", [0, 1])
@pytest.mark.parametrize("status", [403, 413, 400])
def test_an_early_refusal_is_typed(folder: Path, is_async: bool, reads: int, status: int) -> None:
    """A server that refuses an upload and closes the connection is understood in either world."""
    (folder / "big").write_bytes(os.urandom(4 * 2**20))
    client = AuthenticatedClient("http://127.0.0.1:1", "token")
    with (
        early(status, reads=reads) as (url, answered),
        pytest.raises(errors.UploadRefusedError) as caught,
    ):
        uploaded(client, url, folder, is_async)

    assert (caught.value.status_code, caught.value.content) == (status, b"<Error>")
    assert "signature" not in str(caught.value)
    assert 1 <= len(answered) <= 2


class _Dropping(Network):
    """Loses an upload in the middle; returns or raises ``to_prefix`` for its prefix."""

    def __init__(self, to_prefix: httpx.Response | Exception) -> None:
        super().__init__()
        self.to_prefix = to_prefix
        self.prefixes: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            assert isinstance(request.stream, httpx.SyncByteStream)
            pieces = iter(request.stream)
            piece = next(pieces)
            try:
                next(pieces)
            except Exception:
                self.prefixes.append(piece)
                if isinstance(self.to_prefix, Exception):
                    raise self.to_prefix from None
                return self.to_prefix
            raise httpx.WriteError("lost")
        return super().handle_request(request)


@pytest.mark.parametrize(
    "to_prefix", [httpx.ReadTimeout("silent"), httpx.Response(200), OSError("anything")]
)
def test_prefix_without_an_error_response_keeps_the_first_error(
    folder: Path, clock: Clock, to_prefix: httpx.Response | Exception
) -> None:
    """Whatever the server returns for the prefix, the upload has failed."""
    (folder / "big").write_bytes(os.urandom(2 * _upload.CHUNK))
    network = _Dropping(to_prefix)

    with pytest.raises(httpx.WriteError):
        build_image(folder, client=network.client, body=WEB)

    with pack(folder) as packed:
        prefix = packed.file.read(_upload.PREFIX)
    assert network.prefixes == [prefix] * 10
    assert clock.pauses == BACK_OFF


class _Counting(Network):
    """Counts the uploads that begin, also those whose body ends before they are answered."""

    begun = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.begun += request.method == "PUT"
        return super().handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.begun += request.method == "PUT"
        return await super().handle_async_request(request)


@both
@pytest.mark.usefixtures("clock")
def test_prefix_is_not_sent_after_a_whole_body(folder: Path, build: Build) -> None:
    """The server has read everything: no response can have come early."""
    network = _Counting(upload=[httpx.ReadError("lost"), 200])

    assert build(folder, client=network.client, body=WEB).status == "COMPLETED"
    assert network.begun == network.operations.count("upload") == 2


@pytest.mark.parametrize("status", [429, 503, 403, 500])
def test_retry_after_is_read_from_every_refusal(status: int) -> None:
    """Whatever the status, the seconds are there to be read."""
    assert errors.ApiError.of(refusal(status, "5")).retry_after == 5.0
    assert errors.ApiError.of(refusal(status, PAST)).retry_after == 0.0
    assert errors.UploadRefusedError(refusal(status, "5")).retry_after == 5.0
    for retry_after in set(NOT_READ) - {"0", PAST}:
        assert errors.ApiError.of(refusal(status, retry_after)).retry_after is None


def test_prefix_of_a_small_context_is_not_complete(folder: Path) -> None:
    """The last byte is left out, so that the server cannot take the prefix for the upload."""
    with pack(folder) as packed:
        content = packed.file.read()
        packed.file.seek(1)
        pieces = _upload._Prefix(packed).pieces()
        assert next(pieces) == content[:-1]
        with pytest.raises(httpcore.WriteError):
            next(pieces)
        assert len(content) < _upload.PREFIX
