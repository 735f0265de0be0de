"""The clean-up: what a run made is deleted at its end, however it ends; what is left is shown."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ... import program
from ...contract.api import IMAGES
from ...drivers.http.client import Client
from ...drivers.http.pace import Pace
from ...drivers.http.transport import Endpoint, Limits
from ...drivers.images import Image, OwnImages
from ...drivers.journal import Journal
from ...drivers.session import Session
from ...gate import cleanup, drive
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...problems import Exit
from ...reference.disruptions import Dropped
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...report import cases, junit, markdown, terminal, verdicts
from ...report import cleanup as cleanup_report
from ...tape.exchange import Exchange
from ...tape.tape import Tape
from ..support import hostile

TOKEN = "a-token-of-the-test"  # noqa: S105
URL = "http://127.0.0.1:9"
NAME = "contract-gate-0123456789ab"
Answer = Callable[[ServerRequest], ServerResponse | None]


def answer(status: int, body: Any = None, kind: bytes = b"application/json") -> ServerResponse:
    """Return a response."""
    content = b"" if body is None else json.dumps(body).encode()
    return ServerResponse(status, [(b"content-type", kind)], content)


def run_of(target: Target, request: Answer | None = None, **app: Any) -> Run:
    """Return a run, not yet driven, against a server that may answer otherwise."""
    fault = Fault("changed", "", "", request=request) if request else None
    return Run(target, at=embedded(TOKEN, fault, **app))


def driven(run: Run) -> Run:
    """Drive a run by the script alone."""
    drive.drive(run, fuzzing=False)
    return run


def to_delete(change: Answer) -> Answer:
    """Change the responses to the deletes of the clean-up, which are of other tags."""

    def request(one: ServerRequest) -> ServerResponse | None:
        is_judged = one.build_id.endswith(("/deleted-first", "/deleted-first-kept"))
        return change(one) if one.operation == "delete" and not is_judged else None

    return request


def test_progress_of_the_clean_up_counts_images() -> None:
    """One is singular."""
    run, shown = run_of(Target(token=TOKEN, profile="production")), list[str]()
    run.report = shown.append
    driven(run)

    assert shown[-2:] == ["deleting 2 images", "deleting 1 image"]


REFUSALS: dict[str, tuple[Answer, str]] = {
    "403": (lambda _: answer(403), "403"),
    "409": (lambda _: answer(409, {"errors": []}), "409"),
    "500": (lambda _: answer(500), "500"),
    "a 200 whose success is false": (
        lambda _: answer(200, {"success": False, "message": "no"}), "200, but success is not true",
    ),
    "a 200 that is not JSON": (lambda _: answer(200, None), "200, but success is not true"),
    "a success that is a text": (
        lambda _: answer(200, {"success": "true", "message": ""}), "200, but success is not true",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_image_that_is_not_deleted_is_in_every_report(name: str, tmp_path: Path) -> None:
    """With the reason and a command; the run does not fail for it."""
    refusal, why = REFUSALS[name]
    target = Target(url=URL, token=TOKEN)
    run = run_of(target, to_delete(refusal))
    run.own.journal = Journal(tmp_path, URL, run.own.name)
    driven(run)

    left = {f"{run.own.name}:{tag}": why for tag in ("v2", "v3", "v4", "v1", "listed", "nul")}
    assert run.images_left_behind == left
    assert len(run.left_behind[0]) == len(run.initiated[0]) - 2  # the judged ones
    assert run.own.journal.path.exists()
    command = run.clean_up
    assert command.startswith("make gate TARGET=http://127.0.0.1:9 CLEANUP=only")
    report = Report(target, run)
    pages = [markdown.page(report), junit.page(report), "\n".join(terminal.traffic(run))]
    assert all(image in page for page in pages for image in left)
    assert all(why in page and command in page for page in pages)
    document = verdicts.document(report)
    assert document["left_behind"] == [{"image": one, "reason": why} for one in left]
    assert (document["clean_up"], document["deleted"]) == (command, 0)
    states = {one.id: one.state for one in cases.cases(report)}
    assert states[cases.CLEANUP] is cases.State.SKIPPED
    violated = [one.rule.id for one in run.judge.violated]
    assert violated == {"500": ["P5"], "a 200 that is not JSON": ["P8"]}.get(name, violated)
    assert name != "403" or report.code is Exit.OK


def test_image_that_is_not_there_is_not_left() -> None:
    """A 404, where the server has deleted another one."""
    run = run_of(Target(token=TOKEN), to_delete(lambda _: answer(404)))
    driven(run)

    assert (run.own.made, run.images_left_behind, run.left_behind) == ({}, {}, ([], []))
    assert run.cleaned is not None
    assert (run.cleaned.deleted, run.cleaned.left) == ([], {})


@pytest.mark.parametrize("status", [404, 405, 501])
def test_server_without_delete_gets_one_request(status: int) -> None:
    """The judged one; all is listed, and no command is shown that could not help."""
    run = run_of(
        Target(token=TOKEN, url=URL),
        lambda one: answer(status) if one.operation == "delete" else None,
    )
    driven(run)

    assert len(run.tape.of(IMAGES.delete)) == 1
    assert {*run.images_left_behind.values()} == {f"{status}: the server does not offer delete"}
    assert run.clean_up == ""
    assert Report(run.target, run).code is Exit.OK


def test_required_operation_has_to_be_seen() -> None:
    """REQUIRE=delete_image fails a server without delete, and passes one with it."""
    required = Target(token=TOKEN, require=("delete_image", "initiate_image_build"))
    without = run_of(required, lambda one: answer(404) if one.operation == "delete" else None)
    refusing = run_of(
        required,
        lambda one: (
            answer(200, {"success": False, "message": ""})
            if one.operation == "delete" and one.is_authorized
            else None
        ),
    )

    assert driven(run_of(required)).missing == []
    assert driven(without).missing == ["delete_image"]
    assert driven(refusing).missing == ["delete_image"]
    assert not without.passed


def test_clean_up_can_be_switched_off() -> None:
    """Only what is judged is deleted then, and all else is listed."""
    run = driven(run_of(Target(token=TOKEN, cleanup="off")))

    assert cleanup.DRIVER not in {one.driver for one in run.tape.exchanges}
    tags = ("v1", "v2", "v3", "v4", "listed", "nul")
    assert {*run.images_left_behind} == {f"{run.own.name}:{tag}" for tag in tags}
    assert run.pace.reserved == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize("at", [1, 5, 60, 250])
def test_what_was_made_is_deleted_after_a_failure(at: int, error: type[BaseException]) -> None:
    """And after Ctrl-C; the error goes on."""
    run = run_of(Target(token=TOKEN))
    raise_at(run, at, error)

    with pytest.raises(error):
        driven(run)
    assert (run.own.made, run.left_behind) == ({}, ([], []))
    assert run.is_interrupted is (error is KeyboardInterrupt)
    assert len(run.tape.exchanges) >= at


def test_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    """What is left then is listed, and in the journal."""
    run = run_of(Target(url=URL, token=TOKEN))
    run.own.journal = Journal(tmp_path, URL, run.own.name)
    raise_at(run, 60, KeyboardInterrupt)
    raise_at(run, 62, KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        driven(run)
    assert len(run.tape.exchanges) == 62
    assert run.tape.exchanges[60].deletes is not None
    assert len(run.own.made) == len(run.images_left_behind) > 0
    assert run.own.journal.path.exists()
    run.own.journal.open()  # it is not locked any more
    run.own.journal.close(is_done=False)


def raise_at(run: Run, at: int, error: type[BaseException]) -> None:
    """Raise an error once, when a request is on the tape."""

    def see(_: object) -> None:
        if len(run.tape.exchanges) == at:
            raise error

    run.tape.subscribe(see)


@pytest.mark.parametrize("requests", [2, 3, 5, 8, 20, 33, 34, 35, 60, 90, 150, 350])
def test_max_requests_leaves_enough_to_delete_all(requests: int) -> None:
    """However few there are."""
    run = run_of(Target(token=TOKEN, budget=Budget(requests=requests)))
    try:
        driven(run)
    except GateError:
        assert requests < 90
    assert run.pace.sent <= requests
    assert (run.own.made, run.left_behind) == ({}, ([], []))


def test_deadline_leaves_time_to_delete_all() -> None:
    """At the rate that is set, as far as a tenth of it goes; no build ends in this time."""
    budget = Budget(deadline=60, rate=10)
    run = run_of(Target(token=TOKEN, budget=budget), scenario="stuck")
    with pytest.raises(GateError):
        driven(run)

    assert "DEADLINE" in {one.budget for one in run.cut}
    assert (run.own.made, run.left_behind) == ({}, ([], []))
    assert run.pace.left > 0


def test_server_that_is_gone_leaves_all_with_the_reason() -> None:
    """And the run ends as it does without a clean-up."""
    gone = [False]

    def request(one: ServerRequest) -> ServerResponse | None:
        gone[0] = gone[0] or one.operation == "start"
        if gone[0]:
            raise Dropped
        return None

    run = run_of(Target(token=TOKEN), request)
    with pytest.raises(GateError):
        driven(run)

    tags = [one.rpartition(":")[2] for one in run.images_left_behind]
    assert {"deleted-first", "v2", "v3", "v4"} <= {*tags}
    assert all("no response" in why for why in run.images_left_behind.values())


def test_lost_initiate_counts_as_made() -> None:
    """It may have been processed."""
    lost: list[str] = []

    def lose(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "initiate" and response.status == 201 and len(lost) < 2:
            lost.append(request.json()["image_tag"])
            raise Dropped

    run = Run(Target(token=TOKEN), at=embedded(TOKEN, Fault("loses", "", "", response=lose)))
    driven(run)

    assert lost == ["deleted-first", "v2"]
    deletes = [one.deletes for one in run.tape.of(IMAGES.delete) if one.has_deleted]
    assert {(run.own.name, tag) for tag in lost} <= {*deletes}
    assert run.own.made == {}


def _refused(_: str) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return {"url": f"http://127.0.0.1:{closed.getsockname()[1]}"}


UNSENT: dict[str, Callable[[str], dict[str, str]]] = {
    "connection refused": _refused,
    "no such name": lambda _: {"url": "http://images.invalid"},
    "no TLS": lambda sound: {"url": sound.replace("http://", "https://")},
    "no tunnel": lambda sound: {"url": "https://images.invalid", "proxy": sound},
}


def initiated(folder: Path, url: str, proxy: str | None = None) -> tuple[Exchange, OwnImages]:
    """Send an initiate; return its exchange, and the images that may have been made."""
    endpoint, own = Endpoint(url, Client(Limits(seconds=0.5), proxy=proxy)), OwnImages()
    own.journal = Journal(folder, url, own.name)
    pace = Pace(None, None, None, 60, endpoint.clock)
    with Session(endpoint, Tape(TOKEN), "some", pace, own=own) as session:
        body = {"image_name": own.name, "image_tag": "v1"}
        exchange = session.send("POST", "/api/v1/images/build", "initiate", body=body)
    assert pace.reserved == len(own.made)
    own.journal.close(is_done=not own.made)
    return exchange, own


@pytest.mark.parametrize("name", UNSENT)
def test_what_was_never_sent_is_in_no_journal(name: str, tmp_path: Path) -> None:
    """Nothing made it, so nothing has to be deleted."""
    with hostile.hostile(hostile.answering(403, b"")) as sound:
        exchange, own = initiated(tmp_path / "journal", **UNSENT[name](sound))

    assert exchange.failure is not None
    assert own.made == {}
    assert not (tmp_path / "journal").exists()


def test_what_was_sent_without_a_response_stays_in_the_journal(tmp_path: Path) -> None:
    """It may have been made."""
    with hostile.hostile(hostile.no_answer) as url:
        exchange, own = initiated(tmp_path / "journal", url)

    assert exchange.failure is not None
    assert [one.tag for one in own.made] == ["v1"]
    assert len([*(tmp_path / "journal").iterdir()]) == 1


def test_accepted_invalid_body_is_listed_and_not_deleted() -> None:
    """What is not a name of this run may be anybody's."""

    def lenient(request: ServerRequest) -> None:
        body = request.json()
        if request.operation == "initiate" and isinstance(body, dict) and request.is_authorized:
            named = {key: str(body.get(key)) for key in ("image_name", "image_tag")}
            request.content = json.dumps(named).encode()

    run = run_of(Target(token=TOKEN), lenient)
    driven(run)

    others = {one for one in run.images_left_behind if not one.startswith(run.own.name)}
    assert "7:v1" in others
    assert {run.images_left_behind[one] for one in others} == {"no name of this run"}
    assert {one.deletes[0] for one in run.tape.of(IMAGES.delete) if one.deletes} == {run.own.name}
    assert [one.rule.id for one in run.judge.violated] == ["P3"]


# CLEANUP=only


def journal(folder: Path, *events: Any, name: str = NAME, target: str = URL) -> Path:
    """Write a journal."""
    header = {"format": 1, "target": target, "name": name}
    path = folder / f"{name}.jsonl"
    folder.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in (header, *events)))
    return path


MADE = {"made": ["v1", None]}
BUILT = {"built": ["v1", None, "bld_1"]}
OF_THE_API = {"errors": [{"param": "image_name", "details": "there is no such image"}]}


@pytest.mark.parametrize(
    ("events", "delete", "status", "left", "code"),
    [
        ([MADE, BUILT], answer(200, {"success": True, "message": ""}), 200, 0, Exit.OK),
        ([MADE, BUILT], answer(404, OF_THE_API), 404, 0, Exit.OK),
        ([MADE, BUILT], answer(404, {"detail": "Not Found"}), 404, 0, Exit.OK),
        ([MADE, BUILT], answer(404, {"detail": "Not Found"}), 200, 1, Exit.FOUND),
        ([MADE, BUILT], answer(404, OF_THE_API), 200, 1, Exit.FOUND),
        ([MADE, BUILT], answer(405), 200, 1, Exit.FOUND),
        ([MADE, BUILT], answer(200, {"success": False, "message": ""}), 200, 1, Exit.FOUND),
        ([MADE, BUILT], answer(200, {"success": False, "message": ""}), 404, 0, Exit.OK),
        ([MADE, BUILT], answer(409), 200, 1, Exit.FOUND),
        ([MADE, BUILT], answer(401), 401, 1, Exit.CANNOT_TELL),
        ([MADE], answer(404, OF_THE_API), 200, 0, Exit.OK),
        ([MADE], answer(404, {"detail": "Not Found"}), 200, 1, Exit.CANNOT_TELL),
        ([MADE], answer(200, {"success": False, "message": ""}), 200, 1, Exit.CANNOT_TELL),
        ([MADE, BUILT, {"gone": ["v1", None]}], answer(500), 500, 0, Exit.OK),
        ([], answer(500), 500, 0, Exit.OK),
    ],
)
def test_only_cleaning_up_shows_what_is_left(
    events: list[Any],
    delete: ServerResponse,
    status: int,
    left: int,
    code: Exit,
    tmp_path: Path,
) -> None:
    """A 404 is believed only where something else shows the same."""

    def request(one: ServerRequest) -> ServerResponse:
        return delete if one.operation == "delete" else answer(status)

    report = Report(Target(url=URL, token=TOKEN), resumed=cleanup.Resumed())
    assert report.resumed is not None
    at = embedded(TOKEN, Fault("changed", "", "", request=request))
    path = journal(tmp_path, *events, target=at.base_url)
    cleanup.resume(report.resumed, report.target or Target(), tmp_path, at)
    report.problem = report.resumed.problem

    assert report.code is code
    [one] = report.resumed.cleaned
    assert len(one.left) == left
    assert path.exists() is bool(left)
    [*_, count] = cleanup_report.lines(report.resumed, is_dry=False)
    gone = f", {len(one.gone)} not there any more" if one.gone else ""
    assert len(one.deleted) + len(one.gone) + left == (MADE in events and len(events) < 3)
    assert re.fullmatch(rf"{len(one.deleted)} images? deleted{gone}, {left} left", count)


def cleaned(tmp_path: Path, **settings: str) -> Report:
    """Run the program with CLEANUP=only."""
    given = {"TARGET": URL, "TOKEN": TOKEN, "CLEANUP": "only", **settings}
    environment = {f"CONTRACT_{name}": value for name, value in given.items()}
    return program.run(environment, tmp_path / "junit.xml")


def test_only_cleaning_up_leaves_reports_and_other_journals(tmp_path: Path) -> None:
    """Nothing is judged; a journal of another target or of a run that goes on is not touched."""
    reports = [tmp_path / name for name in ("junit.xml", "summary.md", "verdicts.json")]
    for one in reports:
        one.write_text("of an earlier run")
    other = journal(tmp_path / "journal", MADE, target="http://127.0.0.1:10")
    going = Journal(tmp_path / "journal", URL, NAME.replace("0", "f"))
    going.add("made", "v1", None)
    (tmp_path / "journal" / "empty.jsonl").write_text("")

    report = cleaned(tmp_path)
    going.close(is_done=False)

    assert (report.code, report.problem) == (Exit.OK, None)
    assert report.resumed is not None
    assert (report.resumed.elsewhere, report.resumed.running) == (1, [going.name])
    assert [one.read_text() for one in reports] == ["of an earlier run"] * 3
    assert [*sorted((tmp_path / "journal").iterdir())] == sorted([other, going.path])


def test_only_cleaning_up_without_a_server_cannot_tell(tmp_path: Path) -> None:
    """Nor with an invalid journal; the others are still worked on."""
    path = journal(tmp_path / "journal", MADE)
    bad = journal(tmp_path / "journal", "no event", name=NAME.replace("0", "e"))
    report = cleaned(tmp_path)

    assert report.code is Exit.CANNOT_TELL
    assert report.problem is not None
    assert "no response from" in report.problem.what
    assert bad.name in str(report.problem)
    assert path.exists()


def test_only_cleaning_up_sends_nothing_for_a_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DRY_RUN lists what is in the journals, escaped."""
    hostile = "x\n::error::y\x1b[2J"
    path = journal(tmp_path / "journal", MADE, {"made": [hostile, hostile]})
    report = cleaned(tmp_path, DRY_RUN="1")
    printed = capsys.readouterr().out

    assert report.code is Exit.OK
    assert path.exists()
    assert f"{NAME}:v1" in printed
    assert len(printed.splitlines()) == 2
    assert "\x1b" not in printed


def test_pytest_does_not_only_clean_up() -> None:
    """The suites judge: a setting that judges nothing is refused."""
    with pytest.raises(GateError, match="judges nothing"):
        program.judge_server(Report(), Target(url=URL, cleanup="only"))


def test_tag_of_an_image_is_quoted_and_cut() -> None:
    """It may have been generated, or be in a journal that somebody wrote."""
    assert cleanup.shown(NAME, Image("v1.2_x-y")) == f"{NAME}:v1.2_x-y"
    shown = cleanup.shown(NAME, Image("\n" * 10**6, "a b"))
    assert len(shown) < 300
    assert shown.isprintable()
    assert shown.endswith("'a b'")
    assert OwnImages(NAME).path(Image("a b", "c&d")).endswith("/a%20b?teamId=c%26d")


ODD: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a FIFO": lambda path: os.mkfifo(path),
    "a link to nothing": lambda path: path.symlink_to("nowhere.jsonl"),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_journal_that_is_no_file_is_a_problem(odd: str, tmp_path: Path) -> None:
    """Nobody can tell what is left; it stays where it is."""
    path = tmp_path / "contract-gate-0123456789ab.jsonl"
    ODD[odd](path)
    done = cleanup.Resumed()
    cleanup.resume(done, Target(), tmp_path, embedded("a"))

    assert done.problem is not None
    assert done.problem.code == Exit.CANNOT_TELL
    assert path.name in done.problem.what
    assert path.is_symlink() or path.exists()


def test_a_folder_of_journals_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    """As is anything else that is not a folder."""
    (tmp_path / "journal").write_text("")
    done = cleanup.Resumed()
    cleanup.resume(done, Target(), tmp_path / "journal", embedded("a"))

    assert done.problem is not None
