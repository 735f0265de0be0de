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
from ...payloads import Payload
from ...rules import RULES, Broken, Level
from ...tape.call import Call
from ...tape.exchange import NOT_JSON, Message
from ...tape.tape import Tape

CORPUS = payloads.load()
SET = "2026-11-24T09:00:07Z"
NULLABLE = ["absent", None, SET]


def schema_refuses(payload: Payload) -> bool:
    """Return whether the schema of openapi.yaml refuses it, or it is not application/json."""
    message = Message({"content-type": payload.media_type}, payload.content)
    if message.media_type != "application/json" or message.json is NOT_JSON:
        return True
    operation = contract().operations[payload.operation]
    schema = contract().response_schema(operation, operation.success)
    assert schema is not None
    return bool(contract().errors(schema, message.json))


def broken_rules(payload: Payload) -> dict[str, Broken]:
    """Return what the rules about one response find."""
    operation = contract().operations[payload.operation]
    history = Tape(driver.TOKEN).record(
        driver="payloads",
        intent=payload.title,
        request=(
            operation.method,
            "https://images.test"
            + operation.path.format(build_id="bld_1", image_name="web", image_tag="v1"),
            {"authorization": f"Bearer {driver.TOKEN}", "content-type": "application/json"}, b"{}",
        ),
        response=(operation.success, {"content-type": payload.media_type}, payload.content),
    )  # fmt: skip
    judged = {
        rule.id: list(rule.apply(history)) for rule in RULES.values() if rule.id not in ("P3", "L5")
    }
    return {
        name: next(one for one in found if isinstance(one, Broken))
        for name, found in judged.items()
        if any(isinstance(one, Broken) for one in found)
    }


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


def agree(payload: Payload, caller: driver.Caller) -> None:
    """Assert that schema, rules and client agree with the verdict of a payload."""
    assert schema_refuses(payload) is payload.is_refused

    broken = broken_rules(payload)
    stated = {name for name in broken if RULES[name].level is Level.MUST}
    assert bool(stated) is payload.is_refused, broken

    for how in driver.WAYS:
        call = client_call(payload, caller, how)
        assert (call.raised is not None) is payload.is_refused, call
        if payload.is_refused:
            assert call.raised == "InvalidResponseError"


@pytest.mark.parametrize("payload", CORPUS, ids=lambda payload: payload.title)
def test_judges_agree(payload: Payload, caller: driver.Caller) -> None:
    """Verdict, rule and path are as the corpus has them."""
    agree(payload, caller)

    broken = broken_rules(payload)
    assert set(broken) == ({payload.rule} if payload.rule else set()), broken
    if payload.rule and payload.at and payload.rule != "P1":
        assert broken[payload.rule].at == payload.at
    if payload.is_refused:
        call = client_call(payload, caller, "sync")
        assert payload.at is not None
        assert f": {payload.at}: " in call.message


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

    agree(payload, caller)

    may_start, may_complete = ALLOWED[status]
    makes_sense = ("set" if started == SET else "unset") in may_start.split(" or ")
    makes_sense &= ("set" if completed == SET else "unset") in may_complete.split(" or ")
    assert (not broken_rules(payload)) is makes_sense


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
        is_refused = schema_refuses(payload)
        refused += is_refused
        agree(replace(payload, is_refused=is_refused), caller)

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
