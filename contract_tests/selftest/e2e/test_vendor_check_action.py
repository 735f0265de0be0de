"""The vendor-check action, run as CI runs it, over each state of a copy."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ...vendoring import vendor_check
from ...vendoring.source import find
from ...vendoring.vendor import copy
from ..support.ci_job import ROOT, run_action
from ..support.vendoring import advance, checkout, commit, edit, write


def action_clone(folder: Path) -> Path:
    """Make a clone with all that the action needs, and one commit."""
    root = checkout(folder)
    for name in ("scripts/ci", ".github/actions/vendor-check"):
        shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True)
    for name in (
        "contract_tests/usage.py",
        "contract_tests/problems.py",
        "contract_tests/process.py",
    ):
        shutil.copyfile(ROOT / name, root / name)
    commit(root)
    return root


def forge(package: Path) -> None:
    """Edit the client and its lock, which then names a commit that nobody has."""
    write("client.py", b"# mine")(package)
    lock = json.loads((package / vendor_check.LOCK).read_text())
    lock |= {"contract": {"version": "0.9.0"}, "source": {"commit": "0" * 40}}
    (package / vendor_check.LOCK).write_text(json.dumps(lock))


STATES: dict[str, Callable[[Path], object]] = {
    "edited": edit,
    "broken": lambda package: (package / "client.py").unlink(),
    "unknown": forge,
}


@pytest.mark.parametrize(
    ("state", "policy", "code", "ends"),
    [
        ("fresh", "fail", 0, 0),
        ("update", "warn", 1, 0),
        ("update", "fail", 1, 1),
        ("edited", "warn", 1, 1),
        ("broken", "warn", 1, 1),
        ("unknown", "warn", 4, 4),
        ("error", "neither", 4, 4),
    ],
)
def test_vendor_check_action(tmp_path: Path, state: str, policy: str, code: int, ends: int) -> None:
    """Each state fails the step, except fresh, and an update with the policy warn."""
    root = action_clone(tmp_path / "action")
    package = copy(find(root), tmp_path / "workspace/third_party").package
    if state == "update":
        advance(root, "1.1.0")
        commit(root)
    if state in STATES:
        STATES[state](package)
    inputs = {"path": "third_party", "on-update": policy, "python": sys.executable}
    done = run_action("vendor-check", tmp_path, inputs, root=root)

    assert done.code == ends, done.printed
    assert done.outputs == {"state": state, "exit-code": str(code)}
    assert f"# The vendored client in `third_party`: {state}\n" in done.summary
    level = "warning" if (state, policy) == ("update", "warn") else "error"
    begins = f"{level} title=vendored client: {state}::problem: "
    assert [one.startswith(begins) for one in done.annotations] == [True] * bool(code)


@pytest.mark.parametrize(
    "inputs",
    [
        {"path": ""}, {"path": "x", "on-update": "ignore"}, {"path": "x", "python": "no-such"},
        {"path": "x", "python": "true"}, {"path": "x", "python": "-c"},
        {"path": "x", "python": "python3; touch ran"},
    ],
)  # fmt: skip
def test_vendor_check_with_an_invalid_input_ends_with_4(
    tmp_path: Path, inputs: dict[str, str]
) -> None:
    """And with the state error."""
    done = run_action("vendor-check", tmp_path, {"python": sys.executable} | inputs)

    assert done.code == 4
    assert done.outputs == {"state": "error", "exit-code": "4"}
    assert "    fix: " in done.annotations[0]
    assert not (tmp_path / "workspace/ran").exists()
