"""What the contract finds in the hands of another tool, once it holds rules as schemas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ...contract import strict
from ...contract.openapi import PATH
from ...drivers.scripted.inputs import context
from ...reference import deterministic
from ...reference.app import create_app
from ...reference.faults import FAULTS
from ...reference.over_sockets import running

TOKEN = "test-token"  # noqa: S105
START = datetime(2026, 1, 1, tzinfo=UTC)
# No document describes the upload, without which no build starts.
HOOKS = """
import schemathesis, urllib.request

@schemathesis.hook
def after_call(context, case, response):
    if case.method == "POST" and response.status_code == 201:
        url = response.json()["upload_url"]
        headers = {"Content-Type": "application/octet-stream"}
        sent = urllib.request.Request(url, bytes.fromhex("CONTEXT"), headers, method="PUT")
        urllib.request.urlopen(sent).close()
"""


def fails(document: Path, folder: Path, *faults: str) -> bool:
    """Whether a plain run of schemathesis over a document fails on a server with faults."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(document),
        "--header", f"Authorization: Bearer {TOKEN}", "--phases", "stateful",
        "--max-examples", "10", "--generation-database", "none", "--no-color", "--seed", "1",
    ]  # fmt: skip
    hooks = folder / "hooks.py"
    hooks.write_text(HOOKS.replace("CONTEXT", context("FROM scratch").hex()))
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
