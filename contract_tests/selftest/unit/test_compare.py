"""Each pair of the corpus has the expected differences, and the docs list each kind."""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema_rs.canonical import Containment
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from ... import cli
from ...contract import documents
from ...contract.openapi import PATH
from ...openapi_diff import KINDS, Breaks, Difference, Document, differences, load
from ...problems import Exit

ROOT = PATH.parent
HERE = Path(__file__).parents[1] / "support/compare"
SPELLINGS = documents.load(HERE / "spellings.yaml")
EXCHANGES = documents.load(HERE / "exchanges.yaml")
CONTRACT = documents.load(PATH)
# Examples are slow to hold against their schemas, and play no part.
SPARE = json.loads(json.dumps(CONTRACT).replace('"examples":', '"x-was":'))
SPARE["components"]["examples"] = CONTRACT["components"]["examples"]
DOCS = (ROOT / "docs/compare.md").read_text()

# What the spellings refer to.
SCHEMAS = {
    "Colour": {"type": "string", "enum": ["red", "green"]},
    "Alias": {"$ref": "#/components/schemas/Colour"},
    "Text": {"type": "string"},
    "Tree": {
        "type": "object",
        "properties": {
            "size": {"type": "integer"},
            "branches": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
    },
    "Pair": {
        "type": "object",
        "required": ["left", "right"],
        "properties": {"left": {"type": "string"}, "right": {"type": "string"}},
    },
}
# What no set of values shows: the meaning of a missing field, a field that readers need, a notice.
BEYOND_VALUES = ("default-", "field-added", "field-removed", "deprecated")


def small(schema: dict[str, Any], way: str, version: str = "3.1.0") -> Document:
    """Return a document that has a schema as a field of a request, or of a response."""
    body = {"content": {"application/json": {"schema": {"properties": {"x": schema}}}}}
    operation = {
        "requestBody": body if way == "request" else {"content": {"application/json": {}}},
        "responses": {"200": {"description": "", **(body if way == "response" else {})}},
    }
    root = {
        "openapi": version,
        "info": {"title": "", "version": ""},
        "paths": {"/things": {"post": operation}},
        "components": {"schemas": SCHEMAS},
    }
    return Document(copy.deepcopy(root), way)


def edited(root: dict[str, Any], edits: dict[str, Any]) -> dict[str, Any]:
    """Return a document with edits made to it."""
    root = copy.deepcopy(root)
    for pointer, value in edits.items():
        *parts, last = [part.replace("~1", "/") for part in pointer.split("/")[1:]]
        node = root
        for part in parts:
            node = node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return root


def kinds_of(found: list[Difference]) -> list[tuple[str, str]]:
    """Return the kinds, and whom they break, each once and in an order of their own."""
    return sorted({(one.kind, str(one.breaks)) for one in found})


def exchange(case: dict[str, Any]) -> tuple[Document, Document]:
    """Return both documents of a case."""
    base = edited(CONTRACT, case.get("base", {}))
    return Document(base, "base"), Document(edited(base, case.get("edit", {})), "revision")


def pairs() -> list[tuple[str, Document, Document, list[tuple[str, str]]]]:
    """Return each pair of the corpus, with the differences to report."""
    found = []
    for case in SPELLINGS:
        for column, way in enumerate(("response", "request")):
            base, revision = (
                small(case[key], way, version)
                for key, version in (("base", "3.1.0"), ("revision", case.get("version", "3.1.0")))
            )
            kinds = [(kind, str(KINDS[kind][column])) for kind in case.get("expect", [])]
            found.append((f"{case['title']}, in a {way}", base, revision, sorted(kinds)))
    for case in EXCHANGES:
        kinds = sorted(case.get("expect", {}).items())
        found.append((case["title"], *exchange(case), kinds))
    return found


PAIRS = pairs()


def found_in(title: str, base: Document, revision: Document) -> list[Difference]:
    """Return the differences of a pair."""
    every = any(case["title"] == title and case.get("every") for case in EXCHANGES)
    return differences(base, revision, every=every)


@pytest.mark.parametrize(
    ("title", "base", "revision", "expected"), PAIRS, ids=[p[0] for p in PAIRS]
)
def test_pairs(
    title: str, base: Document, revision: Document, expected: list[tuple[str, str]]
) -> None:
    """Exactly the expected differences are reported, at places that exist in the documents."""
    found = found_in(title, base, revision)

    assert kinds_of(found) == expected
    for one in found:
        for document, pointer in ((base, one.base_at), (revision, one.revision_at)):
            node: Any = document.root
            for part in pointer.split("/")[1:]:
                key = part.replace("~1", "/").replace("~0", "~")
                node = node[int(key) if isinstance(node, list) else key]
            assert pointer


@pytest.mark.slow
def test_documents_are_valid() -> None:
    """Each document of the corpus is one that OpenAPI allows."""
    failed = []
    for version, validator in (("3.0", OpenAPIV30SpecValidator), ("3.1", OpenAPIV31SpecValidator)):
        gathered = small({}, "response", f"{version}.0")
        for case in SPELLINGS:
            for key in ("base", "revision"):
                if (case.get("version", "3.1")[:3] if key == "revision" else "3.1") == version:
                    name = re.sub(r"\W", "_", f"{case['title']} {key}")
                    gathered.root["components"]["schemas"][name] = case[key]
        failed += [error.message for error in validator(gathered.root).iter_errors()]
    for case in (one for one in EXCHANGES if not one.get("invalid")):
        revision = edited(edited(SPARE, case.get("base", {})), case.get("edit", {}))
        errors = OpenAPIV31SpecValidator(revision).iter_errors()
        failed += [f"{case['title']}: {error.message}" for error in errors]

    assert failed == []


LONG = "words of some length; " * 20
# Each forbids nothing, or says nothing about values.
WITHOUT_EFFECT: list[dict[str, Any]] = [
    {"pattern": ""}, {"pattern": "^"}, {"pattern": ".*"}, {"format": ""}, {"minLength": 0},
    {"minItems": 0}, {"minProperties": 0}, {"uniqueItems": False}, {"required": []},
    {"additionalProperties": {}}, {"items": {}}, {"not": False}, {"contains": {}, "minContains": 0},
    {"maxContains": 0}, {"dependentRequired": {}}, {"patternProperties": {}},
    {"propertyNames": {"pattern": "", "description": "$"}}, {"unevaluatedProperties": True},
    {"markdownDescription": "costs $5"}, {"enumDescriptions": [LONG]}, {"additionalItems": False},
    {"title": LONG}, {"$comment": LONG}, {"$dynamicAnchor": "here"},
]  # fmt: skip
# The same, within a keyword that is compared as a whole.
OPAQUE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"prefixItems": [{"type": "integer"}]}, {"prefixItems": [{"type": "integer", "title": LONG}]}),
    (
        {"patternProperties": {"^description$": {"type": "integer"}}},
        {"patternProperties": {"^description$": {"type": "integer", "description": LONG}}},
    ),
    (
        {"not": {"properties": {"title": {"anyOf": [{"pattern": "^a$"}]}}}},
        {"not": {"properties": {"title": {"anyOf": [{"pattern": "^a$", "description": LONG}]}}}},
    ),
]
# The nearest that have an effect.
WITH_EFFECT: list[tuple[dict[str, Any], str]] = [
    ({"pattern": "^.*$"}, "pattern-added"), ({"pattern": " "}, "pattern-added"),
    ({"format": "uuid"}, "format-added"), ({"minLength": 1}, "bound-tightened"),
    ({"maxLength": 0}, "bound-tightened"), ({"minItems": 1}, "bound-tightened"),
    ({"uniqueItems": True}, "bound-tightened"), ({"not": {"pattern": "a$"}}, "keyword-tightened"),
    ({"contains": {}}, "keyword-tightened"),
    ({"dependentRequired": {"a": ["b"]}}, "keyword-tightened"),
    ({"dependencies": {"a": ["b"]}}, "keyword-tightened"),
    ({"propertyNames": {"pattern": "^a$"}}, "keyword-tightened"),
    ({"prefixItems": [{"type": "string", "description": LONG}]}, "keyword-tightened"),
    ({"not": {"properties": {"title": {"type": "string"}}}}, "keyword-tightened"),
    ({"not": {"$ref": "#/components/schemas/Text"}}, "keyword-changed"),
]  # fmt: skip
ANY = ["string", "integer", "array", "object"]


def brief(value: object) -> str:
    """Return the id of a case."""
    return str(value)[:60]


@pytest.mark.parametrize("way", ["request", "response"])
@pytest.mark.parametrize(
    ("base", "revision"), [*(({}, one) for one in WITHOUT_EFFECT), *OPAQUE], ids=brief
)
def test_keyword_without_effect_is_no_difference(
    base: dict[str, Any], revision: dict[str, Any], way: str
) -> None:
    """Added and taken away, with a type and beside a reference."""
    for one, other in ((base, revision), (revision, base)):
        for key, value in (("type", ANY), ("$ref", "#/components/schemas/Text")):
            documents_ = small({key: value, **one}, way), small({key: value, **other}, way)
            assert differences(*documents_) == []


@pytest.mark.parametrize(("keyword", "kind"), WITH_EFFECT, ids=brief)
def test_keyword_with_effect_is_a_difference(keyword: dict[str, Any], kind: str) -> None:
    """However like one without effect it is."""
    found = differences(
        small({"type": ANY}, "response"), small({"type": ANY, **keyword}, "response")
    )

    assert [one.kind for one in found] == [kind]


@pytest.mark.parametrize(
    ("value", "shown"), [("", '""'), (" ", '" "'), ("a b", "a b"), ('"', '\\"'), (0, "0")]
)
def test_value_of_an_enum_is_shown_where_it_is_blank(value: object, shown: str) -> None:
    """A blank text is in quotes, others are as they are."""
    base, revision = ({"enum": ["a", *more]} for more in ([], [value]))
    found = differences(small(base, "response"), small(revision, "response"))
    [added] = [one for one in found if one.kind == "value-added"]

    assert (added.revision, added.subject) == (shown, shown)


def test_titles_are_unique() -> None:
    """No two pairs have one name, and there are enough of them."""
    titles = [case["title"] for case in SPELLINGS + EXCHANGES]

    assert sorted(set(titles)) == sorted(titles)
    assert sum(bool(case.get("expect")) for case in SPELLINGS + EXCHANGES) >= 40


def test_each_kind_has_a_pair() -> None:
    """Each kind is met in the corpus, each way that it can be met."""
    met = {kind for *_, expected in PAIRS for kind in expected}
    known = {(kind, str(one)) for kind, both in KINDS.items() for one in both if one is not None}

    assert met == known


def test_docs_have_each_kind() -> None:
    """The table of the docs has each kind, and whom it breaks."""
    rows = re.findall(r"^\| (`.*) \| .* \| (\S+) \| (\S+) \|$", DOCS, re.MULTILINE)
    documented = [
        (kind, response, request)
        for kinds, response, request in rows
        for kind in re.findall(r"`([a-z-]+)`", kinds)
    ]
    known = [
        (kind, *("—" if one is None else str(one) for one in both)) for kind, both in KINDS.items()
    ]

    assert sorted(documented) == sorted(known)


def test_directions_agree_with_another_judge() -> None:
    """jsonschema_rs agrees whether clients or servers meet values that are not admitted."""
    failed: list[str] = []
    decided = 0
    for case in SPELLINGS:
        kinds = case.get("expect", [])
        if "version" in case or "nullable" in str(case["revision"]) or "format" in str(case):
            continue
        if case["title"].endswith("without a type"):
            continue  # read as generators do
        if any(part in kind for kind in kinds for part in BEYOND_VALUES):
            continue
        base, revision = (
            jsonschema_rs.canonicalize({**case[key], "components": {"schemas": SCHEMAS}})
            for key in ("base", "revision")
        )
        affected = {str(KINDS[kind][0]) for kind in kinds}
        for judged, whom in (
            (base.covers(revision), "clients"),
            (revision.covers(base), "servers"),
        ):
            if judged is not Containment.UNKNOWN:
                failed += [case["title"]] * (
                    (judged is Containment.YES) == bool(affected & {whom, "both"})
                )
                decided += 1

    assert failed == []
    assert decided > 100


def test_paths_are_found_under_another_base_path() -> None:
    """Paths under a server's base path are those of the base; without any, that is a difference."""
    base = Document(CONTRACT, "base")
    moved = copy.deepcopy(CONTRACT)
    moved["paths"] = {k.removeprefix("/api/v1"): v for k, v in CONTRACT["paths"].items()}
    moved["servers"] = [{"url": "/api/v1/"}]
    bare = {**moved, "servers": []}

    assert differences(base, Document(moved, "moved")) == []
    assert kinds_of(differences(base, Document(bare, "bare"))) == [("base-path", "nobody")]


def test_moved_field_is_reported_with_its_new_place() -> None:
    """A field that moved from the group to the artifacts is reported as moved."""
    found = differences(load(str(HERE / "second.yaml")), load(str(HERE / "third.yaml")))
    moved = {
        one.places[0].rpartition(".")[2]: one.revision for one in found if one.kind[:6] == "field-"
    }

    assert moved["errorMessage"] == "moved to $.artifacts[].errorMessage"
    assert found[0].breaks is Breaks.CLIENTS


def test_change_of_a_shared_component_is_reported_once() -> None:
    """What several operations share is one difference, with each place where it is met."""
    pointer = "/components/schemas/BuildStatusResponse/properties/createdAt/type"
    revision = Document(edited(CONTRACT, {pointer: "integer"}), "revision")
    [found] = differences(Document(CONTRACT, "base"), revision)

    assert found.places == (
        "get_build_status 200 $.createdAt",
        "start_image_build 200 $.createdAt",
    )
    assert found.base_at == found.revision_at == pointer.removesuffix("/type")


@pytest.mark.parametrize(
    "written",
    [
        {"$ref": "#/components/schemas/Colour"},
        {"$ref": "#/components/schemas/Alias"},
        {"description": "Its colour.", "allOf": [{"$ref": "#/components/schemas/Colour"}]},
        {"allOf": [{"allOf": [{"$ref": "#/components/schemas/Alias"}]}], "x-source": "a"},
    ],
    ids=str,
)
def test_one_component_is_one_however_it_is_referred_to(written: dict[str, Any]) -> None:
    """A lone reference in an allOf, with a description beside it, is that reference."""
    documents = []
    for colour in ("red", "blue"):
        document = copy.deepcopy(small({"$ref": "#/components/schemas/Colour"}, "response").root)
        document["components"]["schemas"]["Colour"]["enum"][0] = colour
        body = json.loads(
            json.dumps(document).replace(
                '"properties": {"x": ', '"properties": {"y": ' + json.dumps(written) + ', "x": '
            )
        )
        documents.append(Document(body, colour))
    found = [one for one in differences(*documents) if one.kind == "value-added"]

    assert [len(one.places) for one in found] == [2]


def test_added_operation_is_counted_where_it_is_not_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It breaks nobody, and is reported."""
    revision = copy.deepcopy(CONTRACT)
    revision["paths"]["/api/v1/images"] = {"get": {"responses": {"200": {"description": "x"}}}}
    (tmp_path / "revision.json").write_text(json.dumps(revision))

    assert cli.main(["compare", str(tmp_path / "revision.json")]) == Exit.OK
    assert "1 more: --all" in capsys.readouterr().out
    assert cli.main(["compare", str(tmp_path / "revision.json"), "--all"]) == Exit.OK
    assert "--all" not in capsys.readouterr().out


def examples() -> list[tuple[str, str]]:
    """Return each command of the docs, with the output printed there."""
    blocks = re.findall(r"```console\n\$ (.*?)\n(.*?)```", DOCS, re.DOTALL)
    return [
        (command, text)
        for command, text in blocks
        if command.startswith(".venv/bin/python -m contract_tests")
    ]


@pytest.mark.parametrize("number", range(3))
def test_docs_are_what_is_printed(
    number: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worked example of the docs has the documented output and exit code."""
    monkeypatch.chdir(ROOT)
    command, text = examples()[number]
    ended = cli.main(shlex.split(command.partition(";")[0])[3:])

    assert capsys.readouterr().out + f"{ended}\n" == text


def test_json_has_every_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the verdict, and each field of each difference."""
    files = ["--contract", str(HERE / "first.yaml"), str(HERE / "second.yaml")]
    ended = cli.main(["compare", *files, "--json"])
    report = json.loads(capsys.readouterr().out)

    assert ended == Exit.OK
    assert report["verdict"] == "compatible"
    assert report["differences"] == [
        {
            "kind": "field-added",
            "breaks": "nobody",
            "places": ["start_image_build 200 $.artifactType"],
            "base_at": "/components/schemas/BuildStatusResponse",
            "revision_at": "/components/schemas/BuildStatusResponse/properties/artifactType",
            "subject": "artifactType",
            "base": "absent",
            "revision": "CONTAINER_IMAGE, VM_SANDBOX",
            "directions": ["response"],
        }
    ]
