"""The gate as a program: reads its settings, judges, shows and writes, and returns a report."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click

from . import settings
from .contract.openapi import PATH
from .escape import line, lines, show
from .gate import cleanup, corpus, drive, plan, server
from .gate.loaded import LoadRun
from .gate.result import Report
from .gate.run import Run
from .gate.server_log import ServerLog
from .gate.target import JOURNALS, GateError, Target
from .problems import Problem, failure, is_foreseen
from .report import badge, conclusion, files, har, junit, markdown, terminal, verdicts
from .tape.call import Call
from .tape.tape import Tape
from .usage import command, setting
from .verdicts.judge import ClientJudge


def run(
    environment: Mapping[str, str], reports: Path | None = None, client_page: Path | None = None
) -> Report:
    """Judge what the settings name; show it on standard output, and write the reports.

    Args:
        environment: The settings, as variables ``CONTRACT_X``.
        reports: The file for JUnit; the others are written beside it. None writes nothing. The
            journal of a target's run is in the folder ``journal`` beside it, or in ``reports``.
        client_page: The file for the page of the client; None writes none.

    It raises nothing: what went wrong is in the report, and so is its exit code.

    """
    report = Report()
    journals = (reports.parent if reports else JOURNALS.parent) / JOURNALS.name
    if settings.only_cleans_up(environment):
        reports = None
    try:
        _judge(report, environment, reports, journals, client_page)
        finish(report, reports)
    except KeyboardInterrupt:
        report.is_interrupted = True
        finish(report, reports)
    return report


def interrupted(reports: Path | None) -> Report:
    """Show and write that somebody stopped the gate before anything was judged."""
    report = Report(is_interrupted=True)
    finish(report, reports)
    return report


def _judge(
    report: Report, environment: Mapping[str, str], reports: Path | None, journals: Path,
    client_page: Path | None,
) -> None:  # fmt: skip
    try:
        if reports:
            files.remove(reports)
        report.target = settings.from_environment(environment)
        if client_page and (report.target.server_only or report.target.cleanup == "only"):
            what = f"{setting('CLIENT_PAGE')} has nothing to show: the client is not judged"
            unwanted = (setting("SERVER_ONLY"), setting("CLEANUP", "only"))
            raise Problem(what, f"leave it out, or {' and '.join(unwanted)}")
        if report.target.cleanup == "only":
            with nullcontext() if report.target.dry_run else serving(report, report.target):
                clean_up(report, report.target, journals)
            return
        judge_server(report, report.target, journals)
        if not (report.target.dry_run or report.target.server_only):
            calls = judge_client(report)
            if client_page:
                _write_client_page(client_page, report, calls)
    except Exception as error:
        report.problem = problem_of(report, error)


def clean_up(report: Report, target: Target, journals: Path) -> None:
    """Delete what runs made that ended early, and add what came of it to a report.

    Raises ``Problem`` where that is not known of all.
    """
    report.resumed = cleanup.Resumed()
    cleanup.resume(report.resumed, target, journals)
    if report.resumed.problem:
        raise report.resumed.problem


def judge_server(report: Report, target: Target, journals: Path = JOURNALS) -> None:
    """Judge a server: show the plan and the progress, and add the run to a report.

    What was seen so far is in the report, whatever is raised: ``Problem`` where the server cannot
    be judged, ``KeyboardInterrupt``.
    """
    if target.cleanup == "only":
        fix = f"use {target.clean_up(journals)}"
        raise GateError(f"{setting('CLEANUP', 'only')} judges nothing", fix)
    if target.url or target.dry_run:
        say(report.hide("\n".join(map(line, ("", *plan.lines(target), "")))))
    if target.dry_run:
        return
    with serving(report, target):
        _drive(report, target, journals)


def _drive(report: Report, target: Target, journals: Path) -> None:
    report.run = made = Run(target, journals=journals)
    show_progress = terminal.progress(made)
    made.report = show_progress
    announce(made)
    try:
        drive.drive(made)
    finally:
        show_progress("")


@contextmanager
def serving(report: Report, target: Target) -> Iterator[None]:
    """Start the target's server, if there is a command for it, for as long as the context lasts."""
    if not target.start or not target.url:
        yield
        return
    report.log = log = ServerLog()
    code = None
    try:
        words = server.words(target.start)
        with server.started(words, target.url, log, target.environment(os.environ)) as ended:
            try:
                yield
            finally:
                code = ended()
    except Problem as error:
        if code is None and report.run:  # the server runs, and so its log explains nothing
            raise
        what = (
            error.what
            if code is None
            else (f"{error.what}; the server's command ended with exit code {code}")
        )
        last = [f"    log: {one}" for one in log.tail(report.hide) if one]
        raise Problem(what, error.fix, error.code, [*error.details, *last]) from None


def judge_client(report: Report) -> list[Call]:
    """Put the generated client through every stimulus, and add the verdicts to a report.

    Returns its calls.
    """
    from .drivers import client as client_driver  # as below

    tape, judging, calls = Tape(client_driver.TOKEN), ClientJudge(), list[Call]()
    tape.subscribe(judging.see)
    tape.subscribe(lambda record: calls.append(record) if isinstance(record, Call) else None)
    client_driver.run(tape)
    report.client = judging.verdicts
    return calls


def _write_client_page(file: Path, report: Report, calls: list[Call]) -> None:
    from .report import html

    again = command("gate", CLIENT_PAGE=str(file))
    files.write({file: html.page(html.of_client(report, corpus.judged(calls), again))})


def problem_of(report: Report, error: Exception) -> Problem:
    """Return the problem of an error, without secrets; show the traceback of an unforeseen one."""
    if not is_foreseen(error):
        say(report.hide("".join(traceback.format_exception(error))))
    problem = failure(error, "the gate")
    what, fix, *details = map(report.hide, (problem.what, problem.fix, *problem.details))
    return Problem(what, fix, problem.code, details)


def finish(report: Report, reports: Path | None) -> None:
    """Write the reports, and show what they say.

    Where that fails, they say that alone: nothing else is known to be whole.
    """
    is_plan = report.target is not None and report.target.dry_run and report.problem is None
    page = str(reports.with_name(files.PAGE)) if reports else ""
    try:
        ending = [*conclusion.lines(report, page)]
        if reports and not is_plan:
            files.write(pages(report, reports))
    except Exception as error:
        report.problem = problem_of(report, error)
        report.run, report.client = None, {}
        ending = [*conclusion.lines(report, page)]
        if reports:
            with suppress(Exception):  # the exit code and the last lines show it
                files.write(pages(report, reports))
    for one, outcome in ending:
        say(line(one), conclusion.COLOURS.get(outcome))
    if report.problem:
        sys.stdout.flush()
        show(f"cannot judge\n{report.hide(str(report.problem))}", is_error=True)


def announce(run: Run) -> None:
    """Print what a run violates as soon as it is seen: the first at each place."""
    run.judge.announce = lambda violation: say(f"\n{terminal.announcement(run, violation)}")


def say(text: str, colour: str | None = None) -> None:
    """Print lines at once."""
    # Click leaves colours out where the output is not a terminal.
    click.secho(lines(text), fg=colour, color=False if os.environ.get("NO_COLOR") else None)


def _rule_pages(reports: Path) -> str:
    """Return the link to the rules' pages: in a clone, from reports that are written there."""
    rules, folder = PATH.parent / "docs/rules", reports.resolve().parent
    is_beside = rules.is_dir() and folder.is_relative_to(PATH.parent)
    return Path(os.path.relpath(rules, folder)).as_posix() if is_beside else ""


def pages(report: Report, reports: Path) -> dict[Path, Iterable[str] | None]:
    """Return the content of each file that is written, ``reports`` being JUnit's.

    Where no run began there is no tape.
    """
    from .report import html  # it takes a while to load, and a first violation should not wait

    written: dict[Path, Iterable[str] | None] = {
        reports: junit.page(report),
        reports.with_name(files.SUMMARY): markdown.page(report, _rule_pages(reports)),
        reports.with_name(files.VERDICTS): verdicts.page(verdicts.document(report)),
        reports.with_name(files.TAPE): har.page(report.run) if report.run else None,
        reports.with_name(files.PAGE): html.page(html.of_gate(report)),
        reports.with_name(files.BADGE): badge.page(report),
    }
    if isinstance(report.run, LoadRun) and report.run.charts:
        written[reports.with_name(files.LOAD)] = report.run.charts
    if report.log:
        written[reports.with_name(files.LOG)] = report.log.page(report.hide)
    return written
