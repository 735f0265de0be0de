"""What a job says to GitHub Actions: annotations, masks, outputs, its summary.

Elsewhere the same is said in plain words.
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
        _say(f"::{level} title={value(title)}::{data(text)}")
    else:
        _say(f"{level}: {title}\n{text}")


def mask(secret: str) -> None:
    """Keep a secret out of the log, from here on. Elsewhere nothing is printed: nobody would."""
    if is_github() and secret:
        _say(f"::add-mask::{data(secret)}")


@contextlib.contextmanager
def foreign() -> Iterator[None]:
    """Let nothing be taken for a command meanwhile: what a server answered is printed."""
    if not is_github():
        yield
        return
    word = secrets.token_hex(16)
    _say(f"::stop-commands::{word}")
    try:
        yield
    finally:
        _say(f"\n::{word}::")


def outputs(told: Mapping[str, str]) -> None:
    """Set the outputs of the step, where it can have any. No value spans lines."""
    _append("GITHUB_OUTPUT", "".join(f"{name}={text}\n" for name, text in told.items()))


def summary(page: str) -> None:
    """Add a page to the summary of the job, cut where it is too large."""
    whole = page.encode()
    if len(whole) > LARGEST_SUMMARY:
        kept = whole[:LARGEST_SUMMARY].decode(errors="ignore").rpartition("\n")[0]
        page = f"{kept}\n\nCut off here; the artifact holds the rest.\n"
    _append("GITHUB_STEP_SUMMARY", page)


def _append(variable: str, text: str) -> None:
    if path := os.environ.get(variable):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
