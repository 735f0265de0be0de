"""The whole job: against the reference server over a socket, and against a network that fails."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import prime_image_builds as client_package
import pytest
from prime_image_builds import (
    AuthenticatedClient,
    Progress,
    Step,
    _calls,
    _upload,
    build_image,
    build_image_async,
    errors,
    pack,
    progress_bar,
    upload,
    upload_async,
    wait,
    wait_async,
)
from prime_image_builds import _packing as packing
from prime_image_builds.models import BuildImageRequest, BuildImageResponse, BuildStatusResponse

from ...contract.api import STATUS
from ...contract.openapi import contract
from ...drivers.client import example
from ...reference.app import create_app
from ...reference.over_sockets import running
from ..support.network import (
    TOKEN,
    WEB,
    Build,
    Clock,
    Network,
    both,
    build_sync,
    context,
    status_body,
)


async def _waited(build_id: str, client: AuthenticatedClient) -> BuildStatusResponse:
    async with client:
        return await wait_async(build_id, client=client, interval=0.05)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a context that builds."""
    return context(tmp_path)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note every pause, and make none."""
    return Clock(monkeypatch).pauses


# --- over a socket, against the reference server ---------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run a reference server whose builds take a tenth of a second."""
    with running(create_app(token=TOKEN, build_seconds=0.1)) as url:
        yield url


@both
def test_an_image_is_built(server: str, folder: Path, build: Build) -> None:
    """One call goes from a directory to a COMPLETED build, and reports progress."""
    reported: list[Progress] = []

    done = build(
        folder,
        client=AuthenticatedClient(server, TOKEN),
        body=WEB,
        interval=0.05,
        on_progress=reported.append,
    )

    assert (done.status, done.image_name, done.image_tag) == ("COMPLETED", "web", "v1")
    steps = [progress.step for progress in reported]
    assert list(dict.fromkeys(steps)) == list(Step)
    sent = [progress for progress in reported if progress.step is Step.UPLOADING]
    assert (sent[0].sent, sent[-1].sent) == (0, sent[-1].size)
    assert {progress.build_id for progress in reported} == {None, done.id}
    assert [one.size for one in reported if one.step is Step.PACKING] == [0]
    assert {one.size for one in reported if one.step in (Step.INITIATING, Step.UPLOADING)} == {
        sent[-1].size
    }
    assert reported[-1].status == "COMPLETED"


@both
def test_a_failed_build_raises_its_messages(server: str, folder: Path, build: Build) -> None:
    """The builder's own words reach the caller."""
    (folder / "Dockerfile").write_text("FROM scratch\nRUNN true\n")

    with pytest.raises(errors.BuildFailedError) as caught:
        build(folder, client=AuthenticatedClient(server, TOKEN), body=WEB, interval=0.05)

    assert caught.value.build.status == "FAILED"
    # The image and the VM sandbox, each for the same reason.
    assert len(caught.value.messages) == 1
    assert "RUNN" in caught.value.messages[0]
    assert str(caught.value).endswith(caught.value.messages[0])
    assert caught.value.build.id in str(caught.value)


@both
def test_a_deadline_can_be_resumed(folder: Path, build: Build) -> None:
    """The exception has the id of the build, and its last status."""
    with running(create_app(token=TOKEN, build_seconds=0.6)) as url:
        client = AuthenticatedClient(url, TOKEN)
        with pytest.raises(errors.BuildTimeoutError) as caught:
            build(folder, client=client, body=WEB, deadline=0.2, interval=0.05)

        error = caught.value
        assert error.last is not None
        assert (error.last.status, error.deadline) == ("BUILDING", 0.2)
        assert error.build_id in str(error)
        assert isinstance(error, TimeoutError)
        again = AuthenticatedClient(url, TOKEN)
        if build is build_sync:
            with again:
                done = wait(error.build_id, client=again, interval=0.05)
        else:
            done = asyncio.run(_waited(error.build_id, again))
        assert done.id == error.build_id


def test_a_deadline_of_nothing_looks_once(server: str, folder: Path) -> None:
    """A build that has ended is found so, whatever the deadline."""
    with AuthenticatedClient(server, TOKEN) as client:
        done = build_image(folder, client=client, body=WEB, interval=0.05)

        assert wait(done.id, client=client, deadline=0) == done


@both
def test_a_dockerfile_may_lie_outside(
    server: str, folder: Path, tmp_path: Path, build: Build
) -> None:
    """It is packed, too, and its path in the context is sent with initiate."""
    (folder / "Dockerfile").unlink()
    (tmp_path / "other.Dockerfile").write_text("FROM scratch\n")
    body = BuildImageRequest(
        image_name="web", image_tag="v1", dockerfile_path="../other.Dockerfile"
    )

    done = build(folder, client=AuthenticatedClient(server, TOKEN), body=body, interval=0.05)

    assert done.status == "COMPLETED"


def test_each_step_works_alone(server: str, folder: Path) -> None:
    """Pack, initiate, upload, start, wait, by hand."""
    from prime_image_builds.api.images import initiate_image_build, start_image_build
    from prime_image_builds.models import StartBuildRequest

    with AuthenticatedClient(server, TOKEN) as client, pack(folder) as context:
        build = initiate_image_build.sync(client=client, body=WEB)
        upload(build, context, client=client)
        upload(build, context, client=client)  # may be sent again: it is read from its start
        start_image_build.sync(build.build_id, client=client, body=StartBuildRequest())
        assert wait(build.build_id, client=client, interval=0.05).status == "COMPLETED"


def test_the_bar_shows_the_build(server: str, folder: Path) -> None:
    """The progress bar shows the build, the step and the status."""
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    with AuthenticatedClient(server, TOKEN) as client, progress_bar(console=console) as on_progress:
        done = build_image(
            folder,
            client=client,
            body=WEB,
            interval=0.05,
            on_progress=on_progress,
        )

    assert f"{done.id} waiting COMPLETED" in text.getvalue()


def test_console_of_another_type_is_named() -> None:
    """And not by rich when it draws."""
    for console in (5, "stdout", sys.stdout):
        named = pytest.raises(errors.InvalidRequestError, match=r"console must be .*Console")
        with named, progress_bar(console=console):
            pass


# --- against a network that fails -------------------------------------------------------------


@both
def test_looks_become_rarer(folder: Path, build: Build, slept: list[float]) -> None:
    """The first look comes soon, and none later than the interval."""
    build(folder, client=Network(status=["BUILDING"] * 8 + ["COMPLETED"]).client, body=WEB)

    assert slept == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0, 10.0]


@both
def test_a_cancelled_build_raises(folder: Path, build: Build) -> None:
    """A build that was cancelled has no message, and is none the less at its end."""
    with pytest.raises(errors.BuildFailedError) as caught:
        build(folder, client=Network(status=["CANCELLED"]).client, body=WEB)

    assert caught.value.messages == ()


@both
def test_the_upload_carries_nothing_of_the_client(folder: Path, build: Build) -> None:
    """Neither token, headers nor cookies go to the upload URL; its size does."""
    network = Network()
    build(folder, client=network.client, body=WEB)

    sent = network.requests[1]
    assert sent.method == "PUT"
    assert str(sent.url) == example("initiate_image_build")["upload_url"]
    assert {name for name, _ in sent.headers.items()} == {"host", "content-type", "content-length"}
    assert sent.headers["content-type"] == "application/octet-stream"
    with pack(folder) as context:
        assert int(sent.headers["content-length"]) == context.size
    assert TOKEN in network.requests[0].headers["authorization"]


@both
def test_the_upload_follows_and_authenticates_nowhere(folder: Path, build: Build) -> None:
    """A redirect of the upload is a refusal, and an auth of the client's own is not its affair."""
    elsewhere = httpx.Response(307, headers={"Location": "https://elsewhere.test/"})
    network = Network(upload=[elsewhere])
    client = AuthenticatedClient(
        "https://images.test",
        TOKEN,
        follow_redirects=True,
        httpx_args={"transport": network, "auth": ("me", "secret")},
    )

    with pytest.raises(errors.UploadRefusedError):
        build(folder, client=client, body=WEB)

    assert [request.url.host for request in network.requests] == ["images.test", "uploads.example"]
    assert "authorization" not in network.requests[1].headers


@both
def test_progress_is_reported_for_each_piece(folder: Path, build: Build) -> None:
    """The bytes sent add up to the size, and no piece is larger than the others."""
    (folder / "big").write_bytes(os.urandom(3 * _upload.CHUNK))
    reported: list[Progress] = []
    build(folder, client=Network().client, body=WEB, on_progress=reported.append)

    sent = [progress.sent for progress in reported if progress.step is Step.UPLOADING]
    assert sent[:4] == [0, _upload.CHUNK, 2 * _upload.CHUNK, 3 * _upload.CHUNK]
    assert sent[-1] == {progress.size for progress in reported if progress.sent}.pop()


@pytest.mark.parametrize("is_async", [False, True])
def test_single_steps_report_progress(folder: Path, is_async: bool) -> None:
    """``upload`` and ``wait`` by themselves call back as the whole job does."""
    build = BuildImageResponse.from_dict(example("initiate_image_build"))
    reported: list[Progress] = []
    with pack(folder) as context:
        if is_async:
            asyncio.run(
                upload_async(build, context, client=Network().client, on_progress=reported.append)
            )
            asyncio.run(wait_async("bld_1", client=Network().client, on_progress=reported.append))
        else:
            upload(build, context, client=Network().client, on_progress=reported.append)
            wait("bld_1", client=Network().client, on_progress=reported.append)

    assert [one.step for one in reported] == [Step.UPLOADING, Step.UPLOADING, Step.WAITING]
    assert (reported[1].build_id, reported[2].build_id) == (build.build_id, "bld_1")
    assert (reported[2].status, reported[2].sent, reported[2].size) == ("COMPLETED", 0, 0)


def test_a_pause_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps for as long as given, sync and async."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("asyncio.sleep", sleep)
    pause = _calls.pause(3)
    pause.sync()
    with pytest.raises(StopIteration):
        pause.asyncio().__await__().send(None)

    assert slept == [3, 3]


@pytest.mark.parametrize("seconds", [1e9, 1e10, 99999999999, 1e300])
def test_no_pause_is_too_long_to_sleep(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """``time.sleep`` raises OverflowError above some bound; Retry-After may ask for more."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    _calls.pause(seconds).sync()

    assert 1e9 <= slept[0] < threading.TIMEOUT_MAX


def test_build_errors_survive_pickling() -> None:
    """A process pool returns errors as pickles."""
    failed = BuildStatusResponse.from_dict(status_body("FAILED"))
    for error in (
        errors.BuildFailedError(failed),
        errors.BuildTimeoutError("bld_1", failed, 2.5),
        errors.BuildTimeoutError("bld_1", None, 3),
        errors.InvalidBodyError("$.id", "is invalid"),
    ):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 (of our own making)
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_repeated_artifact_message_is_shown_once() -> None:
    """An image and its VM sandbox often fail for the same reason; the build has each message."""
    body = status_body("FAILED")
    row = {"id": "art_1", "status": "FAILED", "createdAt": body["createdAt"]}
    messages = ["exit 1", "exit 2", "exit 1", None, "exit 1"]
    build = BuildStatusResponse.from_dict(
        body | {"artifacts": [row | {"errorMessage": message} for message in messages]}
    )

    error = errors.BuildFailedError(build)

    assert error.messages == ("exit 1", "exit 2")
    assert str(error).split(": ")[1:] == ["exit 1", "exit 2"]


@both
def test_error_status_of_upload_raises(folder: Path, build: Build) -> None:
    """No contract describes the responses of the upload URL. The build is not started."""
    refusal = httpx.Response(403, text="<Error>SignatureDoesNotMatch</Error>")
    network = Network(upload=[refusal])

    with pytest.raises(errors.UploadRefusedError) as caught:
        build(folder, client=network.client, body=WEB)

    assert network.operations == ["initiate", "upload"]
    assert (caught.value.status_code, caught.value.content) == (403, refusal.content)
    assert "signature" not in str(caught.value)


@both
@pytest.mark.parametrize(
    "url", ["", "file:///etc/passwd", "//x", "http://", "a b", "http://a:b", "\x00"]
)
def test_upload_url_that_is_not_http_raises(folder: Path, build: Build, url: str) -> None:
    """It is an invalid body, with its path."""
    body = example("initiate_image_build") | {"upload_url": url}
    network = Network(initiate=[httpx.Response(201, json=body)])

    with pytest.raises(errors.InvalidBodyError) as caught:
        build(folder, client=network.client, body=WEB)

    assert caught.value.path == "$.upload_url"
    assert network.operations == ["initiate"]


@both
def test_deadline_ends_an_upload(folder: Path, build: Build) -> None:
    """The deadline is checked after each piece sent."""
    (folder / "big").write_bytes(os.urandom(2 * _upload.CHUNK))

    with pytest.raises(errors.BuildTimeoutError) as caught:
        build(folder, client=Network().client, body=WEB, deadline=1e-9)

    assert (caught.value.last, caught.value.deadline) == (None, 1e-9)


@both
@pytest.mark.parametrize(("deadline", "interval"), [(-1, 1), (float("nan"), 1), (1, 0), (1, -1)])
def test_nonsense_is_refused(folder: Path, build: Build, deadline: float, interval: float) -> None:
    """A time that cannot be meant is refused before anything is sent."""
    network = Network()

    with pytest.raises(errors.InvalidRequestError):
        build(folder, client=network.client, body=WEB, deadline=deadline, interval=interval)

    assert network.operations == []


@both
def test_what_the_callback_raises_ends_it(folder: Path, build: Build) -> None:
    """The caller may stop a build's call from its callback."""

    def stop(progress: Progress) -> None:
        if progress.step is Step.UPLOADING:
            raise LookupError("enough")

    network = Network()
    with pytest.raises(LookupError):
        build(folder, client=network.client, body=WEB, on_progress=stop)

    assert network.operations == ["initiate"]


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[client_package.Context]:
    """Note every context that is packed."""
    contexts: list[client_package.Context] = []

    def noted(*arguments: Any) -> client_package.Context:
        contexts.append(real(*arguments))
        return contexts[-1]

    real = packing.packed
    monkeypatch.setattr(packing, "packed", noted)
    return contexts


@both
def test_no_file_is_left(
    folder: Path, tmp_path: Path, build: Build, packed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Success, failure and refusal all leave the temporary directory as it was."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    build(folder, client=Network().client, body=WEB)
    with pytest.raises(errors.UploadRefusedError):
        build(folder, client=Network(upload=[403]).client, body=WEB)

    assert [context.file.closed for context in packed] == [True, True]
    assert list(temporary.iterdir()) == []


def test_cancelling_leaves_nothing(folder: Path, packed: list[Any]) -> None:
    """A task that is cancelled while it waits has closed its context."""

    async def cancelled() -> None:
        network = Network(status=["BUILDING"])
        task = asyncio.create_task(build_image_async(folder, client=network.client, body=WEB))
        while "status" not in network.operations:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())

    assert packed[0].file.closed


@pytest.mark.slow
@pytest.mark.parametrize("is_async", [False, True])
def test_memory_is_bounded(folder: Path, is_async: bool) -> None:
    """A context of 24 MiB is packed and sent in pieces."""
    with (folder / "big").open("wb") as file:
        for _ in range(24):
            file.write(os.urandom(2**20))
    network = Network()
    build = BuildImageResponse.from_dict(example("initiate_image_build"))

    tracemalloc.start()
    with pack(folder) as context:
        if is_async:
            asyncio.run(upload_async(build, context, client=network.client))
        else:
            upload(build, context, client=network.client)
        assert context.size > 24 * 2**20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert network.largest == _upload.CHUNK
    assert peak < 4 * 2**20


def test_the_network_of_these_tests_is_read() -> None:
    """The examples that the network answers are those of the contract."""
    assert json.loads(json.dumps(status_body("COMPLETED")))["status"] == "COMPLETED"
    assert contract().operations[STATUS].success == 200


def test_negative_deadline_raises_before_sending() -> None:
    """As an invalid argument; nothing is sent."""
    network = Network()
    with pytest.raises(errors.InvalidRequestError):
        wait("bld_1", client=network.client, deadline=-1)

    assert network.operations == []
