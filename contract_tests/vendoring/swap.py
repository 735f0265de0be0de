"""Replaces a folder: an interrupted run leaves the old one or the new one, complete."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """Yield a temporary folder inside a folder: in the same file system, so that renames work."""
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=folder, ignore_cleanup_errors=True
    ) as staged:
        yield Path(staged)


def replace(fresh: Path, present: Path) -> None:
    """Rename a fresh folder to the present one, which is renamed to ``old`` beside the fresh one.

    SIGINT and SIGTERM wait. If the second rename fails, the first one is undone.
    """
    old = fresh.with_name("old")
    signals = {signal.SIGINT, signal.SIGTERM}
    is_posix = sys.platform != "win32"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals) if is_posix else set()
    try:
        if present.exists():
            present.rename(old)
        fresh.rename(present)
    except BaseException:
        if old.exists() and not present.exists():
            old.rename(present)
        raise
    finally:
        if is_posix:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
