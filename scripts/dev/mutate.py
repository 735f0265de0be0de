"""Mutation tests of the generated client: reports each survivor without an explanation.

Explained survivors are listed in contract_tests/selftest/support/survivors.txt.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from contract_tests import cli
from contract_tests.cli.options import Command
from contract_tests.problems import Exit, Problem

ROOT = Path(__file__).resolve().parents[2]
EXPLAINED = ROOT / "contract_tests/selftest/support/survivors.txt"
TESTS = (
    "test_client_requests", "test_client_errors", "test_client_settings", "test_client_facade",
    "test_client_arguments", "test_models", "test_decoding", "test_payloads", "test_job",
    "test_retry", "test_tolerance", "test_packing", "test_packing_ignore", "test_peers",
    "test_client_secrets", "test_client_log", "test_client_messages", "test_upload_policy",
    "test_client_receive",
)  # fmt: skip
LEFT_OUT = (
    "test_packing.py::test_socket_is_skipped_with_a_warning",
    "test_client_facade.py::test_every_operation_is_a_method_that_names_its_fields",
)
"""Tests of a caller's frame and of a class's functions, to which mutmut adds some of its own."""
CONFIG = """
[tool.mutmut]
paths_to_mutate = ["src/prime_image_builds/"]
tests_dir = [{tests}]
also_copy = ["openapi.yaml", "README.md", "docs", "contract_tests"]
"""


def project_copy(folder: Path) -> None:
    """Copy the project in the layout of mutmut: the code to mutate is in src."""
    for name in ("openapi.yaml", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    no_caches = shutil.ignore_patterns("__pycache__")
    for name in ("contract_tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=no_caches)
    shutil.copytree(ROOT / "generated", folder / "src", ignore=no_caches)
    settings = (folder / "pyproject.toml").read_text()
    settings = settings.replace('pythonpath = [".", "generated"]', 'pythonpath = [".", "src"]')
    # A mutant that only leaves a socket open must not fail for that warning.
    settings = settings.replace('filterwarnings = ["error"]', "filterwarnings = []")
    unit = "contract_tests/selftest/unit"
    options = "".join(f'"--deselect={unit}/{one}", ' for one in LEFT_OUT)
    settings = settings.replace("addopts = [", f"addopts = [{options}")
    found = {path.stem: path for path in (ROOT / "contract_tests/selftest/unit").glob("test_*.py")}
    tests = ", ".join(f'"{found[name].relative_to(ROOT).as_posix()}"' for name in TESTS)
    (folder / "pyproject.toml").write_text(settings + CONFIG.format(tests=tests))


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut; return its output."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def survivors(folder: Path) -> list[str]:
    """Return each surviving mutant: its function and the changed lines."""
    found = []
    for name in re.findall(r"^ *(\S+): (?:survived|no tests)", mutmut(folder, "results"), re.M):
        lines = mutmut(folder, "show", name).splitlines()
        changed = [
            f"{line[0]} {line[1:].strip()}"
            for line in lines
            if line[:1] in "-+" and line[:3] not in ("---", "+++")
        ]
        function = re.sub(r"__mutmut_\d+$", "", name).removeprefix("prime_image_builds.")
        found.append("\n".join([function, *changed]))
    return found


def explained() -> dict[str, str]:
    """Read the list: function and changed lines of each mutant, and the reason after ``#``."""
    blocks = EXPLAINED.read_text(encoding="utf-8").split("\n\n")
    reasons = {}
    for block in blocks[1:]:
        lines = block.strip().splitlines()
        mutant = "\n".join(line for line in lines if not line.startswith("#"))
        reasons[mutant] = " ".join(line[1:].strip() for line in lines if line.startswith("#"))
    return reasons


@click.command(cls=Command)
def main() -> int:
    """Mutation-test the client; takes about 15 minutes.

    Exit codes: 0 each survivor is explained, 1 a survivor is not, or an explanation has no
    survivor, 4 mutmut failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project_copy(folder)
        print("mutating the client; takes about 15 minutes", flush=True)  # noqa: T201
        last = mutmut(folder, "run").rpartition("\r")[2]
        survived, reasons = survivors(folder), explained()
    if not re.search(r"\d+/\d+", last):
        raise Problem(f"mutmut did not run\n{last}", "see its output")
    unexplained = [mutant for mutant in survived if not reasons.get(mutant)]
    unused = [mutant for mutant in reasons if mutant not in survived]
    for mutant in unexplained:
        print(f"survived without an explanation\n{mutant}\n")  # noqa: T201
    for mutant in unused:
        print(f"explained, but did not survive\n{mutant}\n")  # noqa: T201
    print(f"{last.strip()}: {len(survived)} survived, {len(unexplained)} unexplained")  # noqa: T201
    return Exit.FOUND if unexplained or unused else Exit.OK


if __name__ == "__main__":
    sys.exit(cli.run(main, "python -m scripts.dev.mutate"))
