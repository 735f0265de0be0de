"""``proxy``: check a client and a server by what passes between them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from .. import escape
from ..escape import show
from ..gate.target import Target
from ..redaction import Unshown
from ..reference.serving import listening
from .gate import environment
from .options import Command, file, settings_of
from .serve import unusable

HOST = "127.0.0.1"
ABOUT = """Check a client and a server by what passes between them.

A client of any language uses it as its base URL. Without a target it stands before the embedded
server, and checks the client alone. An interrupt ends it, and it shows and writes the verdicts.

Exit codes: 0 no rule is violated, 1 a rule is violated, 4 it cannot judge.
"""
STARTED = """
listening on {url}, before {target}
An interrupt (Ctrl-C) ends it, and shows the verdicts. Until then, use it as a base URL:

  PRIME_API_BASE_URL={url} {key}prime images push web:v1
"""


@click.command(cls=Command, help=ABOUT, short_help="Check traffic as it passes.")
@settings_of("proxy", TARGET="The server behind the proxy; the client sends its token.")
@click.option("--port", metavar="PORT", type=int, default=9000,
    help="Default 9000; 0 for any free port. It listens on 127.0.0.1 alone.")  # fmt: skip
@click.option("--fail-fast", is_flag=True,
    help="Return 502 instead of a response that violates a rule.")  # fmt: skip
@click.option("--build-seconds", metavar="S", type=float, default=25.0,
    help="Seconds that a build of the embedded server takes; default 25.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True,
    help="Once it listens, print one line of JSON, with url and token.")  # fmt: skip
@click.option("--junit", metavar="FILE", shell_complete=file,
    help="Write JUnit there, and index.html and the other reports beside it.")  # fmt: skip
def proxy(
    port: int, fail_fast: bool, build_seconds: float, as_json: bool, junit: str | None,
    **given: str | None,
) -> int:  # fmt: skip
    """Pass traffic until a signal stops it; return the exit code of the verdicts."""
    from .. import proxying

    try:
        listener = listening(HOST, port)
    except (OSError, OverflowError) as error:
        raise unusable(error, HOST, port) from error
    url = f"http://{HOST}:{listener.getsockname()[1]}"

    def ready(target: Target) -> None:
        token = None if target.url else target.token
        if as_json:
            show(escape.as_json({"url": url, "token": token}))
        else:
            key = f"PRIME_API_KEY={token} " if token else ""
            show(STARTED.strip("\n").format(url=url, target=target.name, key=key))

    with listener:
        settings = Unshown({**os.environ, **environment(given)})
        return proxying.run(
            settings, listener, Path(junit) if junit else None, ready,
            fail_fast=fail_fast, build_seconds=build_seconds,
        ).code  # fmt: skip
