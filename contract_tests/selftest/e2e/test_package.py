"""The wheel: what it holds, and its commands where nothing of this project is to be found."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ... import cli, usage
from ...contract.openapi import PATH, contract
from ...gate.target import GateError
from ...reference.faults import FAULTS
from ...settings import LOAD, SETTINGS, from_environment
from ..support.gate_command import SCRIPTED

ROOT = PATH.parent
NAMES = {"contract_tests", "prime_image_builds"}
TOKEN = "s3cret-token"  # noqa: S105 (no secret: nobody takes it)
COMMANDS = [*cli.COMMANDS]
# Our own tests, and the commands for work on the project itself.
LEFT_OUT = re.compile(r"selftest/|cli/project\.py")
# A project of somebody's that has the worst of names, and settings that break any run of pytest.
FOREIGN = {
    "conftest.py": "raise RuntimeError('not yours')\n",
    "pytest.ini": "[pytest]\naddopts = --no-such-option\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--no-such-option'\n",
    "contract_tests/__init__.py": "raise RuntimeError('not yours')\n",
    "scripts/__init__.py": "raise RuntimeError('not yours')\n",
    "prime_image_builds/__init__.py": "raise RuntimeError('not yours')\n",
    "plugin.py": "raise RuntimeError('not yours')\n",
    "plugin-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n",
    "plugin-1.0.dist-info/entry_points.txt": "[pytest11]\nplugin = plugin\n",
}


@dataclass(frozen=True)
class Installed:
    """The wheel, where it was installed, and a project that has nothing to do with it."""

    wheel: Path
    site: Path
    project: Path

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the console script inside that project, whose modules can all be imported."""
        return self.python(str(self.site / "bin" / usage.CONSOLE), *words, **environment)

    def python(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python there."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CONTRACT_", "PYTEST", usage.VARIABLE))
        }
        path = os.pathsep.join(map(str, (self.site, self.project)))
        return subprocess.run(  # noqa: S603 (our own command)
            [sys.executable, *words],
            cwd=self.project, env={**clean, "PYTHONPATH": path, "COLUMNS": "200", **environment},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip


def pip(*words: str) -> None:
    """Run pip of this environment, without a network."""
    quiet = ("-q", "--disable-pip-version-check", "--no-input", "--no-cache-dir", "--no-index")
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "pip", words[0], *quiet, *words[1:]],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel, install it alone, and put up the project."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.fail(
            "problem: the build backend hatchling is not in this environment.\n"
            "    fix: make lock, where requirements.txt lacks it; make test sets .venv up anew",
            pytrace=False,
        )
    base = tmp_path_factory.mktemp("package with a blank")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(base), str(ROOT))
    (wheel,) = base.glob("*.whl")
    pip("install", "--no-compile", "--no-deps", "--target", str(base / "site"), str(wheel))
    for name, text in FOREIGN.items():
        place = base / "project" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return Installed(wheel, base / "site", base / "project")


@cache
def held(wheel: Path) -> dict[str, str]:
    """Read the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def files(folder: Path) -> set[str]:
    """List the files below a folder, but for what Python caches."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_wheel_has_the_import_names_of_a_checkout(installed: Installed) -> None:
    """And nothing else is importable: no scripts, no generated."""
    tops = {name.split("/")[0] for name in held(installed.wheel)}

    assert {top for top in tops if not top.endswith(".dist-info")} == NAMES


def test_wheel_has_every_file_of_the_packages(installed: Installed) -> None:
    """As in a checkout, with the contract inside, without what only a checkout can use."""
    found = {name for name in held(installed.wheel) if name.split("/")[0] in NAMES}
    ours = {f"contract_tests/{one}" for one in files(ROOT / "contract_tests")
            if not LEFT_OUT.match(one)}  # fmt: skip
    client = {f"prime_image_builds/{one}" for one in files(ROOT / "generated/prime_image_builds")}

    assert found == {
        *ours, *client, "contract_tests/openapi.yaml", "contract_tests/vendoring/MANIFEST.json",
        "contract_tests/vendoring/LICENSE",
    }  # fmt: skip


@pytest.mark.slow
def test_public_paths_are_those_of_a_checkout(installed: Installed) -> None:
    """A test that is written in a checkout works with the package, and the other way round."""
    code = "import contract_tests.watch, contract_tests.pytest_plugin, prime_image_builds\n" \
           "import contract_tests.mock; print(contract_tests.mock.__file__)"  # fmt: skip
    done = installed.python("-P", "-c", code)

    assert done.stdout.strip() == str(installed.site / "contract_tests/mock.py"), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("conftest", ["", "pytest_plugins = ['contract_tests.pytest_plugin']\n"])
def test_pytest_has_the_fixture_by_itself(
    installed: Installed, conftest: str, tmp_path: Path
) -> None:
    """Once, where a conftest names it too; a run that does not use it imports nothing for it."""
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_before.py").write_text(
        "import sys\ndef test_it(): assert 'contract_tests.mock' not in sys.modules\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.image_builds('slow')\n"
        "def test_it(image_builds): image_builds.advance(seconds=1)\n"
    )
    done = installed.python(
        "-P", "-m", "pytest", "-q", "--strict-markers", "-W", "error", "-p", "no:cacheprovider",
        "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path),
        PYTHONPATH=str(installed.site),
    )  # fmt: skip

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_wheel_knows_no_machine(installed: Installed) -> None:
    """No file holds a path of where it was made."""
    machine = (str(ROOT), str(Path.home()) + "/", sys.prefix)
    texts = held(installed.wheel)

    assert [name for name, text in texts.items() if any(one in text for one in machine)] == []


@cache
def imports(wheel: Path) -> list[tuple[str, str]]:
    """Return each module of a wheel with the packages that it imports by an absolute name."""
    return [*_imports(wheel)]


def _imports(wheel: Path) -> Iterator[tuple[str, str]]:
    for name, text in held(wheel).items():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and not node.level:
                yield name, (node.module or "").split(".")[0]
            elif isinstance(node, ast.Import):
                yield from ((name, alias.name.split(".")[0]) for alias in node.names)


def test_client_knows_nothing_of_the_tests(installed: Installed) -> None:
    """It is vendored alone; and no module needs what only a checkout has."""
    found = imports(installed.wheel)

    assert {one for name, one in found if name.startswith("prime_image_builds/")} & NAMES == set()
    assert {one for _, one in found} & {"scripts", "generated"} == set()


def test_dependencies_are_declared(installed: Installed) -> None:
    """Whatever a module imports comes with the wheel."""
    said = {"jsonschema-rs": "jsonschema_rs", "ruamel-yaml": "ruamel"}
    metadata = next(
        text for name, text in held(installed.wheel).items() if name.endswith("/METADATA")
    )
    named = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", metadata, re.M)
    optional = {"rich", "redis", "gevent", "locust"}  # who wants them has them
    imported = {one for _, one in imports(installed.wheel)}

    assert imported - {*sys.stdlib_module_names, *NAMES} - optional == {
        said.get(name, name) for name in named
    }


@pytest.mark.slow
def test_source_distribution_makes_the_same_wheel(installed: Installed, tmp_path: Path) -> None:
    """Whoever builds from it has what a clone gives; it holds nothing that git ignores."""
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path), "-t"]
    subprocess.run([*hatch, "sdist"], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    (packed,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / packed.name.removesuffix(".tar.gz")
    subprocess.run([*hatch, "wheel"], cwd=source, check=True, capture_output=True)  # noqa: S603
    (wheel,) = tmp_path.glob("*.whl")
    ours, its = (held(one) for one in (installed.wheel, wheel))

    assert its == ours
    assert not {".venv", "site", "reports", "dist"} & {one.name for one in source.iterdir()}


def test_versions_of_python_are_those_of_the_support_statement() -> None:
    """The classifiers of the package name the versions that the document says were run."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ran = re.search(r"\*\*Python ([^*]+)\*\*", (ROOT / "docs/package.md").read_text())
    named = re.findall(r":: (3\.\d+)", "\n".join(project["classifiers"]))

    assert ran is not None
    assert re.findall(r"3\.\d+", ran[1]) == named
    assert project["requires-python"] == f">={named[0]}"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help(installed: Installed, command: str) -> None:
    """Each command says how it is called, by the name that it has here."""
    done = installed.run(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(rf"(?i)usage: {usage.CONSOLE} {command} ", done.stdout)


def test_version(installed: Installed) -> None:
    """One version for all: of the contract, of the package, of the command."""
    number = str(contract().document["info"]["version"])

    assert installed.run("--version").stdout == f"prime-image-builds-contract {number}\n"
    assert installed.wheel.name.split("-")[1] == number


@pytest.mark.slow
def test_gate(installed: Installed) -> None:
    """The gate judges as everywhere, unmoved by the project around it, and writes nothing."""
    done = installed.run("gate", "--rule", "T5", PYTEST_ADDOPTS="--no-such", PYTEST_PLUGINS="no")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^T5  SHOULD  passed +\d+ ", done.stdout, re.M)
    assert "calls, sync and async, rules C1" in done.stdout
    assert files(installed.project) == set(FOREIGN)


@pytest.mark.slow
def test_a_violation_is_repeated_by_this_command(installed: Installed, tmp_path: Path) -> None:
    """The exit code is 1; the last line of a failure is the console script's own."""
    report = tmp_path / "reports/junit.xml"
    done = installed.run(
        "gate", "--rule=T5", "--rule=T4", "--fault=completed-null", "--server-only",
        f"--max-requests={SCRIPTED}", "--junit", str(report),
    )  # fmt: skip

    assert done.returncode == 1, done.stdout + done.stderr
    command = f"{usage.CONSOLE} gate --rule=T5 --fault=completed-null --max-requests={SCRIPTED}"
    command += " --server-only"
    assert re.search(rf"^  repeat    {command}$", done.stdout, re.M)
    assert "T5" in report.read_text()
    assert "T5" in report.with_name("summary.md").read_text()
    assert files(installed.project) == set(FOREIGN)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--no-such-option"], "unknown option --no-such-option"),
        (["--rule", "T99"], "unknown rule T99\n    fix: use T9"),
        (["--rate", "slow"], "--rate is not a number from 0.01 on: 'slow'\n    fix: --rate=20"),
        (["--target", "http://127.0.0.1:9"], "put it in the variable CONTRACT_TOKEN"),
        (["--build-id", "b"], "--build-id needs a --target\n    fix: --target=http://host"),
    ],
)
def test_misuse_ends_with_4(installed: Installed, words: list[str], part: str) -> None:
    """The message has the command lines of the console script."""
    done = installed.run("gate", *words)

    assert done.returncode == 4
    assert part in done.stderr


@pytest.mark.slow
def test_unreachable_server_ends_with_4(installed: Installed) -> None:
    """The message has the command lines of the console script."""
    done = installed.run("gate", "--target", "http://127.0.0.1:9", CONTRACT_TOKEN=TOKEN)

    assert done.returncode == 4
    assert "or correct --target" in done.stdout + done.stderr


@pytest.mark.slow
def test_judge(installed: Installed, tmp_path: Path) -> None:
    """A recording is judged by itself, and the rules are chosen as for the gate."""
    sample = tmp_path / "a sample.har"
    shutil.copy(Path(__file__).parents[1] / "support/har/chrome.har", sample)
    done = installed.run("judge", str(sample), "--rule", "T5", "--rule", "T4")
    absent = installed.run("judge", str(tmp_path / "absent.har"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^T5 +SHOULD +passed", done.stdout, re.M)
    assert re.search(r"^\d of 2 rules were observed", done.stdout, re.M)
    assert absent.returncode == 4
    assert "fix: " in absent.stderr
    assert installed.run("judge").returncode == 4


@pytest.mark.slow
def test_serve_takes_what_the_module_takes(installed: Installed) -> None:
    """The options are handed on."""
    done = installed.run("serve", "--list-faults")
    taken = installed.run("serve", "--port", "70000", "--fault", "completed-null")

    assert "completed-null" in done.stdout
    assert taken.returncode == 4
    assert "problem: " in taken.stderr


def test_vendor(installed: Installed, tmp_path: Path) -> None:
    """The client is copied from the wheel, and an edit of the copy is found."""
    copied = installed.run("vendor", str(tmp_path))
    fresh = installed.run("vendor-check", str(tmp_path))
    (tmp_path / "prime_image_builds/client.py").write_text("# mine\n")
    edited = installed.run("vendor-check", str(tmp_path))

    assert [copied.returncode, fresh.returncode, edited.returncode] == [0, 0, 1], copied.stderr
    assert "client.py" in edited.stdout + edited.stderr


@pytest.mark.slow
def test_completion(installed: Installed) -> None:
    """Of commands, options and values."""

    def completed(*words: str) -> list[str]:
        done = installed.run(
            _IMAGE_BUILD_CONTRACT_COMPLETE="bash_complete",
            COMP_WORDS=" ".join((usage.CONSOLE, *words)),
            COMP_CWORD=str(len(words)),
        )
        return [line.split(",", 1)[1] for line in done.stdout.splitlines()]

    assert completed("ga") == ["gate"]
    assert completed("gate", "--max-b") == ["--max-builds"]
    assert "completed-null" in completed("serve", "--fault", "completed-")
    assert completed("judge", "--rule", "P1,T5") == ["P1,T5"]


@pytest.mark.parametrize("command", ["gate", "load"])
def test_each_setting_is_an_option(command: str) -> None:
    """But for the token, which no other process shall see."""
    taken = [word for param in dict(cli.each())[command].params for word in param.opts]
    settings = [one for one in SETTINGS.values() if command in one.commands and not one.is_secret]

    assert taken[: len(settings)] == [usage.option(one.name) for one in settings]


@pytest.mark.parametrize("name", [one for one in SETTINGS if one != "TOKEN"])
def test_errors_name_settings_as_they_are_given(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever is wrong with a setting, its name is that of the command line in use."""
    wrong = {
        "LEVEL": "x", "RULE": "T1", "FAULT": "status-null", "BUILD_ID": "b", "WAIVERS": tmp_path,
        "HEADERS": "x", "DRY_RUN": "x", "CA_BUNDLE": tmp_path, "REQUIRE": "x",
        "DOCKERFILE": tmp_path, "DATABASE": "http://x",
    }.get(name, "x")  # fmt: skip
    given = {f"CONTRACT_{name}": str(wrong)}
    if name == "RULE":
        given["CONTRACT_REQUIRE"] = "T5"
    if name == "FAULT":
        given |= {"CONTRACT_TARGET": "http://127.0.0.1", "CONTRACT_TOKEN": "t"}
        given["CONTRACT_FAULT"] = next(iter(FAULTS))
    for console, word in (("", name), ("console", usage.option(name))):
        monkeypatch.setenv(usage.VARIABLE, console)
        with pytest.raises(GateError) as caught:
            from_environment(given, "load" if name in LOAD else "gate")
        words = re.findall(r"[\w-]+", str(caught.value))

        assert word in words
        assert not {*words} & ({*SETTINGS} if console else {*map(usage.option, SETTINGS)})
