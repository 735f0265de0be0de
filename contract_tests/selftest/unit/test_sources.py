"""Each part of the contract has a source mark, and a failure quotes it under that mark."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from prime_image_builds import models

from scripts.contract_lint import problems
from scripts.contract_lint.sources import NOTES, places, sources
from scripts.generation.annotation import annotated

from ...contract.fields import quotes
from ...contract.openapi import PATH, contract
from ...report import text
from ...rules import RULES, TRAFFIC_RULES, Broken, Level, Rule
from ...tape.tape import Tape
from ...verdicts.judge import Violation

STATED = {"mark": "stated", "in": "openapi-2026-05-25"}
GROUP = "/components/schemas/BuildStatusResponse"
START = "/paths/~1api~1v1~1images~1build~1{build_id}~1start/post"
SCHEMAS = contract().document["components"]["schemas"]
PLACES = [pointer for pointer, _ in places(contract().document)]

WRONG_SOURCES: list[Any] = [
    None, "stated", {}, {"mark": "rumour"}, {"mark": "stated"}, {"in": "openapi-2026-05-25"},
    {"mark": "stated", "in": "openapi-2025-01-01"}, {"mark": "stated", "in": ["x"]},
    {"mark": "stated", "in": "clients-2026-08-19"}, {"mark": "observed"}, {**STATED, "page": 7},
    {"mark": "observed", "in": "openapi-2026-05-25"},
    {"mark": "assumed", "in": "openapi-2026-05-25"}, {"mark": "derived"}, {"mark": ["stated"]},
]  # fmt: skip


def changed(pointer: str, **values: Any) -> list[str]:
    """Return where the lint finds a problem once keys of a place have other values; ... is none."""
    document = copy.deepcopy(contract().document)
    node = document
    for part in pointer.strip("/").split("/"):
        node = node[part.replace("~1", "/")]
    for key, value in values.items():
        name = key.replace("_", "-")
        node.pop(name, None)
        if value is not ...:
            node[name] = value
    return [one.pointer for one in sources(document)]


@pytest.mark.parametrize("pointer", PLACES)
def test_place_without_a_source_is_refused(pointer: str) -> None:
    """Operations, parameters, responses, schemas and properties: none goes without."""
    assert changed(pointer, x_source=...) == [pointer]


def test_lint_asks_for_sources() -> None:
    """They are part of what ``make check`` and the hook check."""
    document = copy.deepcopy(contract().document)
    del document["components"]["schemas"]["ErrorDetail"]["properties"]["param"]["x-source"]

    assert [one.pointer for one in problems(document)] == [
        "/components/schemas/ErrorDetail/properties/param"
    ]


def test_every_property_and_response_is_a_place() -> None:
    """Whatever has a description of the API's own is listed, wherever it stands."""
    text = PATH.read_text(encoding="utf-8")

    assert len(PLACES) == text.count("x-source: {mark")
    assert {"/components/parameters/build_id", "/components/responses/Refused", START, GROUP} | {
        f"{GROUP}/properties/{name}"
        for name in contract().schema("BuildStatusResponse")["properties"]
    } <= set(PLACES)


@pytest.mark.parametrize("source", WRONG_SOURCES, ids=repr)
@pytest.mark.parametrize("pointer", [GROUP, f"{GROUP}/properties/status", START])
def test_invalid_source_is_refused(pointer: str, source: object) -> None:
    """A mark and its source are among those declared, and belong together."""
    assert changed(pointer, x_source=source) == [pointer]


@pytest.mark.parametrize(
    ("at", "values"),
    [
        (GROUP, {"x_derived": ""}),
        (GROUP, {"x_observed": ["x"]}),
        (START, {"x_assumed": None}),
        (GROUP, {"description": "One group. It never ends (observed)."}),
        (START, {"summary": "Start a build (assumed)."}),
        (START, {"description": "Limited to 3 requests (stated on an older page)."}),
        ("/x-sources", {"openapi-2026-05-25": {"mark": "stated"}}),
        ("/x-sources", {"openapi-2027-01-01": {"mark": "assumed", "title": "x"}}),
        ("/x-sources", {"openapi-2027-01-01": "x"}),
    ],
    ids=repr,
)
def test_invalid_note_is_refused(at: str, values: dict[str, Any]) -> None:
    """What is not text, has another name, or stands within a description."""
    assert changed(at, **values) != []


def test_reference_in_the_place_of_a_property_is_refused() -> None:
    """Nothing may stand beside it, so it cannot have a source."""
    reference = {"$ref": "#/components/schemas/ImageBuildStatus"}

    assert changed(f"{GROUP}/properties", status=reference) == [f"{GROUP}/properties/status"]


@pytest.mark.parametrize("source", [STATED, {"mark": "assumed"}])
def test_known_source_is_accepted(source: object) -> None:
    """Each mark has its form."""
    assert changed(GROUP, x_source=source, x_derived="It ends.") == []


def test_quotes_stand_under_their_own_names() -> None:
    """What is stated, and what this project concludes from it, are never one text."""
    both = ("description", "x-derived")
    stated, derived = quotes(contract(), f"#{GROUP}/properties/startedAt", both)

    assert (stated.mark, stated.document, derived.mark, derived.document) == (
        "stated", "openapi-2026-05-25", "derived", "",
    )  # fmt: skip
    assert derived.words not in stated.words
    [assumed] = quotes(contract(), f"#{GROUP}/properties/id", (*both[1:], "x-assumed"))
    [observed] = quotes(contract(), "#/components/responses/Refused", both)
    assert (assumed.mark, observed.mark) == ("assumed", "observed")


SOURCED = {one.id: one for one in (RULES | TRAFFIC_RULES).values() if not one.standard}
UNQUOTED = {"P1", "P5", "P6", "P8", "P9"}
"""Rules that come from what the contract lists, or leaves out, in all its places together."""


@pytest.mark.parametrize("rule", SOURCED.values(), ids=SOURCED)
def test_words_of_a_rule_have_the_mark_that_its_docstring_names(rule: Rule[Any]) -> None:
    """Each key that a rule quotes is in its place, and a MUST rule comes from what is stated."""
    marks = [mark for mark, _, _ in text.quoted(rule, contract(), rule.source)]
    named = re.search(r"^ *Source: (\w+)", rule.judge.__doc__ or "", re.MULTILINE)

    assert len(marks) == (0 if rule.id in UNQUOTED else len(rule.quotes))
    assert named
    assert not marks or named[1] in marks
    assert rule.level is not Level.MUST or {*marks} <= {"stated"}


@pytest.mark.parametrize("rule", [*RULES.values()], ids=[*RULES])
def test_failure_names_our_own_words_as_ours(rule: Rule[Any]) -> None:
    """A line of a failure that is called stated holds what is stated, and no note of ours."""
    at = Broken("the status code", "x", "y")
    history = Tape("token").record(
        driver="test", intent="test",
        request=("GET", "http://a.test/", {}, b""), response=(200, {}, b""),
    )  # fmt: skip
    lines = text.single(Violation(rule, at, history.last), str).splitlines()
    if rule.standard:
        assert f"  standard  {rule.standard}" in lines
        return

    for quote in quotes(contract(), rule.source, rule.quotes):
        [name] = {line.split()[0] for line in lines if f'"{quote.words}"' in line}
        assert name == quote.mark or (name == "derived" and rule.level is not Level.MUST)
        assert name == quote.mark or quote.mark == "stated"


def test_descriptions_of_the_client_keep_the_marks() -> None:
    """What the generator reads has each note after the description, under its name."""
    made = annotated(contract().document)
    described = 0
    for pointer, node in places(contract().document):
        again = made
        for part in pointer.strip("/").split("/"):
            again = again[part.replace("~1", "/")]
        for note in NOTES:
            if note in node:
                described += 1
                name = note.removeprefix("x-").title()
                assert re.search(rf"\b{name}: {re.escape(node[note])}", again["description"])
        assert again.get("description", "").startswith(node.get("description", "").strip())

    assert described > 10
    assert "Derived:" not in str(contract().document)


@pytest.mark.parametrize("name", [one for one in models.__all__ if one in SCHEMAS])
def test_attribute_is_described_as_its_property(name: str) -> None:
    """Not as its type, if that is an enum."""
    shown = " ".join((getattr(models, name).__doc__ or "").split())

    for key, node in SCHEMAS[name].get("properties", {}).items():
        described = " ".join(node["description"].split())
        assert re.search(rf" \w+: {re.escape(described)}", shown), key
