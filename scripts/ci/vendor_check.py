"""Check a vendored client in CI, and tell GitHub.

All is read from the environment:

    VENDOR_PATH       the folder that holds the package
    VENDOR_ON_UPDATE  ``warn`` (by default) or ``fail`` where an update is available

Exit codes are those of ``scripts/vendor.py check``: 0 fresh, 4 an update is available, 5 edited,
6 broken; 100 and all others: it could not tell. With ``warn``, 4 is told and becomes 0.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from scripts.ci import commands  # noqa: E402

FRESH, UPDATE, EDITED, BROKEN, FAILED = 0, 4, 5, 6, 100
STATE = {FRESH: "fresh", UPDATE: "update", EDITED: "edited", BROKEN: "broken"}
POLICIES = ("warn", "fail")


def main(environment: Mapping[str, str]) -> int:
    """Check, and tell; return the exit code."""
    path = environment.get("VENDOR_PATH", "").strip()
    policy = environment.get("VENDOR_ON_UPDATE", "").strip() or "warn"
    if not path:
        return _tell(FAILED, "problem: no folder to check\n    fix: give its path", path)
    if policy not in POLICIES:
        wrong = f"problem: {policy!r} is no way to take an update\n    fix: warn or fail"
        return _tell(FAILED, wrong, path)
    here = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, str(ROOT / "scripts/vendor.py"), "check", str(here / path)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    warns = done.returncode == UPDATE and policy == "warn"
    code = _tell(done.returncode, done.stdout.strip(), path, warns=warns)
    return FRESH if warns else code


def _tell(code: int, text: str, path: str, *, warns: bool = False) -> int:
    state = STATE.get(code, "error")
    with commands.foreign():
        print(text, flush=True)  # noqa: T201
    if code != FRESH:
        level = "warning" if warns else "error"
        commands.annotate(level, f"vendored client: {state}", text or f"exit code {code}")
    commands.summary(f"# The vendored client in {path or '?'}: {state}\n\n```\n{text}\n```\n")
    commands.outputs({"state": state, "exit-code": str(code)})
    return code


if __name__ == "__main__":
    sys.exit(main(os.environ))
