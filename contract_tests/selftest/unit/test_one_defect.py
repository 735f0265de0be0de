"""One defect, one rule: whichever single field of a valid body is invalid, one rule is violated.

A rule that reports what another one reports at the same place makes one cause look like several,
and cannot be waived alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ...contract import fields
from ...contract.api import INITIATE, START, STATUS
from ...contract.openapi import contract
from ...drivers import client as driver
from ..support.story import BUILD, Story, artifact, row
from .test_payloads import WRONG, positions

ABSENT = "absent"
# A text that is not a date-time, one that lacks its offset, a date alone, a leap second.
TEXTS = ["yesterday", "2026-11-24T09:00:07", "2026-11-24", "2026-12-31T23:59:60Z", "2026-11-24T9Z"]
NAIVE = TEXTS[1]
# What cannot be one rule: a time that was set, and that its status needs, is lost.
LOST = {"startedAt": {"T4", "L4"}, "completedAt": {"T5", "L4"}}
_ARTIFACT = contract().document["components"]["examples"]["COMPLETED"]["value"]["artifacts"][0]
COMPLETED = {
    "id": "b", "imageName": "web", "imageTag": "v1", "status": "COMPLETED",
    "createdAt": "2026-11-24T09:00:00Z", "startedAt": "2026-11-24T09:00:03Z",
    "completedAt": "2026-11-24T09:02:31Z",
    "artifacts": [{**_ARTIFACT, "id": "art_b1"}, {**_ARTIFACT, "id": "art_b2"}],
}  # fmt: skip
INVALID = {"errors": [{"param": "image_name", "details": "is missing"}]}


def sound(operation: str) -> dict[str, Any]:
    """Return a sound body of an operation, with every documented field."""
    return driver.example(INITIATE) if operation == INITIATE else COMPLETED


def changed(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """Return a body with another value at a place, or without its key."""
    if not at:
        return value
    made = copy.deepcopy(body)
    target = made
    for part in at[:-1]:
        target = target[part]
    if value == ABSENT:
        del target[at[-1]]
    else:
        target[at[-1]] = value
    return made


def found_at(body: Any, at: tuple[Any, ...]) -> Any:
    """Return what stands at a place of a body."""
    for part in at:
        body = body[part]
    return body


def defects(schema: dict[str, Any], body: Any) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Yield place, value and body for each single field that is not as the schema has it."""
    for at in positions(schema):
        for value in [*WRONG, *TEXTS, *([ABSENT] if at and at[-1] != 0 else [])]:
            made = changed(body, at, value)
            if isinstance(value, dict) and isinstance(found_at(body, at), dict):
                continue  # all of its fields would be missing
            if contract().errors(schema, made):
                yield at, value, made


def schema_of(operation: str, status: int) -> dict[str, Any]:
    """Return the schema of a response."""
    found = contract().response_schema(contract().operations[operation], status)
    assert found is not None
    return found


def violated(operation: str, body: Any, status: int = 0) -> set[str]:
    """Return the rules that a response violates which follows a sound life."""
    story = Story()
    if operation == INITIATE:
        request = {"image_name": "web", "image_tag": "v1"}
        story.send("POST", BUILD, status or 201, body, body=request)
        return set(story.broken)
    story.initiate("b")
    story.upload("b")
    story.start("b", "BUILDING")
    story.now = 300
    story.look("b", COMPLETED)
    content = json.dumps(body).encode()
    method, url = ("GET", f"{BUILD}/b") if operation == STATUS else ("POST", f"{BUILD}/b/start")
    sent: Any = None if operation == STATUS else {}
    story.send(method, url, status or 200, body=sent, received=content)
    return set(story.broken)


def test_the_sound_bodies_violate_nothing() -> None:
    """So that what follows is due to the one field."""
    for operation in (INITIATE, STATUS, START):
        assert violated(operation, sound(operation)) == set()


@pytest.mark.parametrize("operation", [INITIATE, STATUS, START])
def test_one_invalid_field_violates_one_rule(operation: str) -> None:
    """Each invalid value at each place, and each key left out: one rule each."""
    status = contract().operations[operation].success
    unexpected = {
        (at, repr(value)): found
        for at, value, made in defects(schema_of(operation, status), sound(operation))
        if len(found := violated(operation, made)) != 1
    }

    assert unexpected == {}


def test_one_invalid_field_of_a_refusal_violates_p6() -> None:
    """No other rule looks into an ErrorResponse."""
    found = [
        violated(STATUS, made, 422)
        for _, _, made in defects(schema_of(STATUS, 422), INVALID)
    ]  # fmt: skip

    assert len(found) > 40
    assert all(one == {"P6"} for one in found)


@pytest.mark.parametrize("key", list(LOST))
@pytest.mark.parametrize("value", [None, ABSENT])
def test_a_time_that_is_lost_violates_two(key: str, value: Any) -> None:
    """The schema accepts it; the status contradicts it, and so does the response before."""
    assert violated(STATUS, changed(COMPLETED, (key,), value)) == LOST[key]


@pytest.mark.parametrize(("key", "rule"), [("startedAt", "T3"), ("completedAt", "T5")])
@pytest.mark.parametrize("of_what", ["group", "artifact"])
@pytest.mark.parametrize(
    "early",
    [
        "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-11-24T09:00:00Z",
        "2026-11-24T09:30:00+05:30", "9999-12-31T23:59:59Z",
    ],
)  # fmt: skip
def test_a_time_before_its_event_is_one_violation(
    key: str, rule: str, of_what: str, early: str
) -> None:
    """Whatever stands there, and whatever replaces it once its event has come."""
    otherwise = broken_by_life(key, None, of_what)

    assert broken_by_life(key, early, of_what) - otherwise == {rule}


def broken_by_life(key: str, early: str | None, of_what: str) -> set[str]:
    """Return what a build violates where a time stands that its status does not allow."""
    story = Story()

    def body(group: str, one: str) -> dict[str, Any]:
        made = row("b", group, artifacts=[artifact(one)])
        (made if of_what == "group" else made["artifacts"][0]).setdefault(key, early)
        return made

    story.initiate("b")
    story.upload("b")
    story.look("b", body("PENDING", "PENDING"))
    story.start("b", body("BUILDING", "PENDING"))
    story.look("b", body("BUILDING", "BUILDING"))
    story.now = 300
    story.look("b", body("COMPLETED", "COMPLETED"))
    story.look("b", body("COMPLETED", "PENDING"))
    return set(story.broken)


@pytest.mark.parametrize("key", ["createdAt", "startedAt", "completedAt"])
@pytest.mark.parametrize("at", [(), ("artifacts", 1)])
def test_a_naive_time_is_one_violation(key: str, at: tuple[Any, ...]) -> None:
    """T7 alone; and another defect in the same body is reported beside it, by P6."""
    naive = changed(COMPLETED, (*at, key), NAIVE)

    assert violated(STATUS, naive) == {"T7"}
    assert violated(STATUS, changed(naive, ("imageTag",), 7)) == {"T7", "P6"}
    assert violated(STATUS, changed(naive, ("artifacts", 0, "status"), ABSENT)) == {"T7", "P6"}


def test_many_naive_artifacts_hide_nothing() -> None:
    """Behind hundreds of them the one artifact of another kind is found."""
    rows = [{**_ARTIFACT, "id": f"art_{n}", "createdAt": NAIVE} for n in range(400)]
    rows.append({**_ARTIFACT, "id": 7})
    story = Story()
    story.look("b", {**COMPLETED, "artifacts": rows})

    assert set(story.broken) == {"T7", "P6"}
    assert story.places("P6") == ["$.artifacts[400].id"]


def test_naive_times_are_compared_with_each_other_alone() -> None:
    """Not with a clock, and not with a time that has an offset; with another naive one they are."""
    local = {"createdAt": "2026-11-24T18:00:00", "startedAt": "2026-11-24T18:00:03"}
    ahead = {**COMPLETED, **local, "completedAt": "2026-11-24T18:02:31", "artifacts": []}
    story = Story()
    story.look("b", ahead)
    story.look("b", ahead)
    assert set(story.broken) == {"T7"}

    mixed = {**ahead, "completedAt": "2026-11-24T09:02:31Z"}
    story = Story()
    story.look("b", mixed)
    assert set(story.broken) == {"T7"}

    story.look("b", {**mixed, "startedAt": "2026-11-24T17:00:00"})
    assert set(story.broken) == {"T7", "T6", "L4"}


def test_two_defects_of_one_rule_are_two_groups() -> None:
    """Both fields are there, each with its own words of the contract."""
    story = Story()
    story.look("b", {**COMPLETED, "startedAt": "x", "completedAt": "y"})

    assert story.places("T2") == ["$.startedAt", "$.completedAt"]


def test_places_are_those_of_the_contract() -> None:
    """A place has a pointer where an operation documents it, and none elsewhere."""
    known = fields.places(contract())

    assert {"$", "$.artifacts[*].completedAt", "$.errors[*].param", "$.upload_url"} <= set(known)
    assert fields.pointer(contract(), STATUS, 200, "$.artifacts[3].completedAt") == (
        "#/components/schemas/BuildArtifactStatusResponse/properties/completedAt"
    )
    assert fields.pointer(contract(), STATUS, 404, "$.detail") is None
    assert fields.pointer(contract(), STATUS, 200, "the status code") is None
    assert json.dumps(known)


@pytest.mark.parametrize("key", ["build_id", "upload_url"])
@pytest.mark.parametrize("value", [None, 7, [], ABSENT])
def test_two_builds_with_the_same_invalid_id(key: str, value: Any) -> None:
    """P6 alone: what is not a string is not an id that two builds could share."""
    story = Story()
    for build in ("b", "c"):
        issued = {**sound(INITIATE), "build_id": build, "upload_url": f"https://up.test/{build}"}
        made = changed(issued, (key,), value)
        story.send("POST", BUILD, 201, made, body={"image_name": "web", "image_tag": "v1"})

    assert set(story.broken) == {"P6"}


@pytest.mark.parametrize("key", ["startedAt", "completedAt"])
@pytest.mark.parametrize(
    "value", [one for one in [*WRONG, *TEXTS[:1], *TEXTS[2:]] if one is not None]
)
def test_what_is_no_time_on_a_build_that_waits_violates_one(key: str, value: Any) -> None:
    """It is not a date-time; whether it should be set is another question."""
    story = Story()
    story.initiate("b")
    story.look("b", row("b", "PENDING", **{key: value}))

    assert story.broken == ["T2"]


def lived(*returned: dict[str, Any]) -> Story:
    """Return a build that has ended, and the statuses that follow."""
    story = Story()
    story.initiate("b")
    story.upload("b")
    story.start("b", "BUILDING")
    for one in returned:
        story.now += 30
        story.look("b", one)
    return story


# What has to stay, as it is and otherwise.
STAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "completedAt": (
        {"completedAt": "2026-11-24T09:00:04Z"},
        {"completedAt": "2026-11-24T09:00:05Z"},
    ),
    "startedAt": ({"startedAt": "2026-11-24T09:00:03Z"}, {"startedAt": "2026-11-24T09:00:04Z"}),
    "the end": ({}, {"status": "FAILED"}),
    "an artifact": ({"artifacts": [artifact("COMPLETED", "x")]}, {"artifacts": []}),
}


@pytest.mark.parametrize("between", ["a second start", "a new build"])
@pytest.mark.parametrize("has_changed_before", [True, False])
@pytest.mark.parametrize("name", list(STAYS))
def test_what_changes_at_any_time_is_no_effect_of_what_was_requested(
    name: str, has_changed_before: bool, between: str
) -> None:
    """Where it has changed with time alone, too, that is all that is wrong."""
    was, then = (row("b", "COMPLETED") | one for one in STAYS[name])
    story = lived(*([was, then, was] if has_changed_before else [was, was, was]))
    before = set(story.broken)
    story.now = 120.0
    if between == "a second start":
        story.start("b", {"errors": []}, status=409)
    else:
        story.initiate("other")
    story.look("b", then)

    rule = {"a second start": "L7", "a new build": "L13"}[between]
    assert (rule in story.broken) is not has_changed_before
    assert before == ({"the end": {"L2"}}.get(name, {"L4"}) if has_changed_before else set())


@pytest.mark.parametrize("lost_before", [True, False])
def test_a_build_that_gets_lost_is_no_effect_of_a_denied_delete(lost_before: bool) -> None:
    """Where builds are lost that nobody asked to delete, L10 is all that is wrong."""
    story = Story()
    story.initiate("b")
    if lost_before:
        story.look("b", None, status=404)
    story.look("b", "PENDING")
    story.send("DELETE", "https://images.test/api/v1/images/web/v1", 401, token=None)
    story.look("b", None, status=404)

    assert set(story.broken) - {"P6"} == ({"L10"} if lost_before else {"P2", "L10"})
