"""The files of the reports: JUnit's, by the name that it is given, and others beside it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ..problems import Problem

PAGE, SUMMARY, VERDICTS = "index.html", "summary.md", "verdicts.json"
"""Beside JUnit's: for people, for the summary of a CI job, for programs."""
BADGE, TAPE, LOAD, LOG = "badge.json", "tape.har", "load.html", "server.log"
"""For a badge; the exchanges; the response times of a load run; what a started server printed."""


def remove(junit: Path) -> None:
    """Remove the reports of an earlier run: a run that ends early must not leave them.

    Raises ``Problem`` where no report can be written.
    """
    try:
        junit.parent.mkdir(parents=True, exist_ok=True)
        with _locked(junit.parent):
            others = (PAGE, SUMMARY, VERDICTS, BADGE, TAPE, LOAD, LOG)
            _unlink(junit, *map(junit.with_name, others))
    except OSError as error:
        raise _unwritable(junit.parent, error) from error


def write(pages: Mapping[Path, Iterable[str] | None]) -> None:
    """Write the files of one run, all of them or none, in one folder; None for a file without any.

    A page is a text, or its pieces, which are written as they come. All are written beside, then
    renamed under a lock: a reader finds no half of a file, and no files of two runs. Raises
    ``Problem`` where they cannot be written.
    """
    folder = next(iter(pages)).parent
    try:
        with tempfile.TemporaryDirectory(
            prefix=".reports-", dir=folder, ignore_cleanup_errors=True
        ) as beside:
            for path, page in pages.items():
                if page is not None:
                    with (Path(beside) / path.name).open(
                        "w", encoding="utf-8", errors="backslashreplace"
                    ) as file:
                        file.writelines([page] if isinstance(page, str) else page)
            with _locked(folder):
                try:
                    for path, page in pages.items():
                        if page is None:
                            _unlink(path)
                        else:
                            (Path(beside) / path.name).replace(path)
                except BaseException:
                    _unlink(*pages)
                    raise
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other runs from a folder for a moment, where its file system has locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unwritable(folder: Path, error: OSError) -> Problem:
    what = f"no report can be written to {folder}: {error.strerror}"
    return Problem(what, "name a file in another folder, or make room")
