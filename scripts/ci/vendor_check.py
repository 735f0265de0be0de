"""Check a vendored client in CI, and tell GitHub.

All is read from the environment:

    VENDOR_PATH       the folder that holds the package
    VENDOR_ON_UPDATE  ``warn`` (by default) or ``fail`` where an update is available

Exit codes: 0 fresh, 1 an update is available, edited or broken, 4 cannot tell. With ``warn``, an
update is shown and the code is 0.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from scripts import vendor  # noqa: E402
from scripts.ci import commands  # noqa: E402
from scripts.vendor_check import ERROR, FRESH, OK, UPDATE, Checked, Problem, checked, locate  # noqa: E402

POLICIES = ("warn", "fail")


def main(environment: Mapping[str, str]) -> int:
    """Check, and report; return the exit code."""
    path = environment.get("VENDOR_PATH", "").strip()
    policy = environment.get("VENDOR_ON_UPDATE", "").strip() or "warn"
    here = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())

    def run() -> str:
        if not path:
            raise Problem(ERROR, "no folder to check", "give its path")
        if policy not in POLICIES:
            raise Problem(ERROR, f"on-update is neither warn nor fail: {policy!r}", "warn or fail")
        return vendor.check(ROOT, locate(here / path))

    done = checked(run)
    warns = done.state == UPDATE and policy == "warn"
    _report(done, path, "warning" if warns else "error")
    return OK if warns else done.code


def _report(done: Checked, path: str, level: str) -> None:
    with commands.foreign():
        print(done.text, flush=True)  # noqa: T201
    if done.state != FRESH:
        commands.annotate(level, f"vendored client: {done.state}", done.text)
    commands.summary(
        f"# The vendored client in {path or '?'}: {done.state}\n\n```\n{done.text}\n```\n"
    )
    commands.outputs({"state": done.state, "exit-code": str(done.code)})


if __name__ == "__main__":
    sys.exit(main(os.environ))
