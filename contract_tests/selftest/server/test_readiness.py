"""Waiting for a server that the gate starts, with a clock and responses of the test; its log."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ...gate import server, server_log
from ...gate.server_log import ServerLog
from ...problems import Problem
from ...redaction import Redaction
from ...reference.serving import listening
from ..support import hostile

URL = "http://127.0.0.1:9"


class Time:
    """A clock that advances by the pauses, and by the duration of each probe."""

    def __init__(self, statuses: list[int | None], takes: float = 0.0) -> None:
        self.now, self.probes, self.limits = 1000.0, 0, list[float]()
        self._statuses, self._takes = statuses, takes

    def probe(self, _: str, seconds: float) -> int | None:
        """Return the next status; repeat the last one."""
        self.probes += 1
        self.limits.append(seconds)
        self.now += min(self._takes, seconds)
        return self._statuses[min(self.probes, len(self._statuses)) - 1]

    def wait(self, seconds: float, ended: list[int | None] | None = None) -> None:
        """Wait on this clock."""
        codes = iter(ended or [])
        server.wait(
            URL, seconds, lambda: next(codes, None),
            probe=self.probe, clock=lambda: self.now, pause=self._pause,
        )  # fmt: skip

    def _pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("statuses", "probes"),
    [
        ([200], 1),
        ([404], 1),  # the path does not exist, but the server is up
        ([401], 1),
        ([302], 1),
        ([503, 200], 2),
        ([None, None, 503, 500, 502, 599, 499], 7),
    ],
)
def test_ready_is_the_first_status_below_500(statuses: list[int | None], probes: int) -> None:
    """After a refused connection and any 5xx, it is probed again."""
    time = Time(statuses)
    time.wait(60)

    assert time.probes == probes


@pytest.mark.parametrize("status", [None, 500, 503])
def test_server_that_is_not_ready_in_time_raises(status: int | None) -> None:
    """The error has the last status."""
    time = Time([status])
    with pytest.raises(Problem) as caught:
        time.wait(3)

    assert time.now == pytest.approx(1003, abs=server.PAUSE)
    assert (str(status) in str(caught.value)) is (status is not None)


def test_probe_is_limited_to_the_time_left() -> None:
    """A server that accepts connections and never responds cannot exceed the limit."""
    time = Time([None], takes=60)
    with pytest.raises(Problem):
        time.wait(7)

    assert time.now <= 1007 + server.PAUSE
    assert max(time.limits) == server.TIMEOUT


def test_command_that_has_ended_raises_at_once() -> None:
    """Its exit code is in the error."""
    time = Time([None, 503, None])
    with pytest.raises(Problem, match=r"\b3\b"):
        time.wait(60, [None, None, 3])

    assert time.probes == 3


@contextmanager
def responding(*statuses: int) -> Iterator[str]:
    """Yield the URL of a server that returns these statuses in turn."""
    left = [*statuses]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/health?full=1"
        finally:
            http.shutdown()
            thread.join()
        assert left == []


def test_wait_over_a_socket_ends_with_the_first_204() -> None:
    """After 503 and 500; without pauses between the probes."""
    with responding(503, 503, 500, 204) as url:
        server.wait(url, 60, pause=lambda _: None)


@pytest.mark.parametrize("behaviour", [hostile.drip_headers, hostile.endless_continue])
def test_header_that_does_not_end_is_no_response(behaviour: hostile.Behaviour) -> None:
    """Each read is in time; all of them are not."""
    with hostile.hostile(behaviour) as url:
        assert server.status(url, 0.2) is None


def test_status_without_a_response_is_none() -> None:
    """For a closed port, and for an open one that never accepts."""
    with listening() as listener:
        port = listener.getsockname()[1]
        assert server.status(f"http://127.0.0.1:{port}", 0.05) is None

    assert server.status(f"http://127.0.0.1:{port}", 5) is None


@pytest.mark.parametrize("host", [".x", "a..x", f"{'a' * 64}.x", "x.invalid", "..", "-"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_that_has_no_address_is_no_response(scheme: str, host: str) -> None:
    """Also one that no name can be, which a variable that is not set leaves in a URL."""
    assert server.status(f"{scheme}://{host}:8000", 5) is None


@pytest.mark.parametrize("early", [102, 103, 199])
def test_response_before_the_last_is_not_the_status(early: int) -> None:
    """103 Early Hints says nothing of the server's state."""
    first = f"HTTP/1.1 {early} Early\r\nLink: </a>\r\n\r\n".encode()
    last = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    with hostile.hostile(lambda peer: peer.sendall(first * 2 + last)) as url:
        assert server.status(url, 5) == 503


@pytest.mark.parametrize("chunk", [1000, 2**20])
@pytest.mark.parametrize("end", [0, 4, 9])
def test_large_log_is_kept_without_its_middle(
    end: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that the cut divides shows no half, at either side; a smaller log is kept whole."""
    monkeypatch.setattr(server_log, "FIRST", 2**12)
    monkeypatch.setattr(server_log, "LAST", 2**14)
    monkeypatch.setattr(server_log, "EDGE", 2**8)
    secret, hide = b"token-of-the-log", Redaction(token="token-of-the-log")  # noqa: S106
    first = (b"started %s\r\n" % secret).ljust(server_log.FIRST - end, b"a")
    last = (secret[end:] + b"\n").ljust(server_log.LAST - 100, b"b") + b"\nended %s\n" % secret
    last = last.ljust(server_log.LAST, b"b")

    def kept(content: bytes) -> str:
        log = ServerLog()
        for at in range(0, len(content), chunk):
            log.add(content[at : at + chunk])
        return log.clean(hide)

    whole = kept(first + last)
    text = kept(first + secret + b"c" * 10**4 + secret[:end] + last)
    head, note, tail = text.partition("\n[about 10528 bytes of the log are left out here]\n")

    assert note
    assert {*head.removeprefix("started <token>\n")} == {"a"}
    assert {*tail.replace("\nended <token>\n", "")} == {"b"}
    assert len(head) < server_log.FIRST
    assert len(tail) < server_log.LAST
    assert len(whole) > server_log.FIRST + server_log.LAST - 100


def test_no_more_of_a_log_is_kept_than_its_ends() -> None:
    """What a server prints may be larger than memory, and cleaning takes a multiple of it."""
    cleaned: list[int] = []

    def hide(text: str) -> str:
        cleaned.append(len(text))
        return text

    log = ServerLog()
    tracemalloc.start()
    for _ in range(64):
        log.add(bytes(2**20))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = log.clean(hide)

    assert most < 2 * (server_log.FIRST + 2 * server_log.LAST)
    assert cleaned == [server_log.FIRST, server_log.LAST]
    assert len(kept) < sum(cleaned)
