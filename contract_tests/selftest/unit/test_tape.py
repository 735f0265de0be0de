"""The tape: what it finds of an upload, and its subscribers."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from ...contract.api import STATUS
from ...tape.call import Call
from ...tape.exchange import UPLOAD
from ...tape.history import History
from ...tape.tape import Record, Tape

URL = "https://images.test/api/v1/images/build/bld_1"
JSON = {"content-type": "application/json"}


def record(tape: Tape) -> None:
    """Record a status without a response."""
    request: Any = ("GET", URL, {}, b"")
    tape.record(driver="t", intent="", request=request, failure="gone")


@pytest.mark.parametrize(
    ("issued", "used"),
    [
        ("https://s.test/a?b#c", "https://s.test/a?b#c"),
        ("/uploads/1?sig=%2F", "https://images.test/uploads/1?sig=%2F"),
        ("//s.test/a", "//s.test/a"), ("uploads/1", "uploads/1"), ("", ""),
        (None, None), (1, None), (["/a"], None),
    ],
)  # fmt: skip
def test_upload_url_that_is_a_path_is_of_the_same_server(issued: object, used: str | None) -> None:
    """Any other is as it was issued; the upload to it is that build's."""
    tape = Tape("t")
    body = json.dumps({"build_id": "bld_1", "upload_url": issued}).encode()
    made: Any = ("POST", URL.removesuffix("/bld_1"), {}, b"{}")
    initiate = tape.record(driver="t", intent="", request=made, response=(201, JSON, body)).last

    assert initiate.upload_url == used
    if isinstance(issued, str) and initiate.upload_url != issued:
        sent: Any = ("PUT", initiate.upload_url, {}, b"")
        upload = tape.record(driver="t", intent="", request=sent, response=(204, {}, b"")).last
        assert (upload.operation, upload.build_id) == (UPLOAD, "bld_1")


def test_every_subscriber_gets_each_record_in_order() -> None:
    """Each gets what is recorded after it subscribed."""
    tape, first, second = Tape("t"), list[Record](), list[Record]()
    tape.subscribe(first.append)
    record(tape)
    tape.subscribe(second.append)
    record(tape)
    call = tape.record_call(Call("a call", STATUS, None))

    one, two = tape.exchanges
    assert first == [tape.history(one), tape.history(two), call]
    assert [tape.history(one).last, tape.history(two).last] == [one, two]
    assert [tape.history(end).first(lambda _: True) for end in (one, two)] == [None, one]
    assert second == first[1:]


def test_threads_call_a_subscriber_one_at_a_time_in_order() -> None:
    """A subscriber needs no lock of its own."""
    tape, numbers = Tape("t"), list[int]()

    def note(record: Record) -> None:
        assert isinstance(record, History)
        numbers.append(record.last.number)

    tape.subscribe(note)

    def records() -> None:
        for _ in range(50):
            record(tape)

    threads = [threading.Thread(target=records) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert numbers == list(range(1, 401))


def test_what_a_subscriber_raises_is_raised_by_record() -> None:
    """The exchange is on the tape all the same, and the tape records on."""
    tape = Tape("t")

    def refuse(_: Record) -> None:
        if len(tape.exchanges) == 1:
            raise ZeroDivisionError

    tape.subscribe(refuse)
    with pytest.raises(ZeroDivisionError):
        record(tape)
    record(tape)

    assert len(tape.exchanges) == 2
