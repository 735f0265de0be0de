"""Runs the reference server: ``python -m contract_tests.reference``."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Any

import uvicorn

from .app import create_app
from .embedded import listening
from .faults import FAULTS, apply

TRY = r"""
listening on {url}, token {token}{fault}
from initiate to COMPLETED, in another terminal:

  api={url}/api/v1/images/build
  auth='Authorization: Bearer {token}'
  json='Content-Type: application/json'
  echo 'FROM scratch' > Dockerfile && tar -czf context.tar.gz Dockerfile
  curl -s -H "$auth" -H "$json" -d '{{"image_name":"web","image_tag":"v1"}}' $api | tee build.json
  id=$(sed 's/.*"build_id":"\([^"]*\)".*/\1/' build.json)
  url=$(sed 's/.*"upload_url":"\([^"]*\)".*/\1/' build.json)
  curl -s -T context.tar.gz -H 'Content-Type: application/octet-stream' "$url"
  curl -s -H "$auth" -H "$json" -d '{{}}' $api/$id/start
  sleep 2; curl -s -H "$auth" $api/$id
""".lstrip()


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="Run the reference server. Its token is CONTRACT_TOKEN, or test-token.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free one")
    parser.add_argument("--build-seconds", type=float, default=2.0, help="how long a build takes")
    parser.add_argument(
        "--fault", default=os.environ.get("CONTRACT_FAULT"), help="break the server in one way"
    )
    parser.add_argument("--list-faults", action="store_true", help="list the faults, and stop")
    options = parser.parse_args(arguments)
    if options.list_faults:
        for one in FAULTS.values():
            print(f"{one.group:<9} {one.rule:<4} {one.name:<32} {one.says}")  # noqa: T201
        return 0
    token = os.environ.get("CONTRACT_TOKEN") or "test-token"
    app: Any = create_app(token=token, build_seconds=options.build_seconds)
    try:
        if options.fault:
            app = apply(app, options.fault, token)
        listener = listening(options.host, options.port)
    except (ValueError, OSError, OverflowError) as error:
        print(f"problem: {error}", file=sys.stderr)  # noqa: T201
        return 2
    url = f"http://{options.host}:{listener.getsockname()[1]}"
    fault = f", fault {options.fault}" if options.fault else ""
    print(TRY.format(url=url, token=token, fault=fault), flush=True)  # noqa: T201
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
