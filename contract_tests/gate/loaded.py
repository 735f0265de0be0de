"""What a load run found: the merged tape of its workers, judged, and the thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..drivers.http.transport import Endpoint
from ..tape.merge import Merge
from ..usage import setting
from ..verdicts.judge import Outcome
from .plan import counted
from .run import Run

INTERRUPTED, LONGER = "interrupted before anything was observed", "let it run longer"
"""What ended a run by which nothing can be said, and the fix."""


@dataclass(frozen=True)
class Measured:
    """What was measured of an operation, or of all together.

    Attributes:
        requests: How many were sent.
        failed: How many had no response, or another status than a success.
        p99: Milliseconds in which 99 of 100 ended.

    """

    requests: int = 0
    failed: int = 0
    p99: float = 0.0


class LoadRun(Run):
    """A run whose requests are those of many users, in several processes.

    Attributes:
        merge: Where their exchanges come together.
        measured: What was measured, by operation.
        charts: A page with response times over the time, or an empty text.

    """

    title = "load"

    def __post_init__(self, at: Endpoint | None) -> None:
        super().__post_init__(at)
        self.merge = Merge(self.tape)
        self.measured: dict[str, Measured] = {}
        self.charts = ""

    @property
    def notes(self) -> Iterator[str]:
        """How much load it was, and how much of it was judged."""
        load = self.target.load
        workers = counted(load.workers, "worker")
        yield f"users         {load.users}, {workers}, {setting('PAUSE', f'{load.pause:g}')}"
        if self.unjudged:
            share = setting("SAMPLE", f"{load.sample:g}")
            judged = len(self.tape.exchanges)
            yield f"judged        {judged} of {judged + self.unjudged} exchanges ({share})"
        for name, one in self.measured.items():
            yield f"  {name:<25} {one.requests}, {one.failed} failed, p99 {one.p99:.0f} ms"
        yield from (f"lost          {one}" for one in self.lost)
        yield from (f"exceeded      {one}" for one in self.exceeded)

    @property
    def unjudged(self) -> int:
        """How many exchanges were left out of the sample."""
        return sum(one.last.unjudged for one in self.merge.sources.values() if one.last)

    @property
    def lost(self) -> list[str]:
        """What was sent, and did not come. Locust's own count must agree with the tape."""
        came = len(self.tape.exchanges) + self.unjudged
        uncounted = f"{came} exchanges came, and Locust counted {self.requests} requests"
        return self.merge.missing or [uncounted] * (came != self.requests)

    @property
    def exceeded(self) -> list[str]:
        """The thresholds that are exceeded, and by what."""
        load = self.target.load
        return [
            *(
                f"{name}: p99 is {one.p99:.0f} ms, and {setting('P99', f'{load.p99:g}')}"
                for name, one in self.measured.items()
                if load.p99 is not None and one.p99 > load.p99
            ),
            *(
                [f"{self.failed} of {self.requests} requests failed, and "
                 f"{setting('ERRORS', load.errors)}"]
                if self.failed > self._allowed else []
            ),
            *(
                [f"{self.violations} violations, and "
                 f"{setting('VIOLATIONS', str(load.violations))}"]
                if self.violations > load.violations else []
            ),
        ]  # fmt: skip

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return sum(one.requests for one in self.measured.values())

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(one.failed for one in self.measured.values())

    @property
    def violations(self) -> int:
        """How often an exchange violates a rule."""
        groups = (group for one in self.verdicts.values() for group in one.groups.values())
        return sum(one.count for one in groups if one.outcome is Outcome.VIOLATED)

    @property
    def _allowed(self) -> float:
        errors = self.target.load.errors
        is_share = errors.endswith("%")
        return float(errors[:-1]) / 100 * self.requests if is_share else float(errors)

    @property
    def passed(self) -> bool:
        """Whether no threshold is exceeded, no waiver is without need, and nothing ended it."""
        return not (self.exceeded or self.unneeded or self.problem)

    @property
    def left_behind(self) -> tuple[list[str], list[str]]:
        """The builds whose images are left, and those of them that may be started."""
        left, (_, started) = self.images_left_behind, self.initiated
        issues = (one for one in self.tape.of(self.tape.api.initiate) if one.issued and one.names)
        builds = [one.build_id for one in issues if one.names and ":".join(one.names) in left]
        known = [one for one in builds if one is not None]
        return known, [one for one in known if one in {*started}]

    @property
    def images_left_behind(self) -> dict[str, str]:
        """The images that may be left, each with the reason, as their workers know it."""
        sources = [one.last for one in self.merge.sources.values() if one.last]
        return {image: why for one in sources for image, why in one.left.items()}

    @property
    def clean_up(self) -> str:
        """The command that deletes what is left behind; empty where none can."""
        journal = self.own.journal
        is_left = bool(self.images_left_behind or self.lost)
        return self.target.clean_up(journal.folder) if journal and is_left else ""

    @property
    def not_deleted(self) -> str | None:
        """None: what is left is listed."""
        return None
