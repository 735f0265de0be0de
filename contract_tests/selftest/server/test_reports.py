"""What a run of the gate prints and writes, as its readers see it: the terminal, ``summary.md``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from starlette.applications import Starlette

from ... import program
from ...contract.openapi import PATH
from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...drivers.http.transport import Endpoint
from ...gate import drive, target
from ...gate.target import embedded
from ...problems import Exit
from ...report import files, terminal
from ..support.snapshots import assert_snapshot
from ..support.stateless_mock import Mock

WAIVER = """\
[[waiver]]
rule = "T5"
reason = "completedAt lags behind; BUILDS-212"
expires = 2099-12-31
"""


@dataclass(frozen=True)
class Case:
    """A run: its exit code, its settings, and the server, if it is not the one of the settings."""

    code: Exit
    settings: dict[str, str] = field(default_factory=dict)
    server: Callable[[], Endpoint] | None = None


def interrupted() -> Endpoint:
    """Return a conforming server; the 31st request to it is interrupted."""
    endpoint = embedded("test-token")
    sent, send = 0, endpoint.transport.send

    def counted(*arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent == 31:
            raise KeyboardInterrupt
        return send(*arguments)

    endpoint.transport.send = counted  # type: ignore[assignment, method-assign]
    return endpoint


# All rules where a reader needs them; elsewhere few, so that a snapshot changes with its subject.
SCHEMA = jsonschema_rs.validator_for(
    json.loads((PATH.parent / "docs/verdicts.schema.json").read_text())
)
RUNS = {
    "run-passed": Case(Exit.OK),
    "run-one-violation": Case(Exit.FOUND, {"FAULT": "completed-null", "RULE": "T5"}),
    "run-many-violations": Case(Exit.FOUND, {"FAULT": "start-idle", "RULE": "L4,L6,L7"}),
    "run-waived": Case(
        Exit.OK, {"FAULT": "completed-null", "RULE": "T5", "WAIVERS": "waivers.toml"}
    ),
    "run-waived-without-need": Case(Exit.FOUND, {"RULE": "T5", "WAIVERS": "waivers.toml"}),
    "run-required-and-not-observed": Case(
        Exit.FOUND, {"RULE": "T5", "REQUIRE": "group:CANCELLED"}
    ),
    "run-cut-off": Case(Exit.CANNOT_TELL, {"RULE": "T5", "MAX_REQUESTS": "40"}),
    "run-hollow": Case(
        Exit.CANNOT_TELL, {"RULE": "T5"}, lambda: in_process(Starlette(), VirtualClock())
    ),
    "run-token-refused": Case(
        Exit.CANNOT_TELL, {"RULE": "T5"}, lambda: embedded("another-token")
    ),
    "run-unreachable": Case(Exit.CANNOT_TELL, {"RULE": "T5", "TARGET": "http://127.0.0.1:9"}),
    "run-invalid-setting": Case(Exit.CANNOT_TELL, {"RULE": "T55"}),
    "run-interrupted": Case(Exit.INTERRUPTED, {"RULE": "T5"}, interrupted),
    "run-of-a-mock-without-memory": Case(
        Exit.FOUND, {"RULE": "L5,T5"}, lambda: in_process(Mock(), VirtualClock())
    ),
    "run-plan": Case(Exit.OK, {"TARGET": "http://127.0.0.1:9", "DRY_RUN": "1"}),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_output_of_a_run(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All that is printed, and the page for the summary of a job."""
    case = RUNS[name]
    (tmp_path / "waivers.toml").write_text(WAIVER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(terminal, "SELDOM", math.inf)  # progress is by the wall clock
    if case.settings or case.server:  # one run with all drivers is enough
        monkeypatch.setattr(program, "judge_client", lambda _: None)
        monkeypatch.setattr(drive, "drive", partial(drive.drive, fuzzing=False))
    if case.server:
        server = case.server()
        monkeypatch.setattr(target, "embedded", lambda *_, **__: server)
    junit = tmp_path / "junit.xml"
    settings = {"TOKEN": "test-token", **case.settings}
    report = program.run({f"CONTRACT_{key}": value for key, value in settings.items()}, junit)
    printed = capsys.readouterr()
    page = junit.with_name(files.SUMMARY)

    assert report.code == case.code
    if junit.with_name(files.VERDICTS).exists():
        SCHEMA.validate(json.loads(junit.with_name(files.VERDICTS).read_text()))
    parts = [
        printed.out, f"{' standard error ':=^80}\n\n{printed.err}" if printed.err else "",
        f"{' summary.md ':=^80}\n\n{page.read_text()}" if page.exists() else "",
    ]  # fmt: skip
    assert_snapshot(name, "\n\n".join(filter(None, parts)), {tmp_path: "<folder>"})
