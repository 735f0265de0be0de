"""Each part of the contract has a source mark, and a failure quotes it under that mark."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from scripts.contract_lint import problems
from scripts.contract_lint.sources import NOTES, places, sources
from scripts.generation.annotation import annotated

from ...contract.fields import quotes
from ...contract.openapi import PATH, contract
from ...report import text
from ...rules import RULES, Broken, Level
from ...tape.tape import Tape
from ...verdicts.judge import Violation

STATED = {"mark": "stated", "in": "openapi-2026-05-25"}
GROUP = "/components/schemas/BuildStatusResponse"
START = "/paths/~1api~1v1~1images~1build~1{build_id}~1start/post"
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
    stated, derived = quotes(contract(), f"#{GROUP}/properties/startedAt")

    assert (stated.mark, stated.document, derived.mark, derived.document) == (
        "stated", "openapi-2026-05-25", "derived", "",
    )  # fmt: skip
    assert derived.words not in stated.words
    assert quotes(contract(), f"#{GROUP}/properties/id")[-1].mark == "assumed"
    assert quotes(contract(), "#/components/responses/Refused")[0].mark == "observed"


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.level is Level.MUST])
def test_rule_that_binds_is_stated(rule: Any) -> None:
    """A MUST rule comes from what is stated; where it points at no words, it quotes none."""
    assert quotes(contract(), rule.source)[0].mark == "stated"


@pytest.mark.parametrize("rule", list(RULES.values()), ids=lambda rule: rule.id)
def test_failure_names_our_own_words_as_ours(rule: Any) -> None:
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

    for quote in quotes(contract(), rule.source):
        names = {line.split()[0] for line in lines if quote.words and f'"{quote.words}"' in line}
        stated = {"stated"} if rule.level is Level.MUST else {"stated", "derived"}
        assert names <= (stated if quote.mark == "stated" else {quote.mark})
        assert names or not quote.words or rule.level is Level.MUST


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
