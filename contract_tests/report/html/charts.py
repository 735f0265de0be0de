"""What is seen at a glance: the matrix of statuses and times, each build's way, latencies."""

from __future__ import annotations

import itertools
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ...contract.api import Api
from ...escape import line
from ...rules import chosen
from ...tape.exchange import Exchange
from ...tape.tape import Tape
from ...verdicts import coverage
from ...verdicts.coverage import ROWS, STATES, Cell
from ...verdicts.judge import Judge
from ..text import hidden
from .exchanges import short
from .subject import Subject

MOST_BUILDS, MOST_STEPS = 60, 200
WIDTH, STEP = 600, 16
"""Units of a drawing: its width, and the height of a status above the one before it."""

_MATRIX_RULES = ("T3", "T4", "T5")
_TIME = "2026-01-01T00:00:0{}Z"


@dataclass(frozen=True)
class Square:
    """One cell of the matrix.

    Attributes:
        kind: ``seen``, ``legal`` where it was not seen, ``forbidden``, or ``broken`` where a
            forbidden one was seen.

    """

    count: int
    kind: str


@dataclass(frozen=True)
class Matrix:
    """A table: its columns are pairs of startedAt and completedAt, its rows statuses."""

    row: str
    states: tuple[str, ...]
    columns: list[tuple[str, str]]
    lines: list[tuple[str, list[Square]]]


@dataclass(frozen=True)
class Point:
    """One status of a build, at a place of a drawing; ``is_back`` after one further on."""

    x: float
    y: float
    status: str
    number: int
    seconds: float
    is_back: bool


@dataclass(frozen=True)
class Way:
    """The statuses of one build in time.

    Attributes:
        said: The statuses in order, in words.
        path: The line of the drawing.

    """

    build: str
    said: str
    seconds: float
    points: list[Point]
    path: str
    height: float
    is_back: bool


@dataclass(frozen=True)
class Latency:
    """How long an operation took, in milliseconds."""

    operation: str
    count: int
    median: float
    high: float
    most: float


def matrices(subject: Subject) -> list[Matrix]:
    """Return the matrix of groups and that of artifacts."""
    if subject.tape is None:
        return []
    seen, api = coverage.observed(subject.tape.exchanges), subject.tape.api
    columns = list(itertools.product(STATES, STATES))
    return [
        Matrix(row, STATES, columns, [
            (status, [_square(seen, api, Cell(row, status, *times)) for times in columns])
            for status in api.statuses
        ])
        for row in ROWS
    ]  # fmt: skip


def _square(seen: Counter[Cell], api: Api, cell: Cell) -> Square:
    count = seen[cell]
    if cell in _forbidden(api):
        return Square(count, "broken" if count else "forbidden")
    return Square(count, "seen" if count else "legal")


@cache
def _forbidden(api: Api) -> frozenset[Cell]:
    """Return the cells that the rules on timestamps forbid, as they judge them."""
    found: set[Cell] = set()
    for row, status, started, completed in itertools.product(ROWS, api.statuses, STATES, STATES):
        if _is_broken(api, cell := Cell(row, status, started, completed)):
            found.add(cell)
    return frozenset(found)


def _is_broken(api: Api, cell: Cell) -> bool:
    names = api.build
    values = dict(zip(names.times[1:], (cell.started, cell.completed), strict=True))
    body: dict[str, object] = {names.status: cell.status, names.created: _TIME.format(0)}
    for number, (name, state) in enumerate(values.items(), start=1):
        if state != "absent":
            body[name] = _TIME.format(number) if state == "set" else None
    tape, judge = Tape("", api=api), Judge(chosen(_MATRIX_RULES))
    if cell.row != "group":
        running = next(one for one in api.statuses if api.phase(one) == "running")
        body = {names.status: running, names.started: _TIME.format(0), names.artifacts: [body]}
    tape.subscribe(judge.see)
    operation = api.contract.operations[api.status]
    url = f"http://host{operation.path.replace(f'{{{api.path_id}}}', 'id')}"
    tape.record(
        driver="", intent="", request=(operation.method, url, {}, b""),
        response=(200, {"content-type": "application/json"}, json.dumps(body).encode()),
    )  # fmt: skip
    return bool(judge.violated)


def timelines(subject: Subject) -> list[Way]:
    """Return the ways of the builds; those that go backwards come first."""
    if subject.tape is None:
        return []
    builds: defaultdict[str, list[Exchange]] = defaultdict(list)
    for exchange in subject.tape.exchanges:
        if exchange.build_id is not None and exchange.rows:
            builds[exchange.build_id].append(exchange)
    ways = [_way(subject, build, seen) for build, seen in itertools.islice(builds.items(), 1000)]
    return sorted(ways, key=lambda one: not one.is_back)[:MOST_BUILDS]


def _way(subject: Subject, build: str, seen: list[Exchange]) -> Way:
    first, last = seen[0].ended, seen[-1].ended
    seconds = max((last - first).total_seconds(), 0.001)
    api = seen[0].api
    top = max(api.rank(status) or 0 for status in api.statuses)
    points: list[Point] = []
    rank = before = 0
    for exchange in _changes(seen):
        status = exchange.rows[0].status
        known = api.rank(status)
        before, rank = rank, rank if known is None else known
        at = (exchange.ended - first).total_seconds()
        x = 8 + (WIDTH - 16) * max(0.0, min(1.0, at / seconds))
        shown = line(hidden(str(status), subject.hide))[:60]
        is_back = rank < before
        points.append(Point(x, 8 + STEP * (top - rank), shown, exchange.number, at, is_back))
    path = f"M {points[0].x:.1f} {points[0].y:.1f}"
    for one in points[1:]:
        path += f" H {one.x:.1f} V {one.y:.1f}"
    statuses = [one.status for one in points]
    said = " → ".join(status for status, _ in itertools.groupby(statuses))
    is_back = any(one.is_back for one in points)
    name = short(build, subject.hide)
    return Way(name, said, seconds, points, path, 16 + STEP * top, is_back)


def _changes(seen: list[Exchange]) -> Iterator[Exchange]:
    """Yield the first and the last exchange of each status in a row, up to a number."""
    runs = itertools.groupby(seen, key=lambda exchange: str(exchange.rows[0].status))
    for _, run in itertools.islice(runs, MOST_STEPS):
        first, *others = run
        yield first
        yield from others[-1:]


def latencies(subject: Subject) -> list[Latency]:
    """Return how long each operation took."""
    if subject.tape is None or subject.is_virtual:
        return []
    taken: defaultdict[str, list[float]] = defaultdict(list)
    for exchange in subject.tape.exchanges:
        if exchange.is_answered:
            milliseconds = (exchange.ended - exchange.began).total_seconds() * 1000
            taken[exchange.operation or "other"].append(milliseconds)
    return [
        Latency(name, len(all_), statistics.median(all_), _high(all_), max(all_))
        for name, all_ in taken.items()
    ]


def _high(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]
