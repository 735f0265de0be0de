"""A delete ends histories, needs the token, and may be missing."""

from __future__ import annotations

import pytest

from ..support.story import BUILD, Story, row

IMAGE = BUILD.replace("/build", "/web/v1")
DELETED = {"success": True, "message": "web:v1 is deleted"}


@pytest.mark.parametrize(
    ("path", "status", "ends"),
    [
        (IMAGE, 200, True),
        (f"{IMAGE}?teamId=team_1", 200, True),
        (IMAGE.upper().replace("/API/V1/IMAGES", "/api/v1/images"), 200, True),
        (IMAGE, 500, True),
        (IMAGE, 403, False),
        (IMAGE, 404, False),
        (f"{IMAGE}1", 200, False),
        (IMAGE.replace("web", "other"), 200, False),
    ],
)
def test_delete_of_its_name_and_tag_ends_a_history(
    going: Story, path: str, status: int, ends: bool
) -> None:
    """What is seen afterwards proves nothing; a refused delete, or another one, ends nothing."""
    path = path.replace("HTTPS://IMAGES.TEST", "https://images.test")
    going.send("DELETE", path, status, DELETED if status == 200 else None)
    going.broken.clear()
    going.look("b", None, status=404)
    going.look("b", row("b", "PENDING", imageName="other", createdAt="2026-11-24T09:00:02Z"))

    assert set(going.broken) == (set() if ends else {"L1", "L3", "L4", "L10"})


def test_delete_without_a_response_ends_a_history(going: Story) -> None:
    """It may have been processed."""
    going.send("DELETE", IMAGE, 0, failure="connection lost")
    going.look("b", None, status=404)

    assert going.broken == []


def test_build_initiated_after_a_delete_has_a_history(going: Story) -> None:
    """The delete is not one of what did not exist yet."""
    going.send("DELETE", IMAGE, 200, DELETED)
    going.initiate("c")
    going.look("c", None, status=404)

    assert going.broken == ["L10"]


def test_histories_before_a_delete_stay_as_they_were(going: Story) -> None:
    """A rule that looks back at an older exchange sees what preceded it."""
    started = going.tape.of("start_image_build")[0]
    before = going.tape.history(started)
    going.send("DELETE", IMAGE, 200, DELETED)
    going.look("b", None, status=404)

    assert going.tape.history(started) == before
    assert before.first(lambda _: True) is going.tape.exchanges[0]
    assert going.tape.history(going.tape.exchanges[-1]).first(lambda _: True) is None


@pytest.mark.parametrize(
    ("status", "then", "rules"),
    [(401, 404, {"P2", "L10"}), (401, 200, set()), (200, 404, {"P2"}), (403, 200, {"P2"})],
)
def test_delete_without_the_token_is_refused_and_changes_nothing(
    story: Story, status: int, then: int, rules: set[str]
) -> None:
    """P2, by the response, and by the status that follows."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.send("DELETE", IMAGE, status, DELETED if status == 200 else None, token=None)
    story.look("b", "PENDING" if then == 200 else None, status=then)

    assert set(story.broken) == rules


def test_build_that_was_gone_before_a_refused_delete_is_not_reported(story: Story) -> None:
    """P2: only the last status before the delete shows what the delete changed."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.now += 3600
    story.look("b", None, status=404)
    story.send("DELETE", IMAGE, 401, token=None)
    story.look("b", None, status=404)

    assert story.broken == []


@pytest.mark.parametrize("status", [404, 405, 501])
def test_server_without_delete_breaks_nothing(story: Story, status: int) -> None:
    """P2 and P5: with the token or without it, as long as no delete has succeeded."""
    story.send("DELETE", IMAGE, status)
    story.send("DELETE", IMAGE, status, token=None)
    assert story.broken == []

    story.send("DELETE", IMAGE, 200, DELETED)
    story.send("DELETE", IMAGE, status, token=None)
    assert set(story.broken) == ({"P2", "P5"} if status == 501 else {"P2"})


@pytest.mark.parametrize(
    ("deletes", "cause"),
    [
        ([], "start_image_build"),
        ([(f"{IMAGE}1", 200)], "delete_image"),
        ([(f"{IMAGE}1", 200), (f"{IMAGE}2", 404)], "delete_image"),
        ([(f"{IMAGE}1", 404)], "start_image_build"),
    ],
)
def test_cause_of_a_lost_build_may_be_a_delete_of_another_image(
    going: Story, deletes: list[tuple[str, int]], cause: str
) -> None:
    """The last that succeeded: a delete by a prefix takes others with it."""
    for path, status in deletes:
        going.send("DELETE", path, status, DELETED if status == 200 else None)
    going.look("b", None, status=404)
    lost = going.tape.timeline.items[-1]

    assert lost.cause is not None
    assert (lost.cause.operation, lost.cause.response.status) == (cause, 200)
