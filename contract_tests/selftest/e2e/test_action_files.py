"""The files of actions and workflows: pins, permissions, inputs, and the examples of docs/ci.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ...contract import documents
from ..support.ci_job import ACTIONS, HOOKS, ROOT, load

ACTION_FILES = [*ACTIONS.values()]


def used(text: str) -> list[tuple[str, str]]:
    """Return the third-party actions that a text uses, and the text after each."""
    found = re.findall(r"uses: (?!\./)(\S+)(.*)", text)
    return [(one, rest) for one, rest in found if not one.startswith("OWNER/")]


def test_third_party_actions_are_pinned() -> None:
    """By a full commit, the same everywhere, with the version as a comment."""
    files = [*ACTION_FILES, *(ROOT / ".github/workflows").iterdir(), ROOT / "docs/ci.md"]
    found = [one for file in files for one in used(file.read_text())]

    assert len(found) > 4
    for action, version in found:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version)
    assert len({action.partition("@")[0] for action, _ in found}) == len(set(found))


def test_scripts_contain_no_expressions() -> None:
    """Inputs are passed in the environment, so that their text is never executed."""
    for file in ACTION_FILES:
        action = load(file)
        steps = [one for one in action["runs"]["steps"] if "run" in one]
        assert steps
        for step in steps:
            assert "${{" not in step["run"]
            assert step["shell"] == "bash"
        text = file.read_text()
        assert {one for one in action["inputs"] if f"inputs.{one} " not in text} == set()


def test_one_action_is_at_the_root_with_what_the_marketplace_shows() -> None:
    """A name, a description of at most 125 characters, an author, an icon and a color."""
    action = load(ACTIONS["gate"])
    tracked = subprocess.run(
        ["git", "ls-files", "action.y*ml", "**/action.y*ml"],  # noqa: S607
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip

    assert {ROOT / one for one in tracked} == {*ACTIONS.values()}
    assert 0 < len(action["description"]) <= 125
    assert action["name"]
    assert action["author"]
    assert action["branding"].keys() == {"icon", "color"}


@pytest.mark.parametrize("name", ["ci", "compare"])
def test_workflow_has_least_permissions(name: str) -> None:
    """None by default, read for each job; a timeout for each, and one run per branch."""
    workflow = load(ROOT / f".github/workflows/{name}.yml")

    assert workflow["permissions"] == {}
    assert name != "ci" or "github.ref" in workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert 0 < job["timeout-minutes"] <= 90
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            if step.get("uses", "").startswith("./"):
                action = load(ROOT / step["uses"] / "action.yml")
                assert set(step["with"]) <= set(action["inputs"])


def test_zizmor_finds_nothing() -> None:
    """In the actions and the workflow."""
    zizmor = Path(sys.executable).parent / "zizmor"
    done = subprocess.run(  # noqa: S603
        [zizmor, "--offline", "--no-progress", ROOT / ".github", ACTIONS["gate"]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


def blocks(language: str) -> list[str]:
    """Return the blocks of docs/ci.md in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/ci.md").read_text(), re.S)


def test_examples_of_the_document_are_valid() -> None:
    """Each block is YAML, and its inputs, hooks and variables exist."""
    shown = blocks("yaml")
    inputs = {name: set(load(one)["inputs"]) for name, one in ACTIONS.items()}
    seen = set()
    for block in shown:
        for step in steps_of(block):
            found = re.fullmatch(r"OWNER/REPOSITORY(?:/.github/actions/(.*))?@COMMIT",
                                 step.get("uses", ""))  # fmt: skip
            if found:
                name = found[1] or "gate"
                seen.add(name)
                assert set(step["with"]) <= inputs[name]
    text = "\n".join(shown)
    template = (ROOT / "ci/gitlab-gate.yml").read_text()

    assert seen == set(inputs)
    for variable in re.findall(r"^    (GATE_\w+):", text, re.M):
        assert f"\n    {variable}: " in template
    assert re.findall(r"- id: (\S+-\S+)", text) == ["vendor-check"]
    assert all(f"`{name}`" in (ROOT / "docs/ci.md").read_text() for name in HOOKS)
    for output in load(ACTIONS["gate"])["outputs"]:
        assert f"`{output}`" in (ROOT / "docs/ci.md").read_text()


def steps_of(block: str) -> list[dict[str, Any]]:
    """Return the steps of a workflow's jobs; none for any other block."""
    jobs = documents.read(block).get("jobs", {})
    return [step for job in jobs.values() for step in job["steps"]]
