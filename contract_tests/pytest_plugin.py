"""A fixture for tests of other projects.

Where the package is installed, pytest loads this module by itself; from a checkout,
``pytest_plugins = ["contract_tests.pytest_plugin"]`` does. A run that does not use the fixture
imports nothing else of this package.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .mock import MockImages

MARKER = "image_builds"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}(scenario, **settings): what the image_builds fixture is made with"
    )


@pytest.fixture
def image_builds(request: pytest.FixtureRequest) -> Iterator[MockImages]:
    """Mount an image-build API for one test; ``@pytest.mark.image_builds(fault=…)`` sets it up.

    The marker takes what ``contract_tests.mock.MockImages`` takes, by name, and the scenario also
    without its name. Raises ``Problem`` for anything else.
    """
    from .mock import MockImages

    marker = request.node.get_closest_marker(MARKER)
    with (
        MockImages(**(_settings(*marker.args, **marker.kwargs) if marker else {})) as mock,
        mock.respx(),
    ):
        yield mock


def _settings(*scenarios: object, **given: Any) -> dict[str, Any]:
    from .mock import MockImages
    from .nearest import unknown
    from .problems import Problem

    known = tuple(inspect.signature(MockImages).parameters)
    for name in given:
        if name not in known:
            raise unknown(f"setting of @pytest.mark.{MARKER}:", name, known)
    if not scenarios:
        return given
    if len(scenarios) > 1 or "scenario" in given or not isinstance(scenarios[0], str):
        what = f"@pytest.mark.{MARKER} takes the name of one scenario, not {scenarios}"
        raise Problem(what, "give every other setting by its name, such as fault=…")
    return {**given, "scenario": scenarios[0]}
