"""When a server that CI starts is ready: on a clock and with responses of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from scripts.ci import server

from ...problems import Problem
from ...reference.over_sockets import listening

URL = "http://127.0.0.1:9"


class Time:
    """A clock that goes on by the pauses, and by what a look takes."""

    def __init__(self, seen: list[int | None], takes: float = 0.0) -> None:
        self.now, self.looks, self.limits = 1000.0, 0, list[float]()
        self._seen, self._takes = seen, takes

    def look(self, _: str, seconds: float) -> int | None:
        """Return the next of what is seen; the last one again and again."""
        self.looks += 1
        self.limits.append(seconds)
        self.now += min(self._takes, seconds)
        return self._seen[min(self.looks, len(self._seen)) - 1]

    def wait(self, seconds: float, ended: list[int | None] | None = None) -> None:
        """Wait on this clock."""
        codes = iter(ended or [])
        server.wait(
            URL, seconds, lambda: next(codes, None),
            look=self.look, clock=lambda: self.now, pause=self._pause,
        )  # fmt: skip

    def _pause(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("seen", "looks"),
    [
        ([200], 1),
        ([404], 1),  # there is nothing at that path, and the server is up
        ([401], 1),
        ([302], 1),
        ([503, 200], 2),
        ([None, None, 503, 500, 502, 599, 499], 7),
    ],
)
def test_ready_is_the_first_status_below_500(seen: list[int | None], looks: int) -> None:
    """A refused connection and any 5xx are waited for."""
    time = Time(seen)
    time.wait(60)

    assert time.looks == looks


@pytest.mark.parametrize("seen", [None, 500, 503])
def test_it_is_waited_for_within_the_limit(seen: int | None) -> None:
    """After that it is an error, which names what was seen last."""
    time = Time([seen])
    with pytest.raises(Problem) as caught:
        time.wait(3)

    assert time.now == pytest.approx(1003, abs=server.PAUSE)
    assert (str(seen) in str(caught.value)) is (seen is not None)


def test_a_look_takes_no_longer_than_is_left() -> None:
    """A server that accepts and does not respond blocks no longer than the limit."""
    time = Time([None], takes=60)
    with pytest.raises(Problem):
        time.wait(7)

    assert time.now <= 1007 + server.PAUSE
    assert max(time.limits) == server.LOOK


def test_a_command_that_has_ended_is_not_waited_for() -> None:
    """Its exit code is in the error."""
    time = Time([None, 503, None])
    with pytest.raises(Problem, match="exit code 3"):
        time.wait(60, [None, None, 3])

    assert time.looks == 3


@contextmanager
def responding(*statuses: int) -> Iterator[str]:
    """Yield the URL of a server that returns these, one after the other."""
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


def test_a_server_is_ready_once_it_has_stopped_returning_503() -> None:
    """Over a socket, with no pause between the looks."""
    with responding(503, 503, 500, 204) as url:
        server.wait(url, 60, pause=lambda _: None)


def test_what_does_not_respond_has_no_status() -> None:
    """Neither a port that is closed, nor one that is open and never accepts."""
    with listening() as listener:
        port = listener.getsockname()[1]
        assert server.status(f"http://127.0.0.1:{port}", 0.05) is None

    assert server.status(f"http://127.0.0.1:{port}", 5) is None
