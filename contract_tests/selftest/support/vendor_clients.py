"""The vendor's own clients, unchanged, in a virtual environment of their own.

What they need lives apart, in ``.venv-vendor``: nothing of the project may come to lean on it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from ...contract.openapi import PATH

LOCK = Path(__file__).with_name("vendor-clients.txt")
"""Names each package with its hashes, and no address. To make it anew, for other versions:

    printf 'prime==0.18.0\\nprime-sandboxes==0.5.1\\n' | uv pip compile - --universal \\
        --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \\
        --no-emit-find-links --quiet -o contract_tests/selftest/support/vendor-clients.txt
"""

FOLDER = PATH.parent / ".venv-vendor"
PATIENCE = 600.0
"""Seconds for pip, which fetches some 20 MB."""


class NotSetUpError(Exception):
    """The clients are not there, and cannot be fetched; the text is the problem and the fix."""


def set_up(folder: Path = FOLDER) -> Path:
    """Return the folder of the clients' programs; install them once for each lock.

    Raises NotSetUpError if that cannot be done, for example for want of a network.
    """
    ready = folder / f".ready-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
    if ready.is_file():
        return folder / "bin"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_file():
            _install(folder)
            ready.touch()
    return folder / "bin"


def environment(home: Path, url: str, token: str, **more: str) -> dict[str, str]:
    """Return all that the clients find in their environment: a server, a token, an empty home."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PRIME_API_BASE_URL": url,
        "PRIME_API_KEY": token,
        # Else the command line looks for a newer version of itself.
        "PRIME_DISABLE_VERSION_CHECK": "1",
        # Else its tables break words.
        "COLUMNS": "300",
        **more,
    }


def _install(folder: Path) -> None:
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [*pip, "--retries", "1", "--require-hashes", "--no-deps", "-r", str(LOCK)],
    ):
        try:
            done = subprocess.run(  # noqa: S603 (our own command)
                command, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            failure = done.stderr.strip().splitlines()[-1:] if done.returncode else None
        except subprocess.TimeoutExpired:
            failure = [f"no end after {PATIENCE:.0f} s"]
        if failure is not None:
            raise NotSetUpError(
                f"problem: the vendor's clients are not installed: {' '.join(failure)}\n"
                "    fix: run this test once with a network; it keeps them in .venv-vendor"
            )
