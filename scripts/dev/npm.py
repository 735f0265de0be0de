"""Programs of others from npm, for tests and benchmarks, each set in a folder of its own."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOCKS = {"@stoplight/prism-cli": "5.14.2", "@mockoon/cli": "9.9.0"}
PACKAGES = {**MOCKS, "@redocly/cli": "2.77.0", "autocannon": "9.0.0", "pyright": "1.1.414"}
"""Each with its exact version, so that what it finds is known."""

PRISM = "prism mock {how} --host 127.0.0.1 --port {port} {contract}"
MOCKOON = (
    "mockoon-cli start --disable-log-to-file --hostname 127.0.0.1 --port {port} --data {contract}"
)

FOLDER = ROOT / ".venv-mocks"
PATIENCE = 600.0
"""Seconds for npm, which fetches some 400 packages."""


class NotSetUpError(Exception):
    """The programs are not there, and cannot be fetched; the text says why."""


def set_up(packages: Mapping[str, str] = PACKAGES, folder: Path = FOLDER) -> Path:
    """Return the folder of the programs; install them once for each set of versions.

    Raises NotSetUpError if that cannot be done, for want of npm or of a network.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotSetUpError("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps({"private": True, "dependencies": packages})
    ready, bin_ = folder / "ready", folder / "node_modules" / ".bin"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.is_file() and ready.read_text() == wanted:
            return bin_
        (folder / "package.json").write_text(wanted)
        try:
            done = subprocess.run(  # noqa: S603 (our own command)
                [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts",
                 "--fetch-retries=1"],
                cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise NotSetUpError(f"npm did not end within {PATIENCE:.0f} s") from error
        if done.returncode:
            raise NotSetUpError(f"npm fetched nothing: {done.stderr.strip()[-200:]}")
        ready.write_text(wanted)
    return bin_
