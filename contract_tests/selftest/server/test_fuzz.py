"""Schemathesis as a driver: real builds, links, repeatable runs, early ends, its own checks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from hypothesis.configuration import storage_directory
from hypothesis.internal import charmap
from hypothesis.internal.conjecture import providers
from schemathesis.checks import CHECKS
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from ...contract.openapi import PATH, contract
from ...drivers.http.client import Client
from ...drivers.http.pace import Pace
from ...drivers.http.transport import Endpoint
from ...drivers.schemathesis import determinism, transport
from ...drivers.schemathesis import driver as fuzz
from ...drivers.schemathesis.checks import ON
from ...drivers.schemathesis.result import DRIVER, Result
from ...drivers.session import BudgetSpent, Session, SessionError
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ...report import terminal, verdicts
from ...rules import RULES
from ...tape.exchange import Exchange
from ...tape.tape import Tape
from ...verdicts import findings
from ...verdicts.judge import Judge
from ...verdicts.waivers import Waiver
from ..support.judging import judge_server

TOKEN = "test-token"  # noqa: S105
LINKS = {"initiate→start", "initiate→status"}
OFF = {
    "not_a_server_error": "P5 judges the same responses",
    "response_schema_conformance": "P6 and the rules of single fields judge the same bodies",
    "missing_required_header": "P2 judges the same requests",
    "positive_data_acceptance": "a server may be stricter than the contract, or want payment",
    "unsupported_method": "P9 judges the same requests, and requires no Allow header",
    "allow_header_conformance": "a server may have operations that this contract lacks",
    "use_after_free": "nothing can be deleted here",
    "object_level_authorization": "a run has one token",
    "ensure_resource_availability": "a start that is not allowed yet may be refused with 404",
    "max_response_time": "no rule limits how long a response takes",
}
"""The checks of schemathesis' own that are off, and why."""


@dataclass
class Ran:
    """A run, and what stands on its tape."""

    result: Result
    tape: Tape
    judge: Judge

    @property
    def violated(self) -> set[str]:
        """The ids of the rules that are violated."""
        return {verdict.rule.id for verdict in self.judge.violated}

    @property
    def sequence(self) -> list[tuple[str, str, str, str]]:
        """The requests, without what differs in every run: ids, ports, signatures."""
        ids = {one.build_id for one in self.tape.exchanges if one.operation and one.succeeded}
        new = re.compile(
            "|".join([*map(re.escape, filter(None, ids)), r":\d{4,5}/", r"expires=.*"])
        )
        return [
            (
                one.driver,
                one.request.method,
                new.sub("", one.request.url),
                repr(one.request.content),
            )
            for one in self.tape.exchanges
        ]


class Ending(Session):
    """A wire that raises, or is interrupted, once it has carried some requests."""

    left: int = sys.maxsize
    error: BaseException | None = None

    def exchange(self, request: httpx.Request, intent: str) -> Exchange:
        """Send a request, or raise."""
        if self.left == 0 and self.error is None:
            signal.raise_signal(signal.SIGINT)  # which the main thread gets
        elif self.left <= 0 and self.error is not None:
            raise self.error
        self.left -= 1
        return super().exchange(request, intent)


def run(
    seed: int = 1,
    *,
    response: Callable[[ServerRequest, ServerResponse], None] | None = None,
    prepare: Callable[[Ending], None] = lambda _: None,
    tape: Tape | None = None,
    **settings: Any,
) -> Ran:
    """Run schemathesis against the reference server, or one that answers otherwise."""
    tape, judge = tape or Tape(TOKEN), Judge(RULES.values())
    tape.subscribe(judge.see)
    at = embedded(TOKEN, Fault("other", "", "", response=response))
    session = Ending(at, tape, DRIVER, Pace(clock=at.clock))
    prepare(session)
    feeding = Session(at, tape, "feeding", Pace(clock=at.clock))
    with closing(at.transport):
        result = fuzz.run(session, feeding, seed, **settings)
    findings.judge(judge, tape, result.checks)
    return Ran(result, tape, judge)


@pytest.fixture(scope="module")
def sound() -> Ran:
    """Run it against a sound server."""
    return run()


def test_sound_server_passes(sound: Ran) -> None:
    """A conforming server breaks no rule and no check of schemathesis."""
    assert (sound.result.problems, sound.result.ended) == ([], None)
    assert sound.violated == set()


def test_links_are_walked(sound: Ran) -> None:
    """Every link of the contract is walked, and the count is that of the tape."""
    assert set(sound.result.links) == LINKS
    assert min(sound.result.links.values()) > 0

    own = {
        one.build_id
        for one in sound.tape.exchanges
        if one.driver == DRIVER and one.operation == "initiate_image_build" and one.build_id
    }
    for name in ("start", "status"):
        sent = [
            one
            for one in sound.tape.exchanges
            if one.driver == DRIVER and one.build_id in own and name in (one.operation or "")
        ]
        assert sound.result.links[f"initiate→{name}"] == len(sent)


def test_links_that_lead_to_a_start_are_uploaded(sound: Ran) -> None:
    """A build that a link leads to is uploaded before it starts, so starts succeed there."""
    assert any(
        one.operation == "start_image_build" and one.succeeded and one.intent == "stateful case"
        for one in sound.tape.exchanges
    )


def test_every_operation_succeeds(sound: Ran) -> None:
    """Generated traffic sees a success of every operation but delete, which is sent nothing."""
    successes = sound.tape.successes(DRIVER)

    assert successes.pop(sound.tape.api.delete) == 0
    assert min(successes.values()) > 0


def test_no_value_of_a_response_is_reused() -> None:
    """Requests depend on no id that differs in every run, except by links."""
    session = Session(embedded(TOKEN), Tape(TOKEN), "test", Pace())
    schema = fuzz._schema(session, 1, database="none")

    assert schema.create_extra_data_source() is None  # type: ignore[func-returns-value]


def test_builds_are_bounded() -> None:
    """No more builds are made for it than it may have; with none, nothing real is started."""
    ran = run(most_builds=2)

    made = [one for one in ran.tape.exchanges if one.driver == "feeding"]
    assert sum(one.operation == "initiate_image_build" for one in made) == 2


def wants_payment(request: ServerRequest, answer: ServerResponse) -> None:
    """Refuse to issue builds."""
    if request.operation == "initiate" and answer.status == 201:
        answer.status, answer.content = 402, b""


def test_hollow_run_is_seen() -> None:
    """If no link could be walked, its count is 0; the caller refuses such a run."""
    ran = run(response=wants_payment)

    assert ran.result.links == dict.fromkeys(LINKS, 0)
    assert (ran.result.problems, ran.violated, ran.result.ended) == ([], set(), None)


def test_same_seed_same_sequence(sound: Ran) -> None:
    """The seed decides every request."""
    assert run().sequence == sound.sequence


def test_another_seed_another_sequence(sound: Ran) -> None:
    """Another seed sends other requests."""
    assert run(2).sequence != sound.sequence


@pytest.mark.slow
def test_same_sequence_elsewhere(sound: Ran, tmp_path: Path) -> None:
    """Another process in another directory sends the same, and leaves no file there."""
    code = (
        "import json\n"
        "from contract_tests.selftest.server.test_fuzz import run\n"
        "print(json.dumps(run().sequence))"
    )
    done = subprocess.run(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PATH.parent), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert [tuple(one) for one in json.loads(done.stdout)] == sound.sequence
    assert list(tmp_path.iterdir()) == []


def fails_on_non_ascii_dockerfile(request: ServerRequest, answer: ServerResponse) -> None:
    """Answer 500 where the Dockerfile's path is not ASCII."""
    if request.operation == "initiate" and answer.status == 201:
        path = json.loads(request.content).get("dockerfile_path", "")
        if not path.isascii():
            answer.status = 500


def fails_on_unknown_keys(request: ServerRequest, answer: ServerResponse) -> None:
    """Answer 500 where the body has a key that the contract does not have."""
    if request.operation != "start" or answer.status != 200:
        return
    if set(json.loads(request.content)) - {"context_uploaded"}:
        answer.status = 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("fault", [fails_on_non_ascii_dockerfile, fails_on_unknown_keys])
def test_generated_input_finds_faults(
    fault: Callable[[ServerRequest, ServerResponse], None], seed: int
) -> None:
    """A server that fails on unusual input breaks a rule."""
    ran = run(seed, response=fault)

    assert "P5" in ran.violated
    assert ran.result.problems == []


def redirects(request: ServerRequest, answer: ServerResponse) -> None:
    """Answer 302 to whoever wants an image for arm64."""
    if request.operation == "initiate" and answer.status == 201 and b"arm64" in request.content:
        answer.status, answer.content = 302, b""


def test_own_checks_find_what_no_rule_does() -> None:
    """A check of schemathesis is reported, with its exchange, if every rule passes."""
    ran = run(response=redirects)

    assert ran.violated == {"schemathesis:status_code_conformance"}
    first = ran.judge.verdicts["schemathesis:status_code_conformance"].violations[0]
    assert first.exchange.response.status == 302
    assert str(first.received).startswith("302, to ")


def judged(*waivers: Waiver, **settings: Any) -> Run:
    """Judge a server that redirects an initiate, which no rule of ours looks at."""
    at = embedded(TOKEN, Fault("other", "", "", response=redirects))
    return judge_server(Target(token=TOKEN, waivers=waivers, **settings), at=at)


def test_own_checks_are_judged_as_rules() -> None:
    """A finding has an id, and is shown with request, response and what was expected."""
    done = judged()
    verdict = done.verdicts["schemathesis:status_code_conformance"]
    failure = terminal.failed(done, verdict)

    assert [one.rule.id for one in done.judge.violated] == [verdict.rule.id]
    group = next(iter(verdict.groups.values()))
    assert (group.key.operation, group.first.field) == ("initiate_image_build", "the status code")
    assert group.first.exchange.response.status == 302
    assert {"field", "expected", "received", "exchange", "repeat"} <= {
        line.split()[0] for line in failure.splitlines()[1:]
    }
    listed = verdicts.document(Report(run=done))["verdicts"]
    assert verdict.rule.id in {one["rule"] for one in listed}
    others = [done.verdicts[one.id] for one in findings.CHECKS.values()]
    assert all(one.observed for one in others)


@pytest.mark.slow
def test_own_checks_can_be_waived() -> None:
    """By id; a waiver that is not needed fails as any other."""
    until = datetime(2999, 1, 1, tzinfo=UTC).date()
    needed = Waiver("schemathesis:status_code_conformance", "known", until,
                    "initiate_image_build", status="3XX")  # fmt: skip
    idle = Waiver("schemathesis:content_type_conformance", "known", until)
    done = judged(needed, idle)

    assert done.judge.violated == []
    assert done.verdicts[needed.rule].outcome == "waived"
    assert {one.scope for one in done.unneeded} == {idle.rule}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"rule": ("P1",)}, {"level": "must"}])
def test_own_checks_are_left_out_with_fewer_rules(settings: dict[str, Any]) -> None:
    """They are SHOULD, and RULE names the rules that are judged."""
    assert judged(**settings).judge.violated == []


def test_findings_that_a_rule_has_are_reported_once() -> None:
    """What breaks a rule is not a finding as well."""
    ran = run(response=fails_on_unknown_keys)

    assert ran.violated == {"P5"}


def test_limits_are_no_findings() -> None:
    """A limit may answer anything, at any time."""
    sent = iter(range(10_000))

    def limited(_: ServerRequest, answer: ServerResponse) -> None:
        if next(sent) % 3 == 0:
            answer.status, answer.content = 429, b'{"detail": "slow down"}'
            answer.headers.append((b"retry-after", b"0"))

    ran = run(response=limited)

    assert ran.violated == set()


def test_checks_are_all_accounted_for() -> None:
    """Each check that schemathesis has is on or off for a reason."""
    assert set(ON) | set(OFF) == {*CHECKS.get_all_names(), "max_response_time"}
    assert set(ON) & set(OFF) == set()
    assert set(findings.CHECKS) == set(ON) - {"ignored_auth"}


@pytest.mark.parametrize(
    ("error", "left"),
    [(BudgetSpent(), 0), (SessionError(), 50), (BudgetSpent(), 120), (SessionError(), 150)],
)
def test_wire_ends_it(error: Exception, left: int) -> None:
    """An exception of the session ends the run at once, in every phase, and is the reason."""

    def prepare(session: Ending) -> None:
        session.left, session.error = left, error

    ran = run(prepare=prepare)

    assert ran.result.ended is error
    assert ran.result.problems == []
    assert sum(one.driver == DRIVER for one in ran.tape.exchanges) == left


@pytest.mark.parametrize(
    ("error", "left"),
    [(KeyboardInterrupt(), 50), (ZeroDivisionError(), 120), (KeyboardInterrupt(), 150)],
)
def test_anything_else_is_raised(error: BaseException, left: int) -> None:
    """An interrupt or a fault of ours ends the run, and is raised; the process is as before."""

    def prepare(session: Ending) -> None:
        session.left, session.error = left, error

    before = state()

    with pytest.raises(type(error)) as raised:
        run(prepare=prepare)

    assert raised.value is error
    assert state() == before


@pytest.mark.parametrize("left", [50, 150])
def test_interrupt_is_raised(left: int) -> None:
    """Ctrl-C, which the main thread gets as it waits for schemathesis, ends the run too."""

    def prepare(session: Ending) -> None:
        session.left = left

    # What starts the tests in the background may have turned it off.
    was = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(prepare=prepare)
    finally:
        signal.signal(signal.SIGINT, was)


def test_nothing_leaks() -> None:
    """Checks, hooks, caches and settings are after a run what they were before."""
    before = state()

    run(most_builds=1)

    assert state() == before


def state() -> tuple[Any, ...]:
    """Tell what a run could leave changed in the process."""
    hooks = GLOBAL_HOOK_DISPATCHER
    return (
        set(CHECKS.get_all_names()),
        {name: list(hooks.get_all_by_name(name)) for name in ("before_call", "after_call")},
        storage_directory().home_directory,
        providers._get_local_constants,
        providers.CONSTANTS_CACHE,
        json.dumps(contract().document, sort_keys=True),
    )


@contextmanager
def recording() -> Any:
    """Run a server that returns exactly what it received."""
    got: list[tuple[str, bytes, list[tuple[bytes, bytes]], bytes]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        got.append((scope["method"], scope["raw_path"], list(scope["headers"]), body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    with running(app) as url:
        yield url, got


@pytest.mark.parametrize("path", ["/a/%2E%2E/b%2Fc", "/a//b/./%C3%A9", "/x/%25zz'()", "/a%0Ab"])
def test_requests_go_out_to_the_letter(path: str) -> None:
    """Method, path, headers and body arrive as they were prepared, and stand so on the tape."""
    with recording() as (url, got):
        tape = Tape(TOKEN)
        headers = {"X-Odd": "é~", "X-Not-Http": "\x7f"}
        prepared = requests.Request("QUERY", url + path, headers=headers, data=b"\x00\xff")
        ready = prepared.prepare()
        with Session(Endpoint(url, Client()), tape, "test", Pace()) as session:
            exchange = session.exchange(transport.to_httpx(ready), "a request")

        method, raw_path, sent, body = got[0]
        assert (method, raw_path, body) == ("QUERY", ready.path_url.encode(), b"\x00\xff")
        assert dict(sent)[b"x-odd"] == "é~".encode("latin-1")
        assert b"x-not-http" not in dict(sent)
        assert exchange.request.url == url + ready.path_url


@pytest.mark.parametrize("codec", list(determinism.ENCODABLE))
def test_tables_are_those_of_hypothesis(codec: str) -> None:
    """The table of encodable characters agrees with Python's codecs."""
    intervals = determinism.ENCODABLE[codec]
    edges = {edge + step for interval in intervals for edge in interval for step in (-1, 0, 1)}
    for point in edges & set(range(sys.maxunicode + 1)):
        inside = any(first <= point <= last for first, last in intervals)
        try:
            chr(point).encode(codec)
        except UnicodeEncodeError:
            assert not inside
        else:
            assert inside

    with determinism.undisturbed():
        assert charmap.charmap_file(f"codec-v2-{codec}").exists()
