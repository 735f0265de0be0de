"""Journals: what a run noted is read again after any kill; what is not a journal is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ...drivers import journal
from ...drivers.images import Image, OwnImages
from ...drivers.journal import Journal
from ...problems import Exit, Problem

TARGET = "https://builds.example"
NAME = "contract-gate-0123456789ab"
HEADER = {"format": 1, "target": TARGET, "name": NAME}
MADE = {"made": ["v1", None]}


def written(folder: Path) -> tuple[Path, OwnImages]:
    """Write a journal of three images, one of them gone; return its file and what is left."""
    own = OwnImages(NAME, journal=Journal(folder / "journal", TARGET, NAME))
    for image in (Image("v1"), Image("x \N{SNOWMAN}\n", "team_1"), Image("v2")):
        own.note(image)
        own.note(image)
        own.built(image, f"bld {image.tag}")
    own.built(Image("v1"), None)
    own.built(Image("v1"), "x" * 5000)
    own.forget(Image("v2"))
    assert own.journal is not None
    own.journal.close(is_done=False)
    return own.journal.path, own


def read(path: Path) -> OwnImages:
    """Return the images of a journal."""
    found = journal.read(path)
    own = OwnImages(NAME)
    own.replay(found[1] if found else ())
    return own


def test_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Tags, teams and builds, but for an id that no server should give; each image once."""
    path, own = written(tmp_path)
    again = read(path)

    assert [*again.made] == [*own.made] == [Image("v1"), Image("x \N{SNOWMAN}\n", "team_1")]
    assert again.made[Image("v1")] == ["bld v1"]
    assert [one for one in path.read_text().splitlines() if '"made": ["v1"' in one] == [
        json.dumps({"made": ["v1", None]})
    ]
    assert path.read_bytes().isascii()


def test_journal_that_is_cut_anywhere_has_what_was_whole(tmp_path: Path) -> None:
    """As a kill leaves it: what is read only grows, and what is added later is read."""
    path, _ = written(tmp_path)
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = OwnImages(NAME)
        lines = content[:size].split(b"\n")[:-1]
        whole.replay(event for line in lines[1:] for event in json.loads(line).items())
        assert read(path).made == whole.made

        own = OwnImages(NAME, journal=Journal(path.parent, TARGET, NAME))
        own.note(Image("later"))
        assert own.journal is not None
        own.journal.close(is_done=False)
        assert [*read(path).made] == [*whole.made, Image("later")]


def test_journal_is_removed_once_all_is_gone(tmp_path: Path) -> None:
    """And not before."""
    path, own = written(tmp_path)
    assert own.journal is not None
    own.journal.open()
    own.journal.close(is_done=not own.made)
    assert path.exists()
    own.journal.open()
    for image in [*own.made]:
        own.forget(image)
    own.journal.close(is_done=not own.made)

    assert not path.exists()


def test_journal_is_locked_while_its_run_goes_on(tmp_path: Path) -> None:
    """Nothing else opens or removes it until then."""
    first, second = (Journal(tmp_path, TARGET, NAME) for _ in "ab")
    first.add("made", "v1", None)

    for touch in (second.open, lambda: journal.discard(first.path)):
        with pytest.raises(BlockingIOError):
            touch()
    first.close(is_done=False)
    second.open()
    second.close(is_done=True)
    assert not first.path.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"\n",
        lambda text: text.replace(b'"format": 1', b'"format": 2'),
        lambda text: text.replace(NAME.encode(), b"web"),
        lambda text: text.replace(NAME.encode(), b"contract-gate-0123456789ac"),
        lambda text: text.replace(TARGET.encode() + b'"', b'", "x": "'[:1] + b'"'),
        lambda text: text.replace(b'"v1"', b'"../web"'),
        lambda text: text.replace(b'"v1"', b'"."'),
        lambda text: text.replace(b'"v1"', b'"%2e"'),
        lambda text: text.replace(b'"v1"', b'""'),
        lambda text: text.replace(b'"v1"', b"1"),
        lambda text: text.replace(b"null", b"7"),
        lambda text: text.replace(b"made", b"mad"),
        lambda text: text.replace(b'{"made"', b'{"gone": ["v1", null], "made"'),
        lambda text: text.replace(b'["v1", null]', b'["v1"]'),
        lambda text: text + b"[" * 5000 + b"\n",
        lambda text: text + b"\xff\n",
        lambda text: b"\x1b[2J\n" + text,
        lambda text: text + b'{"made": ["v1", null]}\n' * 800_000,
    ],
)
def test_what_is_no_journal_is_a_problem(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """It names the file, and nothing of it is used."""
    path = tmp_path / f"{NAME}.jsonl"
    path.write_bytes(change("".join(f"{json.dumps(one)}\n" for one in (HEADER, MADE)).encode()))

    with pytest.raises(Problem) as caught:
        journal.read(path)
    assert caught.value.code is Exit.CANNOT_TELL
    assert path.name in caught.value.what
    assert "\x1b" not in str(caught.value)


def test_journal_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    """Before anything is made."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match="cannot be noted"):
        Journal(tmp_path / "file", TARGET, NAME).add("made", "v1", None)


@pytest.mark.parametrize(
    ("tag", "segment"),
    [("v1", "v1"), ("a/b", "a-b"), ("", "v1"), ("..", "v1"), ("a..", "a.."), ("%2e", "-2e"),
     ("..\\..", "..-.."), ("\ud800", "-"), ("\N{SNOWMAN}?#;", "\N{SNOWMAN}?#;")],
)  # fmt: skip
def test_tag_is_one_segment_of_a_path(tag: str, segment: str) -> None:
    """As near to the given one as there is one."""
    assert journal.segment(tag) == segment
    assert journal.segment(segment) == segment
