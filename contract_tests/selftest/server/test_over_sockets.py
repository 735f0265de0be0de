"""The gate over real sockets and uvicorn, as for a TARGET: what runs in process elsewhere.

First contact, hostile servers, readiness and the access log have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ...gate.run import Run
from ...gate.target import Target
from ...reference.app import create_app
from ...reference.faults import FAULTS, GROUPS, Fault, ServerRequest, ServerResponse, apply
from ...reference.over_sockets import running
from ...rules import RULES, Level
from ..support.judging import judge_server
from ..support.unprovoked import UNPROVOKED

TOKEN = "test-token"  # noqa: S105
# Rules by which a run waits for minutes, or that depend on how long a build takes.
IN_TIME = {"S5", "T9", "T10", "L14"}


def _quick(faults: list[Fault]) -> list[Fault]:
    """Return the faults that fail a run, and do not make it wait."""
    failing = [one for one in faults if RULES[one.rule].level is not Level.ADVICE]
    return [one for one in failing if not {one.rule, *one.also} & IN_TIME]


# Two of each group, none by which a build never ends: that would be waited for.
CHOSEN = [one.name for faults in GROUPS.values() for one in (_quick(faults)[1], _quick(faults)[-1])]


@contextmanager
def served(fault: str | None = None) -> Iterator[str]:
    """Run a server whose builds take long enough to be polled while they do."""
    app = create_app(token=TOKEN, build_seconds=0.08)
    with running(apply(app, fault, TOKEN) if fault else app) as url:
        yield url


def test_sound_server_passes() -> None:
    """Every rule is observed and holds, over scripted and generated traffic."""
    with served() as url:
        done = judge_server(Target(url=url, token=TOKEN))

    passed = {rule for rule in RULES if done.verdicts[rule].outcome == "passed"}
    assert {*RULES} - passed == UNPROVOKED
    assert done.endpoint.base_url == url
    assert done.fuzzed is not None
    assert done.fuzzed.problems == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_fault_is_caught(name: str) -> None:
    """Under the same rules as in process."""
    with served(name) as url:
        done = judge_server(Target(url=url, token=TOKEN), fuzzing=False)

    assert {one.rule.id for one in done.judge.violated} == {FAULTS[name].rule} | FAULTS[name].also


def test_server_that_closes_each_connection_passes() -> None:
    """It is reported, and no request is lost."""

    def closes(_: ServerRequest, answer: ServerResponse) -> None:
        answer.headers.append((b"connection", b"close"))

    sound = create_app(token=TOKEN, build_seconds=0.08)
    with running(Fault("closes", "", "", response=closes).wrap(sound, TOKEN)) as url:
        done = judge_server(Target(url=url, token=TOKEN), fuzzing=False)

    assert (done.judge.violated, done.unanswered) == ([], {})


def test_same_requests_as_in_process() -> None:
    """But for the polls, whose number is a matter of time."""
    with served() as url:
        there = judge_server(Target(url=url, token=TOKEN), fuzzing=False)
    here = judge_server(Target(token=TOKEN), fuzzing=False)

    assert sent(here) == sent(there)


def sent(run: Run) -> list[tuple[str, str, int]]:
    """Return what was sent in which order, and the status it got, without the polls."""
    return [
        (one.request.method, one.intent, one.response.status)
        for one in run.tape.exchanges
        if "status after the start" not in one.intent
    ]
