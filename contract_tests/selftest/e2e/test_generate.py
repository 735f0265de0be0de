"""Generation is reproducible, and drift is found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import generate

from ... import cli
from ...contract.openapi import PATH, contract
from ...problems import Exit
from ...vendoring import swap

ROOT = PATH.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what the client is made from, and the client."""
    shutil.copyfile(ROOT / "openapi.yaml", tmp_path / "openapi.yaml")
    shutil.copytree(ROOT / "scripts/templates", tmp_path / "scripts/templates")
    shutil.copytree(ROOT / "generated", tmp_path / "generated")
    return tmp_path


Done = subprocess.CompletedProcess[str]
Run = Callable[[Path, str], Done]


def run_process(project: Path, command: str, environment: dict[str, str] | None = None) -> Done:
    """Run a command in a process, as make does."""
    words = [sys.executable, "-m", "contract_tests", command, "--root", str(project)]
    return subprocess.run(  # noqa: S603
        words, env=environment, cwd=project, capture_output=True, text=True, check=False
    )


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a command in this process: the same function, without its imports."""

    def run_here(project: Path, command: str) -> Done:
        code = cli.main([command, "--root", str(project)])
        return Done([command], code, *capsys.readouterr())

    return run_here


def tree(folder: Path) -> dict[str, bytes]:
    """Read every file of a folder."""
    return {name: (folder / name).read_bytes() for name in generate.files(folder)}


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that is there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.slow
def test_fresh(project: Path) -> None:
    """The committed client is what the contract makes."""
    done = run_process(project, "check")

    assert (done.returncode, done.stdout) == (0, "generated/ is fresh: openapi.yaml 1.0.0\n")


@pytest.mark.slow
def test_environment_does_not_matter(project: Path, tmp_path: Path) -> None:
    """Another ruff on PATH, settings, a hash seed and nothing on PATH give the same bytes."""
    before = tree(project / "generated")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ruff").write_text("#!/bin/sh\nexit 1\n")
    (tools / "ruff").chmod(0o755)
    (project / "ruff.toml").write_text("line-length = 20\n")
    shutil.rmtree(project / "generated")
    environment = {"PATH": str(tools), "RUFF_CONFIG": "nowhere.toml", "PYTHONHASHSEED": "7"}

    done = run_process(project, "generate", environment)

    assert (done.returncode, done.stderr) == (0, "")
    assert tree(project / "generated") == before


@pytest.mark.slow
def test_removed_status_makes_the_client_stale(project: Path, run: Run) -> None:
    """The lint first reports where a removed status is still used; then the client is stale."""
    edit(project / "openapi.yaml", "COMPLETED, FAILED, CANCELLED]", "COMPLETED, FAILED]")
    linted = run(project, "check")
    assert (linted.returncode, "CANCELLED is not a status" in linted.stderr) == (
        Exit.CANNOT_TELL,
        True,
    )
    edit(project / "openapi.yaml", "        CANCELLED: cancelled\n", "")
    line = "                CANCELLED: {$ref: '#/components/examples/CANCELLED'}\n"
    edit(project / "openapi.yaml", line, "")

    assert_stale_then_generated(project, run)


@pytest.mark.slow
def test_added_status_makes_the_client_stale(project: Path, run: Run) -> None:
    """The lint first reports where an added status is missing; then the client is stale."""
    edit(project / "openapi.yaml", "FAILED, CANCELLED]", "FAILED, CANCELLED, EXPIRED]")
    linted = run(project, "check").stderr
    assert "EXPIRED has no phase" in linted
    assert "no example shows EXPIRED" in linted
    edit(
        project / "openapi.yaml",
        "BUILDING: running\n",
        "BUILDING: running\n        EXPIRED: failed\n",
    )
    example = "    EXPIRED:\n      value: {status: EXPIRED}\n    PENDING:\n      summary"
    edit(project / "openapi.yaml", "    PENDING:\n      summary", example)

    assert_stale_then_generated(project, run)


@pytest.mark.slow
def test_timestamp_that_is_no_longer_nullable_makes_the_client_stale(
    project: Path, run: Run
) -> None:
    """``generate`` makes it fresh."""
    description = "When the build completed.\n          type: "
    edit(project / "openapi.yaml", f"{description}[string, 'null']", f"{description}string")
    text = (project / "openapi.yaml").read_text()
    (project / "openapi.yaml").write_text(re.sub(r" +completedAt: null\n", "", text))

    assert_stale_then_generated(project, run)


def assert_stale_then_generated(project: Path, run: Run) -> None:
    """Assert that check ends with 1, and that generate writes the client that it compares with."""
    made: dict[str, bytes] = {}
    compare = generate.differences

    def differences(fresh: Path, present: Path) -> dict[str, str]:
        made.update(tree(fresh))
        return compare(fresh, present)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "differences", differences)
        stale = run(project, "check")
    assert (stale.returncode, stale.stderr) == (Exit.FOUND, "")
    assert "fix: run `make generate`" in stale.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generate, "_verify", lambda *_: None)  # the check has verified this client
        assert run(project, "generate").returncode == Exit.OK
    assert made
    assert tree(project / "generated") == made


@pytest.mark.slow
def test_each_kind_of_drift_is_named(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing, an edited, an orphaned and an untracked file."""
    monkeypatch.setattr(generate, "_verify", lambda *_: None)  # test_fresh makes the same client
    git = ["git", "-C", str(project), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)  # noqa: S603
    subprocess.run([*git, "add", "generated"], check=True)  # noqa: S603
    package = project / "generated/prime_image_builds"
    (package / "errors.py").unlink()
    (package / "client.py").write_text("# edited\n")
    (package / "own.py").write_text("# by hand\n")
    subprocess.run([*git, "rm", "-q", "--cached", str(package / "types.py")], check=True)  # noqa: S603

    done = run(project, "check")

    assert done.returncode == Exit.FOUND
    assert done.stdout.splitlines()[1:-1] == [
        "differs   generated/prime_image_builds/client.py",
        "missing   generated/prime_image_builds/errors.py",
        "orphaned  generated/prime_image_builds/own.py",
        "untracked generated/prime_image_builds/types.py",
    ]


@pytest.mark.slow
def test_broken_template_leaves_the_client(project: Path, run: Run) -> None:
    """The run ends with 4 and a problem; the old client is unchanged."""
    before = tree(project / "generated")
    (project / "scripts/templates/types.py.jinja").write_text("{% if %}")

    done = run(project, "generate")

    assert done.returncode == Exit.CANNOT_TELL
    assert done.stderr.startswith("problem: ")
    assert tree(project / "generated") == before
    assert [path.name for path in project.iterdir() if path.name.startswith(".generate")] == []


BROKEN = {
    "a module that cannot be imported": ("types.py.jinja", "import httpx\n", "import httpxx\n"),
    "an invalid type": ("package/_json.py.jinja", ") -> bytes:", ") -> str:"),
    "a name on the wire that is lost": ("model.py.jinja", "wire_name != ", "wire_name in "),
    "a default that is lost": ("model.py.jinja", "property.default is not none", "false"),
    "a body that is not sent": (
        "endpoint_module.py.jinja",
        '", json=write(body, " + ',
        '"" if body else "" + ',
    ),
    "a success that is not read": ("endpoint_module.py.jinja", '"decode(response, "', '"cast("'),
    "an operation without its module": ("package/job.py.jinja", "get_build_status", "get_status"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BROKEN))
def test_broken_client_does_not_replace_the_old_one(name: str, project: Path, run: Run) -> None:
    """The new client is imported, used and type-checked before the swap."""
    before = tree(project / "generated")
    template, old, new = BROKEN[name]
    edit(project / "scripts/templates" / template, old, new)

    done = run(project, "generate")

    assert (done.returncode, done.stdout) == (Exit.CANNOT_TELL, "")
    assert done.stderr.startswith("problem: ")
    assert "\n    fix: " in done.stderr
    assert tree(project / "generated") == before


@pytest.mark.slow
def test_check_verifies_the_client_like_generate(project: Path, run: Run) -> None:
    """A broken client ends with 4, even if it equals the committed one."""
    types = project / "scripts/templates/types.py.jinja"
    edit(types, "import httpx\n", "import httpxx\n")

    assert run(project, "check").returncode == Exit.CANNOT_TELL


def test_failed_swap_restores_the_client(tmp_path: Path) -> None:
    """If the new client cannot be moved into place, the old one is moved back."""
    present = tmp_path / "generated"
    present.mkdir()
    (present / "old.py").write_text("old")
    (tmp_path / "work").mkdir()  # the old one can be moved there; the new one is missing

    with pytest.raises(FileNotFoundError):
        swap.replace(tmp_path / "work" / "generated", present)

    assert tree(present) == {"old.py": b"old"}


def test_every_file_is_marked_as_generated() -> None:
    """In line 1, and listed in the manifest."""
    folder = ROOT / "generated"
    unmarked = [
        name
        for name in generate.files(folder)
        if generate.MARK not in (folder / name).read_text().splitlines()[0]
    ]
    manifest = json.loads((folder / "MANIFEST.json").read_text())

    assert unmarked == []
    assert [*manifest["files"]] == [n for n in generate.files(folder) if n != "MANIFEST.json"]


def test_client_imports_only_httpx_and_msgspec() -> None:
    """Besides the standard library."""
    code = (
        "import sys; import httpx, msgspec; before = set(sys.modules)\n"
        "import prime_image_builds.api.images, prime_image_builds.models\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before}\n"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "generated")}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "['prime_image_builds']\n"


def test_documentation_example_is_accepted() -> None:
    """The vendor's page shows every field filled at status PENDING; the schema accepts it."""
    row = {
        "id": "x", "status": "PENDING", "createdAt": "2023-11-07T05:31:56Z",
        "startedAt": "2023-11-07T05:31:56Z", "completedAt": "2023-11-07T05:31:56Z",
    }  # fmt: skip
    artifact = {**row, "artifactType": "CONTAINER_IMAGE", "fullImagePath": "x", "errorMessage": "x"}
    body = {**row, "imageName": "x", "imageTag": "x", "artifacts": [artifact]}

    assert contract().errors(contract().schema("BuildStatusResponse"), body) == []
