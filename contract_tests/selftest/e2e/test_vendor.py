"""The client is copied into any folder, edits are found and kept, and updates list what is new."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from ...cli import main
from ...problems import Exit
from ...vendoring import vendor, vendor_check
from ...vendoring.source import Source, find
from ...vendoring.vendor_check import (
    BROKEN,
    EDITED,
    FRESH,
    LOCK,
    PACKAGE,
    UPDATE,
)
from ..support.snapshots import assert_snapshot
from ..support.vendoring import ROOT, advance, commit, git, listed, refused, write

Captured = pytest.CaptureFixture[str]


def test_lock_lists_files_and_origin(tmp_path: Path, source: Source) -> None:
    """The lock has the digest of each file, and what the client was made from."""
    commit(source.root)
    package = vendor.copy(source, tmp_path / "dest").package
    lock = json.loads((package / LOCK).read_text())
    manifest = json.loads(source.manifest.read_text())
    script = vendor_check.sha256((ROOT / "scripts/generate.py").read_bytes())
    files = {path for path in package.rglob("*") if path.is_file() and path.name != LOCK}

    assert lock["contract"] == manifest["contract"]
    assert lock["contract"]["sha256"] == vendor_check.sha256(source.contract.read_bytes())
    assert lock["templates"] == manifest["templates"]
    assert lock["generator"] == {**manifest["tools"], "sha256": script}
    assert lock["source"] == {"commit": git(source.root, "rev-parse", "HEAD")}
    assert lock["files"] == {
        path.relative_to(package).as_posix(): vendor_check.sha256(path.read_bytes())
        for path in sorted(files)
    }
    assert (package / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_commit_is_unknown_outside_of_a_clone_and_dirty_with_changes(
    tmp_path: Path, source: Source
) -> None:
    """In a folder of another project's clone it is unknown, too."""
    root = source.root
    alone = source.commit()
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "none", "--allow-empty")
    within = source.commit()
    commit(root)
    (root / "reports").write_text("not vendored")
    clean = source.commit()
    (root / "LICENSE").write_text("mine")

    assert (alone, within) == ("unknown", "unknown")
    assert clean == git(root, "rev-parse", "HEAD")
    assert source.commit() == f"{clean}+dirty"


def test_edits_are_listed_and_kept_unless_forced(copied: Path) -> None:
    """Edits and additions are named, and overwritten only with ``force``."""
    with (copied / "client.py").open("a") as file:
        file.write("mine = 1\n")
    (copied / "own.py").touch()
    edits = ["edited     client.py", "added      own.py"]
    source = find(ROOT)

    state = vendor_check.check(copied)
    assert (state.state, listed(state)) == (EDITED, edits)
    problem = refused(source, copied.parent)
    assert (problem.code, listed(problem)) == (Exit.FOUND, edits)
    assert "mine = 1" in (copied / "client.py").read_text()

    done = vendor.copy(source, copied.parent, force=True)
    assert done.overwritten == {"client.py": "edited", "own.py": "added"}
    assert vendor.check(source, copied).state == FRESH
    assert not (copied / "own.py").exists()


def test_missing_files_are_broken_and_restored(copied: Path) -> None:
    """Restoring a file loses nothing, and so needs no force."""
    (copied / "errors.py").unlink()
    (copied / "client.py").write_text("mine")

    state = vendor_check.check(copied)
    assert state.state == BROKEN
    assert listed(state) == ["edited     client.py", "missing    errors.py"]
    shutil.copyfile(ROOT / "generated" / PACKAGE / "client.py", copied / "client.py")
    assert vendor.copy(find(ROOT), copied.parent).repaired == ["errors.py"]
    assert vendor_check.check(copied).state == FRESH


def test_line_ends_are_told_apart_and_restored(copied: Path) -> None:
    """What git's autocrlf does is not an edit by hand."""
    for path in copied.rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    state = vendor_check.check(copied)
    assert state.state == EDITED
    assert {line.split("  ")[0] for line in listed(state)} == {"line ends"}
    assert vendor.copy(find(ROOT), copied.parent).is_written
    assert vendor_check.check(copied).state == FRESH


def test_git_keeps_line_ends(copied: Path) -> None:
    """A clone with autocrlf has the copy as it was vendored, because of the attributes in it."""
    project = copied.parent
    (project / "own.txt").write_text("a\nb\n")
    commit(project)
    git(project, "clone", "-q", "-c", "core.autocrlf=true", ".", "../clone")
    clone = project.parent / "clone"

    assert (clone / "own.txt").read_bytes() == b"a\r\nb\r\n"
    assert vendor_check.check(clone / PACKAGE).state == FRESH


def test_update_is_found_and_copied(tmp_path: Path, source: Source) -> None:
    """A newer commit is an update; copying it lists what is new, and keeps other files."""
    commit(source.root)
    copied = vendor.copy(source, tmp_path / "dest").package
    own = copied.parent / "own.py"
    own.write_text("mine")
    advance(source.root, "1.1.0")
    news = ["contract  1.0.0 → 1.1.0", "changed   client.py", "added     newer.py",
            "removed   progress.py"]  # fmt: skip

    state = vendor.check(source, copied)
    assert (state.state, listed(state)) == (UPDATE, news)
    done = vendor.copy(source, copied.parent)
    assert vendor.news(done.before, done.after) == news
    assert done.is_known
    assert vendor.check(source, copied).state == FRESH
    assert own.read_text() == "mine"


@pytest.mark.parametrize(
    ("record", "commit"),
    [
        (json.dumps({"url": "u", "vcs_info": {"vcs": "git", "commit_id": "a1" * 20}}), "a1" * 20),
        (json.dumps({"url": "u", "archive_info": {}}), "unknown"),
        (json.dumps({"url": "u", "vcs_info": {"vcs": "git", "commit_id": "x; rm"}}), "unknown"),
        (json.dumps({"url": "u", "vcs_info": {"vcs": "hg", "commit_id": 7}}), "unknown"),
        (json.dumps({"url": "u", "vcs_info": None}), "unknown"),
        (json.dumps([]), "unknown"),
        ("no JSON", "unknown"),
        (None, "unknown"),
    ],
)
def test_source_of_a_package_is_the_commit_that_it_was_installed_from(
    record: str | None, commit: str, tmp_path: Path
) -> None:
    """As installers record it (PEP 610); a wheel does not know one."""
    metadata = tmp_path / "prime_image_builds_contract-1.0.0.dist-info"
    (tmp_path / "prime_image_builds").mkdir()
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: prime-image-builds-contract\nVersion: 1.0.0\n")
    if record is not None:
        (metadata / "direct_url.json").write_text(record)

    assert find(tmp_path).commit() == commit


def test_current_copy_is_not_written(copied: Path) -> None:
    """The files of a fresh copy keep their times."""
    before = copied.stat().st_ino

    assert not vendor.copy(find(ROOT), copied.parent).is_written
    assert copied.stat().st_ino == before


def test_tests_are_copied_and_kept_until_removed(tmp_path: Path, source: Source) -> None:
    """An update keeps the server and the corpus; they are removed on request."""
    for with_tests, expected in ((True, True), (None, True), (False, False), (None, False)):
        package = vendor.copy(source, tmp_path / "to", with_tests=with_tests).package

        assert (package / "testing/reference/app.py").exists() == expected
        assert (package / "testing/payloads/status.yaml").exists() == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "<<<<<<< HEAD",
        "[" * 100_000,
        "[]",
        '{"lock": 2}',
        '{"lock": 1, "files": {}}',
        '{"lock": 1, "files": {"../x": "0"}}',
        '{"lock": 1, "files": {"/x": "0"}}',
        '{"lock": 1, "files": {"x": "0"}}',
    ],
)
def test_invalid_lock_is_broken(copied: Path, text: str | None) -> None:
    """Without a valid lock, a copy is broken, and its folder is overwritten only with ``force``."""
    (copied / LOCK).unlink() if text is None else (copied / LOCK).write_text(text)

    state = vendor_check.check(copied)
    assert state.state == BROKEN
    assert "--force" in state.fix
    assert refused(find(ROOT), copied.parent).code == Exit.FOUND
    assert vendor.copy(find(ROOT), copied.parent, force=True).is_written
    assert vendor_check.check(copied).state == FRESH


@pytest.mark.parametrize(
    "arguments",
    [["vendor"], ["vendor", ""], ["vendor-chekc", "x"], ["vendor", "x", "-y"], ["vendor-check"]],
)
def test_misuse_has_its_own_exit_code(arguments: list[str], capsys: Captured) -> None:
    """It differs from each verdict on a copy."""
    assert main(arguments) == Exit.CANNOT_TELL
    assert "    fix: " in capsys.readouterr().err


def test_commands_print_and_return_the_exit_code(tmp_path: Path, capsys: Captured) -> None:
    """``vendor`` copies, ``vendor-check`` checks; both find an edit."""
    folder = str(tmp_path)
    assert main(["vendor", folder]) == Exit.OK
    assert capsys.readouterr().out.startswith("vendored: ")
    assert main(["vendor-check", folder]) == Exit.OK
    assert capsys.readouterr().out.startswith("fresh: ")
    (tmp_path / PACKAGE / "own.py").touch()
    assert main(["vendor", folder]) == Exit.FOUND
    assert "added      own.py" in capsys.readouterr().err
    assert main(["vendor-check", folder, "--json"]) == Exit.FOUND
    assert json.loads(capsys.readouterr().out)["state"] == EDITED
    assert main(["vendor-check", folder, "--source", folder]) == Exit.FOUND
    capsys.readouterr()
    assert main(["vendor", folder, "--force"]) == Exit.OK
    assert main(["vendor-check", folder, "--source", folder]) == Exit.CANNOT_TELL


def test_invalid_destinations_are_refused(tmp_path: Path, source: Source, copied: Path) -> None:
    """A file, a link, the checkout and a copy itself are not places for a copy."""
    (tmp_path / "file").touch()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / PACKAGE).symlink_to(copied)
    places = {
        tmp_path / "file": "is a file",
        tmp_path / "file/below": "is a file",
        tmp_path / "linked": "is a link or a file",
        source.root / "generated": "is inside the source",
        source.root: "is inside the source",
        copied: "is a copy itself",
        tmp_path / ("x" * 300): "File name too long",
    }
    for place, expected in places.items():
        problem = refused(source, place, force=True)

        assert (problem.code, expected in problem.what) == (Exit.CANNOT_TELL, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_folder_without_write_permission_is_refused(copied: Path) -> None:
    """Nothing is lost in a folder that cannot be written."""
    copied.parent.chmod(0o555)
    (copied / "errors.py").unlink()
    try:
        problem = refused(find(ROOT), copied.parent)
    finally:
        copied.parent.chmod(0o755)
    assert "Permission denied" in problem.what


def test_unusual_names_links_and_permissions(tmp_path: Path) -> None:
    """Blanks, other scripts, a linked folder and read-only files do not matter."""
    real = tmp_path / "Größe 大/it's"
    real.mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    source, package = find(ROOT), real / PACKAGE
    assert vendor.copy(source, tmp_path / "link").package == package
    (package / "errors.py").unlink()
    for path in (package / "models").iterdir():
        path.chmod(0o444)
    (package / "models").chmod(0o555)

    assert vendor.copy(source, real).is_written
    assert vendor.check(source, tmp_path / "link" / PACKAGE).state == FRESH
    assert [path.name for path in real.iterdir()] == [PACKAGE]
    (package / "a\nfix: b").touch()
    (package / "there").symlink_to(tmp_path)
    (package / "errors.py").unlink()
    (package / "errors.py").symlink_to("nowhere")
    state = vendor.check(source, package)
    assert listed(state) == ["added      a\nfix: b", "missing    errors.py", "added      there"]
    assert "\nadded      a\\nfix: b\n" in str(state)


def test_stale_checkout_is_not_vendored(tmp_path: Path, source: Source) -> None:
    """The client must be that of the contract and of a complete manifest."""
    source.contract.write_text("other")
    stale = refused(source, tmp_path / "dest")
    (source.client / "own.py").touch()
    differs = refused(source, tmp_path / "dest")
    source.manifest.write_text("{}")
    incomplete = refused(source, tmp_path / "dest")
    source.manifest.unlink()
    missing = refused(source, tmp_path / "dest")

    found = [stale, differs, incomplete, missing]
    assert [one.code for one in found] == [Exit.CANNOT_TELL] * 4
    assert len({one.what.partition(str(source.root))[2] for one in found}) == 4
    assert not (tmp_path / "dest" / PACKAGE).exists()


def test_document_has_codes_keys_and_number_of_files(copied: Path) -> None:
    """docs/vendor.md has the exit codes and the keys of the lock, and counts the files."""
    text = (ROOT / "docs/vendor.md").read_text()
    rows = {state: int(code) for code, state in re.findall(r"^\| (\d) \| `(\w+)` \|", text, re.M)}
    lock = json.loads((copied / LOCK).read_text())

    assert rows == vendor_check.CODES
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(lock)
    assert f"\nfiles     {len(lock['files'])}\n" in text
    assert f", {len(lock['files'])} files, source" in text


def test_output_of_vendor(tmp_path: Path, source: Source) -> None:
    """What a copy, an update, an edited, a forced, a broken and an outdated copy show."""
    destination, at = tmp_path / "dest", commit(source.root)
    shown = {"copied": vendor.copy(source, destination)}
    package = destination / PACKAGE
    text: dict[str, object] = {**shown, "fresh": vendor.check(source, package)}
    text["fresh, by its lock alone"] = vendor_check.check(package)
    (package / "client.py").write_text("mine = 1\n")
    (package / "own.py").touch()
    text |= {"edited": vendor_check.check(package), "refused": refused(source, destination)}
    text["forced"] = vendor.copy(source, destination, force=True)
    advance(source.root, "1.1.0")
    text["outdated"] = vendor.check(source, package)
    text["updated"] = vendor.copy(source, destination)
    write("client.py", b"mine = 1\n")(package)
    text["edited, and its lock"] = vendor.check(source, package)
    advance(source.root, "1.2.0", rename=False)
    text["unknown"] = vendor.check(source, package)
    text["replaced"] = vendor.copy(source, destination)
    (package / "client.py").unlink()
    text["broken"] = vendor_check.check(package)

    lines = "\n\n".join(f"# {name}\n{one}" for name, one in text.items())
    lines = lines.replace(at, "<commit>").replace(at[:12], "<commit>")
    assert_snapshot("vendor", lines, {tmp_path: "<folder>"})
