"""What changed since a release is found, and changelog and version are checked against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.release import changelog, check, compare, public_list
from scripts.release.check import MissingEntry, ReleaseCheck
from scripts.release.version import Version, Weight

from ... import cli
from ...cli import project as project_commands
from ...contract.openapi import PATH
from ...problems import Exit, Problem
from ..support.snapshots import assert_snapshot

ROOT = PATH.parent
PUBLIC = (
    "generated", "openapi.yaml", "contract_tests/mock.py", "contract_tests/watch.py", "ci",
    ".github", "action.yml", ".pre-commit-hooks.yaml", "Makefile", public_list.LIST,
)  # fmt: skip
LOG = "# Changelog\n\n## 1.0.0, 2026-11-24\n\n### Added\n\n- All of it.\n"
CLIENT = "generated/prime_image_builds/client.py"
INIT = "generated/prime_image_builds/__init__.py"
PROGRESS = "generated/prime_image_builds/progress.py"
JOB = "generated/prime_image_builds/job.py"
Edit = Callable[[str], str]


def lay(folder: Path) -> Path:
    """Lay out what is public of this project, as if it were 1.0.0 and nothing came after."""
    for name in PUBLIC:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, place)
    (folder / public_list.LIST).write_text(public_list.text(ROOT))
    current = f"  version: {check.version_of(ROOT)}"
    contract = (folder / "openapi.yaml").read_text()
    (folder / "openapi.yaml").write_text(contract.replace(current, "  version: 1.0.0"))
    (folder / "CHANGELOG.md").write_text(LOG)
    return folder


def edit(folder: Path, name: str, how: Edit) -> None:
    """Edit a file; an edit that changes nothing tests nothing."""
    text = (folder / name).read_text()
    edited = how(text)
    assert edited != text, name
    (folder / name).write_text(edited)


def swap(old: str, new: str) -> Edit:
    """Return an edit that puts one text into the place of another."""
    return lambda text: text.replace(old, new)


def git(folder: Path, *words: str) -> None:
    """Run git in a folder, blind to the settings of whoever runs it."""
    who = {
        f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607
        cwd=folder, env={**clean, **who}, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a repository of one commit, released as 1.0.0."""
    folder = lay(tmp_path_factory.mktemp("released"))
    git(folder, "init", "-qb", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "All")
    git(folder, "tag", "v1.0.0")
    return folder


@pytest.fixture
def project(released: Path, tmp_path: Path) -> Path:
    """Make a copy of it that may be edited."""
    return Path(shutil.copytree(released, tmp_path / "project", symlinks=True))


def missing(result: ReleaseCheck) -> list[str]:
    """Return the names for which the changelog has no entry."""
    return [one.change.name for one in result.problems if isinstance(one, MissingEntry)]


TAG = "        imageTag:\n"
REGION = "        region: {type: string}\n"
REQUIRED = "required: [id, status, createdAt]"
ACCEPTED = "        '202': {$ref: '#/components/responses/Unauthorized'}\n"
HANDED = 'from .errors import ApiError\n\n__all__ = (\n    "ApiError",'
PACE = "    interval: float = "
MAJOR, MINOR, PATCH = Weight.MAJOR, Weight.MINOR, Weight.PATCH
API, MOCK, LIST = "openapi.yaml", "contract_tests/mock.py", public_list.LIST
# One edit of a file, what it weighs, and what an entry must name.
ONE_CHANGE = {
    "a status": (API, ", FAILED, CANC", ", FAILED, LOST, CANC", MAJOR, "LOST"),
    "no status any more": (API, "[PENDING, UPLOADING, B", "[PENDING, B", MAJOR, "UPLOADING"),
    "a field": (API, TAG, REGION + TAG, MINOR, "region"),
    "a field is required": (
        API,
        REQUIRED,
        f"{REQUIRED[:-1]}, artifactType]",
        MAJOR,
        "artifactType",
    ),
    "a field may be missing": (API, "[param, details]", "[param]", MAJOR, "details"),
    "an answer": (
        API,
        "        '201':\n",
        f"{ACCEPTED}        '201':\n",
        MAJOR,
        "initiate_image_build",
    ),
    "other words": (API, "When the build was created.", "When it was initiated.", PATCH, ""),
    "a method": (
        CLIENT,
        "    def with_t",
        "    def again(self) -> None: ...\n\n    def with_t",
        MINOR,
        "again",
    ),
    "no function any more": (JOB, "def upload_async(", "def _upload_async(", MAJOR, "upload_async"),
    "a parameter must be given": (JOB, PACE, f"    pace: int,\n{PACE}", MAJOR, "build_image"),
    "a parameter may be given": (JOB, PACE, f"    pace: int = 1,\n{PACE}", MINOR, "pace"),
    "another result": (JOB, ") -> BuildStatusResponse:", ") -> str:", MAJOR, "wait"),
    "a wider result": (
        JOB,
        ") -> BuildStatusResponse:",
        ") -> BuildStatusResponse | None:",
        MAJOR,
        "wait",
    ),
    "a narrower parameter": (JOB, "interval: float", "interval: int", MAJOR, "wait"),
    "no longer async": (JOB, "async def wait_async(", "def wait_async(", MAJOR, "wait_async"),
    "another value": (PROGRESS, 'PACKING = "packing"', 'PACKING = "pack"', MAJOR, "PACKING"),
    "another default": (
        CLIENT,
        "DEFAULT_TIMEOUT = ",
        "DEFAULT_TIMEOUT = 1 + ",
        MAJOR,
        "DEFAULT_TIMEOUT",
    ),
    "a name handed on": (INIT, "__all__ = (", HANDED, MINOR, "ApiError"),
    "another phase": (API, "CANCELLED: cancelled", "CANCELLED: succeeded", MAJOR, "CANCELLED"),
    "all paths": (API, "/api/v1/", "/api/v2/", MAJOR, ""),
    "no variable any more": (LIST, "variable HAR\n", "", MAJOR, "HAR"),
    "other code": (JOB, "def wait(", "# Waits.\ndef wait(", PATCH, ""),
    "the mock": (MOCK, "advance(self, *, seconds", "advance(self, *, minutes", MAJOR, "advance"),
    "a setting": (
        LIST,
        "setting CONTRACT_T",
        "setting CONTRACT_A\nsetting CONTRACT_T",
        MINOR,
        "CONTRACT_A",
    ),
    "no rule any more": (LIST, "rule T5 SHOULD\n", "", MAJOR, "T5"),
    "a rule of another level": (LIST, "rule T5 SHOULD\n", "rule T5 MUST\n", MAJOR, "T5"),
    "an input that must be given": (
        LIST,
        "make gate\n",
        "action gate input x required\nmake gate\n",
        MAJOR,
        "x",
    ),
    "another exit code": (LIST, "exit OK 0\n", "exit OK 9\n", MAJOR, "0"),
}


@pytest.mark.parametrize("title", list(ONE_CHANGE))
def test_one_change(released: Path, project: Path, title: str) -> None:
    """Each single change is found, with its weight and with the name that an entry must have."""
    name, old, new, weight, named = ONE_CHANGE[title]
    edit(project, name, swap(old, new))
    found = compare.changes(released, project)

    assert found[0].weight is weight
    assert named in [one.name for one in found if one.weight is weight]


def test_no_change(released: Path, project: Path) -> None:
    """A version, a comment, and what is not public are not changes."""
    edit(
        project,
        "openapi.yaml",
        lambda text: "# new\n" + text.replace("  version: 1.0.0", "  version: 3.0.0"),
    )
    (project / "contract_tests/new.py").write_text("def new(): ...\n")

    assert compare.changes(released, project) == []


def test_release_without_a_list_yields_no_changes(released: Path, project: Path) -> None:
    """With a release from before there was a list, its lines are not new."""
    (project / public_list.LIST).unlink()

    assert compare.changes(project, released) == []


def test_no_change_after_a_release(project: Path) -> None:
    """With nothing changed, there is nothing to do."""
    result = check.check(project)

    assert result == (Version(1, 0, 0), Version(1, 0, 0), Weight.NONE, [], [], [])


def add(project: Path, heading: str, entry: str, section: str = "Unreleased") -> None:
    """Add an entry to the changelog."""
    top = f"# Changelog\n\n## {section}\n\n### {heading}\n\n- {entry}\n"
    edit(project, "CHANGELOG.md", lambda text: text.replace("# Changelog\n", top))


@pytest.mark.parametrize(
    ("heading", "entry", "is_named"),
    [
        ("Breaking", "A build may be `LOST`.", True),
        ("Breaking", "A build may have\n  been LOST.", True),
        ("Added", "A build may be `LOST`.", False),
        ("Breaking", "A build may be gone.", False),
        ("Breaking", "A build may be FLOSTER.", False),
    ],
)
def test_entry_must_name_the_change_under_its_heading(
    project: Path, heading: str, entry: str, is_named: bool
) -> None:
    """An entry of a lower weight, or about something else, does not count."""
    edit(project, "openapi.yaml", swap(", FAILED, CANC", ", FAILED, LOST, CANC"))
    edit(project, "openapi.yaml", swap("  version: 1.0.0", "  version: 2.0.0"))
    add(project, heading, entry)
    result = check.check(project)

    assert missing(result) == ([] if is_named else ["LOST"])
    assert result.code == (Exit.OK if is_named else Exit.FOUND)


@pytest.mark.parametrize(
    ("heading", "due"), [("Breaking", (2, 0, 0)), ("Added", (1, 1, 0)), ("Fixed", (1, 0, 1))]
)
def test_heaviest_entry_decides_the_version(
    project: Path, heading: str, due: tuple[int, ...]
) -> None:
    """A change that is not compared (a stricter rule) has the weight of its entry."""
    add(project, heading, "T5 looks at artifacts, too.")
    result = check.check(project)

    assert (changelog.HEADINGS[result.weight], result.due) == (heading, due)
    assert [one.fix for one in result.problems] == ["make changes WRITE=1, then make generate"]


def test_version_without_a_change_is_a_problem(project: Path) -> None:
    """A version that nothing requires is reported, too."""
    edit(project, "openapi.yaml", swap("  version: 1.0.0", "  version: 1.1.0"))
    result = check.check(project)

    assert (result.due, result.code) == ((1, 0, 0), Exit.FOUND)


def test_moved_paths_are_one_change(released: Path, project: Path) -> None:
    """If no path is left, all operations were removed, and nothing milder is reported."""
    edit(project, "openapi.yaml", swap("/api/v1/", "/api/v2/"))

    assert [(one.weight, one.name) for one in compare.changes(released, project)] == [(MAJOR, "")]


def test_another_level_is_one_change(released: Path, project: Path) -> None:
    """A line with another attribute of the same name is reported once."""
    edit(project, public_list.LIST, swap("rule T5 SHOULD\n", "rule T5 MUST\n"))

    assert [(one.weight, one.name) for one in compare.changes(released, project)] == [(MAJOR, "T5")]


def test_write_sets_the_version_and_the_list(project: Path) -> None:
    """It writes what is due, and nothing a second time."""
    add(project, "Added", "Something.")
    (project / public_list.LIST).unlink()
    first, second = (check.check(project, writes=True) for _ in range(2))

    assert [name.partition(":")[0] for name in first.written] == [public_list.LIST, "openapi.yaml"]
    assert (first.due, first.problems) == ((1, 1, 0), [])
    assert second == first._replace(written=[])
    assert (project / "openapi.yaml").read_text().count("1.1.0") == 1


def test_stale_list_is_a_problem(project: Path) -> None:
    """What is public and not listed is found before it is released."""
    edit(project, public_list.LIST, swap("rule T5 SHOULD\n", ""))
    add(project, "Breaking", "T5")
    edit(project, "openapi.yaml", swap("  version: 1.0.0", "  version: 2.0.0"))

    assert [one.fix for one in check.check(project).problems] == ["make changes WRITE=1"]


def test_section_of_another_version_is_a_problem(project: Path) -> None:
    """A section that is not released yet is Unreleased, or of the version that is due."""
    add(project, "Breaking", "No.", "3.0.0, 2026-12-01")
    edit(project, "openapi.yaml", swap("  version: 1.0.0", "  version: 2.0.0"))

    (problem,) = check.check(project).problems
    assert "3.0.0" in problem.what
    assert "2.0.0" in problem.fix


def test_commit_of_a_release_passes(project: Path) -> None:
    """A section that has its version already, and no tag yet, counts as unreleased."""
    add(project, "Added", "Something.", "1.1.0, 2026-12-01")
    edit(project, "openapi.yaml", swap("  version: 1.0.0", "  version: 1.1.0"))
    result = check.check(project)

    assert (result.due, result.problems) == ((1, 1, 0), [])


def test_tag_other_than_the_version_is_a_problem(project: Path) -> None:
    """A tag with another number than the contract is a mistake."""
    git(project, "tag", "v1.4.0")
    result = check.check(project)

    assert (result.last, result.due, result.code) == ((1, 4, 0), (1, 4, 0), Exit.FOUND)


def test_the_highest_tag_counts(project: Path) -> None:
    """By number and not by letter; candidates and other branches do not count."""
    for tag in ("v1.9.0", "v1.10.0", "v1.11.0-rc1", "v2", "1.12.0", "vnext"):
        git(project, "tag", tag)
    git(project, "checkout", "-qb", "side")
    git(project, "commit", "-qm", "Aside", "--allow-empty")
    git(project, "tag", "v7.0.0")
    git(project, "checkout", "-q", "main")

    assert check.last_release(project) == Version(1, 10, 0)


def test_no_release_yet(project: Path) -> None:
    """Before the first release there is nothing to compare with; the changelog needs an entry."""
    git(project, "tag", "-d", "v1.0.0")
    (project / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n### Added\n\n- A.\n")

    assert check.check(project) == (None, Version(1, 0, 0), Weight.NONE, [], [], [])

    (project / "CHANGELOG.md").write_text("# Changelog\n")

    assert len(check.check(project).problems) == 1


def test_clone_without_tags_cannot_tell(project: Path) -> None:
    """A changelog with a release needs the tag of one."""
    git(project, "tag", "-d", "v1.0.0")

    with pytest.raises(Problem) as error:
        check.check(project)

    assert error.value.fix.startswith("git fetch --tags")


def test_shallow_clone_cannot_tell(project: Path, tmp_path: Path) -> None:
    """A shallow clone without a tag does not show that nothing is released."""
    git(project, "commit", "-qm", "More", "--allow-empty")
    git(tmp_path, "clone", "-q", "--depth", "1", "--no-tags", f"file://{project}", "shallow")

    with pytest.raises(Problem) as error:
        check.last_release(tmp_path / "shallow")

    assert error.value.fix == "git fetch --unshallow --tags"


def test_folder_that_is_not_a_clone_cannot_tell(tmp_path: Path, project: Path) -> None:
    """A folder outside of git, or inside another clone, has no history of its own."""
    for folder in (tmp_path, project / "generated"):
        with pytest.raises(Problem) as error:
            check.last_release(folder)

        assert "clone" in error.value.fix


@pytest.mark.parametrize("ending", [Exit.OK, Exit.FOUND, Exit.CANNOT_TELL])
def test_exit_codes(
    ending: int, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 nothing is missing, 1 something is, 4 cannot tell."""
    monkeypatch.setattr(project_commands, "ROOT", project)
    if ending == Exit.FOUND:
        add(project, "Added", "Something.")
    if ending == Exit.CANNOT_TELL:
        (project / "CHANGELOG.md").unlink()
    code = cli.main(["changes"])
    out, err = capsys.readouterr()

    assert code == ending
    assert ("problem: openapi.yaml has version" in out) is (ending == Exit.FOUND)
    assert ("CHANGELOG.md" in err) is (ending == Exit.CANNOT_TELL)


def test_list_has_each_kind_of_the_document() -> None:
    """The list has each kind that docs/public.md names, and no line twice."""
    lines = public_list.text(ROOT).splitlines()
    kinds = {line.split()[0] for line in lines}
    page = (ROOT / "docs/public.md").read_text()

    assert len(lines) == len(set(lines)) > 150
    assert [kind for kind in kinds if f"`{kind} …`" not in page] == []
    assert {"command gate --target", "rule C1 MUST", "make gate", "exit FOUND 1"} < set(lines)


def test_this_project_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Changelog, version and list of this project are complete."""
    code = cli.main(["changes"])
    out, err = capsys.readouterr()
    if code == Exit.CANNOT_TELL and ("clone" in err or "git " in err):
        pytest.skip(err.splitlines()[0])

    assert code == Exit.OK, out + err


def test_broken_tree_cannot_tell(tmp_path: Path) -> None:
    """A broken contract, or broken code, ends with 4 and a problem."""
    for name in ("scripts", "contract_tests", "generated"):
        skip = shutil.ignore_patterns("__pycache__", "selftest")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skip)
    (tmp_path / "openapi.yaml").write_text("x: [")
    done = subprocess.run(
        [sys.executable, "-m", "contract_tests", "changes"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (Exit.CANNOT_TELL, "")
    assert done.stderr.startswith("problem: ")
    assert "Traceback" not in done.stderr


def test_output_of_changes(project: Path) -> None:
    """Nothing; a field and a status without entries; the same with them."""
    text = [str(check.check(project))]
    edit(project, API, swap(TAG, REGION + TAG))
    edit(project, API, swap(", FAILED, CANC", ", FAILED, LOST, CANC"))
    text.append(str(check.check(project)))
    entries = "## Unreleased\n\n### Breaking\n\n- LOST.\n\n### Added\n\n- region.\n\n## 1.0.0"
    edit(project, "CHANGELOG.md", swap("## 1.0.0", entries))
    text.append(str(check.check(project)))

    assert_snapshot("changes", "\n\n".join(text), {project: "<project>"})
