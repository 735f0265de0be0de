"""``proxy`` as a process: its start, its end, its reports, and clients of other languages."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from ... import cli
from ...contract.openapi import PATH
from ...problems import Exit
from ...reference.app import create_app
from ...reference.faults import apply
from ...reference.over_sockets import running
from ...rules import TRAFFIC_RULES
from ...settings import PREFIX
from ..support.proxied import CONTEXT
from ..support.reference_server import BUILD, NAMED, OCTETS

ROOT = PATH.parent
DOCS = (ROOT / "docs/proxy.md").read_text()
CLIENT_TOKEN = "a-token-that-only-the-client-has"  # noqa: S105
SECRET = {"Authorization": f"Bearer {CLIENT_TOKEN}"}


@dataclass
class Started:
    """A proxy that runs as a process."""

    process: subprocess.Popen[str]
    url: str
    token: str | None
    reports: Path

    def end(self, by: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Stop it; return its exit code, and what it printed since it listens."""
        self.process.send_signal(by)
        printed, _ = self.process.communicate(timeout=120)
        return self.process.returncode, printed

    def written(self) -> str:
        """Return all reports in one."""
        return "".join(path.read_text() for path in sorted(self.reports.parent.iterdir()))


@contextlib.contextmanager
def started(folder: Path, *options: str) -> Iterator[Started]:
    """Run a proxy on a free port."""
    reports = folder / "reports" / "junit.xml"
    command = [sys.executable, "-m", "contract_tests", "proxy", "--port=0", "--json"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with subprocess.Popen(  # noqa: S603 (our own module)
        [*command, f"--junit={reports}", *options], cwd=ROOT, env=clean, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            first = process.stdout.readline()
            assert first.startswith("{"), first + process.stdout.read()
            yield Started(process, **json.loads(first), reports=reports)
        finally:
            process.kill()


def build(url: str, headers: dict[str, str], **of_upload: str) -> str:
    """Build an image, as a client does; return the path of the build."""
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        issued = client.post(BUILD, json=NAMED).raise_for_status().json()
        httpx.put(
            issued["upload_url"], content=CONTEXT, headers=OCTETS | of_upload, trust_env=False
        ).raise_for_status()
        place = f"{BUILD}/{issued['build_id']}"
        client.post(f"{place}/start", json={"context_uploaded": True}).raise_for_status()
        client.get(place).raise_for_status()
        return place


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_sound_client_before_the_embedded_server_ends_with_0(
    tmp_path: Path, by: signal.Signals
) -> None:
    """An interrupt is the normal end; the reports hold the rules about clients, and no token."""
    with started(tmp_path, "--build-seconds=0") as proxy:
        build(proxy.url, {"Authorization": f"Bearer {proxy.token}"})
        code, printed = proxy.end(by)

    assert code == Exit.OK, printed
    verdicts = json.loads((tmp_path / "reports/verdicts.json").read_text())
    assert (verdicts["passed"], verdicts["ended"]) == (True, "complete")
    assert [one["rule"] for one in verdicts["verdicts"]] == [*TRAFFIC_RULES]
    assert {one["rule"] for one in verdicts["verdicts"] if one["observed"]} == {"C7", "C10"}
    assert verdicts["sent"]["proxy"]["requests"] == 4
    suites = ElementTree.parse(proxy.reports).getroot()  # noqa: S314 (our own file)
    cases = {one.get("name", "").split()[0] for one in suites.iter("testcase")}
    assert cases >= {*TRAFFIC_RULES}
    assert str(proxy.token) not in printed + proxy.written()


@pytest.mark.slow
def test_violations_on_both_sides_are_shown_as_they_happen(tmp_path: Path) -> None:
    """And end with 1; no report has the token, which nobody gave to the proxy."""
    app = apply(create_app(token=CLIENT_TOKEN, build_seconds=0), "completed-null", CLIENT_TOKEN)
    with running(app) as url, started(tmp_path, f"--target={url}") as proxy:
        build(proxy.url, SECRET, **SECRET)
        assert proxy.process.stdout is not None
        shown = ""
        while "T5 SHOULD" not in shown:
            shown += proxy.process.stdout.readline()
        code, printed = proxy.end()

    assert "violated  C7 SHOULD" in shown
    assert code == Exit.FOUND
    assert "-m contract_tests proxy --rule=T5 --target=" in printed
    violated = json.loads((tmp_path / "reports/verdicts.json").read_text())["verdicts"]
    assert {one["rule"] for one in violated if one["outcome"] == "violated"} == {"C7", "T5"}
    assert CLIENT_TOKEN not in shown + printed + proxy.written()


def test_nothing_that_passes_ends_with_4(tmp_path: Path) -> None:
    """Nor does a server that cannot be reached make it green; the reason is shown."""
    with started(tmp_path, "--target=http://127.0.0.1:9") as proxy:
        answered = httpx.post(f"{proxy.url}{BUILD}", json=NAMED, headers=SECRET, trust_env=False)
        code, printed = proxy.end()

    assert answered.status_code == 502
    assert code == Exit.CANNOT_TELL
    assert "not sent on: 1, the server cannot be reached" in printed
    assert "nothing was judged" in proxy.written()


def test_rule_that_is_required_and_not_observed_ends_with_1(tmp_path: Path) -> None:
    """C9 is not, where nobody polls."""
    with started(tmp_path, "--build-seconds=0", "--require=C7,C9") as proxy:
        build(proxy.url, {"Authorization": f"Bearer {proxy.token}"})
        code, printed = proxy.end()

    assert code == Exit.FOUND, printed
    assert json.loads((tmp_path / "reports/verdicts.json").read_text())["missing"] == ["C9"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--rule=C11", "unknown rule C11"), ("--target=nowhere", "not an http(s) URL"),
        ("--port=-1", "cannot listen"), ("--upload-hosts=x", "needs a"),
        ("--fault=completed-null", "unknown option"), ("--ca-bundle=/none", "not a file"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_with_4(
    option: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a fix, and before anything passes."""
    code = cli.main(["proxy", "--port=0", option])
    printed = "".join(capsys.readouterr())

    assert code == Exit.CANNOT_TELL
    assert message in printed
    assert "fix: " in printed


@pytest.mark.slow
def test_port_in_use_ends_with_4(tmp_path: Path) -> None:
    """A second proxy on the port of the first."""
    with started(tmp_path) as proxy:
        port = httpx.URL(proxy.url).port
        done = subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", "contract_tests", "proxy", f"--port={port}"],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    assert done.returncode == Exit.CANNOT_TELL
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_of_the_documentation_is_a_bad_client(tmp_path: Path) -> None:
    """The lines of docs/proxy.md, as they stand there, and what they are said to show."""
    [(script, shown)] = re.findall(r"```sh\n(api=.*?)```\n\n```\n(.*?)```", DOCS, re.DOTALL)
    with started(tmp_path) as proxy:
        done = subprocess.run(  # noqa: S603 (our own documented commands)
            ["bash", "-euc", script.replace("http://127.0.0.1:9000", proxy.url)],  # noqa: S607
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        code, printed = proxy.end()

    assert done.returncode == 0, done.stderr
    assert '"status":"BUILDING"' in done.stdout
    assert code == Exit.FOUND
    for line in shown.strip().splitlines():
        pattern = ".*".join(map(re.escape, line.split("…")))
        assert re.search(pattern, printed), line


def test_start_is_as_documented() -> None:
    """What it prints, and the client that it names."""
    [block] = re.findall(r"\$ make proxy\n(.*?)```", DOCS, re.DOTALL)
    with subprocess.Popen(
        [sys.executable, "-m", "contract_tests", "proxy", "--port=0"],
        cwd=ROOT, text=True, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in block.splitlines()]
        process.kill()

    assert re.sub(r":\d+", ":9000", "".join(lines)) == block


@pytest.mark.external
def test_node_client_of_the_documentation_passes(tmp_path: Path) -> None:
    """A client in another language, with nothing but the base URL changed."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    [(script, lines)] = re.findall(r"```js\n(.*?)```\n.*?```sh\n(.*?)```", DOCS, re.DOTALL)
    (tmp_path / "client.mjs").write_text(script)
    with started(tmp_path) as proxy:
        done = subprocess.run(  # noqa: S603 (our own documented client)
            ["bash", "-euc", lines.replace("http://127.0.0.1:9000", proxy.url)],  # noqa: S607
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        code, printed = proxy.end()

    assert (done.stdout.strip(), done.stderr) == ("BUILDING", "")
    assert code == Exit.OK, printed
    verdicts = json.loads((tmp_path / "reports/verdicts.json").read_text())["verdicts"]
    assert {one["rule"]: one["outcome"] for one in verdicts}["C7"] == "passed"
