"""The workflow of a build: of the operations of the contract, and of no name beside it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest

from ... import cli
from ...contract import arazzo, documents
from ...contract.api import IMAGES, Api
from ..support.print_jobs import PRINTS

APIS = pytest.mark.parametrize("api", [IMAGES, PRINTS], ids=["images", "print jobs"])


def steps(api: Api) -> dict[str, dict[str, Any]]:
    """Return the steps of the workflow, by id and in order."""
    [workflow] = arazzo.document(api)["workflows"]
    return {one["stepId"]: one for one in workflow["steps"]}


@APIS
def test_the_steps_are_operations_and_an_upload(api: Api) -> None:
    """In the order of a build; delete is not among them."""
    found = steps(api)

    assert list(found) == [api.initiate, "upload", api.start, api.status]
    for name, step in found.items():
        operation = None if name == "upload" else name
        assert step.get("operationId") == operation
        assert ("x-operation" in step) is (operation is None)


@APIS
def test_the_token_goes_to_the_api_alone(api: Api) -> None:
    """The URL of an upload is a credential of its own."""
    shown = {name: "token" in json.dumps(one["parameters"]) if "parameters" in one else False
             for name, one in steps(api).items()}  # fmt: skip

    assert shown == {api.initiate: True, "upload": False, api.start: True, api.status: True}


@APIS
def test_each_path_parameter_has_a_value_of_initiate(api: Api) -> None:
    """What a later step refers to, an earlier one puts out."""
    found = steps(api)
    for name, step in found.items():
        path = "" if name == "upload" else api.contract.operations[name].path
        inside = {one["name"] for one in step.get("parameters", ()) if one["in"] == "path"}
        assert {f"{{{one}}}" for one in inside} == {
            part for part in path.split("/") if part.startswith("{")
        }
    outputs = found[api.initiate]["outputs"]
    url = found["upload"]["x-operation"]["url"].rpartition(".")[2]
    assert outputs[url] == f"$response.body#/{api.issued.upload_url}"
    assert api.issued.build_id in outputs


def test_the_bodies_are_valid_requests() -> None:
    """With each input put in."""
    for name in (IMAGES.initiate, IMAGES.start):
        payload = steps(IMAGES)[name]["requestBody"]["payload"]
        operation = IMAGES.contract.operations[name]
        assert [*IMAGES.contract.request_errors(operation, payload)] == []


@APIS
def test_every_status_ends_the_polling_or_repeats_it(api: Api) -> None:
    """Success, another poll, or an end without success: one of them."""
    step = steps(api)[api.status]
    [_, success] = [one["condition"] for one in step["successCriteria"]]
    again, end = step["onFailure"]
    for status, phase in ((one, api.phase(one)) for one in api.statuses):
        polls = f"'{status}'" in again["criteria"][0]["condition"]
        assert (f"'{status}'" in success) is (phase == "succeeded")
        assert polls is (phase in ("waiting", "running"))
    assert (again["type"], end["type"], "criteria" in end) == ("retry", "end", False)
    assert again["retryAfter"] * again["retryLimit"] == api.ends_within


def test_the_command_writes_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON, of the version that it claims; its source is the contract beside it."""
    assert cli.main(["export", "arazzo"]) == 0
    made = documents.read(capsys.readouterr().out)

    assert made == arazzo.document()
    assert made["arazzo"] == "1.0.1"
    assert [one["url"] for one in made["sourceDescriptions"]] == ["openapi.yaml"]
    [workflow] = made["workflows"]
    jsonschema_rs.validator_for(workflow["inputs"])
