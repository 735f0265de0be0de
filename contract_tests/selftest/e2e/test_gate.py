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
SCRIPTED = "200"
"""So many requests show T4 and T5; generated ones, for which schemathesis is loaded, are cut."""
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
    change: Callable[[ServerRequest, ServerResponse], None], token: str = TOKEN
) -> Endpoint:
    """Return a server whose responses are changed."""
    return embedded(token, Fault("changed", "", "", response=change))


def make_gate_process(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run ``make gate`` on the server in a process; return exit code and output."""
    return run_module("contract_tests", "gate", *arguments, SERVER_ONLY="1", **settings)


def make_gate(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run the same command in this process, if the process is not what is tested."""
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
    """Run the suite for servers with plain pytest; return exit code and output."""
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


def test_scripted_scenarios_observe_every_rule(sound: Run) -> None:
    """Without schemathesis."""
    assert {rule: one.outcome for rule, one in sound.verdicts.items()} == dict.fromkeys(
        RULES, "passed"
    )


def test_run_sends_what_the_plan_shows(sound: Run) -> None:
    """The requests and builds of each step, except for polling."""
    polls = sum("status after the start" in one.intent for one in sound.tape.exchanges)
    counted = 7  # of these, the polls right after each start, which the plan counts
    planned = sum(step.requests for step in STEPS)
    issued, started = sound.left_behind

    # Two are deleted; one of them was started.
    assert len(issued) == sum(step.builds for step in STEPS) - 2
    # The one without an upload is refused here.
    assert len(started) == sum(step.started for step in STEPS) - 1 - 1
    assert abs(sound.pace.sent - (polls - counted) - planned) <= 3


@pytest.mark.parametrize("requests", [1, 20, 150])
def test_max_requests_limits_the_run(requests: int) -> None:
    """Exactly as many are sent, and the run shows what was cut off."""
    done = Run(Target(token=TOKEN, budget=Budget(requests=requests)))
    # A run that saw no build complete does not pass.
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
def test_run_stays_within_the_plan(budget: Budget, fault: str | None) -> None:
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
def test_smaller_budget_gives_a_smaller_plan(name: str) -> None:
    """Never more builds than allowed."""

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


def test_plan_with_build_id_has_no_builds() -> None:
    """Nothing is initiated or started."""
    plan = planning.planned(Target(url="http://127.0.0.1:9", build_id="bld_1"))

    assert (plan.builds, plan.started, plan.most_builds, plan.most_started) == (0, 0, 0, 0)


@pytest.mark.parametrize("builds", [1, 2, 3, 4])
def test_tokens_and_bodies_are_checked_with_few_builds(builds: int) -> None:
    """Requests without a build are sent first; others share one build."""
    done = drive.run(Target(token=TOKEN, budget=Budget(builds=builds)), fuzzing=False)

    unauthorized = [one for one in done.tape.exchanges if one.response.status == 401]
    assert {one.operation for one in unauthorized} == {INITIATE, START, STATUS, DELETE}
    tokens = len(inputs.tokens(TOKEN))
    assert len(unauthorized) == 4 * tokens
    assert done.verdicts["P2"].outcome == done.verdicts["P3"].outcome == "passed"


def test_responses_past_the_byte_budget_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The response that exceeds it is on the tape, and its build is known."""
    monkeypatch.setattr(pace, "MOST_BYTES", 1)
    done = Run(Target(token=TOKEN))
    with drive._session(done, "test") as session, pytest.raises(pace.BudgetSpent):
        session.send("POST", "/api/v1/images/build", "initiate", body=inputs.NAMED)

    assert done.tape.exchanges[0].response.status == 201
    assert (len(done.left_behind[0]), done.pace.issued, done.pace.sent) == (1, 1, 1)
    assert done.pace.taken == len(done.tape.exchanges[0].response.content or b"") > 1


def test_each_input_is_sent_to_each_operation_that_accepts_it(sound: Run) -> None:
    """Ids, tokens, bodies and content types."""
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
def test_max_builds_limits_the_run(builds: int) -> None:
    """The first build is started; what needs more builds is not observed or cut off."""
    done = drive.run(Target(token=TOKEN, budget=Budget(builds=builds)))

    assert done.pace.issued == builds
    assert len(done.left_behind[0]) == builds - 1  # the one of the run's own name is deleted
    assert done.verdicts["T5"].outcome == "passed"
    assert "MAX_BUILDS" in {cut.budget for cut in done.cut}
    assert not done.judge.violated


def test_deadline_limits_the_run() -> None:
    """Nothing is sent after it, and builds that do not end are not waited for."""
    slow = embedded(TOKEN, build_seconds=3600)
    done = Run(Target(token=TOKEN, budget=Budget(deadline=4)), at=slow)
    with pytest.raises(GateError, match="no build was COMPLETED"):
        drive.drive(done, fuzzing=False)

    assert "DEADLINE" in {cut.budget for cut in done.cut} or done.pace.left == 0
    assert not done.judge.violated
    assert done.verdicts["L2"].outcome == "not observed"


def test_build_id_limits_the_run_to_status() -> None:
    """Nothing is initiated, uploaded or started."""
    at = embedded(TOKEN)
    before = drive.run(Target(token=TOKEN), fuzzing=False, at=at)
    given = before.left_behind[1][0]
    done = drive.run(Target(token=TOKEN, build_id=given), at=at)

    called = {one.operation for one in done.tape.exchanges if one.operation}
    assert called == {STATUS}
    assert {one.request.method for one in done.tape.exchanges} <= {"GET", "HEAD", "OPTIONS"}
    assert done.verdicts["T5"].outcome == done.verdicts["L2"].outcome == "passed"
    assert done.verdicts["P7"].outcome == "not observed"


def test_unknown_build_id_cannot_be_judged() -> None:
    """The run does not pass."""
    with pytest.raises(GateError, match="no success of get_build_status"):
        drive.run(Target(token=TOKEN, build_id="gone"))


def test_build_that_never_starts_cannot_be_judged() -> None:
    """The rules about time were not observed: an error, not a pass."""

    def waiting(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation in ("status", "start") and response.status == 200:
            response.content = re.sub(
                rb'"(BUILDING|COMPLETED|FAILED)"', b'"UPLOADING"', response.content
            )
            response.content = re.sub(rb'("(started|completed)At"):"[^"]*"', rb"\1:null",
                                    response.content)  # fmt: skip
            response.content = re.sub(rb'"errorMessage":"[^"]*"', b'"errorMessage":null',
                                    response.content)  # fmt: skip

    with pytest.raises(GateError, match="no build was COMPLETED"):
        drive.run(Target(token=TOKEN), fuzzing=False, at=changed(waiting))


@pytest.mark.parametrize("status", [401, 403, 404, 422, 429])
def test_server_that_rejects_every_request_does_not_pass(status: int) -> None:
    """With any error status."""

    def rejected(_: ServerRequest, response: ServerResponse) -> None:
        response.status, response.headers = status, [(b"retry-after", b"0")]
        response.content = b'{"errors": []}'

    with pytest.raises(GateError, match="problem: "):
        drive.run(Target(token=TOKEN), fuzzing=False, at=changed(rejected))


def test_require_reports_what_was_not_observed() -> None:
    """Rules, and cells of the matrix."""
    wanted = ("T5", "COMPLETED:set:set", "CANCELLED", "artifact:FAILED", "PENDING:absent")
    done = drive.run(Target(token=TOKEN, require=wanted), fuzzing=False)

    assert done.missing == ["CANCELLED", "PENDING:absent"]


def test_token_and_secret_header_are_not_shown() -> None:
    """Even if the server echoes them: the tape contains them, and no report or repr does."""

    def echo(request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "status" and response.status == 200:
            echoed = str(request.headers).encode()
            response.headers.append((b"x-echo", echoed.replace(b"\n", b"")))
            kept = [one for one in request.headers if one[0] in (b"authorization", b"x-key")]
            response.content = json.dumps({"imageName": str(kept)}).encode()

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


def test_program_and_pytest_give_the_same_verdicts() -> None:
    """With the same seed, in another process."""
    code, alone = make_gate()
    code_of_pytest, viewed = run_pytest()

    assert code == code_of_pytest == 0
    assert verdicts(alone) == dict.fromkeys(RULES, "passed")
    assert table(alone) == table(viewed)


def test_xdist_with_a_target_ends_with_4(url: str) -> None:
    """Each process would start builds on a real server. Nothing is sent."""
    code, printed = run_pytest("-n", "2", TARGET=url, TOKEN=TOKEN)

    assert code == 4
    assert "one process: leave out -n" in printed
    assert "lifecycles" not in printed


def test_fault_fails_the_program(tmp_path: Path) -> None:
    """Exit code 1; terminal, JUnit, summary and JSON show the violation."""
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
def test_fault_fails_one_test_of_pytest(plugins: tuple[str, ...]) -> None:
    """With the same command to repeat it as the program; the other tests pass."""
    code, printed = run_pytest(*plugins, FAULT="completed-null", MAX_REQUESTS=SCRIPTED)

    assert code == 1
    assert "FAILED contract_tests/test_server.py::test_rule[T5]" in printed
    assert f"repeat    make gate RULE=T5 FAULT=completed-null MAX_REQUESTS={SCRIPTED}" in printed
    assert re.search(r"^1 failed, \d+ passed", printed, re.M)


def test_pytest_xfails_waived_and_skips_other_rules(tmp_path: Path) -> None:
    """Rules outside of RULE are skipped."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = run_pytest(
        "-rxs", FAULT="completed-null", RULE="T4,T5", WAIVERS=file, MAX_REQUESTS=SCRIPTED
    )

    assert code == 0, printed
    assert "XFAIL contract_tests/test_server.py::test_rule[T5]" in printed
    assert "left out by LEVEL or RULE" in printed
    assert re.search(r"^2 passed, \d+ skipped, 1 xfailed", printed, re.M)


def test_pytest_with_an_invalid_setting_ends_with_4() -> None:
    """Which is both pytest's exit code for misuse and the gate's."""
    code, printed = run_pytest(MAX_BUILDS="1.5")

    assert code == 4
    assert "MAX_BUILDS is not a whole number" in printed


def waived(path: Path, rule: str, expires: str = "2999-01-01") -> str:
    """Write a waiver."""
    path.write_text(f'[[waiver]]\nrule = "{rule}"\nreason = "known"\nexpires = {expires}\n')
    return str(path)


def test_waived_violation_passes(tmp_path: Path) -> None:
    """It is shown as waived, with the reason."""
    file = waived(tmp_path / "w.toml", "T5")
    code, printed = make_gate(FAULT="completed-null", WAIVERS=file)

    assert code == 0, printed
    assert verdicts(printed)["T5"] == "waived"
    assert re.search(r"^waived +T5 SHOULD", printed, re.M)
    assert not re.search(r"^violated +T5", printed, re.M)
    assert "T5 until 2999-01-01: known" in printed


def test_waiver_of_a_rule_that_passes_fails(tmp_path: Path) -> None:
    """A waiver that is no longer needed must be removed."""
    code, printed = make_gate(WAIVERS=waived(tmp_path / "w.toml", "T5"), RULE="T4,T5")

    assert code == 1
    assert "problem: T5 is waived (known), but passes" in printed


def test_reports_of_an_earlier_run_are_replaced_or_removed(tmp_path: Path) -> None:
    """A run that cannot judge writes new ones; one that ends during its imports removes them."""
    reports = [tmp_path / name for name in ("junit.xml", "summary.md", "verdicts.json")]
    for one in reports:
        one.write_text("of an earlier run")
    code, _ = make_gate(f"--junit={reports[0]}", MAX_BUILDS="1.5")

    assert code == 4
    assert all("MAX_BUILDS" in one.read_text() for one in reports[1:])
    assert json.loads(reports[2].read_text())["passed"] is False
    assert "of an earlier run" not in reports[0].read_text()

    for one in reports:
        one.write_text("of an earlier run")
    early = "import sys; sys.modules['respx'] = None; from contract_tests.cli import main; main()"
    subprocess.run(  # noqa: S603 (it ends while the gate is imported)
        [sys.executable, "-c", early, "gate", f"--junit={reports[0]}"],
        cwd=PATH.parent, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert not any(one.exists() for one in reports)


def test_interrupt_during_imports_ends_with_2(tmp_path: Path) -> None:
    """Without a traceback; the reports show it."""
    reports = [tmp_path / name for name in ("junit.xml", "summary.md", "verdicts.json")]
    for one in reports:
        one.write_text("of an earlier run")
    # Interrupts once, as Ctrl-C does, and removes itself.
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


def test_interrupt_during_the_import_of_schemathesis_ends_with_2(tmp_path: Path) -> None:
    """In the middle of a run, in code that Python runs with ``exec``."""
    (tmp_path / "schemathesis.py").write_text("exec('raise KeyboardInterrupt')")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
        cwd=PATH.parent, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (2, "")
    assert ends(tmp_path) == ("interrupted", "interrupted", ["error"])


def test_closed_pipe_does_not_end_the_run(tmp_path: Path) -> None:
    """Exit code and reports are those of the complete run."""
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


def test_expired_waiver_ends_with_4(tmp_path: Path) -> None:
    """Before anything is sent."""
    code, printed = make_gate(WAIVERS=waived(tmp_path / "w.toml", "T5", "2020-01-01"))

    assert code == 4
    assert "(known) expired on 2020-01-01" in printed


def test_required_status_that_is_not_observed_fails() -> None:
    """Exit code 1, with the status."""
    code, printed = make_gate(REQUIRE="CANCELLED,T5", RULE="T5")

    assert code == 1
    assert "REQUIRE: not observed: CANCELLED" in printed


def test_dry_run_sends_nothing() -> None:
    """It prints the plan, by steps and budgets; no server listens at that address."""
    code, printed = make_gate(DRY_RUN="1", TARGET="http://127.0.0.1:9", TOKEN=TOKEN, RATE="5")

    assert code == 0, printed
    assert all(step.name in printed for step in STEPS)
    assert "RATE=5" in printed
    assert "passed" not in printed


def test_unreachable_target_ends_with_4(tmp_path: Path) -> None:
    """In the program and in pytest; the run is not complete."""
    report = tmp_path / "junit.xml"
    for command, option in ((make_gate, "--junit"), (run_pytest, "--junitxml")):
        given = f"{option}={report}"
        code, printed = command(given, TARGET="http://127.0.0.1:9", TOKEN=TOKEN)
        if command is make_gate:
            assert ends(tmp_path) == ("cut", "cut", ["error"])
        assert code == 4
        assert "no response from http://127.0.0.1:9" in printed


def ends(reports: Path) -> tuple[str, str, list[str]]:
    """Return how a run ended according to verdicts.json, summary.md and JUnit."""
    data = json.loads((reports / "verdicts.json").read_text())
    [line] = re.findall(r"^Ended: (\w+)\.$", (reports / "summary.md").read_text(), re.M) or [""]
    cases = ElementTree.parse(reports / "junit.xml").iter("testcase")  # noqa: S314 (our own file)
    last = [one for one in cases if one.get("name", "").startswith("end ")]
    return data["ended"], line, [child.tag for one in last for child in one]


def test_every_report_shows_that_a_budget_cut_the_run(tmp_path: Path) -> None:
    """With the reasons."""
    report = f"--junit={tmp_path / 'junit.xml'}"
    code, printed = make_gate(report, MAX_REQUESTS="120", RULE="P1")
    data = json.loads((tmp_path / "verdicts.json").read_text())

    assert code == 0, printed
    assert ends(tmp_path) == ("cut", "cut", ["skipped"])
    assert data["reasons"] == re.findall(r"^cut off +(.+)$", printed, re.M)
    assert "MAX_REQUESTS=120 are sent" in data["reasons"][0]


def test_complete_run_ends_as_complete(tmp_path: Path) -> None:
    """In all three reports."""
    code, printed = make_gate(f"--junit={tmp_path / 'junit.xml'}", RULE="P1")

    assert code == 0, printed
    assert ends(tmp_path) == ("complete", "", [])


def test_interrupt_shows_the_verdicts_so_far(tmp_path: Path) -> None:
    """Exit code 2, the verdicts so far, and the builds left behind, in every report."""
    environment = {"CONTRACT_TARGET": "", "CONTRACT_TOKEN": TOKEN}
    with running(create_app(token=TOKEN, build_seconds=3600)) as base_url:
        environment["CONTRACT_TARGET"] = base_url
        started = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "contract_tests", "gate", f"--junit={tmp_path / 'junit.xml'}"],
            cwd=PATH.parent, env={**os.environ, **environment},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            # Tests that run in the background may inherit an ignored SIGINT.
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
    assert re.search(r"left behind +\d+ builds, \d+ started: bld_", printed)
    images = re.search(r"^  their images +(.*)$", printed, re.M)
    assert images is not None
    assert re.search(r"\bcontract-gate-[0-9a-f]{12}:v1\b", images[1])


def test_operations_are_those_of_the_contract(sound: Run) -> None:
    """Each was seen to succeed."""
    assert all(sound.tape.successes()[name] for name in (INITIATE, START, STATUS))
