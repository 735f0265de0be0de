"""Makes checkouts to vendor, and ends a vendoring run at each of its steps.

Run by a test in a process of its own, since it forks:
``python -m contract_tests.selftest.support.vendoring CHECKOUT OLD DEST terminate|interrupt|kill``.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...problems import Problem
from ...vendoring import git as real_git
from ...vendoring import vendor, vendor_check
from ...vendoring.source import TEST_MODULES, Source, find
from ...vendoring.vendor_check import FRESH, PACKAGE, CopyState

ROOT = Path(__file__).resolve().parents[3]
FILES = ("openapi.yaml", "LICENSE", "scripts/generate.py")
FOLDERS = ("reference", "payloads", "vendoring")
STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod"}


def refused(source: Source, destination: Path, *, force: bool = False) -> Problem:
    """Return the problem with which a copy is refused."""
    try:
        vendor.copy(source, destination, force=force)
    except Problem as problem:
        return problem
    raise AssertionError(f"{destination} was written")


def listed(state: CopyState | Problem) -> list[str]:
    """Return the lines that list files."""
    return [*state.details]


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, blind to the settings of this machine."""
    who = {f"GIT_{role}_{key}": "a@b.c" for role in ("AUTHOR", "COMMITTER")
           for key in ("NAME", "EMAIL")}  # fmt: skip
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **who}
    done = subprocess.run(  # noqa: S603
        ["git", *arguments], cwd=folder, env=clean, check=True, capture_output=True, text=True  # noqa: S607
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit all that is in a folder, on its branch main; return the commit."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    return git(folder, "rev-parse", "HEAD")


def write(name: str, content: bytes | None) -> Callable[[Path], None]:
    """Return what changes, adds or removes a file of a copy, and has its lock agree."""

    def edit(package: Path) -> None:
        path, lock = package / name, package / vendor_check.LOCK
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        said = json.loads(lock.read_text())
        names = vendor_check.differences(package, {})
        said["files"] = {one: vendor_check.sha256((package / one).read_bytes()) for one in names}
        lock.write_text(json.dumps(said))

    return edit


def edit(package: Path) -> None:
    """Edit the client, and add a file whose name looks like a command to GitHub."""
    (package / "client.py").write_text("# mine\n")
    (package / "::error::no command").touch()


def checkout(folder: Path) -> Path:
    """Make a checkout outside of git, with all that is vendored."""
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("generated", *(f"contract_tests/{name}" for name in FOLDERS)):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in (*FILES, *(f"contract_tests/{name}" for name in TEST_MODULES)):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def shrink(folder: Path) -> Path:
    """Reduce the client of a checkout to a few files, so that a copy has fewer steps to die at."""
    package = folder / "generated" / PACKAGE
    for name in ("api", "models"):
        shutil.rmtree(package / name)
    for path in package.glob("_[a-z]*.py"):
        path.unlink()
    sign(folder, "1.0.0")
    return folder


def advance(folder: Path, version: str, *, rename: bool = True) -> None:
    """Give a checkout a newer contract and a changed file of the client; ``rename`` another one."""
    package = folder / "generated" / PACKAGE
    contract = folder / "openapi.yaml"
    contract.write_text(contract.read_text() + f"# {version}\n")
    (package / "client.py").write_text((package / "client.py").read_text() + f"# {version}\n")
    if rename:
        (package / "progress.py").rename(package / "newer.py")
    sign(folder, version)


def sign(folder: Path, version: str) -> None:
    """Write the manifest of a checkout anew."""
    generated, contract = folder / "generated", folder / "openapi.yaml"
    manifest = json.loads((generated / "MANIFEST.json").read_text())
    manifest["contract"] = {
        "version": version,
        "sha256": vendor_check.sha256(contract.read_bytes()),
    }
    manifest["files"] = {
        path.relative_to(generated).as_posix(): vendor_check.sha256(path.read_bytes())
        for path in sorted((generated / PACKAGE).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    (generated / "MANIFEST.json").write_text(json.dumps(manifest))


def die_at(number: int, how: str) -> None:
    """End this process at its step of that number: steps change something on disk."""
    steps = itertools.count()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_WRONLY
        if (writes or event in STEPS) and next(steps) == number:
            if how == "interrupt":
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGTERM)

    sys.addaudithook(hook)


def is_done(number: int, how: str, run: Callable[[], object]) -> bool:
    """Run in a child that dies at a step; return whether it had finished before."""
    child = os.fork()
    if not child:
        with contextlib.suppress(KeyboardInterrupt), contextlib.redirect_stdout(io.StringIO()):
            die_at(number, how)
            run()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def state(package: Path) -> str:
    """Return the version of a complete copy, else what was found."""
    if not package.exists():
        return "absent"
    found = vendor_check.check(package)
    if found.state != FRESH:
        return str(found)
    return str(vendor_check.read_lock(package)["contract"]["version"])


def deaths(source: Path, old: Path, dest: Path, how: str) -> Iterator[tuple[str, str]]:
    """Yield for each step: the copy after death there, and after another run."""
    package = dest / PACKAGE

    def run() -> object:
        return vendor.copy(find(source), dest)

    for number in itertools.count():
        shutil.rmtree(dest, ignore_errors=True)
        shutil.copytree(old, dest)
        done = is_done(number, how, run)
        left = state(package)
        run()
        yield left, state(package)
        if done:
            return


def main(arguments: list[str]) -> None:
    """Print the states, with the number of deaths that led to each, as JSON."""
    source, old, dest = map(Path, arguments[:3])
    real_git.output = lambda *_: None  # It only finds the commit, and starts three processes.
    found = Counter(deaths(source, old, dest, arguments[3]))
    print(json.dumps([[*states, times] for states, times in found.items()]))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
