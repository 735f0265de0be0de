"""One bad step does not end a run: crashes, lost responses, uploads that fail, given builds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ...contract.api import INITIATE, START, STATUS
from ...drivers.http.clock import VirtualClock
from ...drivers.http.pace import Pace
from ...drivers.http.reachability import GoneError
from ...drivers.http.transport import Endpoint
from ...drivers.scripted import inputs
from ...drivers.scripted.builds import BuildScript, initiate
from ...drivers.session import Session
from ...gate import drive, hollow
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...reference.app import create_app
from ...reference.disruptions import Dropped
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ...report import terminal, verdicts
from ...rules import RULES
from ...tape.exchange import UPLOAD, Exchange
from ...tape.tape import Tape
from ...verdicts.judge import Judge
from ...verdicts.waivers import Waiver
from ..support.crashing import ERROR, Crash, Passed, crashing
from ..support.judging import judge_server
from ..support.unprovoked import UNPROVOKED

TOKEN = "test-token"  # noqa: S105
UPLOADS = "https://uploads.example/bld_1"


@pytest.fixture(scope="module")
def sound() -> Iterator[str]:
    """Run a sound server."""
    with running(create_app(token=TOKEN, build_seconds=0.08)) as url:
        yield url


def judged(
    url: str | None = None, *, at: Endpoint | None = None, fuzzing: bool = False, **settings: Any
) -> Run:
    """Judge a server to the end; a run that is never green has its error in ``problem``."""
    done = Run(Target(url=url, token=TOKEN, **settings), at=at)
    try:
        drive.drive(done, fuzzing=fuzzing)
    except GateError as error:
        done.problem = error
    return done


def violated(done: Run) -> set[str]:
    """Return the ids of the rules that are violated."""
    return {one.rule.id for one in done.judge.violated}


def observed(done: Run) -> set[str]:
    """Return the ids of the rules that were observed."""
    return {rule for rule, one in done.verdicts.items() if one.observed}


@pytest.mark.slow
def test_crash_on_unknown_id_is_judged_to_the_end(sound: str) -> None:
    """500 and the end of the connection, as uvicorn does: P5, by the preflight too."""
    with crashing(sound, lambda passed: ERROR if passed.status == 404 else None) as front:
        done = judged(front.url, fuzzing=True)

    assert violated(done) == {"P5"}
    assert (done.problem, done.unanswered, done.cut) == (None, {}, [])
    assert set(RULES) - {"P4", *UNPROVOKED} <= observed(done)
    first = done.verdicts["P5"].violations[0].exchange
    assert (first.number, first.intent) == (1, "preflight")
    assert done.fuzzed is not None
    assert done.fuzzed.ended is None


def _is_initiate(passed: Passed) -> bool:
    return passed.method == "POST" and passed.path.endswith("/build")


CRASHES: dict[str, Crash] = {
    "every initiate that is refused": lambda p: ERROR if _is_initiate(p) and p.status == 422
    else None,
    "every start that is refused": lambda p: ERROR if p.path.endswith("/start")
    and 400 <= p.status <= 499 else None,
    "every request without a token": lambda p: ERROR if p.status == 401 else None,
    "every method that it does not have": lambda p: ERROR if p.status == 405 else None,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CRASHES)
def test_crash_loses_no_request(name: str, sound: str) -> None:
    """After a 5xx a fresh connection is used, so that nothing is lost with the old one."""
    with crashing(sound, CRASHES[name]) as front:
        done = judged(front.url)

    assert "P5" in violated(done)
    assert (done.problem, done.unanswered) == (None, {})
    assert len(done.tape.exchanges) == len(front.requests)


def test_unannounced_close_after_each_response(sound: str) -> None:
    """It costs at most the first request on a kept connection; then none is kept any more."""
    with crashing(sound, lambda _: None, closes=True) as front:
        done = judged(front.url)

    assert violated(done) == set()
    assert done.problem is None
    assert sum(done.unanswered.values()) <= 1


Lost = Callable[[ServerRequest, ServerResponse], bool]
LOSSES: dict[str, Lost] = {
    "get_build_status": lambda r, a: r.method == "GET" and a.status == 404,
    "initiate_image_build": lambda r, a: r.operation == "initiate" and a.status == 422,
    "start_image_build": lambda r, a: r.operation == "start" and a.status == 409,
    "other": lambda _, a: a.status == 405,
}


@pytest.mark.parametrize("operation", LOSSES)
def test_lost_response_is_an_observation(operation: str) -> None:
    """It is counted and shown, violates nothing, and the rest goes on to the end."""

    def lose(request: ServerRequest, answer: ServerResponse) -> None:
        if LOSSES[operation](request, answer):
            raise Dropped

    done = judged(at=embedded(TOKEN, Fault("loses", "", "", response=lose)))

    assert violated(done) == set()
    assert done.problem is None
    assert set(done.unanswered) == {operation}
    assert {"T5", "L2", "P7", "P11"} <= observed(done)
    page = json.loads(verdicts.page(verdicts.document(Report(run=done))))
    assert page["no_response"] == dict(done.unanswered)
    shown = f"no response   {hollow.counted(done.unanswered)}"
    assert shown in list(terminal.traffic(done))


def test_post_is_sent_once(sound: str) -> None:
    """A start that is processed and not answered is not sent again; the build may be going."""
    started: list[str] = []

    def lose_second(passed: Passed) -> bytes | None:
        if passed.path.endswith("/start") and passed.status == 200:
            started.append(passed.path)
            return b"" if len(started) == 2 else None  # the first build is deleted at the end
        return None

    with crashing(sound, lose_second) as front:
        done = judged(front.url)

    lost = [one for one in done.tape.of(START) if not one.is_answered]
    assert (violated(done), done.problem) == (set(), None)
    assert [one.request.path for one in lost] == started[1:2]
    assert lost[0].build_id in done.initiated[1]


def test_server_that_goes_away_is_an_error(sound: str) -> None:
    """What can no longer be connected to ends the run, and a run that saw no build end is none."""

    def change(_: ServerRequest, answer: ServerResponse) -> None:
        answer.headers.append((b"connection", b"close"))

    app = Fault("closes", "", "", response=change).wrap(create_app(token=TOKEN), TOKEN)
    with running(app) as url:
        done = Run(Target(url=url, token=TOKEN))
        done.pace.clock = VirtualClock()
        session = drive._session(done, "test")
        session.send("GET", "/api/v1/images/build/x", "while it is there")

    def go_on() -> None:
        for _ in range(10):
            session.send("GET", "/api/v1/images/build/x", "after it is gone")

    with pytest.raises(GoneError):
        go_on()
    assert [one.is_answered for one in done.tape.exchanges] == [True, *[False] * 5]
    assert sound


# Uploads.


def uploads_answered(status: int, *, stored: bool, first: int = 10**6) -> Fault:
    """Answer the first uploads with a status; ``stored``: they are stored all the same."""
    numbers = itertools.count()

    def refused(request: ServerRequest) -> ServerResponse | None:
        counts = request.operation == "upload" and next(numbers) < first
        return ServerResponse(status, [], b"") if counts else None

    def changed(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "upload" and next(numbers) < first:
            answer.status = status

    if stored:
        return Fault("uploads", "", "", response=changed)
    return Fault("uploads", "", "", request=refused)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500, 502, 503])
@pytest.mark.parametrize("stored", [True, False])
def test_failing_uploads_violate_p11(status: int, stored: bool) -> None:
    """Starts are tried all the same, and everything that needs no upload goes on."""
    done = judged(at=embedded(TOKEN, uploads_answered(status, stored=stored)))

    # What was refused and builds all the same has no context: that is L8's.
    allowed = {"L8"} if stored and status < 500 else set()
    assert violated(done) - allowed == {"P11"}
    assert done.problem is None
    assert done.uploads == {str(status): len(done.tape.of(UPLOAD))}
    assert {"P2", "P3", "P4", "P9", "L10", "L11"} <= observed(done)
    assert any(one.is_valid_start for one in done.tape.of(START))
    assert json.loads(verdicts.page(verdicts.document(Report(run=done))))["uploads"] == dict(
        done.uploads
    )
    assert f"uploads       {hollow.counted(done.uploads)}" in list(terminal.traffic(done))


@pytest.mark.parametrize("settings", [{"level": "must"}, {"rule": ("T5",)}, {"rule": ("P10",)}])
@pytest.mark.parametrize("stored", [True, False])
def test_run_without_an_accepted_upload_is_never_green(
    stored: bool, settings: dict[str, Any]
) -> None:
    """Where P11 is not judged it cannot be judged at all; so with P11 waived."""
    at = embedded(TOKEN, uploads_answered(500, stored=stored))
    with pytest.raises(GateError):
        judge_server(Target(token=TOKEN, **settings), fuzzing=False, at=at)


def test_redirected_upload_names_the_redirect() -> None:
    """A redirect is not followed, and not judged; a run without an upload is not green."""
    at = embedded(TOKEN, uploads_answered(307, stored=False))
    done = judged(at=at, budget=Budget(builds=1))

    assert violated(done) == set()
    assert done.problem is not None
    assert "redirect" in done.problem.fix


def test_waived_p11_is_not_green() -> None:
    """A waiver lets a rule be violated; it makes no run of nothing."""
    waiver = Waiver("P11", "known", datetime(2999, 1, 1, tzinfo=UTC).date())
    at = embedded(TOKEN, uploads_answered(500, stored=True))
    with pytest.raises(GateError):
        judge_server(Target(token=TOKEN, waivers=(waiver,)), fuzzing=False, at=at)


def test_some_uploads_that_fail_are_counted() -> None:
    """Both outcomes stand in the reports."""
    done = judged(at=embedded(TOKEN, uploads_answered(500, stored=False, first=3)))

    assert (violated(done), done.problem) == ({"P11"}, None)
    assert done.uploads["500"] == 3
    assert done.uploads["204"] >= 3


@pytest.mark.parametrize("url", ["", "no url", "uploads/x", "//", "file:///etc/passwd", "http://["])
def test_unusable_upload_url_violates_p10(url: str) -> None:
    """It is an observation, and no upload is sent."""

    def change(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "initiate" and answer.status == 201:
            number = request.server.memory["n"]["n"] = request.server.memory["n"].get("n", 0) + 1
            body = {**json.loads(answer.content), "upload_url": f"{url}{'#' * number}"}
            answer.content = json.dumps(body).encode()

    done = judged(at=embedded(TOKEN, Fault("url", "", "", response=change)))

    assert (violated(done), done.problem) == ({"P10"}, None)
    assert set(done.uploads) == {"no response"}
    assert {"P2", "P3", "P4", "P9", "L10"} <= observed(done)


@pytest.mark.parametrize("scenario", ["stuck", "cancelled", "one-fails"])
def test_run_without_a_completed_build_is_never_green(scenario: str) -> None:
    """Starts were accepted, and nothing was seen to complete: an error, and no pass."""
    target = Target(token=TOKEN, budget=Budget(deadline=60))
    done = Run(target, at=embedded(TOKEN, scenario=scenario))
    with pytest.raises(GateError):
        drive.drive(done, fuzzing=False)

    assert violated(done) == set()
    assert done.completed == 0


# Builds that somebody else made.


SEEN_STATES = ["PENDING", "UPLOADING", "BUILDING", "COMPLETED", "FAILED", "CANCELLED"]


@pytest.mark.parametrize("status", SEEN_STATES)
def test_given_build_passes_in_every_state(status: str) -> None:
    """What others did to it is not on the tape, so that nothing is concluded from its absence."""
    scenario = "cancelled" if status == "CANCELLED" else "default"
    at = embedded(TOKEN, scenario=scenario)
    done = judge_server(Target(token=TOKEN, build_id=made(at, status)), at=at)

    assert violated(done) == set()
    assert done.problem is None
    seen = {one.rows[0].status for one in done.tape.of(STATUS) if one.rows}
    assert status in seen
    assert {one.operation for one in done.tape.exchanges if one.operation} == {STATUS}


def test_given_build_that_outlives_the_deadline_is_cut() -> None:
    """A build that has not ended was not judged to its end, and each report shows that."""
    at = embedded(TOKEN, scenario="stuck")
    target = Target(token=TOKEN, build_id=made(at, "BUILDING"), budget=Budget(deadline=60))
    done = judge_server(target, at=at)

    assert {cut.budget for cut in done.cut} == {"DEADLINE"}
    assert (verdicts.document(Report(run=done))["ended"], violated(done)) == ("cut", set())


def made(at: Endpoint, status: str) -> str:
    """Make a build of a status, as somebody else would."""
    pace = Pace(clock=at.clock)
    with Session(at, Tape(TOKEN), "somebody", pace) as session:
        issued = initiate(session, "a build")
        assert issued is not None
        if status != "PENDING":
            text = inputs.HOPELESS if status == "FAILED" else inputs.GOOD
            session.upload(issued.build_id, issued.upload_url, inputs.context(text), "upload")
        script = BuildScript(session, 5.0)
        if status not in ("PENDING", "UPLOADING"):
            script.start(issued, "start", {})
        if status in ("COMPLETED", "FAILED", "CANCELLED"):
            while not _is_over(script.look(issued, "status")):
                pace.pause(0.1)
        return issued.build_id


def _is_over(exchange: Exchange) -> bool:
    return bool(exchange.rows) and exchange.rows[0].is_set("completedAt")


# P11, one exchange after the other.

Step = tuple[str, int, dict[str, str]]
OCTETS = {"content-type": "application/octet-stream"}


def p11(*steps: Step, expires_in: object = 3600, is_whole: bool = True) -> str:
    """Put an initiate and some steps on a tape; return what P11 finds."""
    tape, judge = Tape(TOKEN, is_whole=is_whole), Judge([RULES["P11"]])
    tape.subscribe(judge.see)
    sent: Callable[..., Any] = tape.record
    bearer = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = {"build_id": "bld_1", "upload_url": UPLOADS, "expires_in": expires_in}
    url = "https://api.example/api/v1/images/build"
    content = b'{"image_name": "a", "image_tag": "b"}'
    sent(driver="t", intent="", request=("POST", url, bearer, content),
         response=(201, {}, json.dumps(body).encode()))  # fmt: skip
    for method, status, headers in steps:
        request: Any = (method, UPLOADS, {**OCTETS, **headers}, b"")
        if method == "START":
            request = ("POST", f"{url}/bld_1/start", bearer, b"{}")
        retry_after = {key: value for key, value in headers.items() if key == "Retry-After"}
        sent(driver="t", intent="", request=request, response=(status, retry_after, b""),
             failure="gone" if status == 0 else None)  # fmt: skip
    return judge.verdicts["P11"].outcome


PUT_403: Step = ("PUT", 403, {})
NOT_OBSERVED: dict[str, list[Step]] = {
    **{f"{status}": [("PUT", status, {})] for status in (301, 302, 307, 308, 413, 429, 0)},
    "503 with Retry-After": [("PUT", 503, {"Retry-After": "1"})],
    "another media type": [("PUT", 403, {"content-type": "application/gzip"})],
    "a token": [("PUT", 403, {"Authorization": f"Bearer {TOKEN}"})],
    "a POST": [("POST", 403, {})],
    "after a start": [("START", 200, {}), PUT_403],
}


@pytest.mark.parametrize("name", NOT_OBSERVED)
def test_p11_is_not_observed(name: str) -> None:
    """What may have another reason is not judged."""
    assert p11(*NOT_OBSERVED[name]) == "not observed"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 411, 415, 422, 500, 502, 503])
def test_p11_is_violated(status: int) -> None:
    """A refusal of the first upload, at once or after a Retry-After."""
    assert p11(("PUT", status, {})) == "violated"
    assert p11(("PUT", 429, {}), ("PUT", status, {})) == "violated"
    assert p11(("PUT", 503, {"Retry-After": "0"}), ("PUT", status, {})) == "violated"


@pytest.mark.parametrize("status", [200, 201, 204])
def test_p11_passes(status: int) -> None:
    """Any 2xx; a second upload is not judged."""
    assert p11(("PUT", status, {}), PUT_403) == "passed"


@pytest.mark.parametrize("expires_in", [0, -1, 1e-9])
def test_p11_after_the_url_has_expired(expires_in: float) -> None:
    """An upload that comes too late may be refused."""
    assert p11(PUT_403, expires_in=expires_in) == "not observed"


@pytest.mark.parametrize("expires_in", [None, "3600", True, 1e300])
def test_p11_without_a_usable_expires_in(expires_in: object) -> None:
    """A value that is not a number of seconds is P6's, and bounds nothing."""
    assert p11(PUT_403, expires_in=expires_in) == "violated"


@pytest.mark.parametrize(("status", "outcome"), [(400, "not observed"), (422, "not observed"),
                                                 (403, "violated"), (500, "violated")])  # fmt: skip
def test_p11_of_recorded_traffic(status: int, outcome: str) -> None:
    """A refusal that may be due to the content proves nothing for unknown content."""
    assert p11(("PUT", status, {}), is_whole=False) == outcome


USABLE = [
    "https://storage.example/a?X-Signature=b%2Fc&x=1", "http://127.0.0.1:9000/x", "HTTPS://A.EXAMPLE",
    "https://user:pass@storage.example/", "http://[::1]:8080/x", "https://b\u00fccher.example/\u00fc",
]  # fmt: skip


@pytest.mark.parametrize("url", USABLE)
def test_p10_passes(url: str) -> None:
    """Any absolute http or https URL."""
    tape, judge = Tape(TOKEN), Judge([RULES["P10"]])
    tape.subscribe(judge.see)
    body = {"build_id": "bld_1", "upload_url": url, "expires_in": 1}
    tape.record(
        driver="t", intent="", response=(201, {}, json.dumps(body).encode()),
        request=("POST", "https://api.example/api/v1/images/build", {}, b"{}"),
    )  # fmt: skip

    assert judge.verdicts["P10"].outcome == "passed"
    assert tape.of(INITIATE)
