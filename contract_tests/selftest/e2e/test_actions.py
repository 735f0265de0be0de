"""The actions, the GitLab template and the hooks, run as CI runs them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.ci import commands

from ...contract import documents
from ...gate import server
from ...problems import Exit
from ...reference.app import create_app
from ...reference.over_sockets import running
from ...vendoring import vendor_check
from ...vendoring.source import find
from ...vendoring.vendor import copy
from ..support.ci_job import (
    ACTIONS,
    ROOT,
    Done,
    environment,
    free_port,
    installed,
    load,
    run_action,
)
from ..support.unprovoked import UNPROVOKED
from ..support.vendoring import advance, checkout, commit, write

TOKEN = "secret-of-this-job%1"  # noqa: S105
NOBODY = "http://127.0.0.1:9"
SCRIPTED = "200"
"""So many requests show T4 and T5; a warning follows that the generated ones were cut."""
SERVE = '"$RUNNER_TEMP/contract-gate/bin/python" -m contract_tests serve --build-seconds 0.1'
SERVE = f"cd '{ROOT}' && {SERVE}"
ACTION_FILES = [*ACTIONS.values()]


def run_gate(
    folder: Path, command: str | None = SERVE, *, server_only: str = "1", **inputs: str
) -> Done:
    """Run the gate action on a server that it starts; the client is judged by one test alone."""
    installed(folder / "contract-gate")
    url = f"http://127.0.0.1:{free_port()}"
    if command:
        inputs["command"] = f"{command} --port {url.rpartition(':')[2]}"
    if "wait_for" in inputs and inputs["wait_for"].startswith("/"):
        inputs["wait_for"] = url + inputs["wait_for"]
    inputs = {"target": url, "token": TOKEN, "timeout": "200"} | inputs
    inputs = {name.replace("_", "-"): one for name, one in inputs.items()}
    done = run_action("gate", folder, inputs, CONTRACT_SERVER_ONLY=server_only)
    leaks = [line for line in done.printed.splitlines() if TOKEN in line]

    assert not leaks
    assert f"::add-mask::{commands.data(TOKEN)}" in done.printed.splitlines()
    assert server.status(url) is None  # stopped, whatever the result
    return done


def test_conforming_server_passes(tmp_path: Path) -> None:
    """Exit code 0, outputs, summary and all reports, without an annotation."""
    done = run_gate(tmp_path, server_only="0")
    reports = tmp_path / "workspace/reports"

    assert done.code == 0, done.printed
    assert done.outputs == {
        "verdict": "passed", "violated": "", "advised": "", "waived": "",
        "not-observed": ",".join(sorted(UNPROVOKED)), "not-applicable": "", "exit-code": "0",
        "reports": str(reports),
    }  # fmt: skip
    assert done.annotations == []
    assert re.search("^passed +T1 .*T5 ", done.summary, re.M)
    assert {one.name for one in reports.iterdir()} == {
        "junit.xml", "index.html", "summary.md", "tape.har", "verdicts.json", "badge.json",
        "server.log",
    }  # fmt: skip
    assert all(TOKEN not in one.read_text() for one in reports.iterdir())
    assert re.search(r"^token +<token>$", (reports / "server.log").read_text(), re.M)
    assert json.loads((reports / "verdicts.json").read_text())["problem"] is None


def test_violation_fails_with_an_annotation(tmp_path: Path) -> None:
    """Exit code 1 and the rule's id; commands are disabled while the gate prints."""
    done = run_gate(
        tmp_path, f"{SERVE} --fault completed-null", rule="T4,T5", max_requests=SCRIPTED
    )

    assert done.code == 1, done.printed
    assert (done.outputs["verdict"], done.outputs["violated"]) == ("violated", "T5")
    failure, cut = sorted(done.annotations)
    assert failure.startswith("error title=T5 SHOULD::T5 SHOULD  completedAt is set")
    assert re.search(r"\n  received  null\n(.*\n)*  seen      on \d+ ex", failure)
    assert cut.startswith("warning title=cut::")
    assert "| T5 | SHOULD | violated |" in done.summary
    stop = re.search(r"^::stop-commands::(\w{32})$", done.printed, re.M)
    assert stop is not None
    assert f"\n::{stop[1]}::\n" in done.printed[stop.end() :]


def test_waived_violation_is_a_warning(tmp_path: Path) -> None:
    """The job passes, and the annotation has the reason. The file is in the workspace."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/waivers.toml").write_text(
        '[[waiver]]\nrule = "T5"\nreason = "known, 100%: B-1"\nexpires = 2999-01-01\n'
    )
    done = run_gate(
        tmp_path, f"{SERVE} --fault completed-null",
        rule="T4,T5", waivers="waivers.toml", max_requests=SCRIPTED,
    )  # fmt: skip

    assert done.code == 0, done.printed
    assert (done.outputs["verdict"], done.outputs["waived"]) == ("passed", "T5")
    waived, cut = sorted(done.annotations)
    assert cut.startswith("warning title=cut::")
    assert waived.startswith(
        "warning title=T5 SHOULD::waived until 2999-01-01: known, 100%: B-1\nT5 SHOULD  "
    )


def test_required_status_that_is_not_observed_fails(tmp_path: Path) -> None:
    """Like a violation; MAX_BUILDS, which cut the run, is a warning."""
    done = run_gate(
        tmp_path, require="CANCELLED", rule="T5,P7", max_builds="1", max_requests=SCRIPTED
    )

    assert done.code == 1, done.printed
    assert (done.outputs["verdict"], done.outputs["violated"]) == ("violated", "")
    assert done.outputs["not-observed"] == "P7"
    cut, missing = done.annotations
    assert cut.startswith("warning title=cut::")
    assert missing == "error title=REQUIRE::not observed: CANCELLED"


@pytest.mark.parametrize(
    ("command", "inputs", "part"),
    [
        ("exit 3; :", {}, "exit code 3"),
        ("echo crashed: $CONTRACT_TOKEN; sleep 60; :", {"timeout": "1"}, "1 s"),
        (SERVE, {"timeout": "soon"}, "'soon'"),
        (SERVE, {"wait_for": "here"}, "'here'"),
        (SERVE, {"target": ""}, "target"),
        (SERVE, {"rule": "T99"}, "T99"),
        (None, {"target": NOBODY}, f"no response from {NOBODY}"),
    ],
)
def test_gate_that_cannot_judge_ends_with_4(
    tmp_path: Path, command: str | None, inputs: dict[str, str], part: str
) -> None:
    """Verdict error, never a pass; annotation and summary show the problem and its fix."""
    done = run_gate(tmp_path, command, **inputs)

    assert done.code == 4, done.printed
    assert (done.outputs["verdict"], done.outputs["exit-code"]) == ("error", "4")
    assert len(done.annotations) == 1
    assert re.match("error title=[^:]*::problem: ", done.annotations[0])
    assert part in done.annotations[0]
    assert "  fix: " in done.annotations[0]
    assert part in done.summary
    if command and "crashed" in command:
        assert "crashed: <token>" in done.annotations[0]


NOT_READY_AT_FIRST = """
import os, sys
import uvicorn
from contract_tests.reference.app import create_app
app, statuses = create_app(token=os.environ["CONTRACT_TOKEN"], build_seconds=0.1), [503, 500, 503]
async def starting(scope, receive, send):
    if not statuses:
        return await app(scope, receive, send)
    await send({"type": "http.response.start", "status": statuses.pop(), "headers": []})
    await send({"type": "http.response.body", "body": b""})
uvicorn.run(starting, port=int(sys.argv[2]), lifespan="off", log_level="error")
"""


@pytest.mark.parametrize("wait_for", [{}, {"wait_for": "/health"}])
def test_server_that_is_not_ready_is_polled(tmp_path: Path, wait_for: dict[str, str]) -> None:
    """A 5xx before it is ready is not a violation."""
    script = tmp_path / "serve.py"
    script.write_text(NOT_READY_AT_FIRST)
    python = '"$RUNNER_TEMP/contract-gate/bin/python"'
    done = run_gate(
        tmp_path, f"cd '{ROOT}' && PYTHONPATH=. {python} '{script}'",
        rule="P5,P6", max_requests=SCRIPTED, **wait_for,
    )  # fmt: skip

    assert (done.code, done.outputs["violated"]) == (0, ""), done.printed


def test_server_that_already_responds_ends_with_4(tmp_path: Path) -> None:
    """A server that responds before the command runs is another one."""
    with running(create_app(token=TOKEN)) as url:
        installed(tmp_path / "contract-gate")
        inputs = {"target": url, "token": TOKEN, "command": "sleep 60"}
        done = run_action("gate", tmp_path, inputs)

    assert done.code == 4
    assert url in done.annotations[0]


def test_dry_run_is_an_error(tmp_path: Path) -> None:
    """No rule was checked, although the gate itself ends with 0."""
    installed(tmp_path / "contract-gate")
    inputs = {"target": NOBODY, "token": TOKEN}
    done = run_action("gate", tmp_path, inputs, CONTRACT_DRY_RUN="1")

    assert done.code == 4, done.printed
    assert done.outputs["verdict"] == "error"
    assert len(done.annotations) == 1


def test_cancelled_job_stops_its_server(tmp_path: Path) -> None:
    """SIGTERM stops the gate, the server and its child processes; exit code 2."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = f'"{sys.executable}" -m contract_tests serve --build-seconds 3600 --port {port}'
    job = environment() | {
        "CONTRACT_TARGET": url, "CONTRACT_TOKEN": TOKEN, "GITHUB_WORKSPACE": str(tmp_path),
        "GATE_COMMAND": f"cd '{ROOT}'; {command} & wait",
    }  # fmt: skip
    gate = subprocess.Popen(
        [sys.executable, "-I", "-m", "scripts.ci.gate"], env=job, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    until = time.monotonic() + 200
    while server.status(url) is None and time.monotonic() < until:
        time.sleep(0.1)
    responded = server.status(url) is not None
    gate.send_signal(signal.SIGTERM)
    printed, _ = gate.communicate(timeout=200)

    assert responded
    assert gate.returncode == 2, printed
    assert server.status(url) is None
    assert "problem: interrupted" in printed


def test_text_of_a_command_is_escaped(capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """A line break would end the command, a comma the property. Only on GitHub."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    commands.annotate("error", "T5: a, 100%", "one\r\ntwo: 5%, %0A")
    monkeypatch.delenv("GITHUB_ACTIONS")
    commands.annotate("error", "T5: a", "one\ntwo")
    commands.mask(TOKEN)

    assert capsys.readouterr().out == (
        "::error title=T5%3A a%2C 100%25::one\\r%0Atwo: 5%25, %250A\nerror: T5: a\none\ntwo\n"
    )


def test_summary_above_the_limit_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub would not show it at all."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    commands.summary("é\n" * 500_000)
    written = (tmp_path / "summary").read_bytes()

    assert 900_000 < len(written) < 2**20
    assert not written.endswith("é\n".encode())


def vendored(folder: Path) -> Path:
    """Vendor the client into a folder."""
    return copy(find(ROOT), folder).package


def edit(package: Path) -> None:
    """Edit the client, and add a file whose name looks like a command to GitHub."""
    (package / "client.py").write_text("# mine\n")
    (package / "::error::no command").touch()


def outdate(package: Path) -> None:
    """Change the lock to an older version of the contract."""
    lock = package / vendor_check.LOCK
    lock.write_text(lock.read_text().replace('"version": "1.0.0"', '"version": "0.9.0"', 1))


def action_clone(folder: Path) -> Path:
    """Make a clone with all that the action needs, and one commit."""
    root = checkout(folder)
    for name in ("scripts/ci", ".github/actions/vendor-check"):
        shutil.copytree(ROOT / name, root / name, dirs_exist_ok=True)
    for name in ("contract_tests/usage.py", "contract_tests/problems.py"):
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


HOOKS = {one["id"]: one for one in load(ROOT / ".pre-commit-hooks.yaml")}


def run_hook(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a hook as pre-commit does: by its path, in the folder of the commit."""
    hook = HOOKS[name]
    assert (hook["language"], hook["pass_filenames"]) == ("script", False)
    made = folder.parent / "hooks-env"
    if not made.exists():
        installed(made)
    return subprocess.run(  # noqa: S603
        [ROOT / hook["entry"], *hook.get("args", []), *arguments], cwd=folder, text=True,
        env=environment() | {"GATE_HOOKS_ENV": str(made)}, capture_output=True, timeout=500,
        check=False,
    )  # fmt: skip


def fork(folder: Path) -> Path:
    """Copy the parts of this project that the hooks read."""
    root = folder / "fork"
    for name in ("generated", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(ROOT / "openapi.yaml", root / "openapi.yaml")
    return root


def test_drift_hook(tmp_path: Path) -> None:
    """It checks the repository of the commit, not its own."""
    root = fork(tmp_path)
    fresh = run_hook("contract-drift", root)
    (root / "generated/prime_image_builds/client.py").write_text("# mine\n")
    stale = run_hook("contract-drift", root)

    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    assert stale.returncode == Exit.FOUND, stale.stdout + stale.stderr
    assert "client.py" in stale.stdout


def test_lint_hook(tmp_path: Path) -> None:
    """On a contract that is valid, invalid, and not YAML."""
    root = fork(tmp_path)
    contract = root / "openapi.yaml"
    sound = run_hook("contract-lint", root)
    contract.write_text(contract.read_text().replace("operationId:", "x-operationId:", 1))
    unsound = run_hook("contract-lint", root)
    contract.write_text("[")
    broken = run_hook("contract-lint", root, "openapi.yaml")

    assert sound.returncode == Exit.OK, sound.stderr
    assert unsound.returncode == Exit.FOUND
    assert "problem: openapi.yaml#/paths/" in unsound.stdout
    assert broken.returncode == Exit.CANNOT_TELL
    assert "problem: openapi.yaml:1:2: " in broken.stderr


def test_vendor_check_hook(tmp_path: Path) -> None:
    """An edited copy blocks the commit; an available update does not."""
    package = vendored(tmp_path / "app/third_party")
    fresh = run_hook("vendor-check", tmp_path / "app", "third_party")
    outdate(package)
    update = run_hook("vendor-check", tmp_path / "app", "third_party")
    edit(package)
    edited = run_hook("vendor-check", tmp_path / "app", "third_party")

    assert fresh.returncode == update.returncode == Exit.OK, fresh.stdout + update.stdout
    assert edited.returncode == Exit.FOUND, edited.stdout + edited.stderr


def test_a_file_that_goes_is_noticed() -> None:
    """What is deleted is not handed over, so that no hook may wait for a file."""
    assert [name for name, hook in HOOKS.items() if not hook["always_run"]] == []
    assert [name for name, hook in HOOKS.items() if hook["pass_filenames"]] == []


@pytest.mark.parametrize(("fault", "code"), [("", 0), (" --fault completed-null", 1)])
def test_the_template_for_gitlab(tmp_path: Path, fault: str, code: int) -> None:
    """Its script fetches the gate, runs it, and leaves the artifacts."""
    source, home, port = tmp_path / "source", tmp_path / "home", free_port()
    names = ["contract_tests", "scripts", "generated", "openapi.yaml", "pyproject.toml",
             "requirements.txt"]  # fmt: skip
    source.mkdir()
    compiled = shutil.ignore_patterns("__pycache__")
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=compiled)
        else:
            shutil.copyfile(ROOT / name, source / name)
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)  # noqa: S603
    job = load(ROOT / "ci/gitlab-gate.yml")[".contract-gate"]
    installed(home / ".venv")
    serve = f"cd '{ROOT}' && '{sys.executable}' -m contract_tests serve --build-seconds 0.1"
    variables = job["variables"] | {
        "GATE_SOURCE": str(source), "GATE_REF": "main", "GATE_HOME": str(home),
        "GATE_COMMAND": f"{serve} --port {port}{fault}", "CONTRACT_RULE": "T5",
        "CONTRACT_TARGET": f"http://127.0.0.1:{port}", "CONTRACT_TOKEN": TOKEN,
        "CONTRACT_MAX_REQUESTS": SCRIPTED, "CONTRACT_SERVER_ONLY": str(code),
    }  # fmt: skip
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    done = subprocess.run(  # noqa: S603
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],  # noqa: S607
        cwd=workspace, env=environment() | variables, timeout=500, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip

    assert done.returncode == code, done.stdout
    assert ("error: T5 SHOULD\n" in done.stdout) == bool(code)
    assert TOKEN not in done.stdout
    junit = job["artifacts"]["reports"]["junit"].replace("$GATE_REPORTS", variables["GATE_REPORTS"])
    assert (workspace / junit).is_file()
    assert job["artifacts"]["when"] == "always"


def test_source_of_a_gitlab_job_is_not_an_option_of_git(tmp_path: Path) -> None:
    """Whatever it begins with: ``--upload-pack`` would run a command."""
    job = load(ROOT / "ci/gitlab-gate.yml")[".contract-gate"]
    variables = {"GATE_SOURCE": f"--upload-pack=touch '{tmp_path}/ran';", "GATE_REF": ".",
                 "GATE_HOME": str(tmp_path / "home")}  # fmt: skip
    done = subprocess.run(  # noqa: S603
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],  # noqa: S607
        cwd=tmp_path, env=environment() | job["variables"] | variables, timeout=500, check=False,
        capture_output=True,
    )  # fmt: skip

    assert done.returncode != 0
    assert not (tmp_path / "ran").exists()


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
