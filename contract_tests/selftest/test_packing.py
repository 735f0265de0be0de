"""What is packed: the same bytes for the same files, and nothing that is to stay out."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from prime_image_builds import (
    errors,
    pack,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a context that builds."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\n")
    return context


def names(folder: Path, dockerfile: str = "Dockerfile") -> list[str]:
    """Pack a directory; list what is in it."""
    with pack(folder, dockerfile) as context, tarfile.open(fileobj=context.file) as archive:
        return archive.getnames()


def test_the_same_files_make_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Neither times, owners nor the order of a directory show."""
    for place, order in ((folder, (1, -1)), (tmp_path / "twin", (-1, 1))):
        place.mkdir(exist_ok=True)
        for name in ("a", "Dockerfile", "b", "sub")[:: order[0]]:
            if name == "sub":
                (place / name).mkdir()
                (place / name / "c").write_text("c")
            else:
                (place / name).write_text("FROM scratch\n")
        os.utime(place / "a", (order[1] + 1, order[1] + 1))
        (place / "b").chmod(0o700)

    with pack(folder) as one, pack(tmp_path / "twin") as other:
        assert one.file.read() == other.file.read()


def test_entries_are_plain(folder: Path) -> None:
    """Links stay links, what can be run can be run, and nobody owns anything."""
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o744)
    (folder / "link").symlink_to("run")
    (folder / "broken").symlink_to("nowhere")
    (folder / "empty").mkdir()
    (folder / ("long" * 40)).write_text("x")
    os.link(folder / "run", folder / "twin")
    with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
        found = {entry.name: entry for entry in archive}
        twin = archive.extractfile("twin")
        assert twin is not None
        assert twin.read() == b"#!/bin/sh\n"

    assert [entry.name for entry in found.values()] == sorted(found)
    assert (found["run"].mode, found["Dockerfile"].mode) == (0o755, 0o644)
    assert (found["link"].linkname, found["broken"].linkname) == ("run", "nowhere")
    assert found["empty"].isdir()
    assert "long" * 40 in found
    owners = {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in found.values()}
    assert owners == {(0, 0, "", "", 0)}


def test_ignored_files_stay_out(folder: Path) -> None:
    """The lines of .dockerignore hold as Docker reads them: from the root, the last one wins."""
    for name in ("keep.py", "a.pyc", "sub/b.pyc", "sub/keep.py", "log/x", "log/keep", "sub/log/x"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text("x")
    (folder / ".dockerignore").write_text(
        "# none of these\n\n**/*.pyc\nlog\n!log/keep\nDockerfile\n"
    )

    assert names(folder) == [
        ".dockerignore", "Dockerfile", "keep.py", "log/keep", "sub", "sub/keep.py", "sub/log",
        "sub/log/x",
    ]  # fmt: skip


def test_all_but_some(folder: Path) -> None:
    """Everything is left out, and some of it taken back, wherever it lies."""
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/a.py").write_text("x")
    (folder / "deep/er/a.txt").write_text("x")
    (folder / ".dockerignore").write_text("*\n!**/*.py\n")

    assert names(folder) == [".dockerignore", "Dockerfile", "deep/er/a.py"]


def test_a_dockerfile_has_its_own_ignore_file(folder: Path) -> None:
    """``x.dockerignore`` beside the Dockerfile ``x`` stands for the common one, as in BuildKit."""
    (folder / "slim").write_text("FROM scratch\n")
    (folder / "a").write_text("x")
    (folder / "b").write_text("x")
    (folder / ".dockerignore").write_text("a\n")
    (folder / "slim.dockerignore").write_text("b\n")

    assert "a" not in names(folder)
    assert "b" not in names(folder, "slim")
    assert "a" in names(folder, "slim")


def test_a_dockerfile_through_a_link(folder: Path, tmp_path: Path) -> None:
    """One that a link leads outside to is packed by what it says."""
    (tmp_path / "common").write_text("FROM scratch\n")
    (folder / "Dockerfile").unlink()
    (folder / "Dockerfile").symlink_to("../common")

    with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
        found = archive.extractfile(context.dockerfile_path)
        assert found is not None
        assert found.read() == b"FROM scratch\n"


def test_what_cannot_be_packed_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal says what is wrong, and where."""
    with pytest.raises(errors.ContextError, match="nowhere is no directory"):
        pack(tmp_path / "nowhere")
    with pytest.raises(errors.ContextError, match=r"no Dockerfile at .*nowhere"):
        pack(folder, "nowhere")
    with pytest.raises(errors.ContextError, match="no Dockerfile"):
        pack(folder, ".")
    os.mkfifo(folder / "pipe")
    with pytest.raises(errors.ContextError, match="pipe is neither"):
        pack(folder)
    (folder / "pipe").unlink()
    (folder / ".dockerignore").write_text("x\n")
    monkeypatch.setitem(__import__("sys").modules, "docker.utils.build", None)
    with pytest.raises(errors.ContextError, match="pip install docker"):
        pack(folder)


def test_the_bytes_tell_nothing_of_the_machine(folder: Path) -> None:
    """The gzip header has neither name nor time, directories and links have one mode each."""
    (folder / "empty").mkdir(mode=0o700)
    (folder / "link").symlink_to("empty")
    with pack(folder) as context:
        header = context.file.read(10)
        context.file.seek(0)
        with tarfile.open(fileobj=context.file) as archive:
            modes = {entry.name: entry.mode for entry in archive}

    assert header[3] == 0  # no name, no comment
    assert header[4:8] == b"\0\0\0\0"
    assert (modes["empty"], modes["link"]) == (0o755, 0o777)


def test_a_comment_ignores_nothing(folder: Path) -> None:
    """A file may be named as a line that is a comment; a name may be of any script."""
    (folder / "#a").write_text("x")
    (folder / "caf\u00e9").write_text("x")
    (folder / ".dockerignore").write_text("\ufeff#a\n\ncaf\u00e9\n", encoding="utf-8")

    assert names(folder) == ["#a", ".dockerignore", "Dockerfile"]
