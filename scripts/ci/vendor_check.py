"""Checks a vendored client in CI, and reports to GitHub. Standard library only.

Reads the environment:

    VENDOR_PATH       the folder that holds the package
    VENDOR_ON_UPDATE  ``warn`` (default) or ``fail`` if an update is available

Exit codes: 0 fresh, 1 an update is available, edited or broken, 4 cannot be checked.
With ``warn``, an update is reported and the code is 0.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The action runs with any Python and installs nothing, so the checkout is not importable otherwise.
sys.path.insert(0, str(ROOT))

from contract_tests.escape import code, fenced, show  # noqa: E402
from contract_tests.vendoring import source, vendor  # noqa: E402
from contract_tests.vendoring.vendor_check import ERROR, FRESH, UPDATE, CopyState  # noqa: E402
from scripts.ci import commands  # noqa: E402

POLICIES = ("warn", "fail")


def main(environment: Mapping[str, str]) -> int:
    """Check, and report; return the exit code."""
    path = environment.get("VENDOR_PATH", "").strip()
    policy = environment.get("VENDOR_ON_UPDATE", "").strip() or "warn"
    here = Path(environment.get("GITHUB_WORKSPACE") or Path.cwd())
    if not path:
        state = CopyState(ERROR, "no folder to check", "give its path")
    elif policy not in POLICIES:
        state = CopyState(ERROR, f"on-update must be warn or fail, not {policy!r}", "warn or fail")
    else:
        state = vendor.check(source.find(ROOT), here / path)
    warns = state.state == UPDATE and policy == "warn"
    with commands.commands_disabled():
        show(state)
    if state.state != FRESH:
        title = f"vendored client: {state.state}"
        commands.annotate("warning" if warns else "error", title, str(state))
    title = f"# The vendored client in {code(path or '?')}: {state.state}"
    commands.summary(f"{title}\n\n{fenced(str(state))}\n")
    commands.outputs({"state": state.state, "exit-code": str(state.code)})
    return 0 if warns else state.code


if __name__ == "__main__":
    sys.exit(commands.ended(lambda: main(os.environ)))
