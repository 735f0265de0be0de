"""Load as a program: a master that judges, and workers that send.

Each is a process of its own, since Locust patches the standard library for gevent: it is imported
before anything that uses that, and by no other command.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import gevent
import gevent.event
import locust  # noqa: F401 (it patches, and so comes first)
import msgspec
from locust.env import Environment
from locust.event import Events
from locust.html import get_html_report
from locust.log import setup_logging
from locust.runners import STATE_MISSING
from locust.stats import (
    print_error_report,
    print_percentile_stats,
    print_stats,
    stats_history,
    stats_printer,
)

from . import settings
from .drivers.http.client import Client
from .drivers.http.clock import SYSTEM
from .drivers.http.pace import Pace
from .drivers.http.transport import Endpoint
from .drivers.images import OwnImages
from .drivers.journal import Journal
from .drivers.load import DRIVER, Builder, Crew
from .drivers.scripted import inputs
from .drivers.session import Session
from .gate import cleanup, drive, hollow
from .gate.loaded import INTERRUPTED, LONGER, LoadRun, Measured
from .gate.result import Report
from .gate.run import Cut, Run
from .gate.target import Target
from .problems import Exit, Problem
from .program import announce, finish, problem_of, say
from .redaction import Unshown
from .spawn import python
from .tape.merge import MOST_BYTES, Batch, Merge
from .tape.tape import Tape
from .usage import command

EXCHANGES, END = "exchanges", "end"
"""The messages of a worker to the master, and of the master to the workers."""
TICK = 0.2
# Exchanges that are judged at once: the master must answer the heartbeats of its workers.
SLICE = 50
# Seconds for the workers to join; and, once the time is over, to end their requests and delete.
JOIN, CLEAN = 60.0, 90.0


@click.command()
@click.option("--url", required=True)
@click.option("--journals", type=Path)
@click.option("--junit", type=Path)
@click.option("--worker", metavar="HOST:PORT")
def main(url: str, journals: Path | None, junit: Path | None, worker: str | None) -> None:
    """Run a master, or workers of one, with the settings of the environment."""
    setup_logging("ERROR")
    target, url = settings.from_environment(os.environ, "load"), url.rstrip("/")
    is_over = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, is_over.set)
    if worker:
        work(target, url, worker, journals, is_over)
        sys.exit(Exit.OK)
    if target.load.master:
        with _workers(target, url, target.load.master, journals) as started:
            while not is_over.wait(TICK) and any(one.poll() is None for one in started):
                pass
            for one in started:
                one.terminate()
        sys.exit(Exit.CANNOT_TELL if any(one.returncode for one in started) else Exit.OK)
    report = Report(target)
    try:
        client = Client(ca=target.ca_bundle, proxy=target.proxy)
        report.run = run = LoadRun(target, at=Endpoint(url, client), journals=journals)
        judge(run, is_over)
    except Exception as error:
        report.problem = problem_of(report, error)
    finish(report, junit)
    sys.exit(report.code)


def judge(run: LoadRun, is_over: Any) -> None:
    """Let the workers send, and judge what they record, until the time is over or ``is_over``.

    Raises ``Problem`` where nothing can be said; where that is known beside a violation, it is in
    the run.
    """
    drive.preflight(Run(run.target, at=run.endpoint))  # its request is not of the load
    load = run.target.load
    host, _, port = (load.listen or "127.0.0.1:0").rpartition(":")
    environment = Environment(user_classes=[Builder], events=Events())
    try:
        runner = environment.create_master_runner(host, int(port))
    except SystemExit as error:  # Locust's way to say that an address is in use
        raise Problem(f"cannot listen at {load.listen}", "use another port") from error
    announce(run)
    runner.register_message(EXCHANGES, lambda msg, **_: _take(run.merge, msg))
    at = f"127.0.0.1:{runner.server.port}"
    if load.listen:
        joins = command("load", TARGET=run.target.url, MASTER=load.listen, MAX_BUILDS="N")
        say(f"waiting for {load.workers} workers; start them with {joins}")
    with _workers(run.target, run.endpoint.base_url, at, run.journals) as started:
        _join(runner, run.target, started, is_over)
        for client in runner.clients.all:
            run.merge.join(client.id)
        began = SYSTEM.monotonic()
        _drive(run, runner, is_over)
        run.merge.finish()
        _measure(run, environment, SYSTEM.monotonic() - began)
        runner.quit()
    run.is_finished = True
    failed = None
    if runner.exceptions:
        first = next(iter(runner.exceptions.values()))
        lines = first["traceback"].split("\n")
        fix = "report it, with these lines"
        failed = Problem(f"a user failed: {first['msg']}", fix, details=lines)
    hollow.refuse_load(run, failed, is_interrupted=is_over.is_set())


def _take(merge: Merge, message: Any) -> None:
    merge.take(message.node_id, msgspec.msgpack.decode(message.data, type=Batch))


@contextmanager
def _workers(
    target: Target, url: str, at: str, journals: Path | None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the workers of this machine, each with its part of the budgets, until they have ended."""
    command = [*python(), "-m", __spec__.name, "--url", url, "--worker", at]
    command += ["--journals", str(journals)] if journals else []
    here = 0 if target.load.listen else target.load.workers
    started = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, env=_share(target, index))  # noqa: S603
        for index in range(here)
    ]
    try:
        yield started
        for one in started:
            one.wait(CLEAN)
    finally:
        for one in started:
            if one.poll() is None:
                one.terminate()
        for one in started:
            one.wait()


def _share(target: Target, index: int) -> Mapping[str, str]:
    """Return the environment of one of the workers."""
    budget, workers, share = target.budget, target.load.workers, dict[str, str]()
    for name, most in (("MAX_BUILDS", budget.builds), ("MAX_REQUESTS", budget.requests)):
        if most is not None:
            share[name] = str(most // workers + (index < most % workers))
    if budget.rate is not None:
        share["RATE"] = repr(budget.rate / workers)
    named = {f"{settings.PREFIX}{name}": value for name, value in share.items()}
    alone = {f"{settings.PREFIX}{name}": "" for name in ("WORKERS", "USERS", "LISTEN", "MASTER")}
    return Unshown({**os.environ, **alone, **named})


def _join(
    runner: Any, target: Target, started: Sequence[subprocess.Popen[bytes]], is_over: Any
) -> None:
    """Wait until all workers have joined. Raises ``Problem`` if they do not."""
    until = math.inf if target.load.listen else SYSTEM.monotonic() + JOIN
    while len(runner.clients.ready) < target.load.workers:
        joined = f"{len(runner.clients.ready)} of {target.load.workers} workers joined"
        if any(one.poll() is not None for one in started) or SYSTEM.monotonic() > until:
            raise Problem(joined, "see what the others printed")
        if is_over.wait(TICK):
            fix = "start them" if target.load.listen else LONGER
            raise Problem(f"{INTERRUPTED}: {joined}", fix)


def _drive(run: LoadRun, runner: Any, is_over: Any) -> None:
    merge, load = run.merge, run.target.load
    gevent.spawn(stats_printer(runner.stats))
    gevent.spawn(stats_history, runner)
    ends, is_ending = SYSTEM.monotonic() + run.target.budget.deadline, False
    runner.start(load.users, load.users)
    while not merge.is_over:
        while merge.release(SLICE):
            gevent.sleep(0)
        if merge.is_full and not run.cut:
            why = f"{MOST_BYTES // 2**20} MiB are recorded"
            run.cut.append(Cut("the rest of the load", why, "SAMPLE"))
        now, is_spent = SYSTEM.monotonic(), any(one.is_done for one in merge.sources.values())
        is_spent = is_spent and not runner.user_count
        if not is_ending and (run.cut or is_spent or is_over.is_set() or now > ends):
            is_ending, ends = True, now + CLEAN
            runner.send_message(END)
        if is_ending and now > ends:
            break
        for name in merge.sources:
            client = runner.clients.get(name)
            if client is None or client.state == STATE_MISSING:
                merge.lose(name)
        gevent.sleep(TICK)


def _measure(run: LoadRun, environment: Environment, seconds: float) -> None:
    """Show Locust's last tables, and keep what they show."""
    stats = environment.stats
    print_stats(stats, current=False)
    print_percentile_stats(stats)
    print_error_report(stats)
    run.measured = {
        name: Measured(one.num_requests, one.num_failures, one.get_response_time_percentile(0.99))
        for (name, _), one in sorted(stats.entries.items())
    }
    run.charts = get_html_report(environment, show_download_link=False)
    run.pace.sent = run.requests
    run.spent[DRIVER] = (run.requests, seconds)


def work(target: Target, url: str, at: str, journals: Path | None, is_over: Any) -> None:
    """Send as the master says, until the budgets are spent, and delete what is left."""
    host, _, port = at.rpartition(":")
    budget = target.budget
    endpoint = Endpoint(url, Client(ca=target.ca_bundle, proxy=target.proxy))
    own = OwnImages(is_private=target.url is not None)
    own.journal = Journal(journals, url, own.name) if journals else None

    def pace() -> Pace:
        return Pace(
            budget.builds, budget.requests, budget.rate, budget.deadline, most_bytes=math.inf
        )

    session = Session(
        endpoint, Tape(target.token), DRIVER, pace(),
        headers=target.headers, own=own, upload_hosts=target.upload_hosts,
    )  # fmt: skip
    environment = Environment(user_classes=[Builder], events=Events())
    environment.events.test_start.add_listener(lambda **_: setattr(session, "pace", pace()))
    load = target.load
    crew = Builder.crew = Crew(
        session, environment, target.dockerfile or inputs.GOOD, load.pause, load.sample
    )
    runner = environment.create_worker_runner(host, int(port))
    runner.register_message(END, lambda **_: is_over.set())

    def send(*, is_done: bool = False, left: dict[str, str] | None = None) -> None:
        is_more = True
        while is_more:
            batch = crew.batch(left or {}, is_done=is_done)
            runner.send_message(EXCHANGES, msgspec.msgpack.encode(batch))
            is_more = crew.sent(batch)

    patience = math.inf
    while not ((crew.has_begun or crew.is_ended) and not runner.user_count):
        if (is_over.wait(1.0) or not len(runner.greenlet)) and not crew.is_ended:
            crew.is_ended, patience = True, SYSTEM.monotonic() + endpoint.transport.limits.seconds
        if SYSTEM.monotonic() > patience:
            runner.stop()  # who waits has no request that is not answered
        gevent.sleep(TICK)
        send()
    left = _delete(crew, budget.rate)
    runner._send_stats()
    send(is_done=True, left=left)
    runner.greenlet.join(CLEAN)


def _delete(crew: Crew, rate: float | None) -> dict[str, str]:
    """Delete the images that are left; return those that cannot be, each with the reason."""
    pace = Pace(rate=rate, deadline=CLEAN / 2)
    session = replace(crew.session, tape=crew.tape(), driver=cleanup.DRIVER, pace=pace)
    refusal = "" if crew.deletes else "the server does not offer delete"
    done = cleanup.clean(session, crew.own, refusal=refusal) if crew.own.made else None
    if crew.own.journal:
        crew.own.journal.close(is_done=not crew.own.made)
    return {cleanup.shown(done.name, one): why for one, why in done.left.items()} if done else {}


if __name__ == "__main__":
    sys.exit(main())
