"""The life of a build on the reference server: its artifacts, its group, and scenarios by tag."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, product

import httpx
import pytest

from ...drivers.scripted.inputs import GOOD, HOPELESS, context
from ...reference import deterministic, lifecycle, scenarios
from ...reference.app import create_app
from ...reference.builds import Store
from ...reference.disruptions import Dropped, FailureSchedule, RequestFailure
from ...reference.lifecycle import Artifact, ArtifactPlan, Build, Standing
from ...reference.scenarios import SCENARIOS
from .test_reference_builder import packed

BUILD = "/api/v1/images/build"
T0 = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
OCTETS = {"Content-Type": "application/octet-stream"}


class Server:
    """A server in this process, on a clock that the test sets."""

    def __init__(self, scenario: str = "default", **more: int) -> None:
        self.now = T0
        numbers = count(1)
        app = create_app(
            build_seconds=10.0,
            clock=lambda: self.now,
            new_id=lambda prefix: f"{prefix}_{next(numbers)}",
            scenario=scenario,
            **more,  # type: ignore[arg-type]
        )
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://reference"
        )

    def request(self, method: str, path: str, **more: object) -> httpx.Response:
        """Send one request."""
        headers = {"Authorization": "Bearer test-token"}
        return asyncio.run(
            self._client.request(method, path, **{"headers": headers, **more})  # type: ignore[arg-type]
        )

    def initiate(self, tag: str = "v1", **more: object) -> httpx.Response:
        """Initiate a build."""
        return self.request("POST", BUILD, json={"image_name": "web", "image_tag": tag, **more})

    def begun(
        self, tag: str = "v1", dockerfile: str = GOOD, content: bytes = b"", **more: object
    ) -> str:
        """Initiate, upload, start; return where the build is."""
        body = self.initiate(tag, **more).json()
        content = content or context(dockerfile)
        put = self.request("PUT", body["upload_url"], headers=OCTETS, content=content)
        path = f"{BUILD}/{body['build_id']}"
        started = self.request("POST", f"{path}/start", json={})

        assert (put.status_code, started.status_code) == (204, 200)
        return path

    def seen(self, path: str, seconds: float) -> list[str]:
        """Return the status of the group and of its artifacts, ``seconds`` after the start."""
        self.now = T0 + timedelta(seconds=seconds)
        body = self.request("GET", path).json()
        return [body["status"], *(one["status"] for one in body.get("artifacts", []))]


P, B, C, F, X = "PENDING", "BUILDING", "COMPLETED", "FAILED", "CANCELLED"


def test_artifacts_move_on_their_own() -> None:
    """The image begins first and ends first; the group follows."""
    server = Server()
    path = server.begun()

    assert [server.seen(path, at) for at in (0, 2.4, 2.5, 5.9, 6, 9.9, 10, 99)] == [
        [B, B, P], [B, B, P], [B, B, B], [B, B, B], [B, C, B], [B, C, B], [C, C, C], [C, C, C],
    ]  # fmt: skip
    body = server.request("GET", path).json()
    assert [one["artifactType"] for one in body["artifacts"]] == ["CONTAINER_IMAGE", "VM_SANDBOX"]
    assert [one["fullImagePath"] for one in body["artifacts"]] == [
        "registry.example/reference/web:v1", None,
    ]  # fmt: skip
    assert (body["startedAt"], body["completedAt"]) == (
        "2026-05-04T03:02:01.000Z", "2026-05-04T03:02:11.000Z",
    )  # fmt: skip


def test_what_cannot_build_fails() -> None:
    """Each artifact fails at its own time, with a reason."""
    server = Server()
    path = server.begun(dockerfile=HOPELESS)

    assert [server.seen(path, at) for at in (5, 6, 10)] == [[B, B, B], [B, F, B], [F, F, F]]
    body = server.request("GET", path).json()
    why = "Dockerfile:2: unknown instruction: RUNN (did you mean RUN?)"
    assert [one["errorMessage"] for one in body["artifacts"]] == [why, why]


def test_invalid_pattern_of_dockerignore_ends_a_build_in_failed() -> None:
    """As at the real builder, and its message names the pattern."""
    server = Server()
    path = server.begun(
        content=packed([("Dockerfile", GOOD.encode(), "0"), (".dockerignore", b"a\n[b\n", "0")])
    )

    assert server.seen(path, 10) == [F, F, F]
    body = server.request("GET", path).json()
    why = ".dockerignore:2: invalid pattern: [b"
    assert [one["errorMessage"] for one in body["artifacts"]] == [why, why]


@pytest.mark.parametrize(
    ("scenario", "at", "seen"),
    [
        ("image-only", (0, 10), [[B, B], [C, C]]),
        ("vm-only", (0, 10), [[B, B], [C, C]]),
        ("queued", (0, 9.9, 10, 13, 20), [["UPLOADING", P, P], ["UPLOADING", P, P], [B, B, P],
                                          [B, B, B], [C, C, C]]),
        ("slow", (10, 99.9, 100), [[B, B, P], [B, C, B], [C, C, C]]),
        ("stuck", (0, 1e6), [[B, B], [B, B]]),
        ("cancelled", (0, 4.9, 5), [[B, B, P], [B, B, B], [X, X, X]]),
        ("one-fails", (4.9, 5, 10), [[B, B, B], [B, C, B], [F, C, F]]),
    ],
)  # fmt: skip
def test_scenario_by_tag_and_by_server(
    scenario: str, at: tuple[float, ...], seen: list[list[str]]
) -> None:
    """A scenario runs the same, whether the tag or the server names it."""
    by_tag, by_long_tag, by_server = Server(), Server(), Server(scenario)
    paths = by_tag.begun(scenario), by_long_tag.begun(f"scenario-{scenario}"), by_server.begun()

    for server, path in zip((by_tag, by_long_tag, by_server), paths, strict=True):
        assert [server.seen(path, one) for one in at] == seen


def test_a_tag_outdoes_the_server() -> None:
    """``default`` is a scenario too."""
    server = Server("stuck")

    assert server.seen(server.begun("default"), 10) == [C, C, C]


def test_artifacts_early() -> None:
    """Artifacts are listed from the beginning, and wait."""
    server = Server()
    body = server.initiate("artifacts-early").json()

    assert server.seen(f"{BUILD}/{body['build_id']}", 0) == [P, P, P]


def test_sparse() -> None:
    """Nothing is null, and no list is empty."""
    server = Server("sparse")
    path = f"{BUILD}/{server.initiate().json()['build_id']}"
    waiting = server.request("GET", path)
    begun = server.request("GET", server.begun())

    assert set(waiting.json()) == {"id", "imageName", "imageTag", "createdAt", "status"}
    assert len(begun.json()["artifacts"]) == 2
    assert "null" not in begun.text


def test_zones() -> None:
    """Instants are the same, written with another offset."""
    server = Server("zones")
    body = server.request("GET", server.begun()).json()

    assert body["createdAt"] == "2026-05-04T08:32:01.000000+05:30"
    assert body["artifacts"][0]["startedAt"] == "2026-05-04T08:32:01.000000+05:30"
    assert datetime.fromisoformat(body["createdAt"]) == T0


def test_starts_once() -> None:
    """A second start is refused, and resets nothing; else it is answered alike."""
    strict, lenient = Server("starts-once"), Server()
    answers = [one.request("POST", f"{one.begun()}/start", json={}) for one in (strict, lenient)]

    assert [one.status_code for one in answers] == [409, 200]


def test_limited() -> None:
    """The first initiate is refused for a second, the next is let pass, and so on."""
    server = Server()
    seen = []
    for seconds in (0, 0.5, 1, 1, 2):
        server.now = T0 + timedelta(seconds=seconds)
        answer = server.initiate("limited")
        seen.append((answer.status_code, answer.headers.get("retry-after")))

    assert seen == [(429, "1"), (429, "1"), (201, None), (429, "1"), (201, None)]
    assert server.initiate("v1").status_code == 201


def test_payment() -> None:
    """Initiate is refused with 402."""
    answer = Server().initiate("payment")

    assert (answer.status_code, answer.json()["errors"][0]["param"]) == (402, "account")


def _outcomes(server: Server, path: str, many: int) -> list[int | None]:
    seen: list[int | None] = []
    for _ in range(many):
        try:
            seen.append(server.request("GET", path).status_code)
        except Dropped:
            seen.append(None)
    return seen


def test_errors_come_in_bursts() -> None:
    """Of ten requests, three in a row get 503; the same seed, the same ones."""
    seen = []
    for seed in (1, 1, 2):
        server = Server(seed=seed)
        path = f"{BUILD}/{server.initiate('errors').json()['build_id']}"
        seen.append(_outcomes(server, path, 20))

    assert seen[0] == seen[1] != seen[2]
    for one in seen:
        for ten in (one[:10], one[10:]):
            first = ten.index(503)
            assert ten == [200] * first + [503] * 3 + [200] * (7 - first)


def test_flaky_connections() -> None:
    """Of ten requests, two get no answer; of these one start takes effect, and one does not."""
    seeds = [
        [FailureSchedule(seed).next_failure("flaky", at) for at in range(10)] for seed in (3, 3, 4)
    ]
    server = Server(seed=3)
    path = f"{BUILD}/{server.initiate('flaky').json()['build_id']}"

    assert seeds[0] == seeds[1] != seeds[2]
    for one in seeds:
        assert sorted(map(str, one)) == sorted(
            map(str, [RequestFailure.NONE] * 8 + [RequestFailure.LOST, RequestFailure.UNANSWERED])
        )
    assert _outcomes(server, path, 20).count(None) == 4


@pytest.mark.parametrize(("trouble", "is_done"), [("LOST", False), ("UNANSWERED", True)])
def test_a_lost_start_may_have_been_done(
    trouble: str, is_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a request without an answer was processed is what its client cannot know."""
    server = Server()
    body = server.initiate("flaky").json()
    failures = [RequestFailure.NONE, RequestFailure[trouble], RequestFailure.NONE]
    monkeypatch.setattr(FailureSchedule, "next_failure", lambda *_: failures.pop(0))
    server.request("PUT", body["upload_url"], headers=OCTETS, content=context(GOOD))
    path = f"{BUILD}/{body['build_id']}"

    with pytest.raises(Dropped):
        server.request("POST", f"{path}/start", json={})
    assert server.seen(path, 0)[0] == (B if is_done else "UPLOADING")


def _standings() -> list[Standing]:
    made = [Standing(P), Standing(B, T0)]
    return made + [Standing(one, T0, T0 + timedelta(seconds=1)) for one in (C, F, X)]


@pytest.mark.parametrize("standings", [*product(_standings(), repeat=2)])
def test_group_follows_its_artifacts(standings: tuple[Standing, ...]) -> None:
    """The rule of lifecycle.py, implemented a second time, differently."""
    build = Build("b", "web", "v1", "Dockerfile", "x", T0, ())
    statuses = {one.status for one in standings}

    group = lifecycle.of_group(build, standings)

    if statuses == {P}:
        expected = P
    elif statuses & {P, B}:
        expected = B
    else:
        expected = F if F in statuses else X if X in statuses else C
    assert group.status == expected
    assert (group.started_at is None) == (statuses == {P})
    assert (group.completed_at is None) == bool(statuses & {P, B})


def test_a_start_of_what_is_started_resets_nothing() -> None:
    """The first start counts."""
    build = Build(
        "b", "web", "v1", "Dockerfile", "x", T0, (Artifact("a", ArtifactPlan("VM_SANDBOX")),)
    )
    once = lifecycle.started(build, T0)

    assert lifecycle.started(once, T0 + timedelta(seconds=5)) is once


def test_the_oldest_is_forgotten_first() -> None:
    """So many builds are kept, and so much of what they are named."""
    server = Server(most_builds=2)
    paths = [f"{BUILD}/{server.initiate().json()['build_id']}" for _ in range(3)]
    store = Store(most_text=100)
    for name in ("a", "b", "c"):
        build = Build(name, name * 40, "v1", "Dockerfile", "x", T0, ())
        store.add(build, SCENARIOS["default"])

    assert [server.request("GET", path).status_code for path in paths] == [404, 200, 200]
    assert [store.get(name) is not None for name in ("a", "b", "c")] == [False, False, True]


def test_an_unknown_scenario_names_the_nearest() -> None:
    """A misspelt name is not a default."""
    with pytest.raises(ValueError, match=r"(?s)unknown scenario canceled.*use cancelled"):
        create_app(scenario="canceled")
    with pytest.raises(ValueError, match="seconds"):
        create_app(build_seconds=float("nan"))
    assert scenarios.of_tag("v1") is None


def test_scripted_clock_and_ids() -> None:
    """The clock has the given start and speed; the same seed makes the same ids."""
    passed = [0.0]
    elapsed: Callable[[], float] = lambda: passed[0]  # noqa: E731
    clock = deterministic.clock(T0, 60, elapsed=elapsed)
    passed[0] = 2.0
    one, same, other = deterministic.ids(1), deterministic.ids(1), deterministic.ids(2)

    assert clock() == T0 + timedelta(minutes=2)
    assert one("bld") == same("bld") != other("bld")
    assert one("bld").startswith("bld_")
    for invalid in (datetime(2026, 1, 1), datetime(9999, 1, 1, tzinfo=UTC)):
        with pytest.raises(ValueError, match="offset"):
            deterministic.clock(invalid)
    with pytest.raises(ValueError, match="speed"):
        deterministic.clock(T0, -1)


@pytest.mark.parametrize("key", ["teamId", "team_id"])
@pytest.mark.parametrize(("team", "status"), [("t", 201), (None, 201), (7, 422), (["t"], 422)])
def test_team_is_string_or_null_under_both_names(key: str, team: object, status: int) -> None:
    """The document names teamId, the vendor's clients send team_id."""
    body = {"image_name": "web", "image_tag": "v1", key: team}

    assert Server().request("POST", BUILD, json=body).status_code == status


@pytest.mark.parametrize("visibility", [{}, {"visibility": "INHERIT"}])
def test_inherit_keeps_the_visibility_of_an_existing_tag(visibility: dict[str, str]) -> None:
    """A tag exists once a build of it is COMPLETED; a new one is PRIVATE."""
    server = Server("image-only")

    def visibility_of(tag: str) -> str:
        return str(server.initiate(tag, **visibility).json()["visibility"])

    server.initiate("v1", visibility="PUBLIC")  # is never started
    path = server.begun("v1", visibility="PUBLIC")
    seen = [visibility_of("v1")]
    server.seen(path, 10)
    seen += [visibility_of("v1"), visibility_of("v2")]
    server.seen(server.begun("v1", dockerfile=HOPELESS, visibility="PRIVATE"), 20)
    seen += [visibility_of("v1")]

    assert seen == ["PRIVATE", "PUBLIC", "PRIVATE", "PUBLIC"]


def test_initiate_answers_what_clients_read() -> None:
    """The vendor's newer clients read ``buildIds``, and send keys of their own."""
    server = Server()
    sent = {"team_id": "t", "owner_scope": "platform", "sourceImage": "x", "visibility": "PUBLIC"}
    body = server.initiate(**sent).json()

    assert body["buildIds"] == [body["build_id"]]
    assert body["visibility"] == "PUBLIC"
    assert json.dumps(body)
