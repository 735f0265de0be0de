"""What the tests of rules share."""

from __future__ import annotations

import pytest

from ..support.story import Story


@pytest.fixture
def story() -> Story:
    """Start an empty story."""
    return Story()


@pytest.fixture
def going(story: Story) -> Story:
    """Return traffic of a build b that was initiated, uploaded and started."""
    story.initiate("b")
    story.look("b", "PENDING")
    story.upload("b")
    story.look("b", "UPLOADING")
    story.start("b", "BUILDING")
    story.look("b", "BUILDING")
    return story
