"""What a server can answer: too much, too deep, too long, coded twice, or to be retried never."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from ....contract.size import MOST_DEPTH
from ....drivers.http.client import SessionError, decompressed
from ....drivers.http.pace import BudgetSpent, Pace
from ....report import text
from ....rules import RULES
from ....tape.tape import Tape
from ....verdicts.judge import Judge
from ..measured import excess
from . import Attack, Family

URL = "https://images.test/api/v1/images/build/b"
JSON = {"content-type": "application/json"}
# Generous: an ordinary status takes under 2,000 calls and a mebibyte.
MOST_CALLS, MOST_MEBIBYTES = 400_000, 32
MOST_GROUPS, MOST_SHOWN = 60, 100_000
UNFOLDED = 2**16

GROUP = {
    "id": "b", "imageName": "web", "imageTag": "v1", "status": "FAILED",
    "createdAt": "2026-05-04T11:00:00Z", "startedAt": "2026-05-04T11:00:01Z",
    "completedAt": "2026-05-04T11:00:02Z",
}  # fmt: skip
ARTIFACT = {**GROUP, "artifactType": "CONTAINER_IMAGE", "errorMessage": "x", "fullImagePath": None}
WITHOUT = json.dumps(GROUP)[:-1]
PLACES: dict[str, tuple[int, str]] = {
    "artifacts": (200, WITHOUT + ', "artifacts": [%s]}'),
    "an unknown key": (200, WITHOUT + ', "x": [%s]}'),
    "an artifact": (200, WITHOUT + ', "artifacts": [{"id": "a", "x": [%s]}]}'),
    "a time": (200, WITHOUT.replace('"2026-05-04T11:00:00Z"', "[%s]") + "}"),
    "the body": (200, "[%s]"),
    "the errors of a 422": (422, '{"errors": [%s]}'),
    "a body that is not documented": (404, '{"detail": [%s]}'),
}
SHAPES = ["{}", "[]", "0", "null", '""', '{"id": 1}', '{"status": "X"}', '{"a": {"a": 0}}', "[[]]"]
CHARACTERS = {
    "letters": "a", "quotes": '\\"', "controls": "\\u0001", "pairs": "\\ud83d\\ude00",
    "backslashes": "\\\\", "commas": ",", "brackets": "[", "snowmen": "\N{SNOWMAN}", "lines": "\\n",
}  # fmt: skip
VALUES: dict[str, Any] = {
    "a number": 1, "null": None, "a list": [], "an object": {}, "a word": "x", "infinity": 1e999,
    "a long text": "x" * 2000, "a boolean": True,
}  # fmt: skip
DELAYS = [
    "", "0", "-1", "1.5", "NaN", "inf", "1e9", "+5", "9" * 9, "9" * 400, "9" * 5000,
    "\N{ARABIC-INDIC DIGIT THREE}", "\N{SUPERSCRIPT TWO}", "\N{FULLWIDTH DIGIT ONE}", "\x00", ",",
    "(" * 10_000, "\\", "Mon,", "1 2 3 4 5", "0 0 0 0 0", "-- -- --", "1-Jan-20 0.0.0", "12:30",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -2359", "1 Jan 1 0:0:0 --",
    "Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 99999 23:59:59 GMT", "5, 5", "5; q=1",
    "Fri, 99 Dec 2026 99:99:99 +9999", f"Fri, 31 Dec 2026 23:59:59 {'9' * 5000}", "x" * 100_000,
    f"1 Dec {'9' * 5000} 00:00:00 GMT", f"{'9' * 5000} Dec 2026 00:00:00 GMT", "\N{SNOWMAN}",
    "Fri, 31 Dec 2026 23:59:60 GMT", "Mon, 01 Jan 1990 00:00:00 GMT", "\t", "1 Jan -1 0:0:0 +0000",
]  # fmt: skip
CODINGS = [
    "gzip", "x-gzip", "GZIP ", "deflate", "gzip, gzip", "gzip,deflate", "deflate, gzip", "br",
    "gzip, identity", "identity, gzip", "gzip;q=1", "gzip" + ", gzip" * 1000, "\x00", "zstd",
]  # fmt: skip


def _judged(status: int, body: bytes, headers: dict[str, str] = JSON) -> tuple[Judge, str]:
    """Judge two responses like it; return the judge, and what a reader sees."""
    tape, judge = Tape("t"), Judge(RULES.values())
    tape.subscribe(judge.see)
    for _ in range(2):
        tape.record(
            driver="attack", intent="", request=("GET", URL, {"authorization": "Bearer t"}, b""),
            response=(status, headers, body),
        )  # fmt: skip
    return judge, "\n".join(text.failures(one, lambda shown: shown) for one in judge.violated)


def _answer(make: Callable[[], tuple[int, bytes]], rules: set[str] | None = None) -> str | None:
    """Judge a response within the bounds; ``rules`` are those that it has to violate."""
    status, body = make()
    _judged(200, b"{}")  # what is cached after that counts for no attack
    done: list[tuple[Judge, str]] = []
    over = excess(
        lambda: done.append(_judged(status, body)), calls=MOST_CALLS, mebibytes=MOST_MEBIBYTES
    )
    [(judge, shown)] = done
    violated = {one.rule.id for one in judge.violated}
    groups = sum(len(one.groups) for one in judge.violated)
    if rules is not None and violated != rules:
        return f"{sorted(violated)} are violated, not {sorted(rules)}"
    if groups > MOST_GROUPS or len(shown) > MOST_SHOWN:
        return f"{groups} groups, {len(shown)} characters are shown"
    return over


def _many(place: str, shape: str, times: int) -> tuple[int, bytes]:
    status, body = PLACES[place]
    return status, (body % ", ".join([shape] * times)).encode()


def _deep(place: str, opening: str, closing: str, depth: int) -> tuple[int, bytes]:
    status, body = PLACES[place]
    return status, (body % (opening * depth + "0" + closing * depth)).encode()


def _long(key: str, character: str, *, is_artifact: bool) -> tuple[int, bytes]:
    long = json.dumps(ARTIFACT)[:-1] + f', "{key}": "{CHARACTERS[character] * 20_000}"}}'
    if key in ARTIFACT:
        rest = {name: value for name, value in ARTIFACT.items() if name != key}
        long = json.dumps(rest)[:-1] + f', "{key}": "{CHARACTERS[character] * 20_000}"}}'
    return 200, (f'{WITHOUT}, "artifacts": [{long}]}}' if is_artifact else long).encode()


def _invalid(key: str, value: str) -> tuple[int, bytes]:
    rows = [{**ARTIFACT, "id": str(index), key: VALUES[value]} for index in range(300)]
    return 200, json.dumps({**GROUP, "artifacts": rows}).encode()


@cache
def _coded() -> dict[str, bytes]:
    bomb = b" " * 2**23
    once, deflated = gzip.compress(bomb, mtime=0), zlib.compress(bomb)
    return {
        "nothing": b"", "no code": b"{}", "a bomb": once, "a deflated bomb": deflated,
        "a bomb in a bomb": gzip.compress(once, mtime=0), "half a bomb": once[: len(once) // 2],
        "two": gzip.compress(b"{}", mtime=0) * 2, "more behind it": deflated + b"x",
    }  # fmt: skip


def _unfold(name: str, coding: str) -> str | None:
    got: list[bytes] = []

    def work() -> None:
        try:
            got.append(decompressed(_coded()[name], coding, UNFOLDED))
        except SessionError as error:
            got.append(str(error).encode())

    _coded()
    over = excess(work, calls=200, mebibytes=1)
    return over or (f"{len(got[0])} bytes" if len(got[0]) > UNFOLDED else None)


def _delay(value: str, tries: int) -> str | None:
    pace = Pace(deadline=60.0)
    try:
        wait = pace.retry_delay({"retry-after": value}, tries)
    except BudgetSpent:
        return None
    return None if wait is None or 0 <= wait < pace.deadline else f"waits {wait}"


def _dated(value: str) -> str | None:
    _judged(200, json.dumps(GROUP).encode(), {**JSON, "date": value, "retry-after": value})
    return None


def _attacks() -> Iterator[Attack]:
    for place in PLACES:
        for shape in SHAPES:
            few = partial(_answer, partial(_many, place, shape, 300))
            yield Attack("many values", f"300 {shape} in {place}", few)
            many = partial(_answer, partial(_many, place, shape, 101_000), {"P8"})
            yield Attack("too many values", f"101,000 {shape} in {place}", many)
        for opening, closing in (("[", "]"), ('{"a": ', "}")):
            for depth in (MOST_DEPTH // 2, MOST_DEPTH + 1, 400, 40_000):
                rules = {"P8"} if depth > MOST_DEPTH else None
                deep = partial(_answer, partial(_deep, place, opening, closing, depth), rules)
                yield Attack("depth", f"{depth} {opening} in {place}", deep)
    for character in CHARACTERS:
        for key in (*ARTIFACT, "x"):
            for is_artifact in (False, True):
                name = f"{character} in {'an artifact' if is_artifact else 'the group'}'s {key}"
                make = partial(_long, key, character, is_artifact=is_artifact)
                if character == "letters" or not is_artifact:
                    yield Attack("long texts", name, partial(_answer, make))
    for key in ARTIFACT:
        for value in VALUES:
            make = partial(_invalid, key, value)
            yield Attack("many violations", f"{value} for each {key}", partial(_answer, make))
    for coding in CODINGS:
        for name in _coded():
            shown = f"{name}, called {coding[:20]!r}"
            yield Attack("codings", shown, partial(_unfold, name, coding))
    for index, value in enumerate(DELAYS):
        yield Attack("delays", f"Retry-After {index}: {value[:30]!r}", partial(_delay, value, 1))
        yield Attack("dates", f"Date {index}: {value[:30]!r}", partial(_dated, value))


FAMILY = Family(
    "answers",
    "judging, unfolding or waiting for what a server returns takes a bounded number of calls and "
    "bytes, shows a bounded text, and is not silent where something is not read",
    _attacks,
)
