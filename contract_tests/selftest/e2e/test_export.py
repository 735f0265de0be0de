"""What other tools make of what is exported: schemathesis, Prism and Redocly's Respect."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.dev import npm
from scripts.dev.bench.checkers import uploading

from ...contract import arazzo, strict
from ...contract.api import STATUS
from ...contract.openapi import PATH
from ...drivers.scripted.inputs import context
from ...reference import deterministic
from ...reference.app import create_app
from ...reference.faults import FAULTS
from ...reference.over_sockets import running
from ..support.ci_job import free_port

TOKEN = "test-token"  # noqa: S105
START = datetime(2026, 1, 1, tzinfo=UTC)


def fails(document: Path, folder: Path, *faults: str) -> bool:
    """Whether a plain run of schemathesis over a document fails on a server with faults."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(document),
        "--header", f"Authorization: Bearer {TOKEN}", "--phases", "stateful",
        "--max-examples", "10", "--generation-database", "none", "--no-color", "--seed", "1",
    ]  # fmt: skip
    hooks = folder / "hooks.py"
    hooks.write_text(uploading())
    # A second goes by with each look at the clock, however fast the machine is.
    clock = deterministic.clock(START, elapsed=partial(next, count(0.0)))
    app: Any = create_app(
        token=TOKEN, build_seconds=4.0, clock=clock, new_id=deterministic.ids(seed=1)
    )
    for fault in faults:
        app = FAULTS[fault].wrap(app, TOKEN)
    with running(app) as url:
        done = subprocess.run(  # noqa: S603 (our own lines)
            [*command, "--url", url], cwd=hooks.parent, text=True, capture_output=True,
            check=False, timeout=500, env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks"},
        )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout[-4000:]
    return done.returncode == 1


FOUND = ["completed-null", "start-never-started", "building-completed"]


@pytest.mark.external
@pytest.mark.parametrize("fault", FOUND)
def test_schemathesis_finds_by_it_that_a_status_contradicts_its_times(
    fault: str, tmp_path: Path
) -> None:
    """Each of three faults, alone."""
    made = tmp_path / "strict.json"
    made.write_text(json.dumps(strict.document()))

    assert fails(made, tmp_path, fault)


@pytest.mark.external
def test_schemathesis_misses_these_without_it(tmp_path: Path) -> None:
    """All of them together."""
    assert not fails(PATH, tmp_path, *FOUND)


@pytest.fixture(scope="module")
def programs() -> Path:
    """Install Prism and Redocly, or skip with the reason."""
    try:
        return npm.set_up()
    except npm.NotSetUpError as error:
        pytest.skip(str(error))


@pytest.mark.external
@pytest.mark.parametrize(("fault", "status"), [("completed-null", 500), ("", 200)])
def test_prism_rejects_by_it_what_contradicts_itself(
    fault: str, status: int, programs: Path, tmp_path: Path
) -> None:
    """As a proxy: a COMPLETED build without completedAt does not come through, a sound one does."""
    made, port = tmp_path / "strict.json", free_port()
    made.write_text(json.dumps(strict.document()))
    app: Any = create_app(token=TOKEN, build_seconds=0)
    app = FAULTS[fault].wrap(app, TOKEN) if fault else app
    with running(app) as url:
        command = [str(programs / "prism"), "proxy", "--errors", "--host", "127.0.0.1",
                   "--port", str(port), str(made), url]  # fmt: skip
        prism = subprocess.Popen(  # noqa: S603 (our own lines)
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
        try:
            assert prism.stdout is not None
            while "listening on" not in (line := prism.stdout.readline()):
                assert line, "Prism ended"
            assert built(f"http://127.0.0.1:{port}").status_code == status
        finally:
            prism.terminate()
            prism.communicate()


def built(url: str) -> httpx.Response:
    """Build an image to its end through a proxy; return the last status."""
    api = f"{url}/api/v1/images/build"
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
        issued = client.post(api, json={"image_name": "web", "image_tag": "v1"}).json()
        httpx.put(
            issued["upload_url"], content=context("FROM scratch"),
            headers={"Content-Type": "application/octet-stream"}, trust_env=False,
        ).raise_for_status()  # fmt: skip
        client.post(f"{api}/{issued['build_id']}/start", json={"context_uploaded": True})
        return client.get(f"{api}/{issued['build_id']}")


@pytest.mark.external
@pytest.mark.parametrize(("dockerfile", "code"), [("FROM scratch", 0), ("RUN", 1)])
def test_respect_runs_the_workflow(
    dockerfile: str, code: int, programs: Path, tmp_path: Path
) -> None:
    """To the end of a build: COMPLETED passes, FAILED does not. Redocly's lint accepts it, too."""
    made = tmp_path / "build.arazzo.json"
    made.write_text(json.dumps(arazzo.document()))
    shutil.copy(PATH, tmp_path)
    (tmp_path / arazzo.CONTEXT).write_bytes(context(dockerfile))
    inputs = {"token": TOKEN, "image_name": "web", "image_tag": "v1"}

    def redocly(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own lines)
            [programs / "redocly", *words], cwd=tmp_path, text=True, capture_output=True,
            check=False, timeout=120, env={**os.environ, "REDOCLY_TELEMETRY": "off"},
        )  # fmt: skip

    linted = redocly("lint", made.name)
    assert linted.returncode == 0, linted.stderr
    with running(create_app(token=TOKEN, build_seconds=0.5)) as url:
        done = redocly(
            "respect", made.name, "--server", f"{arazzo.SOURCE}={url}",
            "--input", json.dumps(inputs), "--severity", "SCHEMA_CHECK=warn",
        )  # fmt: skip

    assert done.returncode == code, done.stdout + done.stderr
    assert f"step {STATUS}" in done.stdout
