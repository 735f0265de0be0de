"""Reference servers for tests: one in this process, or a process of its own."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from ...contract.openapi import PATH, contract

ROOT = PATH.parent
BUILD = "/api/v1/images/build"
TOKEN = "a-token-of-the-test"  # noqa: S105 (of servers that live as long as a test)
OCTETS = {"Content-Type": "application/octet-stream"}
AUTH = {"Authorization": f"Bearer {TOKEN}"}
NAMED = {"image_name": "web", "image_tag": "v1"}
MOST = 60.0


@dataclass
class Served:
    """A server that runs, its clock, its log."""

    client: httpx.Client
    lines: list[str]
    moved: list[timedelta] = field(default_factory=list)

    def upload_url(self) -> str:
        """Initiate a build; return where its context goes."""
        return str(self.client.post(BUILD, json=NAMED, headers=AUTH).json()["upload_url"])

    def raw(self, sent: bytes) -> bytes:
        """Send bytes; return the answer, all of it."""
        url = self.client.base_url
        with socket.create_connection((url.host, url.port or 80), timeout=MOST) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return the status of a refusal and what it names; its body has the documented shape."""
    body = answer.json()

    assert contract().errors({"$ref": "#/components/schemas/ErrorResponse"}, body) == []
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, body["errors"][0]["param"]


@contextlib.contextmanager
def process(
    *arguments: str, before: tuple[str, ...] = (), run: tuple[str, ...] = ("-m", "contract_tests")
) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the server as a process; yield it, its URL, and all that it printed on its start.

    ``before`` is what begins its command line, and ``run`` is what Python runs.
    """
    command_line = [*before, sys.executable, *run, "serve", "--port", "0", *arguments]
    with subprocess.Popen(  # noqa: S603 (our own module)
        command_line, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        try:
            printed = ""
            last = "{" if "--json" in arguments else "tag of a scenario"
            while last not in printed:
                line = server.stdout.readline()
                assert line, server.stderr and server.stderr.read()
                printed += line
            yield server, re.findall(r"http://[^\s/\"]+", printed)[0], printed
        finally:
            server.kill()
