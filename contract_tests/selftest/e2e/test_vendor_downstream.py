"""A project vendors the client, runs and type-checks it, edits the copy and updates it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.dev import npm

from ...problems import Exit
from ...vendoring import vendor
from ...vendoring.source import find
from ...vendoring.vendor_check import PACKAGE
from ..support.vendoring import ROOT, advance, checkout

VENDORED = "app.third_party.prime_image_builds"
MAIN = f"""
from pathlib import Path
from {VENDORED} import AuthenticatedClient, build_image
from {VENDORED}.models import BuildImageRequest, BuildStatusResponse, ImageBuildStatus
from {VENDORED}.testing import payloads
from {VENDORED}.testing.reference.app import create_app
from {VENDORED}.testing.reference.over_sockets import running


def build(context: Path) -> BuildStatusResponse:
    with (
        running(create_app(build_seconds=0.1)) as url,
        AuthenticatedClient(
            url, token="test-token", naive_timestamps="utc", unknown_statuses="keep"
        ) as client,
    ):
        body = BuildImageRequest(image_name="web", image_tag="v1")
        first = build_image(context, client=client, body=body)
        took: float | None = first.duration
        build = build_image(context, name="web", tag="v1", platform="linux/arm64", client=client)
        assert build.is_terminal and build.artifacts and took is not None
        return client.images.build_status(build.id)


def described(build: BuildStatusResponse) -> str:
    status: ImageBuildStatus = build.status
    known: bool = status.is_known
    return status.value if known else f"{{status}}?"


row = {{"id": "b", "imageName": "w", "imageTag": "v", "status": "QUEUED"}}
queued = BuildStatusResponse.from_dict(
    row | {{"createdAt": "2026-01-02T03:04:05"}}, naive_timestamps="utc", unknown_statuses="keep"
)


refused: int = sum(payload.is_refused for payload in payloads.load())
if __name__ == "__main__":
    print(described(build(Path("context"))), described(queued), refused > 20)
"""
# Strangers to the types: each checker must find every one of these, and nothing else.
WRONG = f"""
from {VENDORED} import AuthenticatedClient, build_image
from {VENDORED}.models import BuildImageRequest, BuildStatusResponse

client = AuthenticatedClient()
AuthenticatedClient(timout=3)
client.images.initiate("web", "v1", platform="windows")
client.images.start_build("bld_1", timout=3)
client.images.strat_build("bld_1")
build_image(".", name="web", tag="v1", timout=3)
build_image(".", name="web", tag="v1", visibility="public")
build_image(".", name="web")
build_image(".", name="web", tag="v1", body=BuildImageRequest(image_name="web", image_tag="v1"))
BuildImageRequest(image_name=7, image_tag="v1")
AuthenticatedClient("http://127.0.0.1", "token", naive_timestamps="UTC")
AuthenticatedClient("http://127.0.0.1", "token", unknown_status="keep")
BuildStatusResponse.from_dict({{}}, unknown_statuses="utc")
"""
WRONG_LINES = {
    number
    for number, line in enumerate(WRONG.splitlines(), 1)
    if line and not line.startswith(("from ", "client = "))
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with the client vendored deep inside, and a checkout beside it."""
    folder = tmp_path / "a project"
    (folder / "app/third_party").mkdir(parents=True)
    (folder / "context").mkdir()
    for name in ("app", "app/third_party"):
        (folder / name / "__init__.py").touch()
    (folder / "context/Dockerfile").write_text("FROM scratch\n")
    (folder / "app/main.py").write_text(MAIN.lstrip())
    vendor.copy(find(checkout(tmp_path / "source")), folder / "app/third_party", with_tests=True)
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project, blind to this one's paths."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(  # noqa: S603
        command, cwd=project, env=clean, check=False, capture_output=True, text=True, timeout=600
    )


def test_it_imports_and_builds(project: Path) -> None:
    """The client, the server and the corpus work from where they lie."""
    done = run(project, sys.executable, "-m", "app.main")

    assert (done.stdout, done.stderr) == ("COMPLETED QUEUED? True\n", "")


@pytest.mark.slow
def test_mypy_is_strict_and_content(project: Path) -> None:
    """Mypy --strict finds nothing in the copy, and each wrong use of it."""
    (project / "app/wrong.py").write_text(WRONG)
    # What make check knows of the standard library and of what the client imports.
    options = ("--strict", "--no-error-summary", f"--cache-dir={ROOT / '.mypy_cache/generated'}")
    done = run(project, sys.executable, "-m", "mypy", *options, "app")

    found = [line.split(":") for line in done.stdout.splitlines() if " error: " in line]
    assert {file for file, *_ in found} == {"app/wrong.py"}
    assert {int(number) for _, number, *_ in found} == WRONG_LINES
    assert done.stderr == ""


@pytest.mark.external
def test_pyright_is_content(project: Path) -> None:
    """Pyright finds no error in the copy, and each wrong use of it."""
    (project / "pyrightconfig.json").write_text(json.dumps({"typeCheckingMode": "standard"}))
    (project / "app/wrong.py").write_text(WRONG)
    try:
        pyright = npm.set_up() / "pyright"
    except npm.NotSetUpError as error:
        pytest.skip(str(error))
    command = (str(pyright), "--outputjson", "--pythonpath", sys.executable)
    done = json.loads(run(project, *command).stdout)

    errors = [one for one in done["generalDiagnostics"] if one["severity"] == "error"]
    assert {Path(one["file"]).name for one in errors} == {"wrong.py"}
    assert {one["range"]["start"]["line"] + 1 for one in errors} == WRONG_LINES
    assert done["summary"]["filesAnalyzed"] > 40


def test_copy_is_edited_and_updated(project: Path) -> None:
    """The check in the copy finds an edit; after an update the copy is fresh."""
    package = project / "app/third_party" / PACKAGE
    source = find(project.parent / "source")
    check = (sys.executable, str(package / "vendor_check.py"))
    assert run(project, *check).returncode == Exit.OK

    (package / "client.py").write_text("mine = 1\n")
    found = run(project, *check)
    assert (found.returncode, found.stdout.splitlines()[1]) == (Exit.FOUND, "edited     client.py")
    vendor.copy(source, package.parent, force=True)
    advance(source.root, "1.1.0")
    done = vendor.copy(source, package.parent)

    assert vendor.news(done.before, done.after)[0] == "contract  1.0.0 → 1.1.0"
    assert (package / "testing").is_dir()
    assert run(project, *check).returncode == Exit.OK
