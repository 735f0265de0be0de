"""Delete destroys: what a run deletes, what it must never delete, and servers without a delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from ...contract.api import IMAGES
from ...drivers.http.pace import Pace
from ...drivers.images import OwnImages
from ...drivers.session import Session
from ...gate import cleanup, drive
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Budget, Target, embedded
from ...problems import Exit, Problem
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...report import markdown, terminal, verdicts
from ...tape.tape import Tape
from ..support.judging import judge_server
from ..support.sampling import sampled

TOKEN = "a-token-of-the-test"  # noqa: S105
IMAGE = "/api/v1/images"
BUILD = f"{IMAGE}/build"
# What a router may match with the template of delete, however it was meant: two segments, or more
# where a parameter takes slashes.
LIKE_DELETE = re.compile(r".*/images/+[^/]+/+.+")


class Server:
    """A reference server that keeps what reached it, and may answer otherwise."""

    def __init__(self, delete: Callable[[ServerRequest], ServerResponse | None] | None = None):
        self.asked: list[tuple[str, str]] = []
        self.named: list[dict[str, Any]] = []
        self._delete = delete
        fault = Fault("watched", "", "", request=self._seen)
        self.at = embedded(TOKEN, fault)

    def _seen(self, request: ServerRequest) -> ServerResponse | None:
        self.asked.append((request.method.upper(), request.path.decode()))
        if isinstance(body := request.json(), dict) and "image_name" in body:
            self.named.append(body)
        if request.method == "DELETE" and request.place == "image" and self._delete:
            return self._delete(request)
        return None

    @property
    def deletes(self) -> list[str]:
        """The paths of all requests that may delete, decoded."""
        return [unquote(path) for method, path in self.asked if method == "DELETE"]

    def judged(self, *, fuzzing: bool = False, **target: Any) -> Run:
        """Run the gate against it; without generated requests, which never delete."""
        run = Run(Target(token=TOKEN, **target), at=self.at)
        try:
            drive.drive(run, fuzzing=fuzzing)
        except Problem as problem:
            run.problem = problem
        return run


def foreign(server: Server, run: Run) -> list[str]:
    """Return the deletes that may take anything but an image of the run's own name."""
    ids = {one.build_id for one in run.tape.of(IMAGES.initiate)}
    own = re.compile(rf"{IMAGE}/{run.own.name}/[^/]+")
    harmless = {BUILD} | {f"{BUILD}/{one}/start" for one in ids}
    return [one for one in server.deletes if one not in harmless and not own.fullmatch(one)]


@pytest.mark.parametrize(
    "target",
    sampled(
        [
            {},
            {"seed": 7},
            {"level": "must"},
            {"budget": Budget(builds=1)},
            {"budget": Budget(builds=6)},
            {"budget": Budget(requests=500)},
        ],
        3,
    ),
    ids=str,
)
def test_run_deletes_only_images_of_its_own_name(target: dict[str, Any]) -> None:
    """All requests that reached the server, generated ones included."""
    server = Server()

    run = server.judged(fuzzing=True, **target)

    assert foreign(server, run) == []
    assert [one.failure for one in run.tape.exchanges if "not sent" in (one.failure or "")] == []
    assert run.own.name not in ("contract-gate", "")


def test_deletes_come_last_and_are_of_what_the_run_made() -> None:
    """After the first one nothing is sent but deletes, and the status of two images."""
    server = Server()

    run = server.judged(fuzzing=True)

    first = next(one for one in run.tape.of(IMAGES.delete))
    after = [one for one in run.tape.exchanges if one.number >= first.number]
    cleaning = [one for one in after if one.driver == cleanup.DRIVER]
    assert {one.operation for one in after} == {IMAGES.delete, IMAGES.status}
    assert {one.deletes for one in after if one.deletes and one not in cleaning} == {
        (run.own.name, "deleted-first"), (run.own.name, "deleted-first-kept"),
    }  # fmt: skip
    assert after[-len(cleaning) :] == cleaning
    assert {one.operation for one in cleaning} == {IMAGES.delete}
    assert (run.left_behind, run.own.made, run.images_left_behind) == (([], []), {}, {})
    assert run.not_deleted is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "url"), [(1, None), (2, "http://127.0.0.1:9"), (3, "http://127.0.0.1:9")]
)
def test_no_image_of_another_name_is_initiated(seed: int, url: str | None) -> None:
    """Whatever reached the server, with any token and by any method; PUBLIC only in this process.

    What is not a name at all, as it has to be refused, stays as it was generated.
    """
    server = Server()

    run = server.judged(fuzzing=True, seed=seed, url=url)

    names = [one["image_name"] for one in server.named]
    assert {one for one in names if isinstance(one, str)} == {run.own.name}
    assert {type(one) for one in names} > {str}
    public = [one for one in server.named if one.get("visibility") == "PUBLIC"]
    assert bool(public) == (url is None)
    tags = {str(one.get("image_tag")) for one in server.named}
    assert len(tags) > 5
    assert not [one for one in tags if re.search(r"[/\\\\%]|^\.*$", one)]


@pytest.mark.parametrize("build_id", ["bld_1", "v1", "web", ".", "a/b"])
def test_run_with_build_id_sends_no_delete(build_id: str) -> None:
    """It only polls a build that is there, or not."""
    server = Server()

    run = server.judged(fuzzing=True, build_id=build_id)

    assert server.deletes == []
    assert not run.tape.of(IMAGES.delete)
    assert "not sent" in (run.not_deleted or "")


def test_run_whose_builds_never_complete_only_cleans_up() -> None:
    """What was not seen to be COMPLETED may not be an image: its 404 would say nothing."""
    server = Server()
    server.at = embedded(TOKEN, Fault("watched", "", "", request=server._seen), scenario="stuck")

    run = server.judged(budget=Budget(deadline=60))

    assert {one.driver for one in run.tape.of(IMAGES.delete)} == {cleanup.DRIVER}
    assert foreign(server, run) == []
    assert run.left_behind == ([], [])


@pytest.mark.parametrize(
    "path",
    [
        f"{IMAGE}/web/v1", f"{IMAGE}/build/bld_1", f"{IMAGE}/build/v1", f"{IMAGE}/own%2Fx/v1",
        f"{IMAGE}/OWN/v1", f"{IMAGE}//own/v1", f"/base{IMAGE}/web/v1", f"{IMAGE}/own/../web/v1",
        f"{IMAGE}/web/v1/", "/images/web/v1", f"{IMAGE}/own", f"{IMAGE}/%6Fwn2/v1",
        f"{IMAGE}/web/v1?teamId=own",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["DELETE", "delete"])
@pytest.mark.parametrize("own", [OwnImages("own"), None])
def test_session_does_not_send_a_delete_of_another_image(
    method: str, path: str, own: OwnImages | None
) -> None:
    """The last guard: whoever asks for it, and however it is spelled."""
    server, tape = Server(), Tape(TOKEN)
    with Session(server.at, tape, "test", Pace(clock=server.at.clock), own=own) as one:
        exchange = one.send(method, path, "a delete")

    assert "not sent" in (exchange.failure or "")
    assert server.asked == []


def test_session_sends_a_delete_of_its_own_image() -> None:
    """Else the guard would guard nothing."""
    server, tape = Server(), Tape(TOKEN)
    with Session(server.at, tape, "test", Pace(clock=server.at.clock), own=OwnImages("own")) as one:
        exchange = one.send("DELETE", f"{IMAGE}/own/v1", "a delete")

    assert (exchange.failure, exchange.response.status) == (None, 404)
    assert server.deletes == [f"{IMAGE}/own/v1"]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_server_without_delete_passes_and_the_reports_show_it(status: int) -> None:
    """One delete is sent, with the token; then nothing more is known to be there."""
    headers = [(b"content-type", b"text/plain")]
    server = Server(lambda _: ServerResponse(status, [*headers], b"no such thing"))

    run = server.judged()

    assert [one.rule.id for one in run.judge.violated] == []
    assert run.problem is None
    assert len(run.tape.of(IMAGES.delete)) == 1
    assert run.not_deleted == f"not applicable: the server does not offer it ({status})"
    assert any(run.not_deleted in line for line in terminal.traffic(run))
    report = Report(run.target, run)
    assert run.not_deleted in markdown.page(report)
    assert verdicts.document(report)["not_deleted"] == run.not_deleted
    assert report.code == Exit.OK


@pytest.mark.parametrize("status", [403, 409, 429])
def test_refused_delete_is_no_violation(status: int) -> None:
    """A server may let nobody delete with this token, or not now."""
    server = Server(lambda _: ServerResponse(status, [], b""))

    run = server.judged(budget=Budget(deadline=3600))

    assert [one.rule.id for one in run.judge.violated] == []
    assert run.problem is None
    assert run.not_deleted == f"no success: {status}"


def test_success_that_deletes_nothing_is_no_violation() -> None:
    """Whether the build is found after a delete proves nothing, whatever the delete returned."""
    body = b'{"success": true, "message": "deleted"}'
    answer = ServerResponse(200, [(b"content-type", b"application/json")], body)
    server = Server(lambda request: answer if request.is_authorized else None)

    run = server.judged()

    assert [one.rule.id for one in run.judge.violated] == []
    assert run.not_deleted is None


@pytest.mark.parametrize(("status", "rule"), [(200, "P6"), (202, "P1"), (500, "P5")])
def test_delete_of_what_is_deleted_is_judged(status: int, rule: str) -> None:
    """A second delete of the run's own image shows how a server answers what is not there."""

    def change(request: ServerRequest, response: ServerResponse) -> None:
        if request.method == "DELETE" and response.status == 404:
            response.status = status

    at = embedded(TOKEN, Fault("gone", "", "", response=change))
    run = judge_server(Target(token=TOKEN), fuzzing=False, at=at)

    assert [one.rule.id for one in run.judge.violated] == [rule]
