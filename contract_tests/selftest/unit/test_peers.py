"""What a bad 200 becomes in this client, beside what was measured of others: docs/clients.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from prime_image_builds import AuthenticatedClient
from prime_image_builds.api.images import get_build_status

from ...contract.api import STATUS
from ...contract.openapi import PATH
from ...drivers.client import example
from ...reference.app import create_app
from ...reference.over_sockets import running

TABLE = PATH.parent / "docs/clients.md"
BASE = "https://images.test"

BODY = {**example(STATUS), "artifacts": []}
CASES: dict[str, tuple[int, Any]] = {
    "unknown status": (200, BODY | {"status": "RUNNING"}),
    "`createdAt` null": (200, BODY | {"createdAt": None}),
    "`createdAt` missing": (200, {k: v for k, v in BODY.items() if k != "createdAt"}),
    '`startedAt: "yesterday"`': (200, BODY | {"startedAt": "yesterday"}),
    "`startedAt` epoch number": (200, BODY | {"startedAt": 1795510800}),
    "time without offset": (200, BODY | {"startedAt": "2026-01-02T03:04:05"}),
    "`id` null": (200, BODY | {"id": None}),
    "`id` 7": (200, BODY | {"id": 7}),
    "`artifacts: {}`": (200, BODY | {"artifacts": {}}),
    '`artifacts: ""`': (200, BODY | {"artifacts": ""}),
    "undocumented status code": (202, BODY),
    "401": (401, {"detail": "no"}),
    "code 520": (520, {}),
}


def outcome(case: str) -> str:
    """Return the result of a call for one response, as the table shows it."""
    status, body = CASES[case]
    with respx.mock() as router, AuthenticatedClient(BASE, "token") as client:
        router.route().mock(return_value=httpx.Response(status, json=body))
        try:
            returned = get_build_status.sync("bld_1", client=client)
        except Exception as error:
            path = getattr(error, "path", None)
            return f"`{type(error).__name__}`" + (f" at `{path}`" if path else "")
        return f"**returns {returned!r}**"


@pytest.mark.parametrize("case", list(CASES))
def test_the_table_is_what_happens(case: str) -> None:
    """Each cell of our column is what a call comes to, and no case passes."""
    shown = outcome(case)

    rows = [line for line in TABLE.read_text().splitlines() if line.startswith(f"| {case} |")]
    assert len(rows) == 1, f"docs/clients.md has no row of its own for {case}"
    assert [cell.strip() for cell in rows[0].split("|")][2] == shown
    assert "returns" not in shown


def raised_by(act: Callable[[], object]) -> str:
    """Name what is raised."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 (the name is what matters)
        act()
    return type(caught.value).__name__


def test_the_other_findings_do_not_hold_here() -> None:
    """What else was seen in the stock client: path, timeout, token, UNSET, order, defaults."""
    import copy

    from prime_image_builds import UNSET
    from prime_image_builds.models import BuildArtifactStatusResponse, ImageBuildStatus

    client = AuthenticatedClient(BASE, "a-token-of-some-length")
    assert raised_by(lambda: get_build_status.sync("..", client=client)) == "InvalidRequestError"
    with client:
        assert client.get_httpx_client().timeout.read == 30
    assert "a-token" not in repr(client)
    assert copy.deepcopy(UNSET) is UNSET
    assert next(iter(ImageBuildStatus)) == "PENDING"
    row = {"id": "a", "status": "PENDING", "createdAt": "2026-11-24T09:00:00Z"}
    artifact = BuildArtifactStatusResponse.from_dict(row)
    assert artifact.artifact_type == "CONTAINER_IMAGE"


def test_the_example_of_the_readme_runs_as_printed(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first Python block builds an image against ``make serve``."""
    readme = (PATH.parent / "README.md").read_text()
    printed = readme.partition("```python\n")[2].partition("```")[0]
    assert 8 <= len(printed.splitlines()) <= 12
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)

    # As printed, but for the port: 8000 may be taken where this runs.
    with running(create_app(token="test-token", build_seconds=0.1)) as url:  # noqa: S106
        assert printed.count("http://127.0.0.1:8000") == 1
        exec(printed.replace("http://127.0.0.1:8000", url), {})  # noqa: S102 (our own words)

    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith("COMPLETED ")
    assert "uploading" in out


def test_the_examples_of_clients_run_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python blocks of docs/clients.md take their URL and token from the environment."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    printed = re.findall(r"```python\n(.*?)```", TABLE.read_text(), re.DOTALL)

    with running(create_app(token="test-token", build_seconds=0.1)) as url:  # noqa: S106
        monkeypatch.setenv("PRIME_API_KEY", "test-token")
        monkeypatch.setenv("PRIME_API_BASE_URL", url)
        for block in printed:
            found: dict[str, Any] = {}
            exec(block, found)  # noqa: S102 (our own words)

    assert found["ids"][-1].startswith("bld_")

    assert capsys.readouterr().out == "False None 0\n[]\nTrue\n"


def test_the_example_of_watch_runs_as_printed() -> None:
    """The Python block of docs/gate.md watches a client of ``make serve``."""
    page = (PATH.parent / "docs/gate.md").read_text()
    printed = page.partition("```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}

    with running(create_app(token="test-token")) as url:  # noqa: S106
        assert printed.count("http://127.0.0.1:8000") == 1
        exec(printed.replace("http://127.0.0.1:8000", url), found)  # noqa: S102 (our own words)

    assert found["watch"].verdicts["T1"].outcome == "passed"


def test_the_table_covers_its_cases() -> None:
    """No row stands in the page without a case here."""
    compared = TABLE.read_text().partition("## Comparison with other clients\n")[2]
    table = compared.partition("\n\nFurther, in the stock client")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    named = {row.split("|")[1].strip() for row in rows} - {"body", "---"}

    assert named == set(CASES)
    assert json.dumps(BODY)
