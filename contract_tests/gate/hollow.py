"""Refuses a run that observed too little: green and empty is the worst a gate can be."""

from __future__ import annotations

import shlex
from collections import Counter

from ..drivers.http.sockets import shortened
from ..drivers.schemathesis.result import DRIVER, Result
from ..problems import Problem
from ..rules.protocol import NOT_OFFERED
from ..tape.exchange import UPLOAD, Credential, Exchange
from ..usage import setting
from .loaded import INTERRUPTED, LONGER, LoadRun
from .run import FEEDING, NO_RESPONSE, Run, outcome
from .target import GateError

# Of the hosts that got no upload, so many are shown.
_MOST_HOSTS = 3
# Of what requests came to, so many are shown.
_MOST_OUTCOMES = 9
_TIMES = "\N{MULTIPLICATION SIGN}"


def refuse(run: Run) -> None:
    """Raise ``GateError`` for a run that cannot be green, whatever its verdicts say."""
    _refuse_without_success(run)
    if run.target.is_stateless:
        _refuse_problems(run)  # no build of it is made, uploaded or completed
        return
    if run.target.build_id:
        return  # what others made may be at any point of its life
    if run.uploads and not any(outcome.startswith("2") for outcome in run.uploads):
        raise GateError(
            f"no upload was accepted (uploads {_uploads(run)}), so no build "
            "was judged as it should be",
            _fix_of_uploads(run),
        )
    if not run.completed:
        statuses = sorted({cell.status for cell in run.cells if cell.row == "group"})
        raise GateError(
            "no build was COMPLETED, though starts were accepted "
            f"(statuses seen: {', '.join(statuses)}), so many rules observed nothing."
            f"{_cut(run)}",
            f"{_more_time(run)}see whether the server builds at all, or give a "
            f"{setting('DOCKERFILE')} that it can build",
        )
    if run.fuzzed is not None and run.fuzzed.ended is None:
        _refuse_without_generated_success(run, run.fuzzed)


def refuse_load(
    run: LoadRun, failed: Problem | None = None, *, is_interrupted: bool = False
) -> None:
    """Refuse a run that cannot be green; a violation tells more than what is missing.

    Args:
        run: What came of it. It gets the problem, where that is known beside a violation.
        failed: Why a user failed, or None.
        is_interrupted: Whether somebody ended it.

    Raises ``Problem`` where nothing can be said.

    """
    sources = [one.last for one in run.merge.sources.values() if one.last]
    problem = failed
    if problem is None and run.lost:
        where = f"; where it ran, {run.clean_up} deletes its images" if run.clean_up else ""
        problem = Problem("not all that was sent is judged", f"see why{where}", details=run.lost)
    elif problem is None and (last := next((one for one in sources if one.why), None)):
        what = f"users of {run.endpoint.base_url} ended early: {last.why}"
        problem = Problem(what, last.fix)
    if run.exceeded and any(run.tape.successes().values()):
        run.problem = problem
        return
    if problem:
        raise problem
    try:
        refuse(run)
    except Problem as error:
        if not is_interrupted:
            raise
        if not any(one.is_answered for one in run.tape.exchanges):
            raise Problem(INTERRUPTED, LONGER) from error
        what = f"interrupted before enough was observed: {error.what}"
        raise Problem(what, f"{LONGER}, or {error.fix}") from error


def _more_time(run: Run) -> str:
    """Return what gives builds more time, where they were not waited for to their end."""
    short = [one.budget for one in run.cut if one.budget]
    short += ["STUCK_AFTER"] if run.target.stuck_after and not short else []
    return f"raise {' and '.join(map(setting, dict.fromkeys(short)))}; " if short else ""


def not_uploaded(run: Run) -> str:
    """Return why hosts got no upload, and the setting that allows them; empty if none was refused.

    A server may name a new host each time, so only the first are shown.
    """
    if not run.refused:
        return ""
    hosts = [*run.refused][:_MOST_HOSTS]
    reasons = "; ".join(run.refused[host] for host in hosts)
    more = f" and {len(run.refused) - len(hosts)} more" if len(run.refused) > len(hosts) else ""
    return run.redaction(f"{reasons}{more}; {_allowing(hosts)}")


def counted(outcomes: dict[str, int]) -> str:
    """Spell outcomes, each with its count after a multiplication sign."""
    return ", ".join(f"{outcome} {_TIMES}{count}" for outcome, count in sorted(outcomes.items()))


def _refuse_without_success(run: Run) -> None:
    counts = run.tape.successes()
    del counts[run.tape.api.delete]  # a server may not offer it
    if run.target.build_id:
        status = run.tape.api.status
        counts = {status: counts[status]}
    missing = [name for name, count in counts.items() if not count]
    if not missing:
        return
    first = missing[0]
    outcomes = sorted({
        str(one.response.status) if one.is_answered else
        f"{NO_RESPONSE}: {run.redaction(one.failure or '')}" for one in _tried(run, first)
    })  # fmt: skip
    more = f" and {len(outcomes) - _MOST_OUTCOMES} others" if outcomes[_MOST_OUTCOMES:] else ""
    returned = ", ".join(outcomes[:_MOST_OUTCOMES])
    seen = f"returned {returned}{more}" if outcomes else "was not sent"
    uploads = f", uploads {_uploads(run)}" if run.uploads else ""
    raise GateError(
        f"nothing to judge: no success of {', '.join(missing)} was seen "
        f"({first} {seen}{uploads}).{_cut(run)}",
        _fix(run),
    )


def _tried(run: Run, operation: str) -> list[Exchange]:
    return [one for one in run.tape.of(operation) if one.request.credential is Credential.VALID]


def _uploads(run: Run) -> str:
    """Tell what came of the uploads, with the first reason why one got no response."""
    why = next((one.failure for one in run.tape.of(UPLOAD) if one.failure), None)
    return counted(run.uploads) + (f": {run.redaction(why)}" if why else "")


def _allowing(hosts: list[str]) -> str:
    listed = shlex.quote(",".join(map(shortened, hosts)))
    return f"{setting('UPLOAD_HOSTS', listed)} allows it"


def _fix_of_uploads(run: Run) -> str:
    if run.refused:
        return f"{run.redaction(_allowing([*run.refused][:_MOST_HOSTS]))}, if that is your storage"
    if all(outcome.startswith("3") for outcome in run.uploads):
        return "let upload_url be where the context goes: a redirect of an upload is not followed"
    return "see why the upload URLs that initiate returns accept no upload"


def _cut(run: Run) -> str:
    """Say what budgets cut off: each reason once, with the first step that it ended."""
    steps: dict[str, list[str]] = {}
    for one in run.cut:
        steps.setdefault(one.reason, []).append(one.step)
    reasons = [
        f"{reason} (before the end of {first}{f' and {len(more)} more' if more else ''})"
        for reason, (first, *more) in steps.items()
    ]
    return f" Cut off: {'; '.join(reasons)}." if reasons else ""


def _fix(run: Run) -> str:
    if run.target.build_id:
        return f"check {setting('BUILD_ID')}, and that the token may see that build"
    if run.uploads and not any(outcome.startswith("2") for outcome in run.uploads):
        return _fix_of_uploads(run)
    budgets = dict.fromkeys(one.budget for one in run.cut if one.budget)
    if budgets and not _is_not_offered(run):
        return f"raise {' and '.join(map(setting, budgets))}"
    statuses = {one.response.status for one in _tried(run, run.tape.api.initiate)}
    if statuses and statuses <= {401, 403}:
        return (
            f"check the token, in CONTRACT_TOKEN or {setting('TOKEN_FILE')}, and that "
            f"{setting('TARGET')} is this API's base URL: no request with it was accepted"
        )
    return f"check that {setting('TARGET')} is this API's base URL, and that the token may build"


def _is_not_offered(run: Run) -> bool:
    """Whether no budget would make an initiate succeed: it is not there, or a valid one failed."""
    sent = run.tape.of(run.tape.api.initiate)
    tried = [one for one in sent if one.request.credential is Credential.VALID and one.is_answered]
    return not any(one.succeeded for one in tried) and any(
        one.response.status in NOT_OFFERED
        or (one.request_error is None and one.response.status != 429)
        for one in tried
    )


def _refuse_without_generated_success(run: Run, fuzzed: Result) -> None:
    """Refuse a run whose generated traffic judged nothing, where no budget cut it off."""
    _refuse_problems(run)
    counts = run.tape.successes(DRIVER)
    del counts[run.tape.api.delete]  # nothing generated is sent to it
    empty = [name for name, count in counts.items() if not count]
    empty += [f"the link {link}" for link, walked in fuzzed.links.items() if not walked]
    if empty:
        returned = Counter(
            outcome(one)
            for one in run.tape.of(run.tape.api.initiate)
            if one.driver in (DRIVER, FEEDING) and one.request.credential is Credential.VALID
        )
        raise GateError(
            f"schemathesis saw no success of {', '.join(empty)}; its requests to initiate returned "
            f"{counted(returned) or 'nothing'}",
            "see why the server refuses them: the token may have to build more, and the same name "
            f"and tag more than once; another {setting('SEED')} may do, and "
            f"{setting('MAX_BUILDS', '2')} goes without generated requests",
        )


def _refuse_problems(run: Run) -> None:
    if run.fuzzed is not None and run.fuzzed.problems:
        problems = run.redaction("; ".join(run.fuzzed.problems))
        raise GateError(f"schemathesis could not do its work: {problems}.", "see its message")
