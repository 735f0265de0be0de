"""A run that is killed at any moment: CLEANUP=only deletes what it made, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ... import program
from ...problems import Exit
from ...reference.app import create_app
from ...reference.faults import Fault, ServerRequest, ServerResponse
from ...reference.over_sockets import running
from ..support.reference_server import AUTH, BUILD, TOKEN

# A process that has loaded the gate, and has no thread: each run is a fork of it.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["contract_tests.program", "contract_tests.drivers.schemathesis.driver"]
)
MOST = 120.0
# The moments: the n-th request of a method, before it is processed or after.
FEW = [(1, "POST", False), (90, "GET", True), (2, "DELETE", True)]
MANY = [
    (2, "POST", False), (1, "POST", True), (2, "POST", True), (5, "POST", False),
    (9, "POST", True), (17, "POST", False), (40, "POST", True), (90, "POST", True),
    (150, "POST", False), (230, "POST", True), (300, "POST", False), (1, "PUT", False),
    (4, "PUT", True), (20, "PUT", True), (1, "DELETE", False), (12, "DELETE", False),
    (14, "DELETE", True), (17, "DELETE", True), (22, "DELETE", True), (2, "GET", False),
]  # fmt: skip


@dataclass
class Killer:
    """A reference server that kills its client at one request.

    Attributes:
        made: The names of the images that were initiated, by the ids of their builds.

    """

    at: int
    method: str
    is_after: bool
    client: ForkServerProcess | None = None
    made: dict[str, str] = field(default_factory=dict)
    count: int = 0

    def app(self) -> Any:
        """Return the server."""
        fault = Fault("kills", "", "", request=self._before, response=self._after)
        return fault.wrap(create_app(token=TOKEN, build_seconds=0.1), TOKEN)

    def _before(self, request: ServerRequest) -> None:
        self.count += request.method == self.method
        self._kill(request, is_after=False)

    def _after(self, request: ServerRequest, response: ServerResponse) -> None:
        if request.operation == "initiate" and response.status == 201:
            self.made[json.loads(response.content)["build_id"]] = request.json()["image_name"]
        self._kill(request, is_after=True)

    def _kill(self, request: ServerRequest, *, is_after: bool) -> None:
        moment = (request.method, self.count, is_after) == (self.method, self.at, self.is_after)
        if moment and self.client:
            assert self.client.pid
            os.kill(self.client.pid, signal.SIGKILL)


def judge(settings: dict[str, str], reports: Path) -> None:
    """Run the gate as a process does, and print nothing."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 (a device)
        os.dup2(nowhere.fileno(), 1)
    raise SystemExit(int(program.run(settings, reports).code))


def planted(client: httpx.Client, own: str) -> list[str]:
    """Initiate images of others, whose names are like a run's own; return their builds."""
    names = [
        "web", "contract-gate", "contract-gate-", f"{own}x", own[:-1], own.upper(), f"x{own}",
        f"{own}/v1", "build", "contract-gate-000000000000", "",
    ]  # fmt: skip
    bodies = [{"image_name": name, "image_tag": tag} for name in names for tag in ("v1", "kept")]
    return [
        client.post(BUILD, json=body, headers=AUTH).json()["build_id"]
        for body in bodies
    ]  # fmt: skip


def found(client: httpx.Client, builds: list[str]) -> list[str]:
    """Return those builds that are still there."""
    paths = {one: f"{BUILD}/{quote(one, safe='')}" for one in builds}
    return [one for one in builds if client.get(paths[one], headers=AUTH).status_code == 200]


@pytest.mark.parametrize(
    ("at", "method", "is_after"),
    [*FEW, *(pytest.param(*one, marks=pytest.mark.slow) for one in MANY)],
)
def test_what_a_killed_run_made_is_deleted_afterwards(
    at: int, method: str, is_after: bool, tmp_path: Path
) -> None:
    """By another process, from the journal alone; images of similar names stay."""
    killer, reports = Killer(at, method, is_after), tmp_path / "junit.xml"
    with running(killer.app()) as url, httpx.Client(base_url=url, timeout=MOST) as client:
        settings = {"CONTRACT_TARGET": url, "CONTRACT_TOKEN": TOKEN, "CONTRACT_SERVER_ONLY": "1"}
        if (at, method, is_after) in FEW:  # generated requests take longer
            settings["CONTRACT_MAX_REQUESTS"] = "420"
        killer.client = FORKS.Process(target=judge, args=(settings, reports))
        killer.client.start()
        killer.client.join(MOST)
        assert killer.client.exitcode == -signal.SIGKILL
        killer.client = None
        [noted] = (tmp_path / "journal").iterdir()
        made, others = [*killer.made], planted(client, noted.stem)
        left = len(found(client, made))

        done = program.run({**settings, "CONTRACT_CLEANUP": "only"}, reports)

        assert (done.code, done.problem) == (Exit.OK, None)
        assert done.resumed is not None
        assert [*done.resumed.planned] == [one.name for one in done.resumed.cleaned]
        assert [one.left for one in done.resumed.cleaned] == [{}]
        assert left > 0 or not made or method == "DELETE"
        assert found(client, made) == []
        assert found(client, others) == others
        assert {*map(killer.made.get, made)} <= {noted.stem}
        assert not (tmp_path / "journal").exists()
