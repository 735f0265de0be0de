"""Keeps builds in memory, up to a limit: the oldest build is removed first."""

from __future__ import annotations

from datetime import datetime

from .lifecycle import Build, is_completed
from .scenarios import Scenario

MOST_BUILDS = 20_000
MOST_TEXT = 64 * 2**20


class Store:
    """Builds by their ids.

    Both the number of builds and the total length of the texts that clients sent are limited.
    """

    def __init__(self, most_builds: int = MOST_BUILDS, most_text: int = MOST_TEXT) -> None:
        if most_builds < 1:
            raise ValueError("a server has to keep at least one build")
        self._most_builds, self._most_text = most_builds, most_text
        self._text = 0
        self._builds: dict[str, Build] = {}
        self._scenarios: dict[str, Scenario] = {}
        self._seen: dict[str, int] = {}
        self._tags: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, build: Build, scenario: Scenario) -> None:
        """Keep a new build; remove the oldest beyond the limits."""
        self._builds[build.id] = build
        self._scenarios[build.id] = scenario
        self._tags.setdefault(_tag(build), {})[build.id] = None
        self._text += _text(build)
        while len(self._builds) > 1 and (
            len(self._builds) > self._most_builds or self._text > self._most_text
        ):
            self._remove(next(iter(self._builds)))

    def _remove(self, build_id: str) -> None:
        build = self._builds.pop(build_id)
        self._text -= _text(build)
        self._scenarios.pop(build_id)
        self._seen.pop(build_id, None)
        same_tag = self._tags[_tag(build)]
        del same_tag[build_id]
        if not same_tag:
            del self._tags[_tag(build)]

    def get(self, build_id: str) -> Build | None:
        """Return a build, or None if it does not exist or was removed."""
        return self._builds.get(build_id)

    def visibility(self, name: str, tag: str, now: datetime) -> str:
        """Return the visibility of an image: that of its newest COMPLETED build, else PRIVATE."""
        for build_id in reversed(self._tags.get((name, tag), {})):
            build = self._builds[build_id]
            if build.started_at and is_completed(build, now):
                return build.visibility
        return "PRIVATE"

    def newest(self, name: str, tag: str) -> Build | None:
        """Return the build of an image that was initiated last, or None."""
        found = self._tags.get((name, tag))
        return self._builds[next(reversed(found))] if found else None

    def delete(self, name: str, tag: str) -> None:
        """Forget every build of an image."""
        for build_id in [*self._tags.get((name, tag), ())]:
            self._remove(build_id)

    def scenario(self, build: Build) -> Scenario:
        """Return the scenario of a build."""
        return self._scenarios[build.id]

    def put(self, build: Build) -> None:
        """Replace a build by its new state, unless it has been removed meanwhile."""
        if build.id in self._builds:
            self._builds[build.id] = build

    def seen(self, build: Build) -> int:
        """Count a request about a build; return the number of earlier ones."""
        seen = self._seen.get(build.id, 0)
        self._seen[build.id] = seen + 1
        return seen


def _tag(build: Build) -> tuple[str, str]:
    return build.image_name, build.image_tag


def _text(build: Build) -> int:
    named = (build.image_name, build.image_tag, build.dockerfile_path, build.full_image_path)
    return sum(map(len, named))
