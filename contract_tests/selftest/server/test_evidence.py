"""Evidence is judged as it was sent and received; secrets are hidden where it is shown."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import re
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from scripts.ci import gate as ci_gate

from ... import program, usage
from ...contract.api import IMAGES
from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...drivers.http.pace import Pace
from ...drivers.schemathesis.result import DRIVER as FUZZ
from ...drivers.session import Session
from ...gate import drive as gate
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import GateError, Target, embedded
from ...mock import MockImages
from ...redaction import SHORTEST, Redaction, Unshown
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...report import conclusion, terminal, text, verdicts
from ...rules import RULES
from ...settings import SETTINGS, from_environment
from ...tape.tape import Tape
from ...watch import Watch
from ..support.judging import judge_server, judge_tape
from ..support.recordings import Replay, entry, replayer, start, status, violated
from ..support.sampling import sampled
from ..support.secret_forms import FORMS, SECRET, WORDS
from ..support.unprovoked import UNPROVOKED


@pytest.mark.parametrize("at", range(4000, 4200, 7))
def test_a_long_body_is_cut_without_a_part_of_a_secret(at: int) -> None:
    """Wherever the secret stands, and however long the body is."""
    for length in (text.MOST - 1, text.MOST, text.MOST + 1, 2 * text.MOST, 10 * text.MOST):
        for body in ("x" * at + SECRET + "x" * length, "x" * length + SECRET + "x" * at):
            shown = text.hidden(body, Redaction(token=SECRET))

            assert not [one for one in range(len(SECRET) - 4) if SECRET[one : one + 4] in shown]


# A run makes up a name for the images that it may delete.
OWN_NAME = re.compile(rb"contract-gate-[0-9a-f]{12}")


def drive(token: str, headers: dict[str, str]) -> tuple[Run, list[tuple[Any, ...]]]:
    """Judge the sound server with such a token and headers; return what it received, too."""
    received: list[tuple[Any, ...]] = []

    def note(request: ServerRequest) -> None:
        # How often status is polled depends on time; which other tokens are tried, on the token.
        is_one = request.is_authorized and request.operation != "status"
        if is_one or request.operation == "upload":
            content = OWN_NAME.sub(b"contract-gate-run", bytes(request.content))
            received.append((request.method, request.operation, content))

    at = embedded(token, Fault("note", "", "", request=note))
    return judge_server(Target(token=token, headers=headers), fuzzing=False, at=at), received


def pages(done: Run) -> list[str]:
    """Return what is written of a run: for CI systems, for people, for programs, to judge."""
    written = program.pages(Report(run=done), Path("junit.xml")).values()
    return ["".join(page or "") for page in written]


@pytest.fixture(scope="module")
def plain() -> list[tuple[Any, ...]]:
    """Return what a server receives without any header of the user's."""
    return drive("test-token", {})[1]


@pytest.mark.parametrize("word", sampled(WORDS, 5))
def test_verdicts_and_traffic_do_not_depend_on_secrets(
    word: str, plain: list[tuple[Any, ...]]
) -> None:
    """As a token and as the value of a header: all rules pass, and what is sent stays the same."""
    done, received = drive(word, {"X-Team": word})
    written = pages(done)

    outcomes = {rule: verdict.outcome for rule, verdict in done.verdicts.items()}
    assert {rule for rule, outcome in outcomes.items() if outcome != "passed"} == UNPROVOKED
    assert received == plain
    issued = {one.upload_url for one in done.tape.exchanges} - {None}
    assert {one.request.url for one in done.tape.of("upload")} <= issued
    if word == SECRET:
        assert SECRET not in "".join((*written, repr(done)))


@pytest.mark.slow
def test_generated_traffic_does_not_depend_on_secrets() -> None:
    """Schemathesis' own checks see what was received, too."""
    done = judge_server(Target(token="1", headers={"X-Team": "a"}))  # noqa: S106

    assert [one.rule.id for one in done.judge.violated] == []
    assert done.fuzzed is not None
    assert done.fuzzed.checks
    successes = done.tape.successes(FUZZ)
    assert successes.pop(IMAGES.delete) == 0
    assert all(successes.values())


@pytest.mark.parametrize("word", WORDS)
def test_watch_takes_any_token(word: str) -> None:
    """Watched traffic is judged the same, whatever the token is."""
    with MockImages(token=word) as mock, mock.respx():
        watch = Watch(f" {word}\n", secrets=[word])
        headers = {"Authorization": f"Bearer {word}", "X-Team": word}
        with httpx.Client(event_hooks=watch.hooks, headers=headers) as client:
            body = {"image_name": "web", "image_tag": "v1"}
            issued = client.post("https://api.primeintellect.ai/api/v1/images/build", json=body)
            path = f"https://api.primeintellect.ai/api/v1/images/build/{issued.json()['build_id']}"
            client.get(path)

    watch.assert_held()
    mock.assert_held()
    assert watch.verdicts["P6"].observed == 2
    assert watch.tape.exchanges[1].response.content == mock.tape.exchanges[1].response.content


@pytest.mark.parametrize("word", [one for one in WORDS if " " not in one])
def test_recording_takes_any_token(word: str, tmp_path: Path) -> None:
    """Recorded traffic is judged the same, whatever tokens and cookies it holds."""
    replayed: Replay = replayer(tmp_path)
    entries = [status(token=word), start(at=1, token=word), entry(status=401, token="x", at=2)]  # noqa: S106
    for one in entries:
        one["request"]["headers"].append({"name": "Cookie", "value": word})
    plain = [status(), start(at=1), entry(status=401, token="x", at=2)]  # noqa: S106
    made, other = replayed(*entries), replayed(*plain)

    def outcomes(tape: Tape) -> dict[str, tuple[str, int]]:
        verdicts = judge_tape(tape, RULES.values())
        return {rule: (one.outcome, one.observed) for rule, one in verdicts.items()}

    assert outcomes(made.tape) == outcomes(other.tape)
    assert violated(made) == set()


@pytest.mark.parametrize("front_end", ["", "console"])
def test_what_a_server_sends_is_reported_as_it_was(
    front_end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it looks like a setting or a command of ours."""
    monkeypatch.setenv(usage.VARIABLE, front_end)
    words = " ".join([*SETTINGS, "make gate TARGET=x", "make judge HAR=y"])

    def rename(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "status" and answer.status == 200:
            answer.content = json.dumps({"status": words}).encode()

    target = Target(rule=("S1",))
    at = embedded(target.token, Fault("rename", "", "", response=rename))
    done = judge_server(target, fuzzing=False, at=at)
    [verdict] = verdicts.document(Report(run=done))["verdicts"]

    assert verdict["groups"][0]["received"] == json.dumps(words)
    assert words in verdict["first"]
    assert all(words in page for page in pages(done)[:2])


ODD_TARGETS = [
    "/a//b", "/a/./b/../c", "/%7Euser/%2f/%2F", "/x?", "/x?a=b&a=c+d%20e&sig=%2B/=", "/x;v=1,2",
    "/x?q=~!$'()*", "/x?{}",
]  # fmt: skip


@pytest.mark.parametrize("target", ODD_TARGETS)
def test_upload_url_is_sent_as_it_was_issued(target: str) -> None:
    """A signature covers each character of it."""
    tape = Tape("test-token")
    seen: list[bytes] = []

    async def app(scope: Any, _: Any, send: Any) -> None:
        seen.append(scope["raw_path"] + b"?" * bool(scope["query_string"]) + scope["query_string"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    at = in_process(app, VirtualClock())
    with Session(at, tape, "test", Pace(clock=at.clock)) as session:
        sent = session.upload("b", at.base_url + target, b"x", "upload")

    assert seen[0].decode().rstrip("?") == target.rstrip("?")
    assert urlsplit(sent.request.url).path == urlsplit(target).path


def _crash(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("place", ["judge", "transport", "tape", "probes", "settings"])
def test_traceback_with_local_variables_shows_no_secret(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As rich, cgitb and pytest's --showlocals write one, wherever the gate crashes."""
    environment = Unshown({
        "CONTRACT_TARGET": "http://127.0.0.1:9", "CONTRACT_TOKEN": f"{SECRET}\n", "PATH": "/bin",
        "CONTRACT_HEADERS": '{"X-Key": "a-key-of-mine"}',
        "CONTRACT_PROXY": "http://me:a-password@127.0.0.1:9",
    })  # fmt: skip
    if place == "settings":
        monkeypatch.setattr("contract_tests.settings.environment.Target", _crash)

    def crash() -> None:
        target = from_environment(environment)
        at = embedded(target.token)
        done = Run(target, at=at)
        if place == "transport":
            monkeypatch.setattr(at.transport, "send", _crash)
        elif place == "tape":
            monkeypatch.setattr(done.tape, "_publish", _crash)
        elif place == "judge":
            monkeypatch.setattr(done.judge, "see", _crash)
            done.tape.subscribe(_crash)
        else:
            monkeypatch.setattr("contract_tests.drivers.scripted.builds.BuildScript.look", _crash)
        gate.drive(done, fuzzing=False)

    with pytest.raises(ZeroDivisionError) as caught:
        crash()
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(frames.format()).partition("in crash")[2]

    assert "ZeroDivisionError" in shown
    for secret in (SECRET, SECRET[:-1], SECRET.swapcase(), "a-key-of-mine", "a-password"):
        assert secret not in shown


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://me:p4ss@h", "me:p4ss@h:3128", "http:me:p4ss@h", "socks5://me:p/p4ss@h",
        "http://me:p#p4ss@h", "http//me:p4ss@h", "http://me:p@p4ss@h:99999", "http://p4ss@",
    ],
)  # fmt: skip
def test_invalid_proxy_is_named_without_its_password(proxy: str) -> None:
    """Whatever was meant as a URL."""
    with pytest.raises(GateError) as caught:
        SETTINGS["PROXY"].parse(proxy)

    assert "<secret>@" in str(caught.value)
    assert "p4ss" not in str(caught.value)
    assert "p4ss" not in Target(url="http://x", proxy=proxy).repeat(RULES["P1"])


def test_nothing_that_holds_secrets_is_pickled() -> None:
    """A pickle would hold them in clear."""
    done = judge_server(Target(token=SECRET, rule=("P1",)), fuzzing=False)

    for one in (done.tape, done.tape.exchanges[0], done.tape.exchanges[0].request, done):
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(one)


@pytest.mark.parametrize("word", [SECRET, "completedAt-of-mine"])
def test_nothing_that_is_written_shows_a_secret(word: str) -> None:
    """In whatever form and place a server repeats the token, a header, a query, a cookie."""
    secrets = [word, "a-key/of+mine&no-one's"]  # and the query of the first upload

    def echo(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "initiate" and answer.status == 201:
            secrets[2:] = secrets[2:] or [urlsplit(json.loads(answer.content)["upload_url"]).query]
        if request.operation == "status" and answer.status == 200 and len(secrets) == 3:
            token, header, query = [[form(one) for form in FORMS.values()] for one in secrets]
            answer.headers.append((b"set-cookie", f"sid={word}".encode()))
            answer.headers.append((b"location", f"/x?{quote(word)}".encode()))
            body = {"id": word, "imageName": token, "errorMessage": header, "createdAt": query}
            answer.content = json.dumps(body).encode()

    announced: list[str] = []
    at = embedded(word, Fault("echo", "", "", response=echo))
    done = Run(Target(token=word, headers={"X-Key": secrets[1]}), at=at)
    done.judge.announce = lambda one: announced.append(terminal.announcement(done, one))
    gate.drive(done, fuzzing=False)
    lines = [line for line, _ in conclusion.lines(Report(run=done))]
    notes = [note for _, _, note in ci_gate.notes(verdicts.document(Report(run=done)))]
    shown = [*announced, *lines, *pages(done), *notes, repr(done)]

    assert len(secrets[2]) >= SHORTEST
    assert {done.verdicts[one].outcome for one in ("P6", "T1")} == {"violated"}
    assert len(announced) == sum(len(one.groups) for one in done.judge.violated)
    for form, secret in itertools.product(FORMS.values(), secrets):
        assert not [one for one in shown if form(secret).strip('…." ') in one]


def test_ci_hides_the_token_that_the_gate_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret of CI may end with a line break, which is not part of it; nor are headers shown."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    command = "echo it is $CONTRACT_TOKEN and a-key-of-mine at http://me:p4ss@x/; exit 3; :"
    code = ci_gate.main({
        "CONTRACT_TOKEN": "token-of-the-job\n", "CONTRACT_HEADERS": "X-Key: a-key-of-mine",
        "CONTRACT_TARGET": "http://127.0.0.1:9", "GATE_COMMAND": command,
        "GATE_REPORTS": str(tmp_path), "PATH": os.environ["PATH"],
    })  # fmt: skip
    shown = capsys.readouterr().out + (tmp_path / "server.log").read_text()

    assert code == 4
    assert shown.count("it is <token> and <secret> at http://<secret>@x/") == 2
    assert not [one for one in ("token-of", "key-of", "p4ss") if one in shown]


@pytest.mark.parametrize(
    ("ended", "levels"), [("complete", []), ("cut", ["warning"]), ("interrupted", [])]
)
def test_ci_annotates_what_was_cut(ended: str, levels: list[str]) -> None:
    """With the reasons; an interrupt is an error of the job by itself."""
    verdicts = {"verdicts": [], "ended": ended, "reasons": ["MAX_BUILDS=1"], "problem": None}
    notes = [*ci_gate.notes(verdicts)]

    assert [level for level, _, _ in notes] == levels
    assert all(text == "MAX_BUILDS=1" for _, _, text in notes)
