"""Put a folder in the place of another in one step: a killed run leaves one of them whole."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.vendor_check import FAILED, Problem

# Of the system calls, by their headers.
AT_FDCWD, RENAME_EXCHANGE, RENAME_SWAP = -100, 2, 2
CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV}
FRESH, OLD, GONE = "fresh", "old", "gone"


@contextmanager
def staging(package: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a package, and take it away; only one run at a time may have it.

    What a killed run left behind is cleaned up first.
    """
    package.parent.mkdir(parents=True, exist_ok=True)
    with _alone(package.parent):
        for left in package.parent.glob(f".{package.name}.vendor-*"):
            if left.is_dir() and not left.is_symlink():
                recover(package, left)
        folder = Path(tempfile.mkdtemp(prefix=f".{package.name}.vendor-", dir=package.parent))
        try:
            yield folder
        finally:
            recover(package, folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock a folder for this run. The lock dies with the process, and leaves no file."""
    handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
    try:
        if handle is not None:
            _lock(handle, folder)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    import fcntl  # Windows has none; two runs at once are the caller's care there.

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        busy = f"another run is vendoring into {folder}"
        raise Problem(FAILED, busy, "wait until it is done, and run again") from None
    except OSError:
        return  # Some network file systems have no such lock.


def recover(package: Path, folder: Path) -> None:
    """Put back the old copy in a staging folder, if nothing took its place; discard the rest."""
    old = folder / OLD
    if old.is_dir():
        # Set aside in one step, since half a deleted copy must never be put back.
        old.rename(folder / GONE if os.path.lexists(package) else package)
    discard(folder)


def discard(folder: Path) -> None:
    """Delete a folder, read-only ones in it too. What resists is left for the next run."""
    for path, _, _ in os.walk(folder):
        with suppress(OSError):
            Path(path).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def put(fresh: Path, package: Path) -> None:
    """Put a folder in the place of a package; the old one stays in the staging folder."""
    if not package.exists():
        fresh.rename(package)
        return
    if exchange(fresh, package):
        return
    # Two steps. A run that is killed between them leaves the old copy beside, and the next run
    # puts it back.
    old = fresh.with_name(OLD)
    package.rename(old)
    try:
        fresh.rename(package)
    except BaseException:
        old.rename(package)
        raise


def exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    if os.name != "posix":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    paths = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(*paths, RENAME_SWAP)
        else:
            failed = libc.renameat2(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE)
    except AttributeError:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
