"""Untrusted contexts do no harm to the reference server: a child checks them, within limits."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import select
import signal
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from ...drivers.scripted.inputs import GOOD, context
from ...reference import builder as reference
from ...reference.access_log import logged
from ...reference.app import create_app
from ...reference.builder import SMALL, Builder
from ...reference.disruptions import FailureSchedule
from ...reference.over_sockets import running
from ..support.attacks.archives import entry, zipped
from ..support.reference_server import (
    AUTH,
    BUILD,
    MOST,
    NAMED,
    OCTETS,
    TOKEN,
    Served,
    process,
    refusal,
)  # fmt: skip

# What a child does instead of checking, as the body of a lambda.
STUCK = "sum(0 for _ in iter(int, 1))"
CODE = (
    "import sys; sys.path.append(sys.argv[1]); from reference import builder_child, build_check; "
    "check = build_check.of_context; build_check.of_context = lambda file, size, path: "
    "check(file, size, path) if path != 'other' else {}; builder_child.run()"
)
IS_LINUX = Path("/proc/self/task").is_dir()


@pytest.fixture
def builder() -> Iterator[Builder]:
    """Make a builder whose children have a second."""
    made = Builder(isolated=True, seconds=1)
    yield made
    made.stop()


def check(builder: Builder, content: bytes, path: str = "Dockerfile") -> str | None:
    """Return why a context cannot be built."""
    return asyncio.run(builder.failure(io.BytesIO(content), len(content), path))


@pytest.mark.parametrize(
    ("does", "failure"),
    [
        (STUCK, "the context takes more than 1 seconds to check"),
        ("__import__('time').sleep(9999)", "the context takes more than 1 seconds to check"),
        ("bytearray(2**32)", "the context takes too much memory to check"),
        ("__import__('os')._exit(3)", "the check of the context ended with 3"),
        ("__import__('os').abort()", f"the check of the context ended with {-signal.SIGABRT}"),
    ],
)
def test_child_that_reaches_a_limit_fails_the_build(
    does: str, failure: str, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure says why, and the next context is checked."""
    monkeypatch.setattr(reference, "_CODE", CODE.format(does))
    # A child that works is ended by the processor time that it takes, one that sleeps by the clock.
    monkeypatch.setattr(reference, "_MOST_WAITED", 0.1 if "sleep" in does else MOST)

    assert check(builder, context(GOOD), "other") == failure
    monkeypatch.undo()
    assert check(builder, context("RUNN")) is not None
    assert check(builder, context(GOOD)) is None


def test_child_has_no_token_in_its_environment(
    builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an archive makes of it, there is nothing to find."""
    monkeypatch.setenv("CONTRACT_TOKEN", TOKEN)
    monkeypatch.setattr(reference, "_CODE", CODE.format("str(dict(__import__('os').environ))"))

    assert TOKEN not in str(check(builder, context(GOOD), "other"))


def test_stop_ends_a_child_at_once(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its build fails; nobody waits for the limit."""
    monkeypatch.setattr(reference, "_CODE", CODE.format("__import__('time').sleep(9999)"))
    monkeypatch.setattr(reference, "_MOST_WAITED", 10_000.0)
    is_sent = threading.Event()

    class Sent(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            is_sent.set()
            return super().read(size)

    content, found = context(GOOD), list[str | None]()
    wait = threading.Thread(
        target=lambda: found.append(
            asyncio.run(builder.failure(Sent(content), len(content), "other"))
        )
    )
    wait.start()
    assert is_sent.wait(MOST)
    builder.stop()
    wait.join(MOST)

    assert found == [f"the check of the context ended with {-signal.SIGKILL}"]


@pytest.mark.parametrize(
    ("content", "is_isolated"),
    [
        (context(GOOD), False),
        (zipped(entry("Dockerfile", b"FROM scratch"), entry("a", b"x" * 100_000)), False),
        (zipped(entry("Dockerfile", b"FROM scratch"), entry("a", b"x" * 200_000)), True),
        (zipped(entry("Dockerfile", b"FROM scratch"), entry("x" * 5000)), True),
        (context(GOOD) + bytes(SMALL), True),
    ],
)
def test_only_small_contexts_are_checked_in_process(
    content: bytes, is_isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are large, or unpack to much, go to a child that ends with them."""
    sizes = []

    def by_child(_: Builder, file: IO[bytes], size: int, __: str) -> None:
        sizes.append((size, len(file.read())))

    monkeypatch.setattr(Builder, "_by_child", by_child)
    check(Builder(), content)

    assert sizes == ([(len(content), len(content))] if is_isolated else [])


def test_a_large_context_is_built_without_isolation() -> None:
    """In the gate and the mock, and its child leaves nothing behind."""
    content = zipped(entry("Dockerfile", b"FROM scratch\nCOPY b /"), entry("a", os.urandom(SMALL)))

    assert check(Builder(), content) == "Dockerfile:2: COPY b: not in the context"


def child_of(server: int) -> int:
    """Return the process that checks contexts for a server, once there is one."""
    while True:
        for task in Path(f"/proc/{server}/task").iterdir():
            if children := (task / "children").read_text().split():
                return int(children[0])


def upload(url: str) -> httpx.Response:
    """Initiate a build and upload its context."""
    body = {**NAMED, "dockerfile_path": "other"}
    created = httpx.post(f"{url}{BUILD}", json=body, headers=AUTH, timeout=MOST).json()
    return httpx.put(created["upload_url"], content=context(GOOD), headers=OCTETS, timeout=MOST)


@pytest.mark.skipif(not IS_LINUX, reason="children are found in /proc")
def test_no_child_outlives_a_killed_server() -> None:
    """Its input ends with the server."""
    with process("--token", TOKEN) as (server, url, _):
        assert upload(url).status_code == 204
        ended = os.pidfd_open(child_of(server.pid))
        server.kill()
        try:
            assert select.select([ended], [], [], MOST)[0] == [ended]
        finally:
            os.close(ended)


@pytest.mark.skipif(not IS_LINUX, reason="children are found in /proc")
def test_sigterm_ends_a_server_whose_child_is_stuck() -> None:
    """The upload is answered, since its child is ended first."""
    run = (
        "-c",
        "import sys; from contract_tests import cli; from contract_tests.reference import builder; "
        f"builder._CODE = {CODE.format(STUCK)!r}; sys.exit(cli.main(sys.argv[1:]))",
    )
    with process("--token", TOKEN, run=run) as (server, url, _):
        answers = list[httpx.Response]()
        wait = threading.Thread(target=lambda: answers.append(upload(url)))
        wait.start()
        child_of(server.pid)
        assert httpx.get(f"{url}/health").status_code == 200
        server.send_signal(signal.SIGTERM)
        wait.join(MOST)
        _, log = server.communicate(timeout=MOST)

    assert [one.status_code for one in answers] == [204]
    assert server.returncode == 0
    assert "Traceback" not in log


def full_at_once() -> IO[bytes]:
    """Refuse to make a file."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_when_written() -> IO[bytes]:
    """Open a file that takes nothing."""
    return Path("/dev/full").open("r+b")


def too_many() -> IO[bytes]:
    """Refuse to open one more file."""
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.mark.parametrize(
    ("opened", "status"), [(full_at_once, 507), (full_when_written, 507), (too_many, 503)]
)
def test_upload_to_a_full_disk_returns_507(
    opened: Any, status: int, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the documented body; the same upload succeeds once there is space."""
    if opened is full_when_written and not Path("/dev/full").exists():
        pytest.skip("this system has no file that is full")
    url = served.upload_url()
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", opened)
        refused = served.client.put(url, content=context(GOOD), headers=OCTETS)

    assert refusal(refused) == (status, "server")
    assert served.client.put(url, content=context(GOOD), headers=OCTETS).status_code == 204


def test_log_that_cannot_be_written_is_no_error() -> None:
    """A full disk, or a closed pipe, does not keep a response back."""

    def write(_: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with running(logged(create_app(token=TOKEN), TOKEN, write)) as url:
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}


def test_rate_limits_of_long_names_take_little_memory() -> None:
    """A limit is kept for each of 1,000 images, whose names may have a mebibyte."""
    failures, now = FailureSchedule(), datetime.now(UTC)
    first = ("x" * 2**20, "limited")

    assert failures.retry_after(first, now) == 1
    assert failures.retry_after(first, now) == 1
    for number in range(1100):
        assert failures.retry_after((f"{number}", "limited"), now) == 1
    assert len(failures._until) == 1000
    assert sum(map(len, failures._until)) == 1000 * 32
