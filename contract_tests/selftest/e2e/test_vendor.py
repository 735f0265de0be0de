"""The client is copied into any folder, edits are told and kept, and updates say what is new."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import vendor, vendor_check, vendor_source
from scripts.vendor_check import BROKEN, EDITED, ERROR, FRESH, LOCK, PACKAGE, UPDATE

from ...problems import Exit
from ..support.vendoring import ROOT, advance, checkout

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a checkout that may be changed."""
    return checkout(tmp_path / "source")


@pytest.fixture
def copied(tmp_path: Path, capsys: Captured) -> Path:
    """Vendor this checkout."""
    assert vendor.main(["copy", str(tmp_path / "dest")]) == Exit.OK
    capsys.readouterr()
    return tmp_path / "dest" / PACKAGE


def git(folder: Path, *arguments: str) -> str:
    """Run git as somebody, blind to the settings of this machine."""
    who = {f"GIT_{role}_{key}": "a@b.c" for role in ("AUTHOR", "COMMITTER")
           for key in ("NAME", "EMAIL")}  # fmt: skip
    clean = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **who}
    done = subprocess.run(  # noqa: S603
        ["git", *arguments], cwd=folder, env=clean, check=True, capture_output=True, text=True  # noqa: S607
    )  # fmt: skip
    return done.stdout.strip()


def test_the_lock_tells_all(tmp_path: Path, source: Path) -> None:
    """The lock holds each file of the copy, and the digests of what it was made with."""
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "all")
    vendor.copy(source, tmp_path / "dest", with_tests=None, force=False)
    package = tmp_path / "dest" / PACKAGE
    lock = json.loads((package / LOCK).read_text())
    manifest = json.loads((source / "generated/MANIFEST.json").read_text())
    files = {path for path in package.rglob("*") if path.is_file() and path.name != LOCK}

    assert lock["contract"] == manifest["contract"]
    assert lock["contract"]["sha256"] == vendor_check.sha256((source / "openapi.yaml").read_bytes())
    assert lock["templates"] == manifest["templates"]
    assert lock["generator"] == {
        "sha256": vendor_check.sha256((source / "scripts/generate.py").read_bytes()),
        **manifest["tools"],
    }
    assert lock["source"] == {"commit": git(source, "rev-parse", "HEAD")}
    assert lock["files"] == {
        path.relative_to(package).as_posix(): vendor_check.sha256(path.read_bytes())
        for path in sorted(files)
    }
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_commit_is_honest(tmp_path: Path, source: Path) -> None:
    """Outside of git, or in another project's, the commit is unknown; uncommitted work is dirty."""
    (tmp_path / "first").mkdir()
    alone = vendor_source.lock(source, {}, with_tests=False)["source"]["commit"]
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "none", "--allow-empty")
    within = vendor_source.lock(source, {}, with_tests=False)["source"]["commit"]
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "all")
    (source / "reports").write_text("not vendored")
    clean = vendor_source.lock(source, {}, with_tests=False)["source"]["commit"]
    (source / "LICENSE").write_text("mine")
    dirty = vendor_source.lock(source, {}, with_tests=False)["source"]["commit"]

    assert (alone, within) == ("unknown", "unknown")
    assert dirty == f"{clean}+dirty"
    assert clean == git(source, "rev-parse", "HEAD")


def test_edits_are_told_and_kept(copied: Path, capsys: Captured) -> None:
    """Edits and additions are named and shown, and not overwritten unasked."""
    with (copied / "client.py").open("a") as file:
        file.write("\x1b[31mmine = 1\n" * 500)
    (copied / "own.py").touch()

    assert vendor_check.main([str(copied)]) == Exit.FOUND
    assert capsys.readouterr().out.splitlines()[1:3] == [
        "edited     client.py",
        "added      own.py",
    ]
    assert vendor.main(["copy", str(copied.parent)]) == Exit.FOUND
    shown = capsys.readouterr().out
    assert "+\N{REPLACEMENT CHARACTER}[31mmine = 1\n" in shown
    assert len(shown.splitlines()) < vendor.LINES_OF_FILE + 10
    assert "fix: keep that elsewhere, then vendor with --force" in shown
    assert "mine = 1" in (copied / "client.py").read_text()

    assert vendor.main(["copy", str(copied.parent), "--force"]) == Exit.OK
    assert "added      own.py" in capsys.readouterr().out
    assert vendor.main(["check", str(copied.parent)]) == Exit.OK
    assert not (copied / "own.py").exists()


def test_edits_are_shown_against_what_was_vendored(
    tmp_path: Path, source: Path, capsys: Captured
) -> None:
    """Once the checkout has moved on, its history has the text; without, the list must do."""
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "all")
    vendor.copy(source, tmp_path / "dest", with_tests=None, force=False)
    client = tmp_path / "dest" / PACKAGE / "client.py"
    client.write_text(client.read_text() + "mine = 1\n")
    advance(source, "1.1.0")
    arguments = ["copy", str(tmp_path / "dest"), "--source", str(source)]

    assert vendor.main(arguments) == Exit.FOUND
    shown = capsys.readouterr().out
    assert "\n+mine = 1\n" in shown
    assert "1.1.0" not in shown
    shutil.rmtree(source / ".git")
    assert vendor.main(arguments) == Exit.FOUND
    assert "(the text of client.py as vendored is not at hand)" in capsys.readouterr().out


def test_edits_of_uncommitted_work_are_listed(
    tmp_path: Path, source: Path, capsys: Captured
) -> None:
    """The text of the commit is not what was vendored from a dirty checkout, so it is not shown."""
    git(source, "init", "-q")
    git(source, "add", "-A")
    git(source, "commit", "-qm", "all")
    advance(source, "1.1.0")
    vendor.copy(source, tmp_path / "dest", with_tests=None, force=False)
    (tmp_path / "dest" / PACKAGE / "client.py").write_text("mine = 1\n")
    advance(source, "1.2.0", rename=False)

    assert vendor.main(["copy", str(tmp_path / "dest"), "--source", str(source)]) == Exit.FOUND
    assert "(the text of client.py as vendored is not at hand)" in capsys.readouterr().out


def test_what_is_shown_is_bounded(copied: Path, capsys: Captured) -> None:
    """Edits in many files are counted past the first lines."""
    for path in copied.rglob("*.py"):
        path.write_text("mine = 1\n" * 30)

    assert vendor.main(["copy", str(copied.parent)]) == Exit.FOUND
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == vendor.LINES + 3
    assert shown[-2].endswith(" more lines")


def test_missing_files_are_broken_and_restored(copied: Path, capsys: Captured) -> None:
    """A copy that is not whole is broken; vendoring anew loses nothing, and so needs no force."""
    (copied / "errors.py").unlink()
    (copied / "client.py").write_text("mine")

    assert vendor_check.main([str(copied)]) == Exit.FOUND
    told = capsys.readouterr().out
    assert told.splitlines()[1:3] == ["edited     client.py", "missing    errors.py"]
    assert "fix: vendor it anew" in told
    shutil.copyfile(ROOT / "generated" / PACKAGE / "client.py", copied / "client.py")
    assert vendor.main(["copy", str(copied.parent)]) == Exit.OK
    assert "restored  errors.py" in capsys.readouterr().out
    assert vendor_check.main([str(copied)]) == Exit.OK


def test_line_ends_are_told_as_such(copied: Path, capsys: Captured) -> None:
    """What autocrlf does is no edit by hand: it is told apart, and vendoring anew mends it."""
    for path in copied.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert vendor_check.main([str(copied)]) == Exit.FOUND
    told = capsys.readouterr().out
    assert "autocrlf" in told
    assert "edited  " not in told
    assert vendor.main(["copy", str(copied.parent)]) == Exit.OK
    assert vendor_check.main([str(copied)]) == Exit.OK


def test_git_leaves_line_ends_alone(copied: Path) -> None:
    """A clone with autocrlf has the copy as it was vendored, by the attributes in it."""
    project = copied.parent
    (project / "own.txt").write_text("a\nb\n")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "all")
    git(project, "clone", "-q", "-c", "core.autocrlf=true", ".", "../clone")
    clone = project.parent / "clone"

    assert (clone / "own.txt").read_bytes() == b"a\r\nb\r\n"
    assert vendor_check.main([str(clone)]) == Exit.OK


def test_an_update_is_told_before_and_after(source: Path, copied: Path, capsys: Captured) -> None:
    """A checkout that moved on is an update; copying it tells what is new, and keeps the rest."""
    own = copied.parent / "own.py"
    own.write_text("mine")
    advance(source, "1.1.0")
    where = ["--source", str(source)]
    news = ["contract  1.0.0 → 1.1.0", "changed   client.py", "added     newer.py",
            "removed   progress.py"]  # fmt: skip

    assert vendor.main(["check", str(copied), *where]) == Exit.FOUND
    told = capsys.readouterr().out
    assert told.splitlines()[1:-1] == news
    assert f"copy {copied.parent}" in told.splitlines()[-1]
    assert vendor.main(["copy", str(copied.parent), *where]) == Exit.OK
    assert capsys.readouterr().out.splitlines()[1:5] == news
    assert vendor.main(["check", str(copied), *where]) == Exit.OK
    assert own.read_text() == "mine"

    capsys.readouterr()
    assert vendor.main(["check", str(copied)]) == Exit.OK
    assert "is older: contract 1.1.0 → 1.0.0" in capsys.readouterr().out


def test_nothing_to_do_writes_nothing(copied: Path, capsys: Captured) -> None:
    """A copy that is fresh is left as it is, so that its times stand."""
    before = copied.stat().st_ino

    assert vendor.main(["copy", str(copied.parent)]) == Exit.OK
    assert capsys.readouterr().out.startswith("nothing to do")
    assert copied.stat().st_ino == before


def test_tests_come_along_and_stay(tmp_path: Path, source: Path) -> None:
    """An update keeps the server and the corpus; they go when told to."""
    package = tmp_path / PACKAGE
    for arguments, expected in (
        (["--with-tests"], True),
        ([], True),
        (["--no-with-tests"], False),
        ([], False),
    ):
        advanced = ["--source", str(source)] if arguments == [] else []
        assert vendor.main(["copy", str(tmp_path), *advanced, *arguments]) == Exit.OK
        assert (package / "testing/reference/app.py").exists() == expected
        assert (package / "testing/payloads/status.yaml").exists() == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, f"there is no {LOCK}"),
        ("", "cannot be read"),
        ("<<<<<<< HEAD", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "is no lock"),
        ('{"lock": 2}', "of format 2, unknown here"),
        ('{"lock": 1, "files": {}}', "lists no files"),
        ('{"lock": 1, "files": {"../x": "0"}}', "lists no files"),
        ('{"lock": 1, "files": {"/x": "0"}}', "lists no files"),
        ('{"lock": 1, "files": {"x": "0"}}', "names no contract"),
    ],
)
def test_no_lock_is_broken(copied: Path, text: str | None, says: str, capsys: Captured) -> None:
    """A lock that cannot be relied upon is an error with its mend, and its folder is kept."""
    (copied / LOCK).unlink() if text is None else (copied / LOCK).write_text(text)

    assert vendor_check.main([str(copied)]) == Exit.FOUND
    told = capsys.readouterr().out
    assert says in told.splitlines()[0]
    assert told.splitlines()[-1].startswith("    fix: ")
    assert vendor.main(["copy", str(copied.parent)]) == Exit.FOUND
    assert vendor.main(["copy", str(copied.parent), "--force"]) == Exit.OK
    assert vendor_check.main([str(copied)]) == Exit.OK


@pytest.mark.parametrize(
    "arguments", [[], ["copy"], ["copy", ""], ["chekc", "x"], ["copy", "x", "-y"]]
)
def test_misuse_is_a_failure_of_its_own(arguments: list[str], capsys: Captured) -> None:
    """What was typed wrong can be told from each verdict on a copy."""
    try:
        code = vendor.main(arguments)
    except SystemExit as left:  # of the parser
        code = int(left.code or 0)

    assert code == Exit.CANNOT_TELL
    assert "problem: " in (told := capsys.readouterr().err)
    assert "fix: " in told


def test_no_folder_to_copy_to(tmp_path: Path, source: Path, copied: Path, capsys: Captured) -> None:
    """A file, a link, the checkout and a copy itself are no place for a copy."""
    (tmp_path / "file").touch()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / PACKAGE).symlink_to(copied)
    places = {
        tmp_path / "file": "is a file",
        tmp_path / "file/below": "is a file",
        tmp_path / "linked": "is a link or a file",
        source / "generated": "lie in one another",
        source: "lie in one another",
        copied: "is a copy itself",
        tmp_path / ("x" * 300): "File name too long",
    }
    for place, says in places.items():
        code = vendor.main(["copy", str(place), "--force", "--source", str(source)])
        assert code == Exit.CANNOT_TELL
        assert says in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_may_not_be_written(copied: Path, capsys: Captured) -> None:
    """Nothing is lost where nothing may be written."""
    copied.parent.chmod(0o555)
    (copied / "errors.py").unlink()
    try:
        assert vendor.main(["copy", str(copied.parent)]) == Exit.CANNOT_TELL
    finally:
        copied.parent.chmod(0o755)
    assert "Permission denied" in capsys.readouterr().err


def test_odd_names_links_and_permissions(tmp_path: Path, capsys: Captured) -> None:
    """Blanks, other scripts, a linked folder and read-only files are nothing special."""
    real = tmp_path / "Größe 大/it's"
    real.mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    assert vendor.main(["copy", str(tmp_path / "link")]) == Exit.OK
    package = real / PACKAGE
    (package / "errors.py").unlink()
    for path in (package / "models").iterdir():
        path.chmod(0o444)
    (package / "models").chmod(0o555)

    assert vendor.main(["copy", str(real)]) == Exit.OK
    assert vendor.main(["check", str(tmp_path / "link")]) == Exit.OK
    assert [path.name for path in real.iterdir()] == [PACKAGE]
    (package / "a\nfix: b").touch()
    (package / "there").symlink_to(tmp_path)
    (package / "errors.py").unlink()
    (package / "errors.py").symlink_to("nowhere")
    capsys.readouterr()
    assert vendor.main(["check", str(real)]) == Exit.FOUND
    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "added      'a\\nfix: b'",
        "missing    errors.py",
        "added      there",
    ]


def test_a_stale_checkout_is_not_vendored(tmp_path: Path, source: Path, capsys: Captured) -> None:
    """What does not come from the contract as it stands goes nowhere."""
    arguments = ["copy", str(tmp_path / "dest"), "--source", str(source)]
    (source / "openapi.yaml").write_text("other")
    assert vendor.main(arguments) == Exit.CANNOT_TELL
    assert "is stale against openapi.yaml" in capsys.readouterr().err
    (source / "generated" / PACKAGE / "own.py").touch()
    assert vendor.main(arguments) == Exit.CANNOT_TELL
    assert "is not what generated/MANIFEST.json says" in capsys.readouterr().err
    (source / "generated/MANIFEST.json").unlink()
    assert vendor.main(arguments) == Exit.CANNOT_TELL
    assert "is no checkout" in capsys.readouterr().err
    assert not (tmp_path / "dest" / PACKAGE).exists()


def test_the_check_in_the_copy_stands_alone(tmp_path: Path, source: Path, copied: Path) -> None:
    """The vendored check needs no package, runs from anywhere, and asks a checkout of updates."""
    script = copied / "vendor_check.py"
    codes = {FRESH: Exit.OK, ERROR: Exit.CANNOT_TELL}

    def run(*arguments: str, cwd: Path = tmp_path) -> str:
        command = [sys.executable, "-S", str(script), "--json", *arguments]
        done = subprocess.run(command, cwd=cwd, check=False, capture_output=True)  # noqa: S603
        told = json.loads(done.stdout)
        assert done.returncode == codes.get(told["state"], Exit.FOUND)
        return str(told["state"])

    assert [run(), run(cwd=copied), run(str(copied.parent))] == [FRESH, FRESH, FRESH]
    assert run("--source", str(source)) == FRESH
    advance(source, "1.1.0")
    assert run("--source", str(source)) == UPDATE
    (copied / "own.py").touch()
    assert run() == EDITED
    assert run("--source", str(source)) == EDITED
    (copied / LOCK).unlink()
    assert run() == BROKEN
    assert run("--source", str(tmp_path)) == ERROR


def test_the_exit_codes_are_those_of_the_program(capsys: Captured) -> None:
    """The check in the copy has its own numbers, since it imports nothing of the project."""
    ours = (vendor_check.OK, vendor_check.FOUND, vendor_check.CANNOT_TELL)

    assert ours == (Exit.OK, Exit.FOUND, Exit.CANNOT_TELL)
    assert vendor_check.main(["--sauce"]) == Exit.CANNOT_TELL
    assert "fix: " in capsys.readouterr().err


def test_the_document_is_true(copied: Path) -> None:
    """docs/vendor.md has the exit codes and the keys of the lock, and counts the files."""
    text = (ROOT / "docs/vendor.md").read_text()
    rows = {state: int(code) for code, state in re.findall(r"^\| (\d) \| `(\w+)` \|", text, re.M)}
    states = (FRESH, UPDATE, EDITED, BROKEN, ERROR)
    lock = json.loads((copied / LOCK).read_text())

    assert rows == {state: vendor_check.Checked(state, "").code for state in states}
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(lock)
    assert f"\nfiles     {len(lock['files'])}\n" in text
    assert f", {len(lock['files'])} files, source" in text
