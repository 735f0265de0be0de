"""How the models of the client behave: what they keep apart, refuse, and give back."""

from __future__ import annotations

import copy
import datetime
import pickle
from typing import Any

import pytest
from prime_image_builds import UNSET, errors
from prime_image_builds.models import (
    BuildImageResponse,
    BuildStatusResponse,
    ImageVisibility,
)

from ...contract.api import INITIATE
from ...contract.openapi import contract
from ...drivers.client import example

ROWS = contract().document["components"]["examples"]
GROUP = ROWS["COMPLETED"]["value"]
MODEL = BuildStatusResponse.from_dict(GROUP)


@pytest.mark.parametrize("status", list(ROWS))
def test_models_round_trip(status: str) -> None:
    """What is read is written as it was, copied and pickled as it was."""
    model = BuildStatusResponse.from_dict(ROWS[status]["value"])
    again = BuildStatusResponse.from_dict(model.to_dict())
    pickled = pickle.loads(pickle.dumps(model))  # noqa: S301 (of our own making)

    for other in (again, pickled, copy.copy(model), copy.deepcopy(model)):
        assert other == model
        assert hash(other) == hash(model)
        assert other.to_dict() == model.to_dict()


def test_visibility_that_is_absent_is_private() -> None:
    """It is optional in the answer to initiate; null is not a visibility."""
    body = example(INITIATE)
    rest = {key: value for key, value in body.items() if key != "visibility"}

    assert BuildImageResponse.from_dict(rest).visibility is ImageVisibility.PRIVATE
    with pytest.raises(errors.InvalidBodyError):
        BuildImageResponse.from_dict({**rest, "visibility": None})


def test_absent_null_and_set_stay_apart() -> None:
    """Through a copy and a pickle too: UNSET is one object."""
    body = ROWS["PENDING"]["value"]
    seen = {}
    for name, value in {"absent": {}, "null": {"startedAt": None}}.items():
        rest = {key: entry for key, entry in body.items() if key != "startedAt"}
        model = BuildStatusResponse.from_dict(rest | value)
        for other in (model, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
            assert other.started_at is (UNSET if name == "absent" else None)
            assert ("startedAt" in other.to_dict()) is (name == "null")
        seen[name] = model

    assert seen["absent"] != seen["null"] != MODEL
    assert not UNSET


def test_models_are_frozen() -> None:
    """Nothing in them can be changed, their artifacts included."""
    with pytest.raises(AttributeError):
        MODEL.status = "FAILED"  # type: ignore[misc, assignment]
    assert isinstance(MODEL.artifacts, tuple)
    with pytest.raises(TypeError):
        BuildStatusResponse("bld_1")  # type: ignore[call-arg]


def test_unknown_keys_are_ignored() -> None:
    """A server may send more fields than the contract has."""
    more = GROUP | {"sourceImage": "x", "artifacts": [GROUP["artifacts"][0] | {"x": [1]}]}

    assert BuildStatusResponse.from_dict(more) == BuildStatusResponse.from_dict(
        GROUP | {"artifacts": GROUP["artifacts"][:1]}
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (GROUP | {"status": "RUNNING"}, "$.status"),
        (GROUP | {"startedAt": "2026-11-24 09:00:07Z"}, "$.startedAt"),
        (GROUP | {"artifacts": [{"id": "a"}]}, "$.artifacts[0].status"),
        (GROUP | {"x": float("nan")}, "$"),
        (GROUP | {"x": object()}, "$"),
        (GROUP | {"status": "x - at `$.y"}, "$.status"),
        ([], "$"),
        (None, "$"),
        ({}, "$.id"),
    ],
)
def test_from_dict_raises_with_the_path_of_an_invalid_value(body: Any, path: str) -> None:
    """One exception, also for what msgspec does not check."""
    with pytest.raises(errors.InvalidBodyError) as caught:
        BuildStatusResponse.from_dict(body)

    assert caught.value.path == path
    assert str(caught.value).startswith(f"{path}: ")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("change", "path"),
    [({"startedAt": "2026-11-24 09:00:07Z"}, "$.startedAt"), ({"x": object()}, "$")],
)
def test_from_dict_rejects_a_space_in_a_date_time_and_an_object(
    change: dict[str, object], path: str
) -> None:
    """These are our own checks, not msgspec's."""
    with pytest.raises(errors.InvalidBodyError) as caught:
        BuildStatusResponse.from_dict(GROUP | change)

    assert caught.value.path == path
    assert caught.value.reason


@pytest.mark.parametrize("value", [object(), b"x", {1}, datetime.date(2026, 11, 24)])
def test_from_dict_names_the_type_that_is_not_json(value: Any) -> None:
    """At any depth; the value itself may be secret."""
    for body in ({"x": value}, {"x": [{"y": value}]}):
        with pytest.raises(errors.InvalidBodyError) as caught:
            BuildStatusResponse.from_dict(body)

        assert caught.value.reason == f"is not JSON: {type(value).__name__} is not a JSON value"


def test_from_dict_accepts_a_datetime_with_offset() -> None:
    """A naive one is rejected."""
    given = GROUP | {"createdAt": MODEL.created_at}
    assert BuildStatusResponse.from_dict(given) == MODEL

    with pytest.raises(errors.InvalidBodyError, match=r"\$\.createdAt"):
        BuildStatusResponse.from_dict(GROUP | {"createdAt": MODEL.created_at.replace(tzinfo=None)})


def test_number_without_fraction_is_an_integer() -> None:
    """JSON Schema counts 3600.0 as an integer, but not 3600.5."""
    body = example(INITIATE)
    model = BuildImageResponse.from_dict(body | {"expires_in": 3600.0})
    assert (model.expires_in, type(model.expires_in)) == (3600, int)

    with pytest.raises(errors.InvalidBodyError, match=r"\$\.expires_in"):
        BuildImageResponse.from_dict(body | {"expires_in": 3600.5})
