"""The proxy as a program: passes traffic until it is stopped, then returns a report."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import httpx
from prime_image_builds._urls import literal

from . import settings
from .drivers.http.client import Client
from .drivers.http.transport import Endpoint
from .drivers.proxy import DRIVER
from .drivers.proxy.app import Own, Proxy
from .drivers.proxy.upstream import Upstream
from .escape import line
from .gate.proxied import ProxyRun
from .gate.result import Report
from .gate.run import Cut
from .gate.target import Target
from .problems import Problem
from .program import announce, finish, problem_of, say
from .reference.app import create_app
from .reference.builder import Builder
from .reference.over_sockets import running
from .reference.serving import end_by_signals, server
from .report import files, text
from .tape.exchange import Exchange
from .usage import setting
from .verdicts.judge import Outcome, Violation


def run(
    environment: Mapping[str, str],
    listener: socket.socket,
    reports: Path | None,
    ready: Callable[[Target], object],
    *,
    fail_fast: bool = False,
    build_seconds: float,
) -> Report:
    """Serve on a socket until a signal, and judge what passes; show it, and write the reports.

    Args:
        environment: The settings, as variables ``CONTRACT_X``.
        listener: The socket.
        reports: The file for JUnit; the others are written beside it. None writes nothing.
        ready: Called once requests can come.
        fail_fast: Whether a client gets a 502 instead of a response that fails the run.
        build_seconds: How long a build of the embedded server takes.

    It raises nothing but KeyboardInterrupt, before it serves: what went wrong is in the report.

    """
    report = Report()
    try:
        if reports:
            files.remove(reports)
        report.target = target = settings.from_environment(environment, "proxy")
        with _served(target, build_seconds) as url:
            refuse_itself(url, listener)
            report.run, proxy = assembled(target, url, fail_fast=fail_fast)
            ready(target)
            _judge(report.run, proxy, listener)
    except Exception as error:
        report.problem = problem_of(report, error)
    finish(report, reports)
    return report


@contextmanager
def _served(target: Target, build_seconds: float) -> Iterator[str]:
    """Yield the URL of the target, or of a reference server that runs meanwhile."""
    if target.url:
        yield target.url
        return
    builder = Builder(isolated=True)  # anybody may have written what comes here
    app = create_app(token=target.token, build_seconds=build_seconds, builder=builder)
    try:
        with running(app) as url:
            yield url
    finally:
        builder.stop()


def assembled(target: Target, url: str, *, fail_fast: bool = False) -> tuple[ProxyRun, Proxy]:
    """Return a run, and the proxy to a server at a URL whose traffic it judges."""
    client = Client(ca=target.ca_bundle, proxy=target.proxy)
    made = ProxyRun(target, at=Endpoint(url, client))
    announce(made)
    return made, Proxy(
        Upstream(url, client, target.upload_hosts),
        made.tape,
        instead=(lambda exchange: _instead(made, exchange)) if fail_fast else lambda _: None,
        note=lambda why: say(line(made.redaction(why))),
        refused=made.refused,
    )


def _judge(made: ProxyRun, proxy: Proxy, listener: socket.socket) -> None:
    began = time.monotonic()
    serving = server(proxy, names_itself=False)
    end_by_signals(serving)
    serving.run([listener])
    made.spent[DRIVER] = (proxy.passed, time.monotonic() - began)
    made.is_finished = True
    if proxy.is_full:
        made.cut.append(Cut("the rest of the traffic", "as much is recorded as can be", ""))
    made.refuse_if_empty(proxy.unsent)


def _instead(run: ProxyRun, exchange: Exchange) -> Own | None:
    """Return a 502 that names what a response violates, or None."""
    found = [
        one
        for verdict in run.verdicts.values()
        if not verdict.rule.is_of_client
        for one in takewhile(lambda one: one.exchange is exchange, reversed(verdict.violations))
        if one.outcome is Outcome.VIOLATED
    ]
    return Own(502, {one.rule.id: _shown(run, one) for one in found}) if found else None


def _shown(run: ProxyRun, violation: Violation) -> str:
    what = f"{violation.field}: expected {violation.expected}, received {violation.received}"
    return text.one_line(text.hidden(what, run.redaction))


def refuse_itself(url: str, listener: socket.socket) -> None:
    """Raise ``Problem`` where a target is the socket that the proxy listens on."""
    parsed, port = httpx.URL(url), listener.getsockname()[1]
    is_here = (literal(parsed.host) or "").startswith("127.") and parsed.port == port
    if is_here:
        raise Problem(f"{setting('TARGET')} is this proxy itself", "name the server behind it")
