"""The contract with rules as schemas: any validator finds by it what the rules find in one body."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import jsonschema_rs
import pytest
from openapi_spec_validator import validate

from ... import cli
from ...contract import documents, strict
from ...contract.api import IMAGES
from ...contract.openapi import PATH
from ..support.story import Story

CREATED, SET, NAIVE = "2026-11-24T09:00:00Z", "2026-11-24T09:00:01Z", "2026-11-24T09:00:01"
TIMES: list[dict[str, Any]] = [{}, {"startedAt": None}, {"startedAt": SET}, {"startedAt": NAIVE}]
ENDS: list[dict[str, Any]] = [
    {}, {"completedAt": None}, {"completedAt": SET}, {"completedAt": NAIVE},
]  # fmt: skip
PAGE = PATH.parent / "docs/export.md"
HELD = {"S3", "S4", "T3", "T4", "T5", "T7"}
Body = dict[str, Any]


def group(status: str, artifacts: list[Body] | None = None, **times: Any) -> Body:
    """Return the body of a status."""
    body = {"id": "b", "imageName": "web", "imageTag": "v1", "status": status, "createdAt": CREATED}
    return body | times | ({} if artifacts is None else {"artifacts": artifacts})


def artifact(status: str, **fields: Any) -> Body:
    """Return an artifact; one that failed has a message."""
    message = {"errorMessage": "no"} if status == "FAILED" else {}
    return {"id": "a", "status": status, "createdAt": CREATED} | message | fields


def right(status: str) -> Body:
    """Return the timestamps that a status has."""
    phase = IMAGES.phase(status)
    started = {} if phase == "waiting" else {"startedAt": SET}
    return started | ({"completedAt": SET} if IMAGES.is_terminal(status) else {})


def bodies() -> Iterator[Body]:
    """Yield each status with all timestamps, of a group and of an artifact; and each with each."""
    for status, started, ended in itertools.product(IMAGES.statuses, TIMES, ENDS):
        yield group(status, **started, **ended)
        yield group("BUILDING", [artifact(status, **started, **ended)], startedAt=SET)
        failed = artifact("FAILED", **right("FAILED"))
        yield group("FAILED", [failed, artifact(status, **started, **ended)], **right("FAILED"))
    for status, *others in itertools.product(IMAGES.statuses, repeat=3):
        yield group(status, [artifact(one, **right(one)) for one in others], **right(status))
        yield group(status, [], **right(status))
    for status, message in itertools.product(IMAGES.statuses, ["", "no", None]):
        if status != "FAILED":  # that a message is missing is for the gate
            one = artifact(status, errorMessage=message, **right(status))
            yield group("BUILDING", [one], startedAt=SET)


def broken(body: Body) -> set[str]:
    """Return which of the rules the body violates, as the gate finds."""
    story = Story()
    url = "https://images.test/api/v1/images/build/b"
    story.send("GET", url, 200, body)
    return HELD & set(story.broken)


def test_a_validator_rejects_what_the_rules_reject() -> None:
    """Without checking formats, as most do by default."""
    schema = {"$ref": "#/components/schemas/BuildStatusResponse", **strict.document()}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=False)
    found = [(body, broken(body)) for body in bodies()]

    assert set().union(*(rules for _, rules in found)) == HELD
    assert [(b, rules) for b, rules in found if validator.is_valid(b) is bool(rules)] == []


def test_a_line_break_is_no_offset() -> None:
    """In Python, ``$`` matches before it."""
    schema = {"$ref": "#/components/schemas/BuildStatusResponse", **strict.document()}
    body = group("PENDING") | {"createdAt": f"{CREATED}\n"}

    assert not jsonschema.Draft202012Validator(schema).is_valid(body)


def test_the_page_shows_how_to_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its block runs as printed, beside what the command wrote."""
    monkeypatch.chdir(tmp_path)
    Path("strict.json").write_text(json.dumps(strict.document()))
    [block] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(block, {})  # noqa: S102 (our own words)

    assert capsys.readouterr().out == "$.completedAt\n"


def test_it_is_an_openapi_document_with_the_same_operations() -> None:
    """And the contract itself stays as it is."""
    made = strict.document()

    validate(made)
    assert made["paths"] == IMAGES.contract.document["paths"]
    assert "x-rule" not in json.dumps(IMAGES.contract.document)


def test_the_command_writes_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Which is read back as the same document."""
    assert cli.main(["export", "strict"]) == 0
    assert documents.read(capsys.readouterr().out) == strict.document()
    assert cli.main(["export"]) == 0
    assert documents.read(capsys.readouterr().out) == strict.document()
    assert cli.main(["export", "stric"]) == 4
    assert "fix: use strict" in capsys.readouterr().err
