"""The files of the reports: JUnit's, by the name that it is given, and two beside it."""

from __future__ import annotations

from pathlib import Path

from ..problems import Problem


def summary(junit: Path) -> Path:
    """Return the file for people."""
    return junit.with_name("summary.md")


def verdicts(junit: Path) -> Path:
    """Return the file for programs."""
    return junit.with_name("verdicts.json")


def remove(junit: Path) -> None:
    """Remove the reports of an earlier run: a run that ends early must not leave them.

    Raises ``Problem`` where no report can be written.
    """
    try:
        junit.parent.mkdir(parents=True, exist_ok=True)
        for one in (junit, summary(junit), verdicts(junit)):
            one.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(junit, error) from error


def unwritable(junit: Path, error: OSError) -> Problem:
    """Return the problem of reports that cannot be written."""
    what = f"no report can be written to {junit.parent}: {error.strerror}"
    return Problem(what, "name a file in another folder")
