"""Keeps builds in memory, within bounds: the build that was initiated first is forgotten first."""

from __future__ import annotations

from .lifecycle import Build
from .scenarios import Scenario

MOST_BUILDS = 20_000
MOST_TEXT = 64 * 2**20


class Store:
    """Builds by their ids.

    It holds so many builds at most, and so many characters of what clients have named them.
    """

    def __init__(self, most_builds: int = MOST_BUILDS, most_text: int = MOST_TEXT) -> None:
        if most_builds < 1:
            raise ValueError("a server has to hold one build at least")
        self._most_builds, self._most_text = most_builds, most_text
        self._text = 0
        self._builds: dict[str, Build] = {}
        self._scenarios: dict[str, Scenario] = {}
        self._seen: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._builds)

    def add(self, build: Build, scenario: Scenario) -> None:
        """Keep a new build; forget the oldest where it is one too many."""
        self._builds[build.id] = build
        self._scenarios[build.id] = scenario
        self._text += _text(build)
        while len(self._builds) > 1 and (
            len(self._builds) > self._most_builds or self._text > self._most_text
        ):
            oldest = next(iter(self._builds))
            self._text -= _text(self._builds.pop(oldest))
            self._scenarios.pop(oldest)
            self._seen.pop(oldest, None)

    def get(self, build_id: str) -> Build | None:
        """Return a build, or None if there is none of that id any more."""
        return self._builds.get(build_id)

    def scenario(self, build: Build) -> Scenario:
        """Return how a build goes."""
        return self._scenarios[build.id]

    def put(self, build: Build) -> None:
        """Keep what became of a build; one that was forgotten meanwhile stays so."""
        if build.id in self._builds:
            self._builds[build.id] = build

    def seen(self, build: Build) -> int:
        """Count the requests about a build; return how many went before."""
        seen = self._seen.get(build.id, 0)
        self._seen[build.id] = seen + 1
        return seen


def _text(build: Build) -> int:
    named = (build.image_name, build.image_tag, build.dockerfile_path, build.full_image_path)
    return sum(map(len, named))
