"""Runs the gate in CI: starts the server if a command is given, and reports to GitHub.

Reads the environment. The settings of the gate are ``CONTRACT_X``; and

    GATE_COMMAND   starts the server, by bash; empty if it is already running
    GATE_WAIT_FOR  the URL that returns a status below 500 once ready; CONTRACT_TARGET by default
    GATE_TIMEOUT   seconds until then; 120 by default
    GATE_REPORTS   the folder of the reports; ``reports`` by default

Exit codes: 0 no rule is violated, 1 one is, 2 interrupted, 4 the gate cannot judge.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contract_tests import usage
from contract_tests.escape import fenced, line, show
from contract_tests.gate import headers, server
from contract_tests.gate.result import Report
from contract_tests.gate.server_log import ServerLog
from contract_tests.problems import Exit, Problem
from contract_tests.program import pages
from contract_tests.redaction import Redaction, Secret, Unshown
from contract_tests.report import files
from scripts.ci import commands

ROOT = Path(__file__).resolve().parent.parent.parent
VERDICT: dict[int, str] = {Exit.OK: "passed", Exit.FOUND: "violated"}
JUNIT = "junit.xml"
# Of the seconds to wait; more than a job may take.
MOST_DIGITS = 6
SEE_LOG = "see the log of this step"
# Settings whose value is a path relative to the workspace; the gate runs in another folder.
FILES = ("CONTRACT_WAIVERS", "CONTRACT_DOCKERFILE", "CONTRACT_CA_BUNDLE")


def main(environment: Mapping[str, str]) -> int:
    """Run the gate, and report; return the exit code."""
    token = environment.get("CONTRACT_TOKEN", "").strip()
    sent: dict[str, str] = {}
    with contextlib.suppress(ValueError):  # the gate itself reports invalid ones
        sent = headers.read(environment.get("CONTRACT_HEADERS", ""))
    for secret in (token, *(one for one in sent.values() if isinstance(one, Secret))):
        commands.mask(secret)
    hide = Redaction(token=token, headers=sent, proxy=environment.get("CONTRACT_PROXY", "").strip())
    here = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())
    reports = here / (environment.get("GATE_REPORTS") or "reports")
    try:
        files.remove(reports / JUNIT)  # and the others of an earlier run
    except Problem as error:
        with tempfile.TemporaryDirectory() as empty:
            return report(Path(empty), Exit.CANNOT_TELL, str(error))
    log, problem = ServerLog(), None
    try:
        with _serving(environment, here, log):
            code = _run_gate(environment, here, reports)
    except Problem as error:
        code, problem = Exit.CANNOT_TELL, "\n".join([hide(str(error)), *log.tail(hide)]).strip()
        what, fix, *details = map(hide, (error.what, error.fix, *error.details))
        _write(reports, Report(problem=Problem(what, fix, error.code, details)))
    except KeyboardInterrupt:
        code, problem = Exit.INTERRUPTED, str(Problem("interrupted", "run it again"))
        _write(reports, Report(is_interrupted=True))
    if environment.get("GATE_COMMAND", "").strip():
        (reports / files.LOG).write_text(log.page(hide), encoding="utf-8")
    return report(reports, code, problem)


def report(reports: Path, code: int, problem: str | None) -> int:
    """Report the verdicts as annotations, summary and outputs; return the exit code."""
    verdicts = _read(reports / files.VERDICTS)
    if verdicts is None and code in VERDICT:
        code = Exit.CANNOT_TELL
        problem = str(Problem("no rule was checked", SEE_LOG))
    document = verdicts or {"verdicts": []}
    found, problem = problem, problem or document.get("problem")
    if problem is None and code not in VERDICT:
        found = problem = str(Problem(f"the gate ended with code {code}", SEE_LOG))
    early = code in VERDICT or document.get("ended") == "interrupted"
    heading = "the run ended early" if early else "the gate cannot judge"
    if problem and (found or commands.is_github()):  # the gate has printed its own
        commands.annotate("error", heading, problem)
    for level, title, text in notes(document):
        commands.annotate(level, title, text)
    page = reports / files.SUMMARY
    commands.summary(
        (f"# {heading.capitalize()}\n\n{fenced(problem)}\n\n" if problem else "")
        + (page.read_text(encoding="utf-8") if page.is_file() else "")
    )
    ids = {
        outcome: ",".join(one["rule"] for one in document["verdicts"] if one["outcome"] == outcome)
        for outcome in ("violated", "advised", "waived", "not observed", "not applicable")
    }
    commands.outputs({
        "verdict": VERDICT.get(code, "error"), "violated": ids["violated"],
        "advised": ids["advised"], "waived": ids["waived"],
        "not-observed": ids["not observed"], "not-applicable": ids["not applicable"],
        "exit-code": str(code), "reports": str(reports),
    })  # fmt: skip
    return code


def notes(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield level, title and text of each annotation."""
    for one in document["verdicts"]:
        title = f"{one['rule']} {one['level']}"
        violated = [group["text"] for group in one["groups"] if group["outcome"] == "violated"]
        if violated:
            yield "error", title, "\n\n".join(violated)
        for waiver in one["waivers"]:
            covered = [group["text"] for group in one["groups"] if group["waiver"] == waiver]
            if covered:
                why = line(f"waived until {waiver['expires']}: {waiver['reason']}")
                yield "warning", title, f"{why}\n" + "\n\n".join(covered)
        for waiver in one["unneeded"]:
            why = f"{one['rule']} is waived ({waiver['reason']}), but passes: remove the waiver"
            yield "error", title, line(why)
    if document.get("ended") == "cut" and document["reasons"] and not document.get("problem"):
        yield "warning", "cut", "\n".join(map(line, document["reasons"]))
    if missing := document.get("missing"):
        yield "error", "REQUIRE", line(f"not observed: {', '.join(missing)}")


@contextlib.contextmanager
def _serving(environment: Mapping[str, str], here: Path, log: ServerLog) -> Iterator[None]:
    """Start the server, if a command is given, for as long as the context lasts."""
    target = environment.get("CONTRACT_TARGET", "").strip()
    if not target:  # without one, the gate would check its own reference server, and pass
        raise Problem("no target to check", "give the server's URL")
    command = environment.get("GATE_COMMAND", "").strip()
    waits_for = environment.get("GATE_WAIT_FOR", "").strip()
    if not command and not waits_for:
        yield
        return
    url = waits_for or target
    if not server.is_url(url):
        raise Problem(f"not an http(s) URL: {url!r}", "http://host:port")
    seconds = environment.get("GATE_TIMEOUT", "").strip() or "120"
    if not seconds.isdecimal() or len(seconds) > MOST_DIGITS:
        raise Problem(f"the timeout is not a number of seconds: {seconds!r}", "120, for example")
    if not command:  # the server is started elsewhere, for example as a service of the job
        server.wait(url, float(seconds))
        yield
        return
    bash = ["bash", "-c", command]
    with server.started(bash, url, log, environment, seconds=float(seconds), folder=here):
        yield


def _run_gate(environment: Mapping[str, str], here: Path, reports: Path) -> int:
    settings = dict(environment)
    for name in FILES:
        if path := settings.get(name, "").strip():
            settings[name] = str(here / path)
    settings |= {"CONTRACT_SERVER_ONLY": "1", usage.VARIABLE: usage.ENVIRONMENT}
    with commands.commands_disabled():
        gate = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-I", "-m", "contract_tests", "gate", f"--junit={reports / JUNIT}"],
            cwd=ROOT, env=settings, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return gate.wait()
        except KeyboardInterrupt:
            gate.send_signal(signal.SIGINT)  # the gate then reports the verdicts so far
            with contextlib.suppress(subprocess.TimeoutExpired):
                gate.wait(5)
            raise
        finally:
            gate.kill()
            gate.wait()


def _write(reports: Path, report: Report) -> None:
    """Write the reports of what came before the gate; those of the gate itself stay."""
    if not (reports / files.VERDICTS).is_file():
        with contextlib.suppress(Problem):  # the annotation and the exit code show it all the same
            files.write(pages(report, reports / JUNIT))


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGINT, _interrupted)
    if shutil.which("bash") is None:
        show(Problem("bash is not installed", "install it"), is_error=True)
        sys.exit(Exit.CANNOT_TELL)
    sys.exit(commands.ended(lambda: main(Unshown(os.environ))))
