"""``serve``: run the reference server."""

from __future__ import annotations

import errno
import shlex
from datetime import datetime
from typing import Any

import click

from .. import escape, usage
from ..escape import show
from ..problems import Exit, Problem
from ..reference import deterministic
from ..reference.access_log import logged
from ..reference.app import create_app
from ..reference.builder import Builder
from ..reference.faults import FAULTS, UNDER_LOAD, apply
from ..reference.scenarios import SCENARIOS, find
from ..reference.serving import end_by_signals, listening, server
from .options import Command, among, settings_of

ABOUT = """Run the reference server: a stateful server of the image-build API.

An interrupt ends it. Exit codes: 0 it was stopped, 4 it cannot start.
"""

STARTED = r"""
listening on {url}
token        {token}
scenario     {scenario}
contract     {url}/openapi.yaml

From initiate to the end{end}, in another terminal:

  cd "$(mktemp -d)"
  api={url}/api/v1/images/build
  auth={auth}
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


def _list_faults(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        for one in (FAULTS | UNDER_LOAD).values():
            show(f"{one.group:<9} {one.rule:<4} {one.name:<32} {one.summary}")
        context.exit()


def _list_scenarios(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        for one in SCENARIOS.values():
            show(f"{one.name:<16} {one.gate:<16} {one.summary}")
        context.exit()


@click.command(cls=Command, help=ABOUT, short_help="Run the reference server.")
@click.option("--host", metavar="HOST", default="127.0.0.1",
    help="Default 127.0.0.1; it is made for this machine alone.")  # fmt: skip
@click.option("--port", metavar="PORT", type=int, default=8000,
    help="Default 8000; 0 for any free port.")  # fmt: skip
@click.option("--token", metavar="TOKEN", envvar="CONTRACT_TOKEN", default="",
    help="The bearer token it accepts; default CONTRACT_TOKEN, or test-token.")  # fmt: skip
@click.option("--build-seconds", metavar="S", type=float, default=2.0,
    help="Seconds that a build takes; default 2.")  # fmt: skip
@click.option("--scenario", metavar="NAME", default="default", shell_complete=among(SCENARIOS),
    help="How builds go; --list-scenarios lists them.")  # fmt: skip
@settings_of("serve",
    FAULT="Violate a rule in one way; --list-faults; default CONTRACT_FAULT.")  # fmt: skip
@click.option("--seed", metavar="N", type=int,
    help="Make the same ids and the same failures each time.")  # fmt: skip
@click.option("--clock-start", metavar="TIME", type=datetime.fromisoformat,
    help="Start of the server's clock, such as 2026-01-01T00:00:00Z; default now.")  # fmt: skip
@click.option("--speed", metavar="X", type=float, default=1.0,
    help="Speed of the server's clock; default 1.")  # fmt: skip
@click.option("--quiet", is_flag=True, help="No access log.")
@click.option("--json", "as_json", is_flag=True,
    help="Once it listens, print one line of JSON, with url and token.")  # fmt: skip
@click.option("--list-scenarios", is_flag=True, is_eager=True, expose_value=False,
    callback=_list_scenarios, help="List the scenarios, and stop.")  # fmt: skip
@click.option("--list-faults", is_flag=True, is_eager=True, expose_value=False,
    callback=_list_faults, help="List the faults, and stop.")  # fmt: skip
def serve(
    host: str, port: int, token: str, build_seconds: float, scenario: str, fault: str | None,
    seed: int | None, clock_start: datetime | None, speed: float, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Serve until a signal stops it."""
    token = token.strip() or "test-token"
    builder = Builder(isolated=True)  # anybody may have written what comes here
    try:
        app = _app(builder, token, build_seconds, scenario, fault, seed, clock_start, speed)
        listener = listening(host, port)
    except Problem:
        raise
    except (OSError, OverflowError, TypeError, UnicodeError) as error:  # of an invalid host
        raise unusable(error, host, port) from error
    except ValueError as error:
        raise Problem(str(error), f"see {usage.see('serve')}") from error
    if not quiet:
        app = logged(app, token, lambda line: show(line, is_error=True))
    running = server(app, "error", builder.stop)
    end_by_signals(running)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    if as_json:
        show(escape.as_json({"url": url, "token": token}))
    else:
        about = f"{scenario}: {find(scenario).summary}"
        about += f"; fault {fault}: {(FAULTS | UNDER_LOAD)[fault].summary}" if fault else ""
        show(STARTED.strip().format(
            url=url, token=token, auth=shlex.quote(f"Authorization: Bearer {token}"),
            scenario=about, scenarios=", ".join(SCENARIOS),
            end=", COMPLETED" if scenario == "default" and not fault else "",
            wait=build_seconds / speed if speed else 0,
        ))  # fmt: skip
    running.run([listener])
    return Exit.OK


def _app(
    builder: Builder, token: str, build_seconds: float, scenario: str, fault: str | None,
    seed: int | None, clock_start: datetime | None, speed: float,
) -> Any:  # fmt: skip
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("a token is printable ASCII without blanks")
    find(scenario, usage.see("serve", "docs/reference.md", "--list-scenarios"))
    drawn: dict[str, Any] = {}
    if seed is not None:
        drawn = {"new_id": deterministic.ids(seed), "seed": seed}
    app: Any = create_app(
        token=token, build_seconds=build_seconds, scenario=scenario,
        clock=deterministic.clock(clock_start, speed), builder=builder, **drawn,
    )  # fmt: skip
    listed = usage.see("serve", "docs/faults.md", "--list-faults")
    return apply(app, fault, token, listed) if fault else app


def unusable(error: Exception, host: str, port: int) -> Problem:
    """Return why no server can listen there, and what to do."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return Problem(
            f"port {port} of {host} is in use",
            "stop the process that listens there, or use another port; 0 is any free port",
        )
    return Problem(
        f"cannot listen on {host}, port {port}: {error}", "use another port; 0 is any free port"
    )
