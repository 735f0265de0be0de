"""Asks git about a folder, whatever repository the caller itself stands in."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def ask(root: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder. Raises ``OSError`` or ``subprocess.TimeoutExpired`` if it does not."""
    # In a hook, git names the repository in the environment: another one than is asked about.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(  # noqa: S603
        ["git", "-C", str(root), *words],  # noqa: S607
        env=clean, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
