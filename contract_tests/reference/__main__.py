"""Runs the reference server: ``python -m contract_tests.reference``."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from datetime import datetime
from typing import Any

from .. import process
from ..arguments import Parser
from ..problems import Exit, Problem
from . import deterministic
from .access_log import logged
from .app import create_app
from .faults import FAULTS, apply
from .scenarios import SCENARIOS, find
from .serving import listening, server

ABOUT = r"""
listening on {url}
token        {token}
scenario     {scenario}
contract     {url}/openapi.yaml
"""

TRY = r"""
From initiate to the end{end}, in another terminal:

  cd "$(mktemp -d)"
  api={url}/api/v1/images/build
  auth='Authorization: Bearer {token}'
  json='Content-Type: application/json'
  echo 'FROM scratch' > Dockerfile && tar -czf context.tar.gz Dockerfile
  curl -s -H "$auth" -H "$json" -d '{{"image_name":"web","image_tag":"v1"}}' $api | tee build.json
  id=$(sed 's/.*"build_id":"\([^"]*\)".*/\1/' build.json)
  url=$(sed 's/.*"upload_url":"\([^"]*\)".*/\1/' build.json)
  curl -s -T context.tar.gz -H 'Content-Type: application/octet-stream' "$url"
  curl -s -H "$auth" -H "$json" -d '{{}}' $api/$id/start
  sleep {wait:g}; curl -s -H "$auth" $api/$id

A build with the tag of a scenario follows it: {scenarios}.
"""


PROGRAM = f"python -m {__package__}"


def parser(prog: str = PROGRAM) -> Parser:
    """Return the parser of the command line."""
    made = Parser(
        prog=prog,
        description="Run the reference server: a stateful server of the image-build API.",
        epilog="docs/reference.md has the rest.",
    )
    add = made.add_argument
    add("--host", default="127.0.0.1", help="default 127.0.0.1; it is made for this machine alone")
    add("--port", type=int, default=8000, help="default 8000; 0 for any free one")
    add("--token", help="the bearer token it accepts; default CONTRACT_TOKEN, or test-token")
    add(
        "--build-seconds",
        type=float,
        default=2.0,
        metavar="S",
        help="seconds that a build takes; default 2",
    )
    add("--scenario", default="default", metavar="NAME", help="how builds go; --list-scenarios")
    add("--fault", default=os.environ.get("CONTRACT_FAULT") or None, metavar="NAME",
        help="violate a rule in one way; default CONTRACT_FAULT; --list-faults")  # fmt: skip
    add("--seed", type=int, metavar="N", help="make the same ids and the same failures each time")
    add("--clock-start", type=datetime.fromisoformat, metavar="TIME",
        help="start of the server's clock, such as 2026-01-01T00:00:00Z; default now")  # fmt: skip
    add("--speed", type=float, default=1.0, metavar="X",
        help="speed of the server's clock; default 1")  # fmt: skip
    add("--quiet", action="store_true", help="no access log")
    add("--list-scenarios", action="store_true", help="list the scenarios, and stop")
    add("--list-faults", action="store_true", help="list the faults, and stop")
    return made


def main(arguments: list[str] | None = None, prog: str = PROGRAM) -> int:
    """Serve until a signal stops it; return the exit code."""
    options = parser(prog).parse_args(arguments)
    if options.list_faults or options.list_scenarios:
        for line in _faults() if options.list_faults else _scenarios():
            print(line)  # noqa: T201
        return Exit.OK
    token = options.token or os.environ.get("CONTRACT_TOKEN", "").strip() or "test-token"
    try:
        app = _app(options, token, prog)
        listener = listening(options.host, options.port)
    except (ValueError, OSError, OverflowError) as error:
        print(_problem(error, options, prog), file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    if not options.quiet:
        app = logged(app, token, _write)
    running = server(app, "warning")

    def stop(*_: object) -> None:
        running.should_exit = True

    # uvicorn replaces the handlers while it runs, and raises the signal again afterwards.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    host = f"[{options.host}]" if ":" in options.host else options.host
    values = {
        "url": f"http://{host}:{listener.getsockname()[1]}",
        "token": token,
        "scenario": f"{options.scenario}: {find(options.scenario).says}"
        + (f"; fault {options.fault}: {FAULTS[options.fault].says}" if options.fault else ""),
        "end": ", COMPLETED" if options.scenario == "default" and not options.fault else "",
        "wait": options.build_seconds / options.speed if options.speed else 0,
        "scenarios": ", ".join(SCENARIOS),
    }
    print((ABOUT + TRY).strip().format(**values), flush=True)  # noqa: T201
    running.run([listener])
    return Exit.OK


def _app(options: argparse.Namespace, token: str, prog: str) -> Any:
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("a token is printable ASCII without blanks")
    find(options.scenario, f"{prog} --list-scenarios")
    drawn: dict[str, Any] = {}
    if options.seed is not None:
        drawn = {"new_id": deterministic.ids(options.seed), "seed": options.seed}
    app: Any = create_app(
        token=token,
        build_seconds=options.build_seconds,
        clock=deterministic.clock(options.clock_start, options.speed),
        scenario=options.scenario,
        **drawn,
    )
    listed = f"{prog} --list-faults"
    return apply(app, options.fault, token, listed) if options.fault else app


def _problem(error: Exception, options: argparse.Namespace, prog: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        what = f"port {options.port} of {options.host} is in use"
        fix = "stop the process that listens there, or use another port; 0 is any free one"
    elif isinstance(error, OSError | OverflowError):
        what = f"cannot listen on {options.host}, port {options.port}: {error}"
        fix = "use another port; 0 is any free one"
    else:
        what, fix = str(error), f"see {prog} --help"
    return Problem(what, fix)


def _faults() -> list[str]:
    return [f"{one.group:<9} {one.rule:<4} {one.name:<32} {one.says}" for one in FAULTS.values()]


def _scenarios() -> list[str]:
    return [f"{one.name:<16} {one.gate:<16} {one.says}" for one in SCENARIOS.values()]


def _write(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    process.run(main)
