"""The rules over one row: its times and its message."""

from __future__ import annotations

import pytest

from ...rules import RULES
from ..support.judging import judge_tape
from ..support.story import Story, row


def test_future_is_measured_by_the_later_clock(story: Story) -> None:
    """T6: five minutes past our clock and the server's."""
    late = "2026-11-24T09:04:59Z"
    story.look("b", row("b", "PENDING", createdAt=late))
    assert story.broken == []

    story.look("c", row("c", "PENDING", createdAt="2026-11-24T09:06:00Z"))
    assert story.broken == ["T6"]
    (group,) = judge_tape(story.tape, [RULES["T6"]])["T6"].groups.values()
    assert group.first.expected == "at most 5 minutes after now, 2026-11-24T09:00:01+00:00"


def test_a_message_of_the_group_counts(story: Story) -> None:
    """S4: older servers had it there (observed)."""
    listed = [{"id": "a", "status": "FAILED", "createdAt": "2026-11-24T09:00:00Z",
               "completedAt": "2026-11-24T09:00:05Z"}]  # fmt: skip
    story.look("b", row("b", "FAILED", artifacts=listed, errorMessage="no base image"))
    assert story.broken == []

    story.look("b", row("b", "FAILED", artifacts=listed))
    assert story.broken == ["S4"]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9-23:59"])
def test_the_ends_of_time(story: Story, at: str) -> None:
    """Instants that no sum reaches beyond are compared all the same."""
    story.look("b", row("b", "PENDING", createdAt=at))

    assert story.broken == ([] if at.startswith("0") else ["T6"])
