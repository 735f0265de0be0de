"""Commands to GitHub Actions: annotations, masks, outputs, the summary.

Outside of GitHub Actions, the same is printed as plain text.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from contract_tests.escape import line, lines, show
from contract_tests.problems import failure, is_foreseen
from contract_tests.process import outlive_reader

# GitHub refuses the summary of a step that is larger than a mebibyte.
LARGEST_SUMMARY = 1_000_000


def is_github() -> bool:
    """Whether GitHub Actions reads what is printed."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def data(text: str) -> str:
    """Escape the text of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def value(text: str) -> str:
    """Escape the value of a command's property."""
    return data(text).replace(":", "%3A").replace(",", "%2C")


def ended(main: Callable[[], int]) -> int:
    """Run a script; return its exit code: Python's own for an exception is 1, which means found.

    A reader that has gone does not change it.
    """
    outlive_reader()
    try:
        return main()
    except Exception as error:
        if not is_foreseen(error):
            show(traceback.format_exc().rstrip("\n"), is_error=True)
        problem = failure(error, "the script")
        show(problem, is_error=True)
        return problem.code


def annotate(level: str, title: str, text: str) -> None:
    """Annotate the job; ``level`` is error, warning or notice."""
    if is_github():
        _command(f"::{level} title={value(line(title))}::{data(lines(text))}")
    else:
        show(f"{level}: {line(title)}\n{text}")


def mask(secret: str) -> None:
    """Hide a secret in the log from here on. Outside of GitHub Actions nothing is printed."""
    if is_github() and secret:
        _command(f"::add-mask::{data(secret)}")


@contextlib.contextmanager
def commands_disabled() -> Iterator[None]:
    """Disable commands while the text of a server is printed."""
    if not is_github():
        yield
        return
    word = secrets.token_hex(16)
    _command(f"::stop-commands::{word}")
    try:
        yield
    finally:
        _command(f"\n::{word}::")


def outputs(values: Mapping[str, str]) -> None:
    """Set the outputs of the step, if it has any."""
    end = secrets.token_hex(16)  # no value can have this line, and so end early
    each = (f"{name}<<{end}\n{text}\n{end}\n" for name, text in values.items())
    _append("GITHUB_OUTPUT", "".join(each))


def summary(page: str) -> None:
    """Add a page to the summary of the job, cut if it is too large."""
    whole = page.encode(errors="backslashreplace")
    if len(whole) > LARGEST_SUMMARY:
        kept = whole[:LARGEST_SUMMARY].decode(errors="ignore").rpartition("\n")[0]
        page = f"{kept}\n\nCut off here; the artifact holds the rest.\n"
    _append("GITHUB_STEP_SUMMARY", page)


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def _command(command: str) -> None:
    print(command, flush=True)  # noqa: T201 (escaped already)
