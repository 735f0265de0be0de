"""The examples of docs/mock.md run as printed, and the marker takes its settings."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ... import pytest_plugin
from ...contract.openapi import PATH
from ...mock import MockImages
from ...problems import Problem

PAGE = PATH.parent / "docs/mock.md"


def blocks() -> list[str]:
    """Return the blocks of Python of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


CHECKOUT = f"{PATH.parent}{os.pathsep}{PATH.parent / 'generated'}"


def run_pytest(
    folder: Path, *options: str, path: str = CHECKOUT
) -> subprocess.CompletedProcess[str]:
    """Run the tests of another project."""
    return subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-W", "error",
         "-p", "no:cacheprovider", "--rootdir", str(folder), *options, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_example_runs_as_printed(tmp_path: Path) -> None:
    """The first files of the page are a project of their own whose tests pass."""
    for block in blocks()[:4]:
        name = block.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(block)

    done = run_pytest(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(block.count('def test_') for block in blocks()[:4])} passed" in done.stdout


@pytest.mark.slow
def test_the_example_of_a_vendored_copy_runs_as_printed(tmp_path: Path) -> None:
    """With the page's settings of pytest alone, from a project beside the checkout."""
    project = tmp_path / "shop"
    package = project / "app/third_party/prime_image_builds"
    shutil.copytree(PATH.parent / "generated/prime_image_builds", package)
    (tmp_path / "image-build-contract").symlink_to(PATH.parent)
    [settings] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for block in (settings, blocks()[0], blocks()[4]):
        name = block.partition("\n")[0].removeprefix("# ")
        (project / name).write_text(block)
    (project / "test_path.py").write_text(
        "import contract_tests, prime_image_builds as own\n"
        "def test_path():\n"
        "    for one in (contract_tests, own):\n"
        "        assert 'shop/../image-build-contract/' in one.__file__\n"
    )

    done = run_pytest(project, "-c", str(project / "pyproject.toml"), path="")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [((), {}), (("slow",), {"seed": 2}), ((), {"scenario": "slow"})],
)
def test_marker_takes_a_scenario_and_settings(
    arguments: tuple[Any, ...], settings: dict[str, Any]
) -> None:
    """The scenario with and without its name, the rest by name."""
    expected = {**settings, "scenario": "slow"} if arguments else settings

    assert pytest_plugin._settings(*arguments, **settings) == expected


@pytest.mark.parametrize(
    ("arguments", "settings", "fix"),
    [
        (("slow", 30), {}, "by its name"),
        (("slow",), {"scenario": "stuck"}, "by its name"),
        ((7,), {}, "by its name"),
        ((None,), {}, "by its name"),
        ((), {"scenarios": "slow"}, "use scenario"),
        (("slow",), {"build_second": 0}, "use build_seconds"),
    ],
)
def test_marker_refuses_any_other_argument(
    arguments: tuple[Any, ...], settings: dict[str, Any], fix: str
) -> None:
    """Nothing is ignored; an unknown setting names the nearest."""
    with pytest.raises(Problem) as caught:
        pytest_plugin._settings(*arguments, **settings)

    assert fix in caught.value.fix


@pytest.mark.slow
def test_fixture_reads_the_marker(tmp_path: Path) -> None:
    """What it is given reaches the mock, or is an error of the test."""
    (tmp_path / "conftest.py").write_text(blocks()[0])
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.image_builds('slow')\ndef test_slow(image_builds): pass\n"
        "@pytest.mark.image_builds('slwo')\ndef test_unknown(image_builds): pass\n"
        "@pytest.mark.image_builds('slow', 1)\ndef test_two(image_builds): pass\n"
    )
    done = run_pytest(tmp_path)

    assert "1 passed, 2 errors" in done.stdout
    assert "use slow" in done.stdout


def test_the_other_example_runs_as_printed() -> None:
    """The block that needs no pytest is sound too."""
    assert len(blocks()) == 6

    exec(blocks()[5], {})  # noqa: S102 (our own words)


def test_the_page_names_what_is_there() -> None:
    """Each method and setting of the mock stands in the page's tables, and nothing else."""
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    of_the_mock = {name for name in vars(MockImages) if not name.startswith("_")}
    settings = set(inspect.signature(MockImages).parameters)

    assert named == (of_the_mock - {"answer", "answer_async"}) | settings
