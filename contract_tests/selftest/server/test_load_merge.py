"""Exchanges that several processes record make the tape, and the verdicts, of one process."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ...drivers.http.clock import SYSTEM
from ...drivers.http.pace import BudgetSpent, Pace
from ...gate import hollow
from ...gate.loaded import LoadRun, Measured
from ...gate.run import Run
from ...gate.target import Load, Target, embedded
from ...problems import Problem
from ...reference.faults import FAULTS
from ...tape.exchange import Credential, Exchange
from ...tape.merge import Batch, Entry, Merge, entry
from ...tape.tape import Tape
from ..support.judging import judge_server

WORKERS = ("one", "two", "three", "four")
TOKEN = "a-token-of-the-test"  # noqa: S105 (of a server that lives as long as the test)


@pytest.fixture(scope="module")
def run() -> Run:
    """Judge a server that mixes builds up."""
    at = embedded(TOKEN, FAULTS["artifact-of-another"])
    return judge_server(Target(token=TOKEN, rule=("L9",)), fuzzing=False, at=at)


def owner(exchange: Exchange, split: int) -> str:
    """Return the worker of an exchange: a build belongs to one."""
    number = zlib.crc32(f"{exchange.build_id or exchange.deletes}".encode())
    return WORKERS[number * split % 97 % len(WORKERS)]


def batches(exchanges: Iterable[Exchange], sizes: Iterable[int]) -> Iterator[Batch]:
    """Yield what a worker sends: batches of these sizes, over and over, then its last."""
    left, first, size = [entry(one, TOKEN) for one in exchanges], 0, iter(sizes)
    while left:
        count = next(size)
        now, left = left[:count], left[count:]
        until = left[0].ended - timedelta(microseconds=1) if left else now[-1].ended
        yield Batch(first, now, until, is_done=not left)
        first += len(now)


def on_the_wire(batch: Batch) -> Batch:
    """Return a batch as another process reads it."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch)


@settings(max_examples=10, deadline=None, database=None)
@given(data=st.data())
def test_split_tape_merges_to_itself(run: Run, data: Any) -> None:
    """However the builds are spread, the batches are cut, and their arrival is interleaved."""
    split = data.draw(st.integers(1, 1000))
    mine: dict[str, list[Exchange]] = {}
    for one in run.tape.exchanges:
        mine.setdefault(owner(one, split), []).append(one)
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    waiting = {name: [*batches(ones, sizes * 1000)] for name, ones in mine.items()}
    merge = Merge(Tape(TOKEN))
    for name in waiting:
        merge.join(name)
    while waiting:
        name = data.draw(st.sampled_from(sorted(waiting)))
        merge.take(name, on_the_wire(waiting[name].pop(0)))
        waiting = {name: ones for name, ones in waiting.items() if ones}
        merge.release(data.draw(st.integers(0, 50)))
    is_over = merge.is_over
    merge.finish()

    assert is_over
    assert merge.missing == []
    assert [held_by(one) for one in merge.tape.exchanges] == [
        held_by(one) for one in run.tape.exchanges
    ]


def held_by(exchange: Exchange) -> tuple[Any, ...]:
    """Return all of an exchange."""
    request, response = exchange.request, exchange.response
    return (
        exchange.number, exchange.driver, exchange.intent, exchange.operation, exchange.build_id,
        request.method, request.url, dict(request.headers), request.content, request.credential,
        response.status, response.headers, response.content, exchange.began, exchange.ended,
        exchange.is_absent, exchange.failure,
    )  # fmt: skip


def test_token_is_not_sent(run: Run) -> None:
    """Between two machines, nothing encrypts it; the tape of the master has it again."""
    valid = [one for one in run.tape.exchanges if one.request.credential is Credential.VALID]
    batch = Batch(0, [entry(one, TOKEN) for one in valid], valid[-1].ended)

    assert TOKEN.encode() not in msgspec.msgpack.encode(batch)
    assert TOKEN not in repr(batch)


def some(run: Run, *numbers: int) -> Batch:
    """Return a batch of exchanges, by their places on the tape from 0."""
    ones = [entry(run.tape.exchanges[number], TOKEN) for number in numbers]
    return Batch(numbers[0], ones, ones[-1].ended)


@pytest.mark.parametrize(
    ("sent", "came", "part"),
    [
        ([(0, 1), (2, 3)], 4, None),
        ([(0, 1), (0, 1), (2, 3)], 4, None),
        ([(0, 1, 2), (1, 2, 3)], 4, None),
        ([(0, 1), (3, 4)], 4, "1 of its exchanges"),
        ([(2, 3)], 2, "2 of its exchanges"),
    ],
)
def test_what_does_not_come_is_missed(
    run: Run, sent: list[tuple[int, ...]], came: int, part: str | None
) -> None:
    """By the numbers of the exchanges; a batch that comes twice counts once."""
    merge = Merge(Tape(TOKEN))
    for numbers in sent:
        merge.take("one", some(run, *numbers))
    merge.take("one", replace_done(some(run, *sent[-1])))
    merge.finish()

    assert len(merge.tape.exchanges) == came
    assert (
        [part in one for one in merge.missing] == [True] * bool(part)
        if part
        else (merge.missing == [])
    )


def replace_done(batch: Batch) -> Batch:
    """Return a batch again, as the last."""
    return msgspec.structs.replace(batch, is_done=True)


def test_nothing_is_judged_before_all_have_sent(run: Run) -> None:
    """What one has sent may have come after what another has not sent yet."""
    merge = Merge(Tape(TOKEN))
    merge.join("two")
    merge.take("one", some(run, 0, 1, 2))
    first = merge.release(9)
    merge.take("two", Batch(0, [], run.tape.exchanges[1].ended))

    assert first == 0
    assert merge.release(9) == 2
    assert not merge.is_over


def test_lost_process_holds_up_nothing(run: Run) -> None:
    """It is missed, unless it comes back and sends its last batch."""
    merge = Merge(Tape(TOKEN))
    merge.take("one", replace_done(some(run, 0, 1)))
    merge.take("two", Batch(0, [], run.tape.exchanges[0].ended))
    merge.lose("two")
    missing, is_over = merge.missing, merge.is_over
    merge.take("two", Batch(0, [], run.tape.exchanges[0].ended, is_done=True))

    assert is_over
    assert [one.partition(":")[0] for one in missing] == ["two"]
    assert merge.missing == []


def loaded(
    measured: dict[str, Measured], run: Run | None = None, *, entries: Sequence[Entry] = (),
    **load: Any,
) -> LoadRun:  # fmt: skip
    """Return a load run of which this was measured, with the tape of a run, or these entries."""
    target = Target(token=TOKEN, rule=("L9",), load=Load(**load), program="load")
    made = LoadRun(target, at=embedded(TOKEN))
    made.measured = measured
    entries = [entry(one, TOKEN) for one in run.tape.exchanges] if run else [*entries]
    if entries:
        made.merge.take("one", Batch(0, entries, entries[-1].ended, is_done=True))
    made.merge.finish()
    return made


@pytest.mark.parametrize(
    ("load", "exceeded"),
    [
        ({}, ["ERRORS"]), ({"errors": "2"}, []), ({"errors": "1"}, ["ERRORS"]),
        ({"errors": "1%"}, []), ({"errors": "0.9%"}, ["ERRORS"]),
        ({"errors": "2", "p99": 30}, []), ({"errors": "2", "p99": 29.5}, ["P99"]),
        ({"p99": 19}, ["P99", "P99", "ERRORS"]),
    ],
)  # fmt: skip
def test_thresholds(load: dict[str, Any], exceeded: list[str]) -> None:
    """Of each operation's times, and of all errors, as a number or a share; at most is enough."""
    run = loaded({"a": Measured(150, 1, 20), "b": Measured(50, 1, 30)}, **load)

    assert [next(name for name in ("P99", "ERRORS") if name in one) for one in run.exceeded] == (
        exceeded
    )
    assert run.passed is not bool(exceeded)


def test_violations_are_a_threshold(run: Run) -> None:
    """As many as are allowed; each exchange counts at each place."""
    count = loaded({}, run).violations

    assert count == sum(one.count for one in run.verdicts["L9"].groups.values()) > 0
    assert [loaded({}, run, violations=one).passed for one in (0, count - 1, count)] == [
        False, False, True,
    ]  # fmt: skip


def test_count_of_locust_that_differs_is_a_loss(run: Run) -> None:
    """Two counts that do not depend on each other must agree."""
    count = len(run.tape.exchanges)

    assert loaded({"all": Measured(count)}, run).lost == []
    assert len(loaded({"all": Measured(count + 1)}, run).lost) == 1


@pytest.mark.parametrize(
    ("changes", "is_interrupted", "what", "fix"),
    [
        (None, True, "interrupted before anything was observed", "let it run longer"),
        (None, False, "nothing to judge", "TARGET"),
        ({"status": 401}, False, "returned 401", "CONTRACT_TOKEN"),
        ({"status": 401}, True, "interrupted before enough", "longer, or check the token"),
        ({"status": 404}, False, "returned 404", "base URL"),
    ],
)
def test_reason_decides_the_fix_of_a_run_without_success(
    run: Run, changes: dict[str, Any] | None, is_interrupted: bool, what: str, fix: str
) -> None:
    """An interrupt that came before any response, a wrong token, another server."""
    made = loaded({})
    if changes:
        first = entry(run.tape.of(run.tape.api.initiate)[0], TOKEN)
        first = msgspec.structs.replace(first, credential=Credential.VALID, **changes)
        made = loaded({"initiate": Measured(1, 1)}, entries=[first])

    with pytest.raises(Problem) as caught:
        hollow.refuse_load(made, is_interrupted=is_interrupted)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_reason_why_users_end_early_has_its_fix() -> None:
    """As the worker sends it, which knows what happened."""
    made = loaded({})
    last = Batch(0, [], SYSTEM.now(), why="refused", fix="start it", is_done=True)
    made.merge.join("one")
    made.merge.take("one", last)

    with pytest.raises(Problem, match="ended early: refused") as caught:
        hollow.refuse_load(made, is_interrupted=False)
    assert caught.value.fix == "start it"


def test_builds_in_flight_count_against_the_budget() -> None:
    """Many users may initiate before the first response comes."""
    pace = Pace(builds=2, most_bytes=math.inf)
    pace.admit(initiates=True)
    pace.admit(initiates=True)

    with pytest.raises(BudgetSpent, match="MAX_BUILDS"):
        pace.admit(initiates=True)
