"""An environment imports the packages of its own checkout: moved, copied or linked."""

from __future__ import annotations

import shutil
import subprocess
import venv
from pathlib import Path

import pytest

from ..support.make_calls import FILES, ROOT


def places(project: Path, environment: str = ".venv") -> list[str]:
    """Return where Python finds both packages, isolated, from elsewhere; relative to a project."""
    code = (
        "import importlib.util as util, os; "
        "print(*(os.path.relpath(util.find_spec(one).origin, os.environ['PROJECT'])"
        " for one in ('contract_tests', 'prime_image_builds')), sep='\\n')"
    )
    done = subprocess.run(  # noqa: S603
        [project / environment / "bin/python", "-I", "-c", code],
        cwd="/", env={"PROJECT": str(project.resolve())}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a checkout with two empty packages, and its environment by the script."""
    folder = tmp_path / "a 'checkout'"
    for name in (*FILES, "contract_tests/__init__.py", "generated/prime_image_builds/__init__.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name.endswith(".py") else (ROOT / name).read_bytes())
    install(folder, folder / ".venv")
    return folder


def install(folder: Path, environment: Path) -> None:
    """Run the script of a checkout for an environment that has been made, but for the packages."""
    if not environment.is_dir():
        venv.create(environment, symlinks=True)
        sum_of_lock = subprocess.run(
            ["cksum"], input=(folder / "requirements.txt").read_bytes(),  # noqa: S607
            capture_output=True, check=True,
        ).stdout.split()[0].decode()  # fmt: skip
        (environment / f".ready-{sum_of_lock}").touch()
    script = folder / "scripts/ci/install.sh"
    subprocess.run(["sh", script, environment], cwd=folder, check=True)  # noqa: S603, S607


FOUND = ["contract_tests/__init__.py", "generated/prime_image_builds/__init__.py"]


def test_checkout_is_importable_in_its_environment(project: Path) -> None:
    """Wherever Python is started, though it is isolated."""
    assert places(project) == FOUND


def test_moved_and_copied_checkouts_import_their_own_packages(project: Path) -> None:
    """At once: nothing has to be installed again."""
    copied, moved = project.with_name("copied"), project.with_name("moved")
    shutil.copytree(project, copied, symlinks=True)
    project.rename(moved)

    assert places(copied) == places(moved) == FOUND


def test_linked_environment_imports_the_checkout_that_links_to_it(project: Path) -> None:
    """As a worktree that shares the environment of another does."""
    linking = project.with_name("linking")
    shutil.copytree(project, linking, ignore=shutil.ignore_patterns(".venv"))
    (linking / ".venv").symlink_to(project / ".venv")

    assert places(linking) == FOUND


def test_environment_outside_is_of_the_checkout_that_used_the_script_last(project: Path) -> None:
    """As in the temporary folder of a CI job, or of a hook."""
    other, outside = project.with_name("other"), project.with_name("outside")
    shutil.copytree(project, other, symlinks=True)
    install(project, outside)
    first = places(project, "../outside")
    install(other, outside)

    assert first == FOUND
    assert places(other, "../outside") == FOUND
