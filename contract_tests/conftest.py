"""Runs the drivers once for all rules, and shows the verdicts."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from filelock import FileLock

from . import settings
from .drivers import client as client_driver
from .gate import drive, plan
from .gate.run import Run
from .problems import Exit, Problem
from .report import client, markdown, terminal, verdicts
from .report.rendered import Rendered, render
from .rules.client import CLIENT_RULES
from .tape.tape import Tape
from .verdicts.judge import ClientJudge, Outcome, Violation

T = TypeVar("T")

_RUN = pytest.StashKey[Run]()
_RENDERED = pytest.StashKey[Rendered]()
_PROBLEM = pytest.StashKey[Problem]()
_SHOWN = pytest.StashKey[dict[str, list[tuple[str, str]]]]()
# Written beside JUnit's file, where one is asked for.
SUMMARY, VERDICTS = "summary.md", "verdicts.json"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse settings that are wrong before anything is run."""
    if _is_one_of_many(session.config):
        return  # server_run tells of it there
    try:
        settings.from_environment(os.environ)
    except Problem as error:
        session.config.stash[_PROBLEM] = error
        pytest.exit(f"the gate cannot judge\n{error}", returncode=Exit.CANNOT_TELL)


@pytest.fixture(scope="session")
def server_run(request: pytest.FixtureRequest) -> Rendered:
    """Judge the server that the environment names, once, however many processes ask."""
    config = request.config
    try:
        target = settings.from_environment(os.environ)
        if target.url or target.dry_run:
            with _uncaptured(config) as write:
                write("\n" + "\n".join(plan.lines(target)) + "\n")
        if target.dry_run:
            pytest.skip("a dry run")
        rendered = _once(request, "server", lambda: render(_driven(config, Run(target))))
    except Problem as error:
        config.stash[_PROBLEM] = error
        told = f"the gate cannot judge\n{error}"
        if _is_one_of_many(config):  # where an exit is taken for a crash
            pytest.fail(told, pytrace=False)
        pytest.exit(told, returncode=Exit.CANNOT_TELL)
    config.stash[_RENDERED] = rendered
    return rendered


@pytest.fixture(scope="session")
def client_verdicts(request: pytest.FixtureRequest) -> dict[str, client.ClientReport]:
    """Put the generated client through every stimulus, once, and judge all calls."""
    made = _once(request, "client", _client_judged)
    calls = max(one.calls for one in made.values())
    line = f"{calls} calls, sync and async, rules {', '.join(CLIENT_RULES)}"
    _shown(request.config)["client"] = [(line, "")]
    return made


def _client_judged() -> dict[str, client.ClientReport]:
    tape, judge = Tape(client_driver.TOKEN), ClientJudge()
    tape.subscribe(judge.see)
    client_driver.run(tape)
    return client.render(judge)


@pytest.hookimpl(tryfirst=True)  # before JUnit's file is written
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the reports; under xdist, hand what is to be shown to the process that shows it."""
    config = session.config
    problem = config.stash.get(_PROBLEM, None)
    rendered = config.stash.get(_RENDERED, None)
    if rendered is None and (run := config.stash.get(_RUN, None)):  # it did not come to its end
        rendered = render(run, problem)
        _report_interrupt(session, rendered)
    if rendered:
        _shown(config)["server"] = rendered.summary
    if (junit := config.getoption("xmlpath", None)) and (rendered or problem):
        reports = Path(junit).resolve().parent
        reports.mkdir(parents=True, exist_ok=True)
        data = rendered.data if rendered else verdicts.document(None, problem)
        (reports / VERDICTS).write_text(verdicts.page(data), encoding="utf-8")
        page = rendered.page if rendered else markdown.unjudged(problem)
        (reports / SUMMARY).write_text(page, encoding="utf-8")
    if _is_one_of_many(config):
        config.workeroutput["shown"] = _shown(config)  # type: ignore[attr-defined]


def _report_interrupt(session: pytest.Session, rendered: Rendered) -> None:
    """Let a test fail for a run that was interrupted: else JUnit shows only tests that passed."""
    ended = rendered.data["ended"]
    last = next((one for one in session.items if one.name == "test_run_came_to_its_end"), None)
    if ended != "interrupted" or last is None:
        return
    for when, outcome, text in (("call", "failed", ended), ("teardown", "passed", None)):
        report = pytest.TestReport(
            last.nodeid, last.location, {}, outcome, text, when  # type: ignore[arg-type]
        )  # fmt: skip
        session.config.hook.pytest_runtest_logreport(report=report)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a process of xdist has to show."""
    _shown(node.config).update(getattr(node, "workeroutput", {}).get("shown", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show a verdict for each rule."""
    for name, lines in sorted(_shown(config).items()):
        terminalreporter.section(name, sep="-")
        for line, outcome in lines:
            colour = _COLOURS.get(outcome)
            terminalreporter.write_line(line, **({colour: True} if colour else {}))


_COLOURS: dict[str, str] = {
    Outcome.VIOLATED: "red",
    Outcome.WAIVED: "yellow",
    Outcome.NOT_OBSERVED: "yellow",
}


def _driven(config: pytest.Config, run: Run) -> Run:
    # What was seen is shown, however the run ends.
    config.stash[_RUN] = run

    def announce(violation: Violation) -> None:
        with _uncaptured(config) as write:
            write(f"\n{terminal.announcement(run, violation)}\n")

    def tell(text: str) -> None:
        with _uncaptured(config):
            told(text)

    told = terminal.progress(run)
    run.judge.announce, run.tell = announce, tell
    try:
        drive.drive(run)
    except KeyboardInterrupt:
        run.is_interrupted = True
        raise
    finally:
        tell("")
    return run


def _once(request: pytest.FixtureRequest, name: str, make: Callable[[], T]) -> T:
    """Make something once for all processes of xdist; what it raises is raised in each.

    It goes through a file on disk, and so must hold no secret.
    """
    if not _is_one_of_many(request.config):
        return make()
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    base = factory.getbasetemp().parent
    made = base / f"{name}.pickle"
    with FileLock(base / f"{name}.lock"):
        if not made.is_file():
            _keep(made, make)
    kept = pickle.loads(made.read_bytes())  # noqa: S301 (written by the line above)
    if isinstance(kept, Exception):
        raise kept
    found: T = kept
    return found


def _keep(path: Path, make: Callable[[], Any]) -> None:
    try:
        made = make()
    except Problem as error:
        made = error
    path.write_bytes(pickle.dumps(made))


def _is_one_of_many(config: pytest.Config) -> bool:
    """Whether this is a process that xdist has started."""
    return hasattr(config, "workerinput")


def _shown(config: pytest.Config) -> dict[str, list[tuple[str, str]]]:
    return config.stash.setdefault(_SHOWN, {})


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[Callable[[str], None]]:
    """Yield what writes to the terminal at once."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or _is_one_of_many(config):
        yield lambda _: None
        return
    with capture.global_and_fixture_disabled():
        yield reporter.write
