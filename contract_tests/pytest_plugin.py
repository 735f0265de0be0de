"""A fixture for tests of other projects: ``pytest_plugins = ["contract_tests.pytest_plugin"]``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .mock import MockImages

MARKER = "image_builds"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}(**settings): what the image_builds fixture is made with"
    )


@pytest.fixture
def image_builds(request: pytest.FixtureRequest) -> Iterator[MockImages]:
    """Mount an image-build API for one test; ``@pytest.mark.image_builds(fault=…)`` sets it up.

    The marker takes what ``contract_tests.mock.MockImages`` takes, by name.
    """
    marker = request.node.get_closest_marker(MARKER)
    with MockImages(**(marker.kwargs if marker else {})) as mock, mock.respx():
        yield mock
