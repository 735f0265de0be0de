"""The tape's subscribers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ...contract.api import STATUS
from ...tape.call import Call
from ...tape.history import History
from ...tape.tape import Record, Tape

URL = "https://images.test/api/v1/images/build/bld_1"


def record(tape: Tape) -> None:
    """Record a status without a response."""
    request: Any = ("GET", URL, {}, b"")
    tape.record(driver="t", intent="", request=request, failure="gone")


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
    assert [tape.history(one).exchanges, tape.history(two).exchanges] == [(one,), (one, two)]
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
