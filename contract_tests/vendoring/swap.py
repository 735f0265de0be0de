"""Replaces a folder: a run that ends at any time leaves the old one or the new one, complete."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# <linux/fs.h>, <fcntl.h>, and <sys/stdio.h> of macOS.
RENAME_EXCHANGE, AT_FDCWD, RENAME_SWAP = 2, -100, 2


@contextmanager
def staging(folder: Path, prefix: str) -> Iterator[Path]:
    """Yield a temporary folder inside a folder: in the same file system, so that renames work."""
    with tempfile.TemporaryDirectory(
        prefix=prefix, dir=folder, ignore_cleanup_errors=True
    ) as staged:
        yield Path(staged)


def replace(fresh: Path, present: Path) -> None:
    """Put a fresh folder in the place of the present one, which is left beside the fresh one's.

    Linux and macOS exchange both in one step, so that not even SIGKILL leaves none of them. Where
    the system or the file system cannot, there are two renames: SIGINT and SIGTERM wait, and if the
    second one fails, the first one is undone.
    """
    if not exchanged(fresh, present):
        _rename_both(fresh, present)


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; return whether that was possible."""
    try:
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        paths = os.fsencode(one), os.fsencode(other)
        if sys.platform == "linux":
            call = library.renameat2
            return not call(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE)
        return not library.renamex_np(*paths, RENAME_SWAP)
    except (ImportError, AttributeError, OSError, TypeError):
        return False


def _rename_both(fresh: Path, present: Path) -> None:
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
