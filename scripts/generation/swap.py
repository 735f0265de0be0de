"""Replaces a folder by a new one: whoever interrupts it finds the old one or the new one, whole.

Standard library only.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """Yield a temporary folder in a folder, so that what is in it can be moved by renaming it."""
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=folder, ignore_cleanup_errors=True
    ) as staged:
        yield Path(staged)


def replace(fresh: Path, present: Path) -> None:
    """Rename a fresh folder to the present one, which is moved to ``old`` beside the fresh one.

    If the fresh one cannot be moved, the old one is moved back. SIGINT and SIGTERM wait.
    """
    old = fresh.with_name("old")
    with _signals_blocked():
        try:
            if present.exists():
                present.rename(old)
            fresh.rename(present)
        except BaseException:
            if old.exists() and not present.exists():
                old.rename(present)
            raise


@contextmanager
def _signals_blocked() -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
