"""Which profile fits a server, by what it does. A run never changes its profile by itself."""

from __future__ import annotations

from collections.abc import Iterator

from ..problems import Problem
from ..usage import setting
from .run import Run
from .target import FULL, STATELESS

_NOT_FOUND = {404, 410}


class Fit(Problem):
    """Why another profile fits a server, and the setting.

    Attributes:
        profile: Its name.

    """

    def __init__(self, profile: str, what: str, does: str) -> None:
        self.profile = profile
        super().__init__(what, f"{setting('PROFILE', profile)} {does}")


def better(run: Run) -> Fit | None:
    """Return why another profile fits the server, and the setting; None if the run's own does."""
    if run.target.build_id:
        return None
    if run.target.is_stateless:
        return _remembers(run)
    signs = [*_signs(run)]
    if len(signs) < 2:  # a server with one fault may show one of them
        return None
    ids = [one.rule.id for one in run.judge.violated if one.rule.needs_memory]
    verb = "is" if len(ids) == 1 else "are"
    cause = f"; that may be why {', '.join(ids)} {verb} violated" if ids else ""
    return Fit(
        STATELESS,
        f"the server answers as a mock that remembers nothing: {'; '.join(signs)}{cause}",
        "judges what such a mock can keep",
    )


def advised(run: Run, problem: Problem) -> Problem:
    """Return a problem whose fix names the profile that fits, where another one does."""
    fits = better(run)
    if fits is None:
        return problem
    fix = f"{fits.fix}; else {problem.fix}"
    return type(problem)(problem.what, fix, problem.code, [*problem.details, f"    {fits.what}"])


def _signs(run: Run) -> Iterator[str]:
    """Yield what a server with builds does not do, each with the requests that show it."""
    made_up = next((one for one in run.of_absent_builds if one.succeeded), None)
    if made_up is None:
        return
    yield f"the status of a build that does not exist was {made_up.response.status}"
    names = run.tape.api
    if any(one.rows[0].data.get(names.build.id) != one.build_id
           for one in run.tape.of(names.status) if one.rows):  # fmt: skip
        yield "a status has another id than was requested"
    issued = [one for one in run.tape.of(names.initiate) if one.issued]
    if any((one.build_id, one.upload_url) == (issued[0].build_id, issued[0].upload_url)
           for one in issued[1:]):  # fmt: skip
        yield "two initiates returned the same build_id and upload_url"


def _remembers(run: Run) -> Fit | None:
    refused = [one.response.status for one in run.of_absent_builds if one.is_answered]
    found = any(one.succeeded for one in run.tape.of(run.tape.api.status) if not one.is_absent)
    if not refused or not found or any(one not in _NOT_FOUND for one in refused):
        return None
    return Fit(
        FULL,
        f"the server knows which builds exist: one that does not is a {refused[0]}",
        "judges what needs memory, too",
    )
