"""The mechanical faults of the benchmarks: what is mutated, and what the contract still allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from scripts.dev.bench import checkers, runs
from scripts.dev.bench.checkers import TOKEN
from scripts.dev.bench.mutations import MOVES, MUTATIONS, OF_VALUES, is_allowed, made

from ...contract.openapi import contract
from ...reference.app import create_app
from ...reference.faults import FAULTS, Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running


def test_mutations_are_the_same_each_time_and_have_a_name_of_their_own() -> None:
    """None of them replaces a fault of ours."""
    assert [one.name for one in made()] == [*MUTATIONS]
    assert not MUTATIONS.keys() & FAULTS.keys()


def test_each_mutation_makes_a_documented_response_of_the_server_an_undocumented_one() -> None:
    """In the traffic of one build; a date-time that is moved stays valid, but is another."""
    traffic: list[tuple[ServerRequest, ServerResponse]] = []

    def record(request: ServerRequest, response: ServerResponse) -> None:
        traffic.append((request, replace(response)))

    app: Any = create_app(token=TOKEN, build_seconds=runs.BUILD_SECONDS)
    with running(Fault("recorder", "", "", response=record).wrap(app, TOKEN)) as url:
        checkers.build(url, "v1")
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            client.get(f"{checkers.BUILDS}/bld_unknown")
            client.post(f"{checkers.BUILDS}/bld_unknown/start", json={})
            for _ in range(2):
                client.delete("/api/v1/images/web/v1")

    for name, mutation in MUTATIONS.items():
        operation = contract().operations[name.partition(":")[0]]
        effects = set()
        for request, response in traffic:
            mutated = replace(response, headers=[*response.headers])
            assert mutation.response
            mutation.response(request, mutated)
            if mutated != response:
                effects.add((is_allowed(operation, response), is_allowed(operation, mutated)))
        assert (True, name.rpartition(":")[2] in MOVES) in effects, name


def test_operators_edit_one_value() -> None:
    """Of a row with a date-time, which a day moves by a day."""
    made = {}
    for name, edit in OF_VALUES.items():
        row: dict[str, Any] = {"endedAt": "2026-11-24T09:00:00Z"}
        edit(row, "endedAt")
        made[name] = row

    assert made == {
        "drop": {}, "type": {"endedAt": 7}, "null": {"endedAt": None},
        "text": {"endedAt": "none-such"}, "snake-case": {"ended_at": "2026-11-24T09:00:00Z"},
        "day-later": {"endedAt": "2026-11-25T09:00:00.000Z"},
        "day-earlier": {"endedAt": "2026-11-23T09:00:00.000Z"},
    }  # fmt: skip


def test_what_the_contract_allows_is_no_mutation() -> None:
    """Each required key can be dropped, and no other; what may be null or any text may be it."""
    rows = [
        ("initiate_image_build:", "BuildImageResponse"),
        ("delete_image:", "DeleteImageResponse"),
    ]
    for name in ("start_image_build:", "get_build_status:"):
        rows += [
            (name, "BuildStatusResponse"),
            (f"{name}artifacts.", "BuildArtifactStatusResponse"),
        ]
    required = {
        f"{place}{key}:drop" for place, name in rows for key in contract().schema(name)["required"]
    }

    assert {name for name in MUTATIONS if name.endswith(":drop")} == required
    for name in (
        "get_build_status:startedAt:null", "get_build_status:artifacts.errorMessage:null",
        "get_build_status:artifacts.errorMessage:text", "get_build_status:id:text",
        "get_build_status:completedAt:snake-case", "get_build_status:id:snake-case",
        "get_build_status:id:day-later", "get_build_status:200:as-200",
        "initiate_image_build:201:as-201", "initiate_image_build:404:as-200",
    ):  # fmt: skip
        assert name not in MUTATIONS
