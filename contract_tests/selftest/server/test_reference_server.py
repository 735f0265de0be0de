"""The reference server over sockets: uploads, refusals, its log, how it ends, its command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from scripts.dev import load

from ... import cli
from ...contract.openapi import PATH, contract
from ...drivers.scripted.inputs import GOOD, context
from ...reference import app as reference
from ...reference.access_log import logged
from ...reference.app import create_app
from ...reference.over_sockets import listening, running
from ...reference.request_rest import draining
from ...reference.scenarios import SCENARIOS

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


@pytest.fixture
def served() -> Iterator[Served]:
    """Serve an application, with its log."""
    lines: list[str] = []
    moved: list[timedelta] = []
    app = create_app(
        token=TOKEN,
        build_seconds=0.05,
        clock=lambda: datetime.now(UTC) + sum(moved, timedelta()),
    )
    with running(logged(app, TOKEN, lines.append)) as url, httpx.Client(base_url=url) as client:
        yield Served(client, lines, moved)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return the status of a refusal and what it names; its body has the documented shape."""
    body = answer.json()

    assert contract().errors({"$ref": "#/components/schemas/ErrorResponse"}, body) == []
    assert answer.headers["content-type"] == "application/json"
    return answer.status_code, body["errors"][0]["param"]


def test_upload_by_length_and_in_chunks(served: Served) -> None:
    """Both ways to send a body are taken; the second upload replaces the first."""
    url, content = served.upload_url(), context(GOOD)
    by_length = served.client.put(url, content=context("RUNN"), headers=OCTETS)
    in_chunks = served.client.put(url, content=iter([content[:9], content[9:]]), headers=OCTETS)
    path = f"{BUILD}/{urlsplit(url).path.rpartition('/')[2]}"
    served.client.post(f"{path}/start", json={}, headers=AUTH)
    again = served.client.put(url, content=content, headers=OCTETS)
    served.moved.append(timedelta(seconds=1))
    ended = served.client.get(path, headers=AUTH).json()

    assert (by_length.status_code, in_chunks.status_code) == (204, 204)
    assert refusal(again) == (409, "build_id")
    assert ended["status"] == "COMPLETED"


def test_delete_removes_every_build_of_a_name_and_tag(served: Served) -> None:
    """With the token only; other tags stay, and a second delete finds nothing."""
    ids = [served.client.post(BUILD, json=NAMED, headers=AUTH).json()["build_id"] for _ in "ab"]
    other = served.client.post(BUILD, json={**NAMED, "image_tag": "v2"}, headers=AUTH).json()
    url = served.upload_url()
    image = "/api/v1/images/web/v1"

    denied = served.client.delete(image)
    kept = served.client.get(f"{BUILD}/{ids[0]}", headers=AUTH)
    deleted = served.client.delete(image, headers=AUTH, params={"teamId": "team_1"})
    again = served.client.delete(image, headers=AUTH)
    gone = [served.client.get(f"{BUILD}/{one}", headers=AUTH) for one in ids]

    assert (denied.status_code, denied.content, kept.status_code) == (401, b"", 200)
    assert (deleted.status_code, deleted.json()["success"]) == (200, True)
    schema = {"$ref": "#/components/schemas/DeleteImageResponse"}
    assert contract().errors(schema, deleted.json()) == []
    assert refusal(again) == (404, "image_name")
    assert [refusal(one) for one in gone] == [(404, "build_id")] * 2
    assert served.client.get(f"{BUILD}/{other['build_id']}", headers=AUTH).status_code == 200
    late = served.client.put(url, content=context(GOOD), headers=OCTETS)
    assert refusal(late) == (404, "build_id")


def test_delete_of_a_status_url_is_a_delete_of_the_image_build(served: Served) -> None:
    """The two templates match one URL: the method tells them apart."""
    named = {"image_name": "build", "image_tag": "x"}
    build = served.client.post(BUILD, json=named, headers=AUTH).json()["build_id"]

    absent = served.client.delete(f"{BUILD}/{build}", headers=AUTH)
    deleted = served.client.delete(f"{BUILD}/x", headers=AUTH)

    assert refusal(absent) == (404, "image_name")
    assert deleted.json() == {"success": True, "message": "build:x is deleted"}
    assert refusal(served.client.get(f"{BUILD}/{build}", headers=AUTH)) == (404, "build_id")


def test_upload_url_is_signed_and_expires(served: Served) -> None:
    """Another signature, another build or a later time will not do; nor another method or type."""
    url, other, content = served.upload_url(), served.upload_url(), context(GOOD)
    put = served.client.put
    forged = re.sub("signature=.", "signature=\N{SNOWMAN}", url)
    swapped = urlsplit(other)._replace(query=urlsplit(url).query).geturl()
    longer = re.sub(r"expires=\d+", "expires=99999999999", url)

    for altered in (forged, swapped, longer, url.partition("?")[0]):
        assert refusal(put(altered, content=content, headers=OCTETS)) == (403, "signature")
    json_type = {"Content-Type": "application/json"}
    assert refusal(put(url, content=content, headers=json_type)) == (415, "Content-Type")
    assert refusal(served.client.post(url, content=content, headers=OCTETS)) == (405, "path")
    served.moved.append(timedelta(seconds=3700))
    assert refusal(put(url, content=content, headers=OCTETS)) == (403, "expires")


def test_what_is_no_context_is_refused(served: Served) -> None:
    """The refusal has the reason, small or large; the build still accepts a valid context."""
    url = served.upload_url()
    small = served.client.put(url, content=b"no archive", headers=OCTETS)
    large = served.client.put(url, content=b"no archive" * 2**20, headers=OCTETS)
    sound = served.client.put(url, content=context(GOOD), headers=OCTETS)

    assert [refusal(small), refusal(large)] == [(400, "body")] * 2
    assert "not a gzipped tar" in small.json()["errors"][0]["details"]
    assert sound.status_code == 204


def test_size_is_bound(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body past the limit is refused, with or without a Content-Length, with the reason."""
    monkeypatch.setattr("contract_tests.reference.context.MOST_BYTES", 2**20)
    url = served.upload_url()
    sized = served.client.put(url, content=b"x" * 2**23, headers=OCTETS)
    chunked = served.client.put(url, content=iter([b"x" * 2**20] * 8), headers=OCTETS)
    body = served.client.post(
        BUILD, content=b" " * 2**22, headers={**AUTH, "Content-Type": "application/json"}
    )
    unread = served.client.post(f"{BUILD}/nowhere/at/all", content=b" " * 2**22)

    assert [refusal(one) for one in (sized, chunked, body)] == [(413, "body")] * 3
    assert refusal(unread) == (404, "path")


def test_a_large_context_is_not_held_in_memory(served: Served) -> None:
    """A body of 24 MiB goes to a file as it comes."""
    url = served.upload_url()
    chunk = b"\x1f" * 2**20
    tracemalloc.start()
    try:
        answer = served.client.put(url, content=iter([chunk] * 24), headers=OCTETS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert refusal(answer) == (400, "body")
    assert peak < 16 * 2**20


ODD: dict[str, bytes] = {
    "no HTTP": b"\x16\x03\x01\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an endless header": b"GET / HTTP/1.1\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "a chunk of no size": (
        b"POST /api/v1/images/build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\nContent-Type: application/json\r\n\r\n"
        b"zz\r\n"
    ),
    "no host": b"GET /nowhere HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", ODD.values(), ids=list(ODD))
def test_what_is_no_request_is_refused(served: Served, sent: bytes) -> None:
    """What cannot be parsed gets 400, in the documented shape; the server goes on."""
    head, _, body = served.raw(sent).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400")
    assert contract().errors({"$ref": "#/components/schemas/ErrorResponse"}, json.loads(body)) == []
    assert served.client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "host", [b"", b"[", b"a b", b"[::1", b"x/../y", b"\xff", b"evil@h:1", b"h:99999999"]
)
def test_invalid_host_header_makes_no_invalid_url(served: Served, host: bytes) -> None:
    """The upload URL names the server itself where the Host header names nothing."""
    body = json.dumps(NAMED).encode()
    sent = b"\r\n".join(
        [
            b"POST /api/v1/images/build HTTP/1.0",
            b"Host: " + host,
            b"Authorization: Bearer " + TOKEN.encode(),
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"",
            body,
        ]
    )
    head, _, content = served.raw(sent).partition(b"\r\n\r\n")

    if head.startswith(b"HTTP/1.1 201"):
        url = str(served.client.base_url).rstrip("/")
        assert json.loads(content)["upload_url"].startswith(f"{url}/uploads/")
    else:
        assert head.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "path")),
        ("GET", "/nowhere", (404, "path")),
        ("GET", f"{BUILD}/", (404, "path")),
        ("DELETE", BUILD, (405, "path")),
        ("PATCH", f"{BUILD}/x/start", (405, "path")),
        ("GET", f"{BUILD}/nothing", (404, "build_id")),
        ("GET", f"{BUILD}/%ff%00%E2%28", (404, "build_id")),
        ("POST", "/uploads/x", (405, "path")),
        ("PUT", "/uploads/x", (403, "signature")),
        ("PUT", "/uploads/x?expires=%ff&signature=%ff", (403, "signature")),
    ],
)
def test_every_refusal_has_the_documented_body(
    served: Served, method: str, path: str, expected: tuple[int, str]
) -> None:
    """So do the router's own: no such path, no such method, no redirect."""
    answer = served.client.request(method, path, headers=AUTH)

    assert refusal(answer) == expected


@pytest.mark.parametrize(
    "content", [b'{"image_name":"\\ud83d","image_tag":"v1"}', b'{"image_name":"\xff"}', b"[" * 9999]
)
def test_lone_surrogate_in_a_name_returns_422(served: Served, content: bytes) -> None:
    """No JSON response could contain half a character."""
    headers = {**AUTH, "Content-Type": "application/json"}

    assert refusal(served.client.post(BUILD, content=content, headers=headers)) == (422, "body")


def test_401_has_no_body(served: Served) -> None:
    """No body is documented for it."""
    answer = served.client.post(BUILD, json=NAMED)

    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_log_has_one_line_for_each_request_and_no_secret(served: Served) -> None:
    """Time, method, path, status, milliseconds, build; neither token nor signature."""
    url = served.upload_url()
    build_id = urlsplit(url).path.rpartition("/")[2]
    served.client.put(url, content=context(GOOD), headers=OCTETS)
    served.client.get(f"{BUILD}/{build_id}", headers=AUTH)
    served.client.get(f"/{TOKEN}?token={TOKEN}")
    lines = [json.loads(line) for line in served.lines]

    assert [(one["method"], one["path"], one["status"], one["build"]) for one in lines] == [
        ("POST", BUILD, 201, build_id),
        ("PUT", f"/uploads/{build_id}", 204, build_id),
        ("GET", f"{BUILD}/{build_id}", 200, build_id),
        ("GET", "/***", 404, None),
    ]
    assert all(one["ms"] >= 0 and datetime.fromisoformat(one["time"]).tzinfo for one in lines)
    assert TOKEN not in "".join(served.lines)
    assert "signature" not in "".join(served.lines)


def test_dropped_connection_has_no_answer() -> None:
    """The client of a flaky server sees the connection close; the log has no status."""
    lines: list[str] = []
    app = create_app(token=TOKEN, scenario="flaky", seed=1)
    with running(logged(app, TOKEN, lines.append)) as url, httpx.Client(base_url=url) as client:
        lost = 0
        for _ in range(20):
            try:
                client.post(BUILD, json=NAMED, headers=AUTH)
            except httpx.TransportError:
                lost += 1

    assert lost == 4
    assert [json.loads(line)["status"] for line in lines].count(None) == 4


def test_document_is_served_to_the_byte(served: Served) -> None:
    """``/openapi.yaml`` is the contract itself."""
    assert served.client.get("/openapi.yaml").content == PATH.read_bytes()


def test_document_that_did_not_come_along_is_404(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A vendored copy of the server has no contract file."""
    monkeypatch.setattr(reference, "OPENAPI", tmp_path / "openapi.yaml")

    assert served.client.get("/openapi.yaml").status_code == 404


# The command line.


@contextlib.contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run the server as a process; yield it, its URL, and all that it printed on its start."""
    command_line = [sys.executable, "-m", "contract_tests", "serve", "--port", "0", *arguments]
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


def lines_of(text: str) -> str:
    """Return the indented lines."""
    return "\n".join(line[2:] for line in text.splitlines() if line.startswith("  "))


def shell(script: str, folder: Path) -> str:
    """Run lines as a newcomer does."""
    done = subprocess.run(
        ["/bin/sh", "-e"], input=script, cwd=folder, text=True, capture_output=True, timeout=MOST
    )

    assert done.returncode == 0, done.stderr
    return done.stdout


def test_printed_lines_work(tmp_path: Path) -> None:
    """The lines that it prints take a build from initiate to COMPLETED."""
    with process("--build-seconds", "0.5") as (_, url, printed):
        output = shell(lines_of(printed), tmp_path)

    assert f"listening on {url}" in printed
    assert json.loads("{" + output.rpartition("}{")[2])["status"] == "COMPLETED"


def test_documented_lines_work(tmp_path: Path) -> None:
    """The lines of docs/reference.md have the documented results: COMPLETED, FAILED, 429."""
    text = (ROOT / "docs/reference.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    with process("--build-seconds", "0.5") as (_, url, _):
        output = shell("".join(blocks).replace("http://127.0.0.1:8000", url), tmp_path)

    assert re.findall(r'"status":"(COMPLETED|FAILED)","startedAt":"[^"]+","completedAt"', output)
    groups = re.findall(r'"createdAt":"[^"]+","status":"(\w+)"[^]]+?"artifacts"', output)
    assert groups == ["BUILDING", "COMPLETED", "BUILDING", "FAILED"]
    assert "Dockerfile:2: the command failed: RUN exit 3" in output
    assert "429" in output.rpartition("HTTP/1.1")[2].splitlines()[0]
    assert "retry-after: 1" in output


def test_documented_scenarios_are_the_codes() -> None:
    """The table is the code's, row by row."""
    text = (ROOT / "docs/reference.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)

    assert rows == [(one.name, one.summary, one.gate) for one in SCENARIOS.values()]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(sent: signal.Signals) -> None:
    """A signal ends it with 0, once open requests are answered."""
    with process("--json", "--token", TOKEN) as (server, url, printed):
        address = urlsplit(url)
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        target, content = urlsplit(created["upload_url"]), context(GOOD)
        with socket.create_connection(
            (address.hostname or "", address.port or 0), MOST
        ) as connection:
            head = (
                f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                f"Content-Type: application/octet-stream\r\nContent-Length: {len(content)}\r\n\r\n"
            )
            connection.sendall(head.encode() + content[:10])
            assert httpx.get(f"{url}/health").status_code == 200  # so the first bytes have come
            server.send_signal(sent)
            threading.Timer(0.3, connection.sendall, [content[10:]]).start()
            answer = connection.makefile("rb").readline()
        _, log = server.communicate(timeout=MOST)

    assert json.loads(printed) == {"url": url, "token": TOKEN}
    assert answer.startswith(b"HTTP/1.1 204")
    assert server.returncode == 0
    assert [json.loads(line)["status"] for line in log.splitlines()] == [201, 200, 204]
    assert TOKEN not in log
    assert "signature" not in log


def test_a_stalled_upload_does_not_hold_it_up() -> None:
    """What never comes to its end is cut off, without an answer and without a traceback."""
    with process("--token", TOKEN) as (server, url, _):
        address = urlsplit(url)
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        target = urlsplit(created["upload_url"])
        with socket.create_connection(
            (address.hostname or "", address.port or 0), MOST
        ) as connection:
            head = (
                f"PUT {target.path}?{target.query} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                "Content-Type: application/octet-stream\r\nContent-Length: 100\r\n\r\nabc"
            )
            connection.sendall(head.encode())
            assert httpx.get(f"{url}/health").status_code == 200
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=MOST)
            with contextlib.suppress(ConnectionError):
                assert connection.recv(100) == b""

    assert server.returncode == 0
    assert "Traceback" not in log
    assert json.loads(log.splitlines()[-1])["status"] is None


def test_a_query_that_is_percent_encoded_is_not_logged() -> None:
    """It may hold a signature all the same."""
    with process("--token", TOKEN) as (server, url, _):
        created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
        httpx.put(created["upload_url"].replace("?", "%3F"), content=b"x")
        server.terminate()
        _, log = server.communicate(timeout=MOST)

    assert json.loads(log.splitlines()[-1])["status"] == 403
    assert "signature" not in log


def test_seed_and_clock() -> None:
    """Two servers with the same seed and clock return the same ids, and the given time."""
    seen = []
    for _ in range(2):
        flags = ("--seed", "7", "--clock-start", "2026-01-01T00:00:00Z", "--speed", "3600")
        with process(*flags, "--quiet", "--token", TOKEN) as (server, url, _):
            created = httpx.post(f"{url}{BUILD}", json=NAMED, headers=AUTH).json()
            path = f"{url}{BUILD}/{created['build_id']}"
            seen.append((created["build_id"], httpx.get(path, headers=AUTH).json()["createdAt"]))
            server.terminate()
            _, log = server.communicate(timeout=MOST)

        assert log == ""
    assert seen[0][0] == seen[1][0]
    assert all(at.startswith("2026-01-0") for _, at in seen)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--scenario", "canceled"], "unknown scenario canceled\n    fix: use cancelled"),
        (["--fault", "completed-nul"], "unknown fault completed-nul\n    fix: use completed-null"),
        (["--build-seconds", "-1"], "a build takes 0 to"),
        (["--speed", "-1"], "the speed of a clock"),
        (["--clock-start", "2026-01-01"], "a clock starts at an instant with an offset"),
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["--host", "256.0.0.1"], "cannot listen on 256.0.0.1"),
        (["--token", "two words"], "a token is printable ASCII"),
    ],
)
def test_invalid_option_ends_with_4(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invalid option ends with 4 and a problem; 2 means interrupted."""
    assert cli.main(["serve", "--port", "0", *arguments]) == 4
    assert capsys.readouterr().err.startswith(f"problem: {problem}")


def test_port_in_use_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use is a problem with a fix."""
    with listening() as taken:
        port = taken.getsockname()[1]

        assert cli.main(["serve", "--port", str(port)]) == 4
    problem, fix = capsys.readouterr().err.splitlines()
    assert problem == f"problem: port {port} of 127.0.0.1 is in use"
    assert fix.startswith("    fix: ")


@pytest.mark.parametrize("flag", ["--list-scenarios", "--list-faults", "--help"])
def test_lists(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What may be named can be listed."""
    with contextlib.suppress(SystemExit):
        assert cli.main(["serve", flag]) == 0
    printed = capsys.readouterr().out
    known = {"--list-scenarios": "one-fails", "--list-faults": "completed-null"}

    assert known.get(flag, "--build-seconds") in printed


def test_load_on_a_conforming_server_finds_nothing() -> None:
    """Many clients at once each see their own build, from its beginning to its end."""
    result = load.run(builds=120, clients=40, build_seconds=0.2)

    assert result.errors == []
    assert result.ends == {"COMPLETED": 90, "FAILED": 30}
    assert len(result.times) >= 120 * 6


def test_load_reports_unexpected_statuses() -> None:
    """A server that mixes builds up, or ends them differently, is reported."""
    app = create_app(token=load.TOKEN, build_seconds=0.01, scenario="cancelled")
    with running(app) as url:
        address = urlsplit(url)
        result = asyncio.run(load.load("127.0.0.1", address.port or 0, 4, 2, 0.02))

    assert len(result.errors) >= 4
    assert "CANCELLED" in result.errors[0]
    assert f"errors      {len(result.errors)}" in [*result.lines()]


@pytest.mark.parametrize(
    ("headers", "status", "read"),
    [
        ([(b"content-length", b"3")], 413, 3),
        ([(b"Transfer-Encoding", b"chunked")], 404, 3),
        ([(b"content-length", b"3")], 201, 0),
        ([(b"content-length", b"3"), (b"Expect", b"100-continue")], 413, 0),
        ([], 404, 0),
    ],
)
def test_refused_body_is_read_to_its_end(
    headers: list[tuple[bytes, bytes]], status: int, read: int
) -> None:
    """The body of a client that is sending is read first; one that waits for 100 is not."""
    more_to_come, sent = [True, True, False], []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": more_to_come.pop(0)}

    async def send(message: Any) -> None:
        sent.append((message["status"], 3 - len(more_to_come)))

    sending = draining({"headers": headers}, receive, send)[1]
    asyncio.run(_awaited(sending({"type": "http.response.start", "status": status})))

    assert sent == [(status, read)]


async def _awaited(waiting: Awaitable[None]) -> None:
    await waiting
