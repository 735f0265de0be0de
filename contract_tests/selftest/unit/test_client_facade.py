"""The client as people look for it: methods, fields as arguments, the environment."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prime_image_builds import (
    UNSET,
    AuthenticatedClient,
    Client,
    Progress,
    Step,
    build_image,
    build_image_async,
    errors,
    wait,
    wait_async,
)
from prime_image_builds.api.images import (
    Images,
    delete_image,
    get_build_status,
    initiate_image_build,
    start_image_build,
)
from prime_image_builds.models import (
    BuildArtifactStatusResponse,
    BuildImageRequest,
    BuildPlatform,
    BuildStatusResponse,
    ImageBuildStatus,
    StartBuildRequest,
)

from ...contract.openapi import contract
from ...drivers.client import example
from ..support.network import TOKEN, Network, built, context, status_body

URL, KEY = "PRIME_API_BASE_URL", "PRIME_API_KEY"
IMAGE = {"image_name": "web", "image_tag": "v1"}
MORE: dict[str, Any] = {
    "dockerfile_path": "docker/Dockerfile", "platform": "linux/arm64", "team_id": "team_1",
    "visibility": "PUBLIC",
}  # fmt: skip
BODY = BuildImageRequest.from_dict(IMAGE)
FULL = BuildImageRequest.from_dict(
    IMAGE
    | {key: value for key, value in MORE.items() if key != "team_id"}
    | {"teamId": MORE["team_id"]}
)
# A method, its arguments, and the function of a module with the arguments that mean the same.
METHODS: dict[str, tuple[str, Any, dict[str, Any], Any, Any, dict[str, Any]]] = {
    "initiate": ("initiate", ("web", "v1"), {}, initiate_image_build, (), {"body": BODY}),
    "initiate with everything": (
        "initiate", (), IMAGE | MORE, initiate_image_build, (), {"body": FULL},
    ),
    "initiate with a member": (
        "initiate", (), IMAGE | MORE | {"platform": BuildPlatform.LINUX_ARM64},
        initiate_image_build, (), {"body": FULL},
    ),
    "start": (
        "start_build", ("bld_1",), {}, start_image_build, ("bld_1",), {"body": StartBuildRequest()},
    ),
    "start without a context": (
        "start_build", ("bld_1",), {"context_uploaded": False}, start_image_build, ("bld_1",),
        {"body": StartBuildRequest(context_uploaded=False)},
    ),
    "status": ("build_status", ("a/b",), {}, get_build_status, ("a/b",), {}),
    "delete": (
        "delete", ("web", "v1"), {"team_id": "t"}, delete_image, ("web", "v1"), {"team_id": "t"},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the machine of this test has."""
    for name in (URL, KEY):
        monkeypatch.delenv(name, raising=False)


class Recorder(httpx.MockTransport):
    """Returns the example of each operation, and keeps the requests."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append((request.method, str(request.url), request.content))
        name = "delete_image" if request.method == "DELETE" else "get_build_status"
        if request.url.path.endswith("/build"):
            return httpx.Response(201, json=example("initiate_image_build"))
        return httpx.Response(200, json=example(name))


@pytest.mark.parametrize("case", METHODS)
def test_method_sends_and_returns_what_the_function_does(case: str) -> None:
    """Sync and async, and with the text of a member for the member."""
    method, places, named, module, arguments, options = METHODS[case]
    recorder = Recorder()
    client = AuthenticatedClient("https://images.test", TOKEN, httpx_args={"transport": recorder})

    async def both_async() -> list[object]:
        async with client:
            awaited = await getattr(client.images, f"{method}_async")(*places, **named)
            return [awaited, await module.asyncio(*arguments, client=client, **options)]

    with client:
        returned = [
            getattr(client.images, method)(*places, **named),
            module.sync(*arguments, client=client, **options),
            *asyncio.run(both_async()),
        ]

    assert len(recorder.sent) == 4
    assert len(set(recorder.sent)) == 1
    assert returned == returned[:1] * 4


def test_every_operation_is_a_method_that_names_its_fields() -> None:
    """Each has a version to await with the same parameters, and its help names them all."""
    operations = contract().operations
    names = {name for name in dir(Images) if not name.startswith("_")}
    methods = {name for name in names if not name.endswith("_async")}

    assert methods == {"initiate", "start_build", "build_status", "delete"}
    assert names - methods == {f"{name}_async" for name in methods}
    assert len(methods) == len(operations)
    for name in methods:
        method, awaited = getattr(Images, name), getattr(Images, f"{name}_async")
        assert inspect.signature(method) == inspect.signature(awaited)
        assert inspect.iscoroutinefunction(awaited)
        for parameter in [*inspect.signature(method).parameters][1:]:
            assert f"{parameter}: " in method.__doc__


@pytest.mark.parametrize("function", [build_image, build_image_async])
def test_build_image_takes_every_field_of_the_request(function: Callable[..., Any]) -> None:
    """By its name, but for name and tag, which are short."""
    parameters = inspect.signature(function).parameters
    fields = {name.removeprefix("image_") for name in BuildImageRequest.__struct_fields__}

    assert fields <= set(parameters)
    assert all(f"{name}: " in (build_image.__doc__ or "") for name in parameters)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_build_image_takes_the_fields_of_the_request(tmp_path: Path, way: str) -> None:
    """What is initiated is the same as with a body."""
    folder = context(tmp_path)
    (folder / "docker").mkdir()
    (folder / "docker/Dockerfile").write_text("FROM scratch\n")
    rest = {key: value for key, value in MORE.items() if key != "visibility"}
    sent = []
    for given in (
        {"name": "web", "tag": "v1", **rest, "visibility": "PUBLIC"}, {"body": FULL},
        {"name": "web", "tag": "v1"}, {"body": BODY},
    ):  # fmt: skip
        network = Network()
        built(folder, network, way, **given)
        sent.append(json.loads(network.requests[0].content))

    assert sent[0] == sent[1] == FULL.to_dict()
    assert sent[2] == sent[3] == BODY.to_dict()


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, ["name", "tag", "body"]),
        ({"name": "web"}, ["name", "tag"]),
        ({"tag": "v1"}, ["name", "tag"]),
        ({"body": BODY, "name": "web", "tag": "v1"}, ["body", "name"]),
        ({"body": BODY, "platform": "linux/amd64"}, ["body"]),
        ({"name": "web", "tag": "v1", "platform": "windows"}, ["platform must be", "linux/arm64"]),
        ({"name": "web", "tag": "v1", "platform": ""}, ["platform must be", "linux/arm64"]),
        ({"name": "web", "tag": "v1", "visibility": "public"}, ["visibility must be", "PUBLIC"]),
        ({"name": 7, "tag": "v1"}, ["name"]),
    ],
)
def test_image_that_is_not_clear_is_refused(
    tmp_path: Path, way: str, given: dict[str, Any], named: list[str]
) -> None:
    """The message names the arguments, and nothing is sent."""
    network = Network()
    with pytest.raises(errors.InvalidRequestError) as caught:
        built(context(tmp_path), network, way, **given)

    assert [one for one in named if one not in str(caught.value)] == []
    assert network.requests == []


def test_method_refuses_a_value_that_its_enum_does_not_list() -> None:
    """A value that a response may have, with ``unknown_statuses``, is not sent either."""
    network = Network()
    unlisted = BuildPlatform._unlisted("linux/riscv64")
    images = network.client.images
    wrong: tuple[Any, ...] = ("windows", unlisted, None, 7)
    for name, value in itertools.product(("platform", "visibility"), wrong):
        named = f"(^| ){name}(: | must be )"
        with pytest.raises(errors.InvalidRequestError, match=named):
            images.initiate("web", "v1", **{name: value})
        with pytest.raises(errors.InvalidRequestError, match=named):
            asyncio.run(images.initiate_async("web", "v1", **{name: value}))

    assert network.requests == []


# --- the environment ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "variables", "url", "token"),
    [
        ({}, {KEY: "a-key"}, "https://api.primeintellect.ai", "a-key"),
        ({}, {KEY: " a-key\n", URL: "\n"}, "https://api.primeintellect.ai", "a-key"),
        ({}, {KEY: "a-key", URL: "http://127.0.0.1:8000"}, "http://127.0.0.1:8000", "a-key"),
        ({}, {KEY: "a-key", URL: "https://x.test/api/v1/"}, "https://x.test", "a-key"),
        ({"token": "mine"}, {KEY: "a-key"}, "https://api.primeintellect.ai", "mine"),
        ({"token": "mine"}, {}, "https://api.primeintellect.ai", "mine"),
        ({"base_url": "https://y.test/p/"}, {KEY: "a-key", URL: "x"}, "https://y.test/p/", "a-key"),
        ({"base_url": "https://y.test/p/api/v1"}, {KEY: "a-key"}, "https://y.test/p/", "a-key"),
    ],
)
def test_client_reads_the_environment_for_what_is_not_passed(
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    variables: dict[str, str],
    url: str,
    token: str,
) -> None:
    """The names are the vendor's; a copy keeps what was read."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client = AuthenticatedClient(**given)
    for name in variables:
        monkeypatch.delenv(name)

    for one in (client, client.with_headers({"X-Mine": "1"})):
        assert (one.token, one.get_httpx_client().base_url) == (token, httpx.URL(url))
    assert contract().document["servers"][0]["url"] == "https://api.primeintellect.ai"
    assert Client().get_httpx_client().base_url == "https://api.primeintellect.ai"


@pytest.mark.parametrize(
    ("given", "variables", "named"),
    [
        ({}, {}, [KEY, "token="]),
        ({}, {KEY: ""}, [KEY, "token="]),
        ({}, {KEY: "a key"}, [KEY]),
        ({"token": ""}, {KEY: "a-key"}, ["token"]),
        ({"token": "mine"}, {URL: "127.0.0.1:8000"}, [URL, "http"]),
        ({"token": "mine", "base_url": "localhost"}, {}, ["base_url", "http"]),
        ({"token": "mine", "base_url": ""}, {URL: "https://x.test"}, ["base_url"]),
        ({"token": "mine", "base_url": 7}, {}, ["base_url"]),
        ({"token": "mine", "base_url": "http://[::"}, {}, ["base_url"]),
    ],
)
def test_missing_or_invalid_setting_is_named(
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    variables: dict[str, str],
    named: list[str],
) -> None:
    """The variable, or the parameter, and what to do."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(errors.InvalidRequestError) as caught:
        AuthenticatedClient(**given)

    assert [one for one in named if one not in str(caught.value)] == []


def test_token_in_the_place_of_the_url_is_not_shown() -> None:
    """It is the first argument of other clients."""
    with pytest.raises(errors.InvalidRequestError) as caught:
        AuthenticatedClient(TOKEN)

    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_job_without_a_client_makes_one_and_closes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    """The client that is passed stays open."""
    network, made = Network(), []

    class Noted(AuthenticatedClient):
        def __init__(self) -> None:
            super().__init__("https://images.test", httpx_args={"transport": network})
            made.append(self)

    monkeypatch.setenv(KEY, TOKEN)
    monkeypatch.setattr("prime_image_builds.job.AuthenticatedClient", Noted)
    passed = network.client
    folder = context(tmp_path)

    async def jobs() -> list[BuildStatusResponse]:
        async with passed:
            done = await build_image_async(folder, name="web", tag="v1")
            again = await wait_async(done.id)
            await wait_async(done.id, client=passed)
            assert not passed.get_async_httpx_client().is_closed
            return [done, again]

    if way == "sync":
        with passed:
            done = build_image(folder, name="web", tag="v1")
            assert wait(done.id) == wait(done.id, client=passed) == done
            assert not passed.get_httpx_client().is_closed
        closed = [one.get_httpx_client().is_closed for one in made]
    else:
        assert [one.status for one in asyncio.run(jobs())] == ["COMPLETED"] * 2
        closed = [one.get_async_httpx_client().is_closed for one in made]

    assert closed == [True, True]
    assert network.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


# --- what a reader asks a build for ---------------------------------------------------------------


def _group(**given: Any) -> BuildStatusResponse:
    rest = {key: value for key, value in status_body("COMPLETED").items() if key != "artifacts"}
    return BuildStatusResponse.from_dict(rest | given, unknown_statuses="keep")


def test_artifacts_are_a_tuple_and_absent_is_not_empty() -> None:
    """A reader needs no case for an absent array; what is sent on is what came."""
    row = status_body("COMPLETED")["artifacts"][0]
    absent, empty, one = _group(), _group(artifacts=[]), _group(artifacts=[row])

    assert (absent.artifacts, empty.artifacts, len(one.artifacts)) == ((), (), 1)
    assert (absent.artifacts_or_unset, empty.artifacts_or_unset) == (UNSET, ())
    assert one.artifacts_or_unset is one.artifacts
    assert len({absent, empty, one}) == 3
    assert "artifacts" not in absent.to_dict()
    assert empty.to_dict()["artifacts"] == []


@pytest.mark.parametrize("status", [*ImageBuildStatus, "QUEUED"])
def test_final_statuses_are_terminal(status: str) -> None:
    """Of a group and of an artifact; a status that the contract does not list is not."""
    row = status_body("COMPLETED")["artifacts"][0] | {"status": str(status)}
    group = _group(status=str(status), artifacts=[row])

    expected = status in ("COMPLETED", "FAILED", "CANCELLED")
    assert (group.is_terminal, group.artifacts[0].is_terminal) == (expected, expected)


@pytest.mark.parametrize(
    ("started", "completed", "seconds"),
    [
        ("2026-11-24T09:00:00Z", "2026-11-24T09:01:30.5Z", 90.5),
        ("2026-11-24T09:00:00Z", "2026-11-24T10:00:00+01:00", 0.0),
        ("2026-11-24T09:00:00Z", None, None),
        (None, "2026-11-24T09:00:00Z", None),
        ("absent", "absent", None),
    ],
)
def test_duration_is_from_start_to_completion(
    started: str | None, completed: str | None, seconds: float | None
) -> None:
    """In seconds, whatever the offsets; none before both are set."""
    rows = (status_body("COMPLETED"), status_body("COMPLETED")["artifacts"][0])
    times = {"startedAt": started, "completedAt": completed}
    given = [
        {key: value for key, value in (row | times).items() if value != "absent"} for row in rows
    ]
    read = (
        BuildStatusResponse.from_dict(given[0]), BuildArtifactStatusResponse.from_dict(given[1]),
    )  # fmt: skip

    assert [one.duration for one in read] == [seconds, seconds]


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (Progress(Step.PACKING), "packing"),
        (Progress(Step.INITIATING, size=2_500_000), "initiating"),
        (Progress(Step.UPLOADING, "bld_1", sent=300_000, size=2_500_000),
         "bld_1 uploading 0.3 of 2.5 MB"),
        (Progress(Step.UPLOADING, "bld_1", sent=0, size=210), "bld_1 uploading 0.0 of 0.2 kB"),
        (Progress(Step.UPLOADING, "bld_1", sent=500_000, size=999_999),
         "bld_1 uploading 500.0 of 1000.0 kB"),
        (Progress(Step.UPLOADING, "bld_1", sent=500_000, size=1_000_000),
         "bld_1 uploading 0.5 of 1.0 MB"),
        (Progress(Step.UPLOADING, "bld_1", sent=0, size=10**12),
         "bld_1 uploading 0.0 of 1000000.0 MB"),
        (Progress(Step.STARTING, "bld_1"), "bld_1 starting"),
        (Progress(Step.WAITING, "bld_1", ImageBuildStatus.BUILDING), "bld_1 waiting BUILDING"),
        (Progress(Step.WAITING, "a\n\x1b[2J"), "a\\n\\x1b[2J waiting"),
    ],
)  # fmt: skip
def test_progress_reads_as_a_line(progress: Progress, shown: str) -> None:
    """For ``on_progress=print``; text of the server is escaped."""
    assert str(progress) == shown
