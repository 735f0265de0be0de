"""Commands to GitHub Actions: annotations, masks, outputs, the summary.

Outside of GitHub Actions, the same is printed as plain text.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

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


def annotate(level: str, title: str, text: str) -> None:
    """Annotate the job; ``level`` is error, warning or notice."""
    if is_github():
        _print(f"::{level} title={value(title)}::{data(text)}")
    else:
        _print(f"{level}: {title}\n{text}")


def mask(secret: str) -> None:
    """Hide a secret in the log from here on. Outside of GitHub Actions nothing is printed."""
    if is_github() and secret:
        _print(f"::add-mask::{data(secret)}")


@contextlib.contextmanager
def commands_disabled() -> Iterator[None]:
    """Disable commands while the text of a server is printed."""
    if not is_github():
        yield
        return
    word = secrets.token_hex(16)
    _print(f"::stop-commands::{word}")
    try:
        yield
    finally:
        _print(f"\n::{word}::")


def outputs(values: Mapping[str, str]) -> None:
    """Set the outputs of the step, if it has any. A value is one line."""
    _append("GITHUB_OUTPUT", "".join(f"{name}={text}\n" for name, text in values.items()))


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


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201
