"""A run of the gate: budgets, a given build, what is hollow, and what the command makes of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ... import cli, program, usage
from ...contract.api import DELETE, INITIATE, START, STATUS
from ...contract.openapi import PATH
from ...drivers.http import pace
from ...drivers.http.transport import Endpoint
from ...drivers.scripted import inputs, scenarios
from ...gate import drive
from ...gate import plan as planning
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Budget, GateError, Target, embedded
from ...reference.app import create_app
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ...report import terminal
from ...rules import RULES

TOKEN = "test-token"  # noqa: S105
STEPS = [*scenarios.steps(is_limited=False), scenarios.CLOSING, scenarios.DELETING]


@pytest.fixture
def url() -> Iterator[str]:
    """Run a sound server over a socket, for other processes."""
    with running(create_app(token=TOKEN, build_seconds=0.08)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def sound() -> Run:
    """Judge the faultless server by the script alone."""
    return drive.run(Target(), fuzzing=False)


def changed(
    answered: Callable[[ServerRequest, ServerResponse], None], token: str = TOKEN
) -> Endpoint:
    """Make a server that answers otherwise."""
    return embedded(token, Fault("changed", "", "", response=answered))


def make_gate_process(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the command that ``make gate`` is, over the server; return exit code and output."""
    return run_module("contract_tests", "gate", *arguments, SERVER_ONLY="1", **settings)


def make_gate(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the same command in this process, where what a process adds is not the subject."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in [one for one in os.environ if one.startswith("CONTRACT_")]:
            patch.delenv(name)
        for name, value in {"SERVER_ONLY": "1", **settings}.items():
            patch.setenv(f"CONTRACT_{name}", value)
        patch.setenv(usage.VARIABLE, "make")
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = cli.main(["gate", *arguments])
    return code, printed.getvalue()


def run_pytest(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the tests over a server by plain pytest; return exit code and output."""
    modules = ["contract_tests/test_server.py", "-q", "--no-header"]
    return run_module("pytest", *modules, *arguments, **settings)


def run_module(*command: str, **settings: str) -> tuple[int, str]:
    """Run a module with settings; return its exit code and its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONTRACT_")}
    given = {f"CONTRACT_{name}": value for name, value in settings.items()}
    given[usage.VARIABLE] = "make"
    ended = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", *command],
        cwd=PATH.parent, env=clean | given, capture_output=True, text=True, timeout=400,
        check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def verdicts(printed: str) -> dict[str, str]:
    """Read the table of verdicts."""
    found = re.findall(
        r"^([PSTL]\d+) +(?:MUST|SHOULD) +(passed|violated|waived|not \w+)\b", printed, re.M
    )
    return dict(found)


def test_every_rule_is_observed_by_the_script_alone(sound: Run) -> None:
    """Schemathesis is there for what nobody thought of."""
    assert {rule: one.outcome for rule, one in sound.verdicts.items()} == dict.fromkeys(
        RULES, "passed"
    )


def test_the_plan_is_what_is_sent(sound: Run) -> None:
    """But for the polling: the requests and the builds of each step are as the plan tells them."""
    polls = sum("status after the start" in one.intent for one in sound.tape.exchanges)
    looks = 7  # of these, the ones that the plan counts: right after the starts
    planned = sum(step.requests for step in STEPS)
    issued, started = sound.left_behind

    # Two are deleted; one of them was started.
    assert len(issued) == sum(step.builds for step in STEPS) - 2
    # The one without an upload is refused here.
    assert len(started) == sum(step.started for step in STEPS) - 1 - 1
    assert abs(sound.pace.sent - (polls - looks) - planned) <= 3


@pytest.mark.parametrize("requests", [1, 20, 150])
def test_requests_are_bounded(requests: int) -> None:
    """Not one more is sent, and what was cut off is told."""
    done = Run(Target(token=TOKEN, budget=Budget(requests=requests)))
    # Where no build could be seen to complete, nothing is green.
    with (
        contextlib.nullcontext()
        if requests >= 150
        else pytest.raises(GateError, match="MAX_REQUESTS")
    ):
        drive.drive(done)

    assert done.pace.sent == len(done.tape.exchanges) == requests
    assert "MAX_REQUESTS" in {cut.budget for cut in done.cut}
    assert {one.outcome for one in done.verdicts.values()} <= {"passed", "not observed"}


BUDGETS = [
    *(Budget(builds=builds) for builds in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12)),
    *(Budget(requests=requests) for requests in (1, 5, 20, 60, 120, 200)),
    Budget(builds=2, requests=90), Budget(builds=6, requests=30), Budget(rate=2000, deadline=1),
]  # fmt: skip


@pytest.mark.parametrize("fault", [None, "any-token", "missing-tag-latest", "upload-starts"])
@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_the_run_keeps_to_the_plan(budget: Budget, fault: str | None) -> None:
    """Whatever the server accepts, no more builds are initiated or started than were planned."""
    target = Target(fault=fault, budget=budget)
    plan = planning.planned(target, fuzzing=False)
    done = Run(target)
    with contextlib.suppress(GateError):
        drive.drive(done, fuzzing=False)

    initiated, started = done.left_behind
    assert len(initiated) <= plan.most_builds
    assert len(started) <= plan.most_started
    assert plan.requests is None or done.pace.sent <= plan.requests
    if fault is None:
        assert len(initiated) <= plan.builds
        assert len(started) <= plan.started


@pytest.mark.parametrize("name", ["builds", "started", "most_builds", "most_started"])
def test_the_plan_shrinks_with_the_budgets(name: str) -> None:
    """Fewer builds allowed, fewer planned; and no more than allowed."""

    def numbers(key: str, values: list[int]) -> list[int]:
        plans = [planning.planned(Target(budget=Budget(**{key: one}))) for one in values]
        return [int(getattr(plan, name)) for plan in plans]

    by_builds = numbers("builds", [*range(120)])
    by_requests = numbers("requests", [*range(1, 700, 7)])
    assert by_builds == sorted(by_builds)
    assert all(number <= allowed for allowed, number in enumerate(by_builds))
    assert by_builds[0] == 0 < by_builds[1] < by_builds[-1]
    assert by_requests == sorted(by_requests)
    assert by_requests[0] == 0 < by_requests[-1]


def test_the_plan_of_a_given_build() -> None:
    """Nothing is initiated or started."""
    plan = planning.planned(Target(url="http://127.0.0.1:9", build_id="bld_1"))

    assert (plan.builds, plan.started, plan.most_builds, plan.most_started) == (0, 0, 0, 0)


@pytest.mark.parametrize("builds", [1, 2, 3, 4])
def test_tokens_and_bodies_are_checked_with_few_builds(builds: int) -> None:
    """What costs no build goes first, and what needs one uses another's."""
    done = drive.run(Target(token=TOKEN, budget=Budget(builds=builds)), fuzzing=False)

    refused = [one for one in done.tape.exchanges if one.response.status == 401]
    assert {one.operation for one in refused} == {INITIATE, START, STATUS, DELETE}
    tokens = len(inputs.tokens(TOKEN))
    assert len(refused) == 4 * tokens
    assert done.verdicts["P2"].outcome == done.verdicts["P3"].outcome == "passed"


def test_responses_past_the_byte_budget_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that spends it is on the tape, and what it issued is known."""
    monkeypatch.setattr(pace, "MOST_BYTES", 1)
    done = Run(Target(token=TOKEN))
    with drive._session(done, "test") as session, pytest.raises(pace.BudgetSpent):
        session.send("POST", "/api/v1/images/build", "initiate", body=inputs.NAMED)

    assert done.tape.exchanges[0].response.status == 201
    assert (len(done.left_behind[0]), done.pace.issued, done.pace.sent) == (1, 1, 1)
    assert done.pace.taken == len(done.tape.exchanges[0].response.content or b"") > 1


def test_each_input_is_tried_on_each_operation_that_can_take_it(sound: Run) -> None:
    """An id, a token, a content: not on one operation alone."""
    absent = [one for one in sound.tape.exchanges if one.is_absent and one.intent != "preflight"]
    tried = {name: {one.build_id for one in absent if one.operation == name}
             for name in (START, STATUS)}  # fmt: skip
    assert tried[START] == tried[STATUS] == set(inputs.ABSENT_BUILD_IDS)
    lengths = {len(one) for one in inputs.ABSENT_BUILD_IDS if not one.strip("x")}
    assert lengths >= {8, 16, 32, 33, 36, 40, 63, 64, 65, 127, 128, 129, 255, 256, 257}
    headers = {name: {one.request.headers.get("authorization") for one in sound.tape.of(name)}
               for name in (INITIATE, START, STATUS)}  # fmt: skip
    wanted = set(inputs.tokens(sound.target.token).values())
    assert all(wanted <= seen for seen in headers.values())
    for name in (INITIATE, START):
        contents = {one.request.content for one in sound.tape.of(name)}
        assert set(inputs.BROKEN_CONTENT.values()) <= contents
        kinds = {one.request.headers.get("content-type") for one in sound.tape.of(name)}
        assert set(inputs.CONTENT_TYPES) <= kinds


@pytest.mark.parametrize("builds", [1, 2, 5])
def test_builds_are_bounded(builds: int) -> None:
    """The first is one that is built; what needs more of them is not observed, or cut off."""
    done = drive.run(Target(token=TOKEN, budget=Budget(builds=builds)))

    assert done.pace.issued == builds
    assert len(done.left_behind[0]) == builds - 1  # the one of the run's own name is deleted
    assert done.verdicts["T5"].outcome == "passed"
    assert "MAX_BUILDS" in {cut.budget for cut in done.cut}
    assert not done.judge.violated


def test_the_deadline_is_kept() -> None:
    """Nothing is sent after it, and the builds that do not end are not waited for."""
    slow = embedded(TOKEN, build_seconds=3600)
    done = Run(Target(token=TOKEN, budget=Budget(deadline=4)), at=slow)
    with pytest.raises(GateError, match="no build was COMPLETED"):
        drive.drive(done, fuzzing=False)

    assert "DEADLINE" in {cut.budget for cut in done.cut} or done.pace.left == 0
    assert not done.judge.violated
    assert done.verdicts["L2"].outcome == "not observed"


def test_a_given_build_is_looked_at_only() -> None:
    """BUILD_ID: nothing is initiated, uploaded or started."""
    at = embedded(TOKEN)
    before = drive.run(Target(token=TOKEN), fuzzing=False, at=at)
    given = before.left_behind[1][0]
    done = drive.run(Target(token=TOKEN, build_id=given), at=at)

    asked = {one.operation for one in done.tape.exchanges if one.operation}
    assert asked == {STATUS}
    assert {one.request.method for one in done.tape.exchanges} <= {"GET", "HEAD", "OPTIONS"}
    assert done.verdicts["T5"].outcome == done.verdicts["L2"].outcome == "passed"
    assert done.verdicts["P7"].outcome == "not observed"


def test_a_given_build_that_is_not_there() -> None:
    """It cannot be judged, and so has not passed."""
    with pytest.raises(GateError, match="no success of get_build_status"):
        drive.run(Target(token=TOKEN, build_id="gone"))


def test_a_build_that_never_starts_is_hollow() -> None:
    """A queue that moves nothing leaves the rules of time unseen: an error, and no pass."""

    def waiting(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation in ("status", "start") and answer.status == 200:
            answer.content = re.sub(
                rb'"(BUILDING|COMPLETED|FAILED)"', b'"UPLOADING"', answer.content
            )
            answer.content = re.sub(rb'("(started|completed)At"):"[^"]*"', rb"\1:null",
                                    answer.content)  # fmt: skip
            answer.content = re.sub(rb'"errorMessage":"[^"]*"', b'"errorMessage":null',
                                    answer.content)  # fmt: skip

    with pytest.raises(GateError, match="no build was COMPLETED"):
        drive.run(Target(token=TOKEN), fuzzing=False, at=changed(waiting))


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429])
def test_all_refused_is_no_pass(status: int) -> None:
    """Whatever it is refused with."""

    def refused(_: ServerRequest, answer: ServerResponse) -> None:
        answer.status, answer.headers = status, [(b"retry-after", b"0")]
        answer.content = b'{"errors": []}'

    with pytest.raises(GateError, match="problem: "):
        drive.run(Target(token=TOKEN), fuzzing=False, at=changed(refused))


def test_what_is_required_is_looked_for() -> None:
    """A rule, and a cell of the matrix, by what was really told."""
    wanted = ("T5", "COMPLETED:set:set", "CANCELLED", "artifact:FAILED", "PENDING:absent")
    done = drive.run(Target(token=TOKEN, require=wanted), fuzzing=False)

    assert done.missing == ["CANCELLED", "PENDING:absent"]


def test_neither_token_nor_header_is_shown() -> None:
    """Not in requests, not where the server echoes them: the tape holds them, and hides them."""

    def echo(request: ServerRequest, answer: ServerResponse) -> None:
        if request.operation == "status" and answer.status == 200:
            told = str(request.headers).encode()
            answer.headers.append((b"x-echo", told.replace(b"\n", b"")))
            kept = [one for one in request.headers if one[0] in (b"authorization", b"x-key")]
            answer.content = json.dumps({"imageName": str(kept)}).encode()

    token = "a/t+oken~with-signs"  # noqa: S105
    target = Target(token=token, headers={"X-Key": "another-secret"})
    done = drive.run(target, fuzzing=False, at=changed(echo, token))

    echoed = [one for one in done.tape.exchanges if "x-echo" in one.response.headers]
    assert token in echoed[0].response.headers["x-echo"]
    failure = terminal.failed(done, done.verdicts["P6"])
    written = program.pages(Report(run=done), Path("junit.xml"))
    shown = [repr(done.tape), repr(done), failure, *written.values()]
    assert "<token>" in failure
    assert "<secret>" in failure
    assert not [one for one in shown if token in one or "another-secret" in one]


def table(printed: str) -> list[str]:
    """Return the lines of the table of verdicts, with the counts of exchanges."""
    return re.findall(r"^[PSTL]\d+ +(?:MUST|SHOULD) .+$", printed, re.M)


def test_the_same_seed_gives_the_same_verdicts() -> None:
    """By the program and by pytest, of which each is a process of its own."""
    code, alone = make_gate_process()
    code_of_pytest, viewed = run_pytest()

    assert code == code_of_pytest == 0
    assert verdicts(alone) == dict.fromkeys(RULES, "passed")
    assert table(alone) == table(viewed)


def test_xdist_with_a_target_is_refused(url: str) -> None:
    """Each process would make builds on a real server; nothing is sent."""
    code, printed = run_pytest("-n", "2", TARGET=url, TOKEN=TOKEN)

    assert code == 4
    assert "one process: leave out -n" in printed
    assert "lifecycles" not in printed


def test_a_fault_fails_and_is_told(tmp_path: Path) -> None:
    """Exit code 1, the first violation whole, and the rest counted; JUnit has a failure."""
    report = tmp_path / "junit.xml"
    code, printed = make_gate_process(f"--junit={report}", FAULT="completed-null")

    assert code == 1
    assert verdicts(printed)["T5"] == "violated"
    assert "repeat    make gate RULE=T5 FAULT=completed-null" in printed
    assert re.search(r"^  seen      on \d+ exchanges, get_build_status$", printed, re.M)
    [failed] = ElementTree.parse(report).iter("failure")  # noqa: S314 (our own file)
    assert failed.get("message", "").startswith("T5 SHOULD")
    assert "  field     $.completedAt" in (failed.text or "")
    summary = (tmp_path / "summary.md").read_text()
    assert "1 violated" in summary
    assert summary.splitlines()[2].startswith("Failed: ")
    assert json.loads((tmp_path / "verdicts.json").read_text())["passed"] is False
    assert "| T5 | SHOULD | violated |" in summary


@pytest.mark.parametrize("plugins", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_fault_fails_one_test(plugins: tuple[str, ...]) -> None:
    """With the same words as the program's, and the others pass."""
    code, printed = run_pytest(*plugins, FAULT="completed-null")

    assert code == 1
    assert "FAILED contract_tests/test_server.py::test_rule[T5]" in printed
    assert "repeat    make gate RULE=T5 FAULT=completed-null" in printed
    assert re.search(r"^1 failed, \d+ passed", printed, re.M)


def test_pytest_shows_what_was_not_judged(tmp_path: Path) -> None:
    """Waived rules xfail, and rules that are left out are skipped."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = run_pytest("-rxs", FAULT="completed-null", RULE="T4,T5", WAIVERS=file)

    assert code == 0, printed
    assert "XFAIL contract_tests/test_server.py::test_rule[T5]" in printed
    assert "left out by LEVEL or RULE" in printed
    assert re.search(r"^3 passed, \d+ skipped, 1 xfailed", printed, re.M)


def test_pytest_refuses_a_setting() -> None:
    """By its own exit code for misuse, which is that of the gate."""
    code, printed = run_pytest(MAX_BUILDS="1.5")

    assert code == 4
    assert "MAX_BUILDS is not a whole number" in printed


def waived(path: Path, rule: str, expires: str = "2999-01-01") -> str:
    """Write a waiver."""
    path.write_text(f'[[waiver]]\nrule = "{rule}"\nreason = "known"\nexpires = {expires}\n')
    return str(path)


def test_a_waived_violation_passes(tmp_path: Path) -> None:
    """It is shown as waived, with the reason, and the run is green."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = make_gate(FAULT="completed-null", WAIVERS=file)

    assert code == 0, printed
    assert verdicts(printed)["T5"] == "waived"
    assert re.search(r"^waived +T5 SHOULD", printed, re.M)
    assert not re.search(r"^violated +T5", printed, re.M)
    assert "T5 until 2999-01-01: known" in printed


def test_a_waived_rule_that_holds_fails(tmp_path: Path) -> None:
    """A waiver that is not needed any more is taken out."""
    code, printed = make_gate(WAIVERS=waived(tmp_path / "w.toml", "T5"), RULE="T4,T5")

    assert code == 1
    assert "problem: T5 is waived (known), but passes" in printed


def test_reports_of_the_run_before_do_not_stay(tmp_path: Path) -> None:
    """A run that cannot judge says so in each report; one that ends at once leaves none."""
    reports = [tmp_path / name for name in ("junit.xml", "summary.md", "verdicts.json")]
    for one in reports:
        one.write_text("of the run before")
    code, _ = make_gate(f"--junit={reports[0]}", MAX_BUILDS="1.5")

    assert code == 4
    assert all("MAX_BUILDS" in one.read_text() for one in reports[1:])
    assert json.loads(reports[2].read_text())["passed"] is False
    assert "of the run before" not in reports[0].read_text()

    for one in reports:
        one.write_text("of the run before")
    early = "import sys; sys.modules['respx'] = None; from contract_tests.cli import main; main()"
    subprocess.run(  # noqa: S603 (it ends while the gate is imported)
        [sys.executable, "-c", early, "gate", f"--junit={reports[0]}"],
        cwd=PATH.parent, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert not any(one.exists() for one in reports)


def test_an_interrupt_while_modules_are_imported(tmp_path: Path) -> None:
    """Ctrl-C in the first second ends with 2, without a traceback; the reports show it."""
    reports = [tmp_path / name for name in ("junit.xml", "summary.md", "verdicts.json")]
    for one in reports:
        one.write_text("of the run before")
    # It interrupts once, as a person does, and is out of the way then.
    (tmp_path / "respx.py").write_text(
        "import pathlib\npathlib.Path(__file__).unlink()\nraise KeyboardInterrupt\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={reports[0]}"],
        cwd=PATH.parent, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])


def test_an_interrupt_while_schemathesis_is_imported(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a run, in code that Python executes from a text: still 2."""
    (tmp_path / "schemathesis.py").write_text("exec('raise KeyboardInterrupt')")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    """A closed pipe ends no run: its exit code and its reports are those of the whole."""
    given = {"CONTRACT_FAULT": "completed-null", "CONTRACT_SERVER_ONLY": "1"}
    with subprocess.Popen(  # noqa: S603 (our own command)
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, **given},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as started:  # fmt: skip
        assert started.stdout is not None
        started.stdout.close()
        assert started.stderr is not None
        printed = started.stderr.read()

    assert (started.returncode, printed) == (1, "")
    assert ends(tmp_path) == ("complete", "", [])


def test_an_expired_waiver_ends_it(tmp_path: Path) -> None:
    """Before anything is sent, in words."""
    code, printed = make_gate(WAIVERS=waived(tmp_path / "w.toml", "T5", "2020-01-01"))

    assert code == 4
    assert "(known) expired on 2020-01-01" in printed


def test_what_is_required_and_missing_fails() -> None:
    """Under its own name."""
    code, printed = make_gate(REQUIRE="CANCELLED,T5", RULE="T5")

    assert code == 1
    assert "REQUIRE: not observed: CANCELLED" in printed


def test_a_dry_run_sends_nothing() -> None:
    """It tells the plan, by steps and budgets; nobody answers at that address."""
    code, printed = make_gate(DRY_RUN="1", TARGET="http://127.0.0.1:9", TOKEN=TOKEN, RATE="5")

    assert code == 0, printed
    assert all(step.name in printed for step in STEPS)
    assert "RATE=5" in printed
    assert "passed" not in printed


def test_nobody_answers(tmp_path: Path) -> None:
    """Exit code 4 and a sentence, by pytest too; the run is not complete."""
    report = tmp_path / "junit.xml"
    for command, option in ((make_gate, "--junit"), (run_pytest, "--junitxml")):
        given = f"{option}={report}"
        code, printed = command(given, TARGET="http://127.0.0.1:9", TOKEN=TOKEN)
        if command is make_gate:
            assert ends(tmp_path) == ("cut", "cut", ["error"])
        assert code == 4
        assert "no response from http://127.0.0.1:9" in printed


def ends(reports: Path) -> tuple[str, str, list[str]]:
    """Return how a run ended: by verdicts.json, by summary.md, and what JUnit says of its end."""
    data = json.loads((reports / "verdicts.json").read_text())
    [line] = re.findall(r"^Ended: (\w+)\.$", (reports / "summary.md").read_text(), re.M) or [""]
    cases = ElementTree.parse(reports / "junit.xml").iter("testcase")  # noqa: S314 (our own file)
    last = [one for one in cases if one.get("name", "").startswith("end ")]
    return data["ended"], line, [child.tag for one in last for child in one]


def test_every_report_shows_that_a_budget_cut_the_run(tmp_path: Path) -> None:
    """With the reasons: what was not done is no pass."""
    report = f"--junit={tmp_path / 'junit.xml'}"
    code, printed = make_gate(report, MAX_REQUESTS="120", RULE="P1")
    data = json.loads((tmp_path / "verdicts.json").read_text())

    assert code == 0, printed
    assert ends(tmp_path) == ("cut", "cut", ["skipped"])
    assert data["reasons"] == re.findall(r"^cut off +(.+)$", printed, re.M)
    assert "MAX_REQUESTS=120 are sent" in data["reasons"][0]


def test_a_whole_run_is_complete(tmp_path: Path) -> None:
    """Nothing is said of its end but that."""
    code, printed = make_gate(f"--junit={tmp_path / 'junit.xml'}", RULE="P1")

    assert code == 0, printed
    assert ends(tmp_path) == ("complete", "", [])


def test_an_interrupt_shows_what_was_seen(tmp_path: Path) -> None:
    """Ctrl-C: exit code 2, the verdicts so far, and what was started; every report shows it."""
    environment = {"CONTRACT_TARGET": "", "CONTRACT_TOKEN": TOKEN}
    with running(create_app(token=TOKEN, build_seconds=3600)) as base_url:
        environment["CONTRACT_TARGET"] = base_url
        started = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
            cwd=PATH.parent, env={**os.environ, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # What starts the tests in the background may have turned it off.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        lines = []
        for line in started.stdout or ():
            lines.append(line)
            if ": waiting for " in line:
                started.send_signal(signal.SIGINT)
                break
        printed = "".join(lines) + started.communicate(timeout=60)[0]

    assert started.returncode == 2, printed
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])
    assert re.search(r"^ended +interrupted$", printed, re.M)
    assert re.search(r"^\d+ requests, \d+ builds: waiting for \d+ builds$", printed, re.M)
    assert verdicts(printed)["P2"] == "passed"
    assert verdicts(printed)["L2"] == "not observed"
    assert re.search(r"left behind +\d+ builds named contract-gate, \d+ started: bld_", printed)


def test_operations_are_those_of_the_contract(sound: Run) -> None:
    """Each was seen to succeed."""
    assert all(sound.tape.successes()[name] for name in (INITIATE, START, STATUS))
