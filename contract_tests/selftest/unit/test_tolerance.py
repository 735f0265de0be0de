"""What the client accepts beyond the contract, by its caller's choice: exactly that, everywhere."""

from __future__ import annotations

import asyncio
import copy
import datetime
import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import httpx
import prime_image_builds as client_package
import pytest
from prime_image_builds import AuthenticatedClient, Client, _json, errors, wait, wait_async
from prime_image_builds._tolerance import Tolerance
from prime_image_builds.api.images import get_build_status, initiate_image_build, start_image_build
from prime_image_builds.models import (
    BuildArtifactStatusResponse,
    BuildImageRequest,
    BuildPlatform,
    BuildStatusResponse,
    ImageArtifactType,
    ImageBuildStatus,
    ImageVisibility,
    StartBuildRequest,
)

from ...contract.api import INITIATE, START, STATUS
from ...contract.openapi import contract
from ...drivers.client import example
from ...payloads import load
from ..support import soundness
from ..support.network import WEB, Build, Clock, Network, both, context, status_body

BASE = "https://images.test"
ALL: Any = {"naive_timestamps": "utc", "unknown_statuses": "keep"}
KEEP: Any = {"unknown_statuses": "keep"}
NAIVE, UNKNOWN = 'naive_timestamps="utc"', 'unknown_statuses="keep"'
GROUP = status_body("COMPLETED")
ARTIFACT = GROUP["artifacts"][0]
UTC = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
TEXT = "2026-01-02T03:04:05"

CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a naive createdAt": (STATUS, GROUP | {"createdAt": TEXT}, "$.createdAt", NAIVE),
    "a naive startedAt": (STATUS, GROUP | {"startedAt": TEXT}, "$.startedAt", NAIVE),
    "a naive time of an artifact": (
        START,
        GROUP | {"artifacts": [ARTIFACT, ARTIFACT | {"completedAt": f"{TEXT}.123456789"}]},
        "$.artifacts[1].completedAt",
        NAIVE,
    ),
    "an unknown status": (STATUS, GROUP | {"status": "QUEUED"}, "$.status", UNKNOWN),
    "an empty status": (START, GROUP | {"status": ""}, "$.status", UNKNOWN),
    "an unknown status of an artifact": (
        STATUS,
        GROUP | {"artifacts": [ARTIFACT | {"status": "completed"}]},
        "$.artifacts[0].status",
        UNKNOWN,
    ),
    "an unknown artifactType": (
        START,
        GROUP | {"artifacts": [ARTIFACT | {"artifactType": "WASM"}]},
        "$.artifacts[0].artifactType",
        UNKNOWN,
    ),
    "an unknown visibility": (
        INITIATE,
        example(INITIATE) | {"visibility": "TEAM"},
        "$.visibility",
        UNKNOWN,
    ),
}
NO_OPTION: dict[str, tuple[dict[str, Any], str]] = {
    "a space for the T": (GROUP | {"createdAt": "2026-01-02 03:04:05"}, "$.createdAt"),
    "an offset without its colon": (GROUP | {"createdAt": f"{TEXT}+0100"}, "$.createdAt"),
    "a day that is not": (GROUP | {"createdAt": "2026-02-30T00:00:00"}, "$.createdAt"),
    "a date": (GROUP | {"createdAt": "2026-01-02"}, "$.createdAt"),
    "a leap second": (GROUP | {"startedAt": "2016-12-31T23:59:60"}, "$.startedAt"),
    "a time that is a number": (GROUP | {"createdAt": 1795510800}, "$.createdAt"),
    "a createdAt that is null": (GROUP | {"createdAt": None}, "$.createdAt"),
    "a status that is a number": (GROUP | {"status": 7}, "$.status"),
    "a status that is null": (GROUP | {"status": None}, "$.status"),
    "a status that is missing": (
        {key: value for key, value in GROUP.items() if key != "status"},
        "$.status",
    ),
}


def authenticated(url: str, **given: Any) -> AuthenticatedClient:
    """Make a client with a token."""
    return AuthenticatedClient(url, "token", **given)


chosen = pytest.mark.parametrize(
    "options",
    [{}, {"naive_timestamps": "utc"}, {"unknown_statuses": "keep"}, ALL],
    ids=["strict", "utc", "keep", "both"],
)
variants = pytest.mark.parametrize(
    "variant", ["sync", "sync_detailed", "asyncio", "asyncio_detailed"]
)


def called(operation: str, variant: str, body: Any, options: dict[str, Any]) -> Any:
    """Call an operation that is answered so, by a client with these options."""
    modules = {INITIATE: initiate_image_build, START: start_image_build, STATUS: get_build_status}
    function = getattr(modules[operation], variant)
    arguments: list[str] = [] if operation == INITIATE else ["bld_1"]
    bodies: dict[str, Any] = {INITIATE: {"body": WEB}, START: {"body": StartBuildRequest()}}
    sent = bodies.get(operation, {})
    answer = httpx.MockTransport(
        lambda _: httpx.Response(contract().operations[operation].success, json=body)
    )
    client = AuthenticatedClient(BASE, "token", httpx_args={"transport": answer}, **options)
    returned = function(*arguments, client=client, **sent)
    return asyncio.run(returned) if inspect.iscoroutine(returned) else returned


@chosen
@variants
@pytest.mark.parametrize("case", list(CASES))
def test_an_option_accepts_its_own_and_nothing_else(
    case: str, variant: str, options: dict[str, Any]
) -> None:
    """What is refused names the place, and the option that would accept it."""
    operation, body, path, option = CASES[case]
    name, _, value = option.partition("=")
    if options.get(name) == json.loads(value):
        returned = called(operation, variant, body, options)
        model = returned.parsed if "detailed" in variant else returned
        assert soundness.unsound(model, Tolerance(**options)) is None
        assert soundness.altered(body, model) is None
    else:
        with pytest.raises(errors.InvalidResponseError) as caught:
            called(operation, variant, body, options)
        assert (caught.value.path, caught.value.option) == (path, option)
        assert option in str(caught.value)


@chosen
@pytest.mark.parametrize("case", list(NO_OPTION))
def test_what_no_option_accepts_names_none(case: str, options: dict[str, Any]) -> None:
    """A body that is invalid in any other way is refused, whatever was chosen."""
    body, path = NO_OPTION[case]

    with pytest.raises(errors.InvalidResponseError) as caught:
        called(STATUS, "sync", body, options)

    assert (caught.value.path, caught.value.option) == (path, None)


@pytest.mark.parametrize("other", [r'"\ud800"', "NaN", '1, "other": 2', "01", "\x00", "[" * 3000])
def test_what_is_relaxed_is_strict_json(other: str) -> None:
    """A body is relaxed in two things; in what no model reads of it, in none."""
    body = json.dumps({**GROUP, "status": "QUEUED", "createdAt": TEXT, "other": 0}).encode()
    accepted = _json.read(body, BuildStatusResponse, Tolerance("utc", "keep"))
    broken = body.replace(b'"other": 0', f'"other": {other}'.encode())

    assert accepted.status == "QUEUED"
    assert broken != body
    with pytest.raises(errors.InvalidBodyError):
        _json.read(broken, BuildStatusResponse, Tolerance("utc", "keep"))


def test_each_refusal_of_a_body_names_its_own_option() -> None:
    """With one option chosen, what else is refused names the other."""
    body = GROUP | {"status": "QUEUED", "startedAt": TEXT}
    cases: list[tuple[dict[str, Any], Any, str, str | None]] = [
        ({"naive_timestamps": "utc"}, body, "$.status", UNKNOWN),
        ({"unknown_statuses": "keep"}, body, "$.startedAt", NAIVE),
        (ALL, body | {"id": 7}, "$.id", None),
    ]
    for options, invalid, path, option in cases:
        with pytest.raises(errors.InvalidResponseError) as caught:
            called(STATUS, "sync", invalid, options)
        again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (of our own making)
        assert (caught.value.path, caught.value.option) == (path, option)
        assert (again.path, again.option, str(again)) == (path, option, str(caught.value))


def test_a_naive_timestamp_is_utc() -> None:
    """It is what it would be with a Z, and goes out with one; any other is as it was."""
    body = GROUP | {"createdAt": TEXT, "startedAt": f"{TEXT}+01:00", "completedAt": None}
    build = BuildStatusResponse.from_dict(body, naive_timestamps="utc")

    assert (build.created_at, build.created_at.utcoffset()) == (UTC, datetime.timedelta(0))
    assert build.started_at == UTC - datetime.timedelta(hours=1)
    assert build.completed_at is None
    assert build.to_dict()["createdAt"] == f"{TEXT}Z"
    assert BuildStatusResponse.from_dict(build.to_dict()) == build
    given = body | {"createdAt": UTC.replace(tzinfo=None)}
    assert BuildStatusResponse.from_dict(given, naive_timestamps="utc") == build


def test_an_unknown_status_is_a_value_of_its_own() -> None:
    """It has the raw text, is of the enum's class, and is not one of its members."""
    status = BuildStatusResponse.from_dict(
        GROUP | {"status": "QUEUED"}, unknown_statuses="keep"
    ).status

    assert isinstance(status, ImageBuildStatus)
    assert (status.value, str(status), f"{status}", status) == ("QUEUED",) * 4
    assert status.is_known is False
    assert status not in list(ImageBuildStatus)
    assert repr(status) == "<ImageBuildStatus unknown: 'QUEUED'>"
    for kind in (ImageBuildStatus, ImageArtifactType, ImageVisibility, BuildPlatform):
        assert [member.is_known for member in kind] == [True] * len(kind)
        assert all(pickle.loads(pickle.dumps(member)) is member for member in kind)  # noqa: S301
    with pytest.raises(ValueError, match="QUEUED"):
        ImageBuildStatus("QUEUED")  # what the contract does not list is not made by hand


@pytest.mark.parametrize(
    "value", ["QUEUED", "", "linux/amd64", "LINUX_AMD64", "\N{SNOWMAN} x", "_"]
)
def test_an_unknown_value_survives(value: str) -> None:
    """Copies, pickles and a round trip keep it; it equals its like, and hashes alike."""
    body = GROUP | {
        "status": value,
        "artifacts": [ARTIFACT | {"artifactType": value}, ARTIFACT | {"status": value}],
    }
    build = BuildStatusResponse.from_dict(body, unknown_statuses="keep")
    again = BuildStatusResponse.from_dict(build.to_dict(), unknown_statuses="keep")
    pickles = [
        pickle.loads(pickle.dumps(build, protocol))  # noqa: S301 (of our own making)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]

    for other in (build, again, *pickles, copy.copy(build), copy.deepcopy(build)):
        assert other == build
        assert hash(other) == hash(build)
        assert soundness.altered(body, other) is None
        assert other.to_dict() == build.to_dict()
        assert type(other.status) is ImageBuildStatus
        assert (other.status.value, other.status.is_known) == (value, False)
    artifact = build.artifacts[0] if build.artifacts else None
    assert artifact is not None
    assert (artifact.artifact_type.value, artifact.artifact_type.is_known) == (value, False)
    assert artifact.status.is_known
    assert build != BuildStatusResponse.from_dict(body | {"status": "PENDING"}, **KEEP)
    assert hash(build.status) == hash(value)


def test_a_default_is_not_changed() -> None:
    """A key that is absent is absent, and has its default, in a body that is relaxed too."""
    row = {"id": "a", "status": "QUEUED", "createdAt": TEXT, "other": {"createdAt": TEXT}}
    artifact = BuildArtifactStatusResponse.from_dict(row, **ALL)

    assert artifact.artifact_type is ImageArtifactType.CONTAINER_IMAGE
    assert artifact.started_at is client_package.UNSET
    assert artifact.error_message is client_package.UNSET


@pytest.mark.parametrize(
    ("option", "valid"),
    [("naive_timestamps", ("reject", "utc")), ("unknown_statuses", ("reject", "keep"))],
)
@pytest.mark.parametrize("value", ["", "UTC", "Keep", "ignore", None, True, 0, [], {}])
@pytest.mark.parametrize("made", [Client, authenticated])
def test_invalid_option_raises(made: Any, option: str, valid: tuple[str, ...], value: Any) -> None:
    """The error names the option and its values."""
    with pytest.raises(ValueError, match=option) as caught:
        made(BASE, **{option: value})
    with pytest.raises(ValueError, match=option):
        BuildStatusResponse.from_dict(GROUP, **{option: value})

    assert isinstance(caught.value, errors.InvalidRequestError)
    assert all(repr(one) in str(caught.value) for one in valid)


def test_copies_keep_the_options() -> None:
    """And neither option reaches httpx."""
    client = AuthenticatedClient(BASE, "token", naive_timestamps="utc", unknown_statuses="keep")
    copies = [client.with_headers({}), client.with_cookies({}), client.with_timeout(1)]

    for one in (client, *copies, copy.copy(client), copy.deepcopy(client)):
        assert one.tolerance == Tolerance("utc", "keep")
        with one:
            pass
    assert AuthenticatedClient(BASE, "token").tolerance == Client(BASE).tolerance == Tolerance()


def test_a_request_is_never_relaxed() -> None:
    """What is sent is what the contract lists, and no option is named that would change it."""
    unlisted = BuildImageRequest.from_dict(
        WEB.to_dict() | {"platform": "linux/riscv64"}, unknown_statuses="keep"
    )
    by_hand: Any = BuildImageRequest(image_name="w", image_tag="v", platform="x")  # type: ignore[arg-type]

    for body in (unlisted, by_hand):
        with pytest.raises(errors.InvalidRequestError) as caught:
            called_with(body)
        assert " platform: " in str(caught.value)
        assert "keep" not in str(caught.value)


def called_with(body: BuildImageRequest) -> None:
    """Initiate a build, with a client that accepts all it can."""
    client = AuthenticatedClient(BASE, "t", naive_timestamps="utc", unknown_statuses="keep")
    initiate_image_build.sync(client=client, body=body)


@chosen
def test_the_corpus_is_judged_as_its_schema_is(options: dict[str, Any]) -> None:
    """Each body of the corpus is accepted if the schema, so relaxed, accepts it."""
    tolerance = Tolerance(**options)
    outcomes = set()
    for payload in (one for one in load() if one.media_type == "application/json"):
        name = {INITIATE: "BuildImageResponse"}.get(payload.operation, "BuildStatusResponse")
        try:
            _json.read(payload.content, soundness.DECODERS[name], tolerance)
        except errors.InvalidBodyError:
            accepted = False
        else:
            accepted = True
        assert accepted is soundness.schema_accepts(name, payload.content, tolerance), payload.title
        outcomes.add((accepted, payload.is_refused))

    # With an option, some bodies of the corpus that are refused by default are accepted.
    assert ((True, True) in outcomes) is bool(options)


# --- the whole job --------------------------------------------------------------------------------


class Foreign(Network):
    """A server whose times are naive, and that has statuses of its own."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Respond by the script."""
        answer = super().answer(request)
        body = json.loads(answer.content) if request.method == "GET" else {}
        if not body.get("status"):
            return answer
        artifacts = [ARTIFACT | {"artifactType": "WASM", "createdAt": TEXT}]
        body |= {"createdAt": TEXT, "startedAt": TEXT, "artifacts": artifacts}
        return httpx.Response(200, json=body)

    @property
    def foreign(self) -> AuthenticatedClient:
        """A client that takes it as it is."""
        return AuthenticatedClient(
            BASE,
            "token",
            httpx_args={"transport": self},
            naive_timestamps="utc",
            unknown_statuses="keep",
        )


def unknown(status: str) -> httpx.Response:
    """Answer with a status that the contract does not list."""
    return httpx.Response(200, json=GROUP | {"status": status, "completedAt": None})


@both
def test_a_build_with_unknown_statuses_is_waited_for(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No unknown status is an end, however it is called; the caller is informed of each."""
    clock = Clock(monkeypatch)
    seen: list[Any] = []
    looks = [unknown("QUEUED"), unknown("DONE"), "BUILDING", unknown("SUCCEEDED"), "COMPLETED"]
    network = Foreign(status=looks)

    done = build(
        context(tmp_path),
        client=network.foreign,
        body=WEB,
        on_progress=lambda progress: seen.append(progress.status),
    )

    assert (done.status, done.created_at) == ("COMPLETED", UTC)
    assert [str(one) for one in seen if one][-5:] == [
        "QUEUED", "DONE", "BUILDING", "SUCCEEDED", "COMPLETED",
    ]  # fmt: skip
    assert [one.is_known for one in seen if one][-5:] == [False, False, True, False, True]
    assert len(clock.pauses) == 4


@pytest.mark.parametrize("is_async", [False, True])
def test_wait_respects_the_options(is_async: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With them the deadline ends an unknown status; without them it is refused at once."""
    Clock(monkeypatch)

    def waited(client: AuthenticatedClient) -> Any:
        if is_async:
            return asyncio.run(wait_async("bld_1", client=client, deadline=30))
        return wait("bld_1", client=client, deadline=30)

    with pytest.raises(errors.BuildTimeoutError) as late:
        waited(Foreign(status=[unknown("QUEUED")]).foreign)
    with pytest.raises(errors.InvalidResponseError) as refused:
        waited(Foreign(status=[unknown("QUEUED")]).client)

    assert late.value.last is not None
    assert (late.value.last.status, late.value.last.status.is_known) == ("QUEUED", False)
    assert refused.value.option in (NAIVE, UNKNOWN)


@both
def test_a_lost_start_with_an_unknown_status_is_waited_for(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown status is not one of a build that was never started."""
    Clock(monkeypatch)
    network = Foreign(start=[502], status=[unknown("QUEUED"), "COMPLETED"])

    assert build(context(tmp_path), client=network.foreign, body=WEB).status == "COMPLETED"
    assert network.operations.count("start") == 1
