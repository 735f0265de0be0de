"""P16: what the contract lists is not called invalid; what it does not list may be."""

from __future__ import annotations

from typing import Any

import pytest

from ...contract import fields
from ...contract.api import INITIATE
from ...contract.openapi import contract
from ...tape.exchange import Credential
from ..support.story import BUILD, Story

ERRORS = {"errors": [{"param": "platform", "details": "is not supported"}]}
NAMED = {"image_name": "web", "image_tag": "v1"}
LISTED: list[dict[str, Any]] = [
    {"platform": "linux/arm64"}, {"platform": "linux/amd64"}, {"teamId": None},
    {"visibility": "INHERIT"}, {"visibility": "PRIVATE"}, {"dockerfile_path": "Dockerfile"},
    {"image_tag": "1.0_rc-2", "platform": "linux/arm64", "teamId": None, "visibility": "PRIVATE"},
]  # fmt: skip


def initiated(body: Any, status: int = 422, *, before: Any = NAMED, **more: Any) -> Story:
    """Initiate a build, and then another one."""
    story = Story()
    if before is not None:
        story.initiate("a", **before)
    story.send("POST", BUILD, status, ERRORS if status == 422 else None, body=body, **more)
    return story


@pytest.mark.parametrize("options", LISTED, ids=str)
def test_listed_value_that_is_refused_as_invalid(options: dict[str, Any]) -> None:
    """Every key with every value that the contract lists, alone and together."""
    story = initiated({**NAMED, **options})

    assert story.found == [("P16", "the status code")]


@pytest.mark.parametrize("options", LISTED, ids=str)
def test_listed_value_that_is_accepted(options: dict[str, Any]) -> None:
    """The rule is observed."""
    story = Story()
    story.initiate("a", **options)

    assert not story.found
    assert "P16" in story.held


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 429, 500])
def test_any_other_status_is_not_judged(status: int) -> None:
    """A plan may lack a platform; what the status itself violates is another rule's."""
    story = initiated({**NAMED, "platform": "linux/arm64"}, status)

    assert "P16" not in {*story.broken, *story.held}


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (NAMED, {}),
        ({**NAMED, "teamId": "team_1"}, {}), ({**NAMED, "dockerfile_path": "b/Dockerfile"}, {}),
        ({**NAMED, "visibility": "PUBLIC"}, {}), ({**NAMED, "platform": "linux/arm64", "x": 1}, {}),
        ({**NAMED, "image_tag": "V1", "platform": "linux/arm64"}, {}),
        ({**NAMED, "image_name": "we b", "platform": "linux/arm64"}, {}),
        ({**NAMED, "image_name": "other", "platform": "linux/arm64"}, {}),
        ({**NAMED, "platform": "amiga/68000"}, {}), ({"teamId": None}, {}), ([], {}), (None, {}),
        ({**NAMED, "platform": "linux/arm64"}, {"before": None}),
        ({**NAMED, "platform": "linux/arm64"}, {"before": {"image_name": "other"}}),
        ({**NAMED, "platform": "linux/arm64"}, {"credential": Credential.UNKNOWN}),
    ],
)  # fmt: skip
def test_what_is_not_listed_may_be_invalid(body: Any, more: dict[str, Any]) -> None:
    """Values of the client's own, names that may be the reason, and tokens that nobody knows."""
    assert "P16" not in {*initiated(body, **more).broken}


def test_values_that_the_contract_lists() -> None:
    """Of an enum and a default, through references; none of a text or of an unknown key."""
    keys = ("platform", "visibility", "teamId", "dockerfile_path", "image_name", "no_such")
    found = {key: fields.listed(contract(), INITIATE, key) for key in keys}

    assert {key: sorted(map(str, values)) for key, values in found.items()} == {
        "platform": ["linux/amd64", "linux/amd64", "linux/arm64"],
        "visibility": ["INHERIT", "INHERIT", "PRIVATE", "PUBLIC"],
        "teamId": ["None"], "dockerfile_path": ["Dockerfile"], "image_name": [], "no_such": [],
    }  # fmt: skip
