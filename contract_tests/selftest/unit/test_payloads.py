"""Three judges agree on every payload: the schema, the client (sync and async), and the rules."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from ... import payloads
from ...contract.api import IMAGES, START, STATUS
from ...contract.openapi import contract
from ...drivers import client as driver
from ...gate import corpus
from ...gate.corpus import Judged
from ...payloads import Payload
from ...tape.call import Call
from ...tape.tape import Tape

CORPUS = payloads.load()
SET = "2026-11-24T09:00:07Z"
NULLABLE = ["absent", None, SET]


@pytest.fixture(scope="module")
def caller() -> Iterator[driver.Caller]:
    """Return the call of a client that gets this response."""
    with driver.Caller(Tape(driver.TOKEN)) as made:
        yield made


def client_call(payload: Payload, caller: driver.Caller, how: str) -> Call:
    """Let the client be answered so; return what it did."""
    operation = contract().operations[payload.operation]
    headers = {"Content-Type": payload.media_type} if payload.media_type else {}
    answer = httpx.Response(operation.success, content=payload.content, headers=headers)
    stimulus = driver.Stimulus(payload.title, payload.operation, answer)
    return caller.call(stimulus, how)


def judged(payload: Payload, caller: driver.Caller) -> Judged:
    """Return what the judges make of a payload, and check that they agree with its verdict."""
    [one] = corpus.judged([client_call(payload, caller, how) for how in driver.WAYS], [payload])

    assert one.opinions == {payload.is_refused}, one
    assert one.is_agreed
    assert len(one.calls) == len(driver.WAYS)
    if payload.is_refused:
        assert {call.raised for call in one.calls} == {"InvalidResponseError"}
    return one


@pytest.mark.parametrize("payload", CORPUS, ids=lambda payload: payload.title)
def test_judges_agree(payload: Payload, caller: driver.Caller) -> None:
    """Verdict, rule and path are as the corpus has them."""
    one = judged(payload, caller)

    broken = {rule.id: found for rule, found in one.broken}
    assert set(broken) == ({payload.rule} if payload.rule else set()), broken
    if payload.rule and payload.at and payload.rule != "P1":
        assert broken[payload.rule].at == payload.at
    if payload.is_refused:
        assert payload.at is not None
        assert f": {payload.at}: " in one.calls[0].message


def test_corpus_breaks_each_rule_of_a_body() -> None:
    """Each rule that looked at one body from the beginning has a payload."""
    of_bodies = {"P1", "P6", "P8", "S1", "S2", "T1", "T2", "T3", "T4", "T5"}
    of_bodies |= {"S3", "S4", "S6", "S7", "S8", "T6", "T9"}

    assert of_bodies - {payload.rule for payload in CORPUS} == set()


# What openapi.yaml's x-phase and the rules T3 to T5 come to, written out by hand: for each status,
# whether startedAt and completedAt may be unset, and may be set.
ALLOWED = {
    "PENDING": ("unset", "unset"),
    "UPLOADING": ("unset", "unset"),
    "BUILDING": ("set", "unset"),
    "COMPLETED": ("set", "set"),
    "FAILED": ("set or unset", "set"),
    "CANCELLED": ("set or unset", "set"),
}


def test_no_status_is_known_that_is_none() -> None:
    """A removed status needs no line above; test_house requires one for a new status."""
    assert [one for one in ALLOWED if one not in IMAGES.statuses] == []


@pytest.mark.parametrize("where", ["group", "artifact"])
@pytest.mark.parametrize(
    ("status", "started", "completed"), list(itertools.product(ALLOWED, NULLABLE, NULLABLE))
)
def test_every_combination(
    where: str, status: str, started: Any, completed: Any, caller: driver.Caller
) -> None:
    """Each status with each timestamp absent, null and set: all are well-formed, few make sense."""
    row: dict[str, Any] = {"id": "x_1", "status": status, "createdAt": "2026-11-24T09:00:00Z"}
    times = {"startedAt": started, "completedAt": completed}
    row |= {key: value for key, value in times.items() if value != "absent"}
    group: dict[str, Any] = {"imageName": "web", "imageTag": "v1"} | row
    if where == "artifact":
        row["fullImagePath"] = "registry.example/acme/web:v1"
        group |= {"status": "PENDING", "startedAt": None, "completedAt": None, "artifacts": [row]}
    content = json.dumps(group).encode()
    payload = Payload("combination", STATUS, content, "application/json", False, None, None)

    one = judged(payload, caller)

    may_start, may_complete = ALLOWED[status]
    makes_sense = ("set" if started == SET else "unset") in may_start.split(" or ")
    makes_sense &= ("set" if completed == SET else "unset") in may_complete.split(" or ")
    assert (not one.broken) is makes_sense


WRONG = [None, True, 7, 1.5, "", "x", [], ["x"], {}, {"x": 1}]


def positions(schema: dict[str, Any], at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every property below a schema, by its path; an array by its first entry."""
    schema = contract().at(schema["$ref"]) if "$ref" in schema else schema
    found = [at]
    for name, given in schema.get("properties", {}).items():
        found += positions(given, (*at, name))
    if "items" in schema:
        found += positions(schema["items"], (*at, 0))
    return found


def misplaced() -> list[Any]:
    """Put each invalid value in each place of each success."""
    cases = []
    for operation in contract().operations.values():
        schema = contract().response_schema(operation, operation.success)
        assert schema is not None
        for at in positions(schema):
            cases += [(operation.name, at, value) for value in WRONG]
    return cases


@pytest.mark.parametrize("operation", list(contract().operations))
def test_invalid_type_at_every_position(operation: str, caller: driver.Caller) -> None:
    """A value of another type in any place: schema, rules and client agree."""
    sound = {**driver.example(operation if operation != START else STATUS)}
    if operation in (START, STATUS):
        row = contract().document["components"]["examples"]["COMPLETED"]["value"]["artifacts"][0]
        sound = sound | {
            "startedAt": SET,
            "completedAt": SET,
            "status": "COMPLETED",
            "artifacts": [row],
        }
    refused = 0
    for name, at, value in misplaced():
        if name != operation:
            continue
        body = json.loads(json.dumps(sound))
        if not at:
            body = value
        else:
            target = body
            for part in at[:-1]:
                target = target[part]
            target[at[-1]] = value
        content = json.dumps(body).encode()
        payload = Payload(
            f"{at}={value}", operation, content, "application/json", False, None, None
        )
        [alone] = corpus.judged([], [payload])
        refused += bool(alone.invalid)
        judged(replace(payload, is_refused=bool(alone.invalid)), caller)

    assert refused > 20


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"title": "x", "body": {}}, "not an entry"),
        ({"title": "x", "verdict": "maybe", "body": {}}, "not an entry"),
        ({"title": "x", "verdict": "accept", "bdy": {}}, "not an entry"),
        ({"title": "x", "verdict": "accept"}, "give one of"),
        ({"title": "x", "verdict": "accept", "raw": "", "body": {}}, "give one of"),
        ({"title": "x", "verdict": "accept", "body": []}, "must be objects"),
    ],
)
def test_invalid_entry_raises(entry: dict[str, object], message: str) -> None:
    """A slip in the corpus is an error, and no silent pass."""
    with pytest.raises(ValueError, match=message):
        payloads._payload(entry, {"base": {}})
