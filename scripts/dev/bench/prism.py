"""Sends a build through Prism, which prints what violates its document: ``PRISM DOCUMENT URL``."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

import httpx

from contract_tests.gate import server

from .checkers import BUILDS, TOKEN, build

START = 60.0


def main(program: str, document: str, url: str) -> None:
    """Initiate, upload, start, poll to the end, poll an unknown build, and delete the image."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = f"http://127.0.0.1:{port}"
    words = [program, "proxy", "--host", "127.0.0.1", "--port", str(port), document, url]
    with subprocess.Popen(words) as prism:  # noqa: S603 (our own words)
        try:
            server.wait(proxy, START, prism.poll)
            build(proxy, "v1")
            with contextlib.suppress(httpx.HTTPError):  # of a response that Prism cannot read
                headers = {"Authorization": f"Bearer {TOKEN}"}
                with httpx.Client(base_url=proxy, headers=headers, trust_env=False) as client:
                    client.get(f"{BUILDS}/bld_unknown")
                    client.delete("/api/v1/images/web/v1")
        finally:
            prism.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
