"""The rules over a build's history: what they report, and what they permit."""

from __future__ import annotations

from typing import Any

import pytest

from ...tape.tape import Tape
from ..support.story import TOKEN, Story, artifact, row


def test_a_whole_life_breaks_nothing(going: Story) -> None:
    """And most rules of histories were observed on it."""
    going.look("b", "COMPLETED")
    going.look("b", "COMPLETED")
    going.start("b", None, status=409)
    going.look("b", "COMPLETED")

    assert going.broken == []
    assert going.held >= {"L1", "L2", "L3", "L4", "L5", "L6", "L7", "L9", "L10"}


@pytest.mark.parametrize(
    ("returned", "rule"),
    [
        (row("b", "UPLOADING"), "L1"),
        (row("b", "BUILDING", imageTag="v2"), "L3"),
        (row("b", "BUILDING", createdAt="2026-11-24T08:59:59Z"), "L3"),
        (row("b", "BUILDING", startedAt="2026-11-24T09:00:04Z"), "L4"),
        (row("c", "BUILDING"), "L5"),
    ],
)
def test_invalid_step_breaks_its_rule(going: Story, returned: dict[str, Any], rule: str) -> None:
    """The violation is found by its own rule."""
    going.look("b", returned)

    assert set(going.broken) - {"L4" if rule == "L1" else rule} == (
        {rule} if rule == "L1" else set()
    )
    assert rule in going.broken


@pytest.mark.parametrize(
    "returned",
    [
        row("b", "BUILDING", createdAt="2026-11-24T10:00:00.0004+01:00"),
        row("b", "BUILDING", startedAt="2026-11-24T09:00:03.000999Z"),
        row("b", "CANCELLED"),
        row("b", "FAILED", region="eu"),
    ],
)
def test_valid_step_breaks_no_rule(going: Story, returned: dict[str, Any]) -> None:
    """Another offset, another fraction, another end: all are valid."""
    going.look("b", returned)

    assert going.broken == []


def test_terminal_is_final(going: Story) -> None:
    """Only L2 reports a build that ends twice."""
    going.look("b", "COMPLETED")
    going.look("b", row("b", "FAILED"))

    assert going.broken == ["L2"]


def test_what_overlaps_proves_nothing(going: Story) -> None:
    """Of overlapping responses, one may show the earlier state."""
    going.look("b", "COMPLETED", seconds=(10.0, 11.0))
    going.look("b", "BUILDING", seconds=(9.0, 12.0))
    assert going.broken == []

    going.look("b", "BUILDING", seconds=(11.5, 12.5))
    assert "L2" in going.broken


def test_a_name_that_is_not_plain_may_be_spelled_otherwise(story: Story) -> None:
    """A server may fold its case; a plain one comes back as it was."""
    story.initiate("b", image_name="Web App")
    story.look("b", row("b", "PENDING", imageName="web-app"))
    assert story.broken == []

    story.initiate("c", image_name="other")
    story.look("c", "PENDING")
    assert story.broken == ["L3"]


def test_a_start_that_does_nothing(story: Story) -> None:
    """L6 reports it at the first poll, and once."""
    story.initiate("b")
    story.upload("b")
    story.look("b", "UPLOADING")
    story.start("b", "BUILDING")
    story.look("b", row("b", "UPLOADING", startedAt="2026-11-24T09:00:03Z"))

    assert [one for one in story.broken if one != "T3"] == ["L6"]


@pytest.mark.parametrize(
    "again",
    [
        row("b", "BUILDING", startedAt="2026-11-24T09:00:06Z"),
        row("b", "UPLOADING"),
        row("b", "BUILDING", startedAt=None),
    ],
)
def test_a_second_start_that_resets(going: Story, again: dict[str, Any]) -> None:
    """L7 reports it, and no other rule about steps does."""
    going.start("b", again)

    assert [one for one in going.broken if one not in ("T3", "T4")] == ["L7"]


def test_a_second_start_that_is_refused_and_resets(going: Story) -> None:
    """What later responses show counts too."""
    going.start("b", None, status=409)
    going.look("b", row("b", "BUILDING", startedAt="2026-11-24T09:00:09Z"))

    assert going.broken == ["L7"]


def test_no_upload_no_image(story: Story) -> None:
    """L8: a build that nothing was uploaded for does not succeed; that it fails is well."""
    story.initiate("b")
    story.start("b", "BUILDING")
    story.look("b", "FAILED")
    assert story.broken == []
    assert "L8" in story.held

    story.initiate("c")
    story.start("c", "BUILDING")
    story.look("c", "COMPLETED")
    assert story.broken == ["L8"]


def test_false_sets_nothing_going(story: Story) -> None:
    """L11, whatever the start itself was answered."""
    story.initiate("b")
    story.upload("b")
    story.start("b", "UPLOADING", {"context_uploaded": False})
    story.look("b", "UPLOADING")
    assert story.broken == []

    story.look("b", "BUILDING")
    assert story.broken == ["L11"]


def test_a_start_moves_no_other_build(story: Story) -> None:
    """L9: between two polls of c, b was started, and nothing was sent to c."""
    for build in ("b", "c"):
        story.initiate(build)
        story.upload(build)
        story.look(build, "UPLOADING")
    story.start("b", "BUILDING")
    story.look("c", "BUILDING")

    assert story.broken == ["L9"]


def test_issues_are_apart(story: Story) -> None:
    """L9: neither an id nor an upload URL is issued twice."""
    story.initiate("b")
    story.initiate("b")

    assert story.broken == ["L9"]


def test_found_at_once(story: Story) -> None:
    """L10: a build is there after initiate; later it may be tidied away."""
    story.initiate("b")
    story.look("b", None, status=404)
    assert story.broken == ["L10"]

    story.initiate("c")
    story.look("c", None, status=429)
    story.now += 3600
    story.look("c", None, status=404)
    assert story.broken == ["L10"]


@pytest.mark.parametrize(
    ("created", "broken"), [("2026-11-24T08:00:00Z", []), ("2026-11-24T09:00:03Z", ["L9"])]
)
def test_an_artifact_of_two_builds(story: Story, created: str, broken: list[str]) -> None:
    """L9: one that is older than the build may come from a cache."""
    for build in ("b", "c"):
        shared = artifact("PENDING", createdAt=created)
        story.initiate(build)
        story.look(build, row(build, "PENDING", artifacts=[shared]))

    assert story.broken == broken


def test_a_part_of_what_happened_proves_little() -> None:
    """On a recording, somebody else may have started, uploaded or authorised."""
    story = Story(Tape(TOKEN, is_whole=False))
    story.initiate("b")
    story.look("b", "UPLOADING")
    story.start("b", None, status=401, token=None)
    story.start("b", "UPLOADING", {"context_uploaded": False})
    story.look("b", "COMPLETED")

    assert story.broken == []


@pytest.mark.parametrize(
    ("artifacts", "rule"),
    [
        ([{"id": "a", "status": "BUILDING"}], "L4"),
        ([], "L4"),
        (None, None),
        ([{"id": "a", "status": "BUILDING"}, {"id": "b", "status": "UPLOADING"}], "L1"),
        (
            [{"id": "c", "status": "PENDING"}, {"id": "b", "status": "BUILDING"},
             {"id": "a", "status": "BUILDING"}], None,
        ),
    ],
)  # fmt: skip
def test_artifacts_step_too(going: Story, artifacts: Any, rule: str | None) -> None:
    """By their ids, whatever their order; one more does no harm."""
    created = {"createdAt": "2026-11-24T09:00:00Z"}

    def listed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        started = {"startedAt": "2026-11-24T09:00:03Z"}
        return [one | created | (started if one["status"] == "BUILDING" else {}) for one in rows]

    first = listed([{"id": "a", "status": "BUILDING"}, {"id": "b", "status": "BUILDING"}])
    going.look("b", row("b", "BUILDING", artifacts=first))
    then = {} if artifacts is None else {"artifacts": listed(artifacts)}
    going.look("b", row("b", "BUILDING", **then))

    assert (rule in going.broken) is (rule is not None)
    assert set(going.broken) <= {rule, "L4"}
