"""What is packed: the same bytes for the same files, and nothing that is to stay out."""

from __future__ import annotations

import asyncio
import io
import os
import re
import socket
import stat
import tarfile
import tempfile
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prime_image_builds import _packing as packing
from prime_image_builds import errors, pack
from prime_image_builds._files import Tree
from prime_image_builds.context import pack_async

from ...reference import context as reader

DAY = int(datetime(1980, 1, 2, tzinfo=UTC).timestamp())


@pytest.fixture(autouse=True)
def _no_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without a time of the environment's."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


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
    """Links stay links, executables stay executable, and there is no owner."""
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
    assert owners == {(0, 0, "", "", DAY)}


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


def test_a_dockerfile_through_a_link(folder: Path) -> None:
    """The file that a link leads to is packed by its content, and the link is not."""
    (folder / "common").write_text("FROM scratch\n")
    (folder / "Dockerfile").unlink()
    (folder / "Dockerfile").symlink_to("common")

    with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
        found = archive.extractfile(context.dockerfile_path)
        assert found is not None
        assert found.read() == b"FROM scratch\n"
        assert archive.getnames() == ["Dockerfile", "common"]


@pytest.mark.parametrize("place", ["here", "elsewhere"])
def test_a_linked_dockerfile_has_the_ignore_file_of_its_own_name(place: str, folder: Path) -> None:
    """Not that of the file it links to: for us, and for a builder that reads the archive."""
    folders = {"here": folder, "elsewhere": folder / "sub"}
    folders[place].mkdir(exist_ok=True)
    for name in "abc":
        (folder / name).write_text("x")
    (folders[place] / "common").write_text("FROM scratch\n")
    (folders[place] / "common.dockerignore").write_text("a\n")
    (folder / "slim").symlink_to(folders[place] / "common")
    (folder / "slim.dockerignore").write_text("b\nslim*\n")
    (folder / ".dockerignore").write_text("c\n")

    with pack(folder, "slim") as context:
        read = reader.read(context.file, context.size, context.dockerfile_path)

    assert context.dockerfile_path == "slim"
    assert read.dockerfile == "FROM scratch\n"
    assert {"a", "c", "slim.dockerignore"} <= read.names
    assert "b" not in read.names
    assert read.ignore.visible("abc") == ["a", "c"]


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore", "sub"])
def test_link_out_of_the_context_is_refused(name: str, folder: Path, tmp_path: Path) -> None:
    """A context may be a stranger's: no file of the machine is packed under another name."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/Dockerfile").write_text("secret")
    (folder / name).unlink(missing_ok=True)
    target = tmp_path / "outside"
    (folder / name).symlink_to(target if name == "sub" else target / "Dockerfile")

    with pytest.raises(errors.ContextError, match="link out of the context"):
        pack(folder, "sub/Dockerfile" if name == "sub" else "Dockerfile")


@pytest.mark.parametrize("kind", ["link", "pipe", "file", "folder"])
@pytest.mark.parametrize("where", ["file", "sub"])
def test_what_is_exchanged_while_it_is_packed_is_not_followed(
    kind: str, where: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file after its status was read, nor the directory that it is in."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/key").write_text("secret")
    (folder / "sub").mkdir()
    (folder / "sub/key").write_text("x")
    exchanged = folder / ("sub" if where == "sub" else "sub/key")
    real = os.open

    def opened(path: Any, flags: int, *rest: Any, **given: Any) -> int:
        if path == "key" and not (tmp_path / "old").exists():
            exchanged.rename(tmp_path / "old")
            if kind == "link":
                exchanged.symlink_to(tmp_path / "outside" / ("" if where == "sub" else "key"))
            elif kind == "pipe":
                os.mkfifo(exchanged)
            elif kind == "folder":
                exchanged.mkdir()
            else:
                exchanged.write_text("secret")
        return real(path, flags, *rest, **given)

    monkeypatch.setattr(os, "open", opened)
    try:
        with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
            found = archive.extractfile("sub/key")
            assert found is not None
            assert found.read() == b"x"
            assert where == "sub"
    except errors.ContextError:
        assert where == "file"


def test_pattern_of_more_than_4096_characters_is_an_error(folder: Path) -> None:
    """It is not skipped, since it may name a secret."""
    (folder / ".dockerignore").write_text(f"a\n{'b' * 4097}\n")

    with pytest.raises(errors.ContextError, match=r"dockerignore:2: .*4096 characters"):
        pack(folder)


def test_cancelled_packing_ends_its_thread_and_closes_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the caller sees the cancellation, nothing runs any more."""
    (folder / "large").write_bytes(bytes(2**20))
    files: list[Any] = []
    ended = threading.Event()
    reading = threading.Event()
    real = tempfile.TemporaryFile

    def temporary() -> Any:
        files.append(real())
        reading.set()
        return files[-1]

    def packed(*given: Any) -> Any:
        try:
            stop = given[-1]
            stop.wait()  # until it is cancelled
            return inner(*given)
        finally:
            ended.set()

    inner = packing.packed
    monkeypatch.setattr(packing, "packed", packed)
    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)

    async def cancel() -> None:
        task = asyncio.ensure_future(pack_async(folder, "Dockerfile"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(cancel())

    assert all(file.closed for file in files)


def test_a_dockerfile_outside_brings_its_ignore_file(folder: Path, tmp_path: Path) -> None:
    """Under the name that it gets, or a builder would apply the common one."""
    (tmp_path / "slim").write_text("FROM scratch\n")
    (tmp_path / "slim.dockerignore").write_text("b\n")
    (folder / ".dockerignore").write_text("a\n")
    for name in "ab":
        (folder / name).write_text("x")

    with pack(folder, tmp_path / "slim") as context:
        read = reader.read(context.file, context.size, context.dockerfile_path)

    assert read.dockerfile == "FROM scratch\n"
    assert "a" in read.names
    assert "b" not in read.names
    assert read.ignore.visible("a") == ["a"]


def test_a_dockerfile_in_an_ignored_directory_goes_along(folder: Path) -> None:
    """It and the ignore file are sent whatever the patterns are."""
    (folder / "ci").mkdir()
    (folder / "ci/slim").write_text("FROM scratch\n")
    (folder / "ci/key").write_text("x")
    (folder / ".dockerignore").write_text("**\n")

    assert names(folder, "ci/slim") == [".dockerignore", "ci/slim"]


def test_ignore_file_through_a_link(folder: Path) -> None:
    """It is packed by its content, since the file that it links to may be ignored."""
    (folder / "ignore").write_text("ignore\na\n")
    (folder / "a").write_text("x")
    (folder / ".dockerignore").symlink_to("ignore")

    with pack(folder) as context:
        read = reader.read(context.file, context.size, context.dockerfile_path)

    assert read.names == {".dockerignore", "Dockerfile"}
    assert read.ignore.visible("a") == []


def test_ignore_file_that_is_a_directory_is_an_error(folder: Path) -> None:
    """It is not taken for absent: everything would be packed."""
    (folder / ".dockerignore").mkdir()

    with pytest.raises(errors.ContextError, match="dockerignore"):
        pack(folder)


def test_linked_directory_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """Nothing from outside is packed; the link is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/key").write_text("x")
    (folder / "link").symlink_to(tmp_path / "outside")

    assert names(folder) == ["Dockerfile", "link"]


def test_socket_is_skipped_with_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker does; an ignored one without a warning. A named pipe is packed, as by Docker."""
    monkeypatch.chdir(folder)  # the path of a socket must be short
    for name in ("sock", "ignored"):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(name)
    os.mkfifo("pipe")
    (folder / ".dockerignore").write_text("ignored\n")

    with pytest.warns(UserWarning, match="sock") as caught, pack(".") as context:
        read = reader.read(context.file, context.size, context.dockerfile_path)

    assert [Path(one.filename).name for one in caught] == [Path(__file__).name]
    assert read.names == {".dockerignore", "Dockerfile", "pipe"}


def test_device_raises(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No builder should create a device because an upload contains it."""
    status = Tree.status
    device = os.stat_result((stat.S_IFCHR | 0o600, *[0] * 9))
    (folder / "null").write_text("")
    monkeypatch.setattr(
        Tree, "status", lambda tree, one: device if one == "null" else status(tree, one)
    )

    with pytest.raises(errors.ContextError, match=re.escape(str(folder / "null"))):
        pack(folder)


@pytest.mark.parametrize(
    ("given", "time"),
    [
        (None, DAY),
        ("", DAY),
        ("1700000000", 1_700_000_000),
        ("0", 0),
        ("253402300799", 253402300799),
    ],
)
def test_every_entry_has_one_time(
    given: str | None, time: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1980-01-02, which zip can store in every time zone, or SOURCE_DATE_EPOCH."""
    if given is not None:
        monkeypatch.setenv("SOURCE_DATE_EPOCH", given)
    (folder / "sub").mkdir()
    (folder / "link").symlink_to("sub")
    os.mkfifo(folder / "pipe")

    with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
        assert {entry.mtime for entry in archive} == {time}


@pytest.mark.parametrize(
    "given", ["x", "-1", "1.5", " 1", "1_0", "\u0661", "0x1", "253402300800", "9" * 30, "9" * 5000]
)
def test_invalid_source_date_epoch_raises(
    given: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unintended time would change every image."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", given)

    with pytest.raises(errors.ContextError, match="SOURCE_DATE_EPOCH"):
        pack(folder)


def test_what_is_unpacked_can_be_zipped(folder: Path, tmp_path: Path) -> None:
    """Zip refuses what is older than 1980, so a RUN that zips would fail."""
    with pack(folder) as context, tarfile.open(fileobj=context.file) as archive:
        archive.extractall(tmp_path / "out", filter="data")

    with zipfile.ZipFile(io.BytesIO(), "w") as zipped:
        zipped.write(tmp_path / "out/Dockerfile")


def test_missing_directory_or_dockerfile_raises_with_its_path(folder: Path, tmp_path: Path) -> None:
    """A directory is not a Dockerfile either."""
    with pytest.raises(errors.ContextError, match=re.escape(str(tmp_path / "nowhere"))):
        pack(tmp_path / "nowhere")
    with pytest.raises(errors.ContextError, match=re.escape(str(folder / "nowhere"))):
        pack(folder, "nowhere")
    with pytest.raises(errors.ContextError, match=re.escape(str(folder))):
        pack(folder, ".")


def test_directory_that_links_to_itself_raises_with_its_path(folder: Path) -> None:
    """As one that is not there, on each version of Python."""
    (folder / "loop").symlink_to("loop")
    for given in ((folder / "loop",), (folder, "loop"), (folder / "loop" / "x",)):
        with pytest.raises(errors.ContextError, match="loop"):
            pack(*given)


def test_longest_name_of_a_dockerfile_is_packed(folder: Path) -> None:
    """No ignore file can have its name with more at its end."""
    name = "D" * 255
    (folder / name).write_text("FROM scratch\n")

    assert name in names(folder, name)


def test_bytes_do_not_depend_on_the_machine(folder: Path) -> None:
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
