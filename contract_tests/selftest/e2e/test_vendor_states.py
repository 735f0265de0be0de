"""What is found of a copy: fresh, edited, broken or outdated; and the check that lives in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ...problems import Exit
from ...vendoring import vendor, vendor_check
from ...vendoring.source import Source, find
from ...vendoring.vendor_check import (
    BROKEN,
    EDITED,
    FRESH,
    LOCK,
    UNKNOWN,
)
from ..support.vendoring import ROOT, advance, commit, git, listed, refused, write

Captured = pytest.CaptureFixture[str]

# Runs a script in a process that may have no more than 400 MB, and no more than a minute.
BOUNDED = """
import resource, runpy, signal, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 10**8, 4 * 10**8))
signal.alarm(60)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_older_checkout_is_not_an_update(tmp_path: Path, source: Source) -> None:
    """A copy that is newer than the checkout is fresh, where its commit is on a branch."""
    first = commit(source.root)
    advance(source.root, "1.1.0")
    commit(source.root)
    copied = vendor.copy(source, tmp_path / "dest").package
    git(source.root, "checkout", "-q", first)
    state = vendor.check(source, copied)

    assert state.state == FRESH
    assert "1.1.0 → 1.0.0" in state.what


@pytest.mark.parametrize("with_tests", [False, True])
def test_edit_that_the_lock_agrees_with_is_found_in_a_clone(
    tmp_path: Path, source: Source, with_tests: bool
) -> None:
    """It is compared with what the commit in the lock vendors, and kept unless forced."""
    commit(source.root)
    copied = vendor.copy(source, tmp_path / "dest", with_tests=with_tests).package
    write("client.py", b"mine = 1\n")(copied)
    advance(source.root, "1.1.0")
    commit(source.root)
    edits = ["edited     client.py", f"edited     {LOCK}"]

    assert vendor_check.check(copied).state == FRESH
    state = vendor.check(source, copied)
    assert (state.state, listed(state)) == (EDITED, edits)
    problem = refused(source, copied.parent)
    assert (problem.code, listed(problem)) == (Exit.FOUND, edits)
    assert vendor.copy(source, copied.parent, force=True).overwritten == {
        "client.py": "edited",
        LOCK: "edited",
    }
    assert vendor.check(source, copied).state == FRESH


def test_copy_of_another_contract_is_unknown_outside_of_a_clone(
    source: Source, copied: Path
) -> None:
    """It may be older or edited: it is neither fresh nor an update, and can be replaced."""
    advance(source.root, "1.1.0")

    state = vendor.check(source, copied)
    assert (state.state, state.code) == (UNKNOWN, Exit.CANNOT_TELL)
    assert "changed   client.py" in listed(state)
    assert not vendor.copy(source, copied.parent).is_known
    assert vendor.check(source, copied).state == FRESH


def test_copy_of_the_same_contract_with_other_files_is_edited_outside_of_a_clone(
    source: Source, copied: Path
) -> None:
    """A contract has one client, whatever its lock names as the source."""
    write("client.py", b"mine = 1\n")(copied)

    state = vendor.check(source, copied)
    assert (state.state, listed(state)[0]) == (EDITED, "edited     client.py")
    assert refused(source, copied.parent).code == Exit.FOUND


def test_compiled_module_that_git_tracks_is_an_edit(source: Source, copied: Path) -> None:
    """Python runs it instead of its source. Caches that git ignores are everybody's."""
    (copied / "__pycache__").mkdir()
    (copied / "__pycache__/client.cpython-311.pyc").write_bytes(b"code")
    git(copied.parent, "init", "-q")
    assert vendor.check(source, copied).state == FRESH
    commit(copied.parent)

    state = vendor.check(source, copied)
    assert state.state == EDITED
    assert listed(state) == ["added      __pycache__/client.cpython-311.pyc"]


def test_compiled_module_is_not_fresh_where_git_does_not_tell(
    source: Source, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of git, and in a clone of another owner, it may be anybody's."""
    assert vendor.check(source, copied).state == FRESH  # there is none
    (copied / "models/__pycache__").mkdir()
    (copied / "models/__pycache__/build.cpython-311.pyc").write_bytes(b"code")
    alone = vendor.check(source, copied)
    commit(copied.parent)
    # git's own variable for its tests, and no settings of this machine that trust any folder
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    foreign = vendor.check(source, copied)

    for state, reason in ((alone, "not a git repository"), (foreign, "dubious ownership")):
        assert (state.state, listed(state)) == (UNKNOWN, ["compiled   models/__pycache__"])
        assert reason in state.what
    (copied / "client.py").write_text("mine = 1\n")
    assert vendor.check(source, copied).state == EDITED


def test_link_to_the_same_content_is_an_edit(tmp_path: Path, copied: Path) -> None:
    """What is elsewhere can change after the check."""
    (copied / "client.py").rename(tmp_path / "client.py")
    (copied / "client.py").symlink_to(tmp_path / "client.py")

    for state in (vendor_check.check(copied), vendor.check(find(ROOT), copied)):
        assert (state.state, listed(state)) == (EDITED, ["edited     client.py"])


@pytest.mark.parametrize("name", [LOCK, "client.py"])
@pytest.mark.parametrize("kind", ["device", "fifo", "link", "folder", "large"])
def test_what_is_no_regular_file_is_not_read(tmp_path: Path, name: str, kind: str) -> None:
    """A device has no end, a FIFO is not written to, and a file may be larger than memory."""
    copied = vendor.copy(find(ROOT), tmp_path / "dest").package
    path = copied / name
    path.rename(tmp_path / "real")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "real")
    script = copied / "vendor_check.py"

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-S", "-c", BOUNDED, str(script)], check=False, capture_output=True
    )
    assert done.stdout.startswith(b"problem: "), done.stderr
    found = vendor.check(find(ROOT), copied)

    assert found.state == (BROKEN if name == LOCK else EDITED)
    assert refused(find(ROOT), copied.parent).code == Exit.FOUND


@pytest.mark.parametrize("where", ["copy", "action"])
@pytest.mark.parametrize("is_edited", [False, True], ids=["fresh", "edited"])
def test_reader_that_has_gone_changes_no_code(copied: Path, where: str, is_edited: bool) -> None:
    """Neither that of the script in the copy, nor that of the action's."""
    if is_edited:
        (copied / "client.py").write_text("# mine")
    script = copied / "vendor_check.py" if where == "copy" else ROOT / "scripts/ci/vendor_check.py"
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as closed:
        done = subprocess.run(  # noqa: S603
            [sys.executable, script], stdout=closed, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "VENDOR_PATH": str(copied), "VENDOR_ON_UPDATE": "fail"},
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (Exit.FOUND if is_edited else Exit.OK, b"")


def test_check_in_the_copy_runs_alone(tmp_path: Path, copied: Path) -> None:
    """It needs no package, and runs from any folder."""
    script = copied / "vendor_check.py"

    def run(*arguments: str, cwd: Path = tmp_path) -> str:
        command = [sys.executable, "-S", str(script), "--json", *arguments]
        done = subprocess.run(command, cwd=cwd, check=False, capture_output=True)  # noqa: S603
        found = json.loads(done.stdout)
        assert done.returncode == vendor_check.CODES[found["state"]]
        return str(found["state"])

    assert [run(), run(cwd=copied), run(str(copied.parent))] == [FRESH, FRESH, FRESH]
    (copied / "own.py").touch()
    assert run() == EDITED
    (copied / LOCK).unlink()
    assert run() == BROKEN


def test_exit_codes_of_the_check_are_those_of_the_program(capsys: Captured) -> None:
    """The check in the copy has its own numbers, since it imports nothing of the project."""
    for option in ("--sauce", "--jso"):
        with pytest.raises(SystemExit) as ended:
            vendor_check.main([option])

        assert ended.value.code == Exit.CANNOT_TELL, option
        assert "fix: " in capsys.readouterr().err
    assert {*vendor_check.CODES.values()} == {Exit.OK, Exit.FOUND, Exit.CANNOT_TELL}
