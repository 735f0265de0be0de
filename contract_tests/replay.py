"""Sends what fails in a recording again, and shows whether it still fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing

from . import settings
from .drivers.http.pace import Pace
from .escape import line, show
from .gate import again
from .gate.again import State
from .judge import judged
from .problems import Exit
from .report import replay as report
from .rules import RULES
from .usage import setting

MOST_BUILDS = "100"
"""Builds that are initiated at most, where the setting does not say."""


def run(file: str, environment: Mapping[str, str]) -> Exit:
    """Send what fails in a file, to what the settings name; show it, and return the exit code.

    Raises ``Problem`` if the file cannot be judged, or the server refuses the token.
    """
    target = settings.from_environment({f"{settings.PREFIX}MAX_BUILDS": MOST_BUILDS, **environment})
    level = target.level if environment.get(f"{settings.PREFIX}LEVEL") else None
    rules = target.rules if target.rule else []
    recorded, verdicts, of_run = judged(file, rules, level, RULES)
    endpoint, budget = target.endpoint(), target.budget
    pace = Pace(budget.builds, budget.requests, budget.rate, budget.deadline, endpoint.clock)
    states = []
    with closing(endpoint.transport):
        for violation in again.failing(verdicts.values()):
            found = again.send_again(recorded.tape, violation, target, endpoint, pace)
            states.append(found.state)
            for one in report.lines(found, recorded.redaction):
                show(line(one))
    given = {"RULE": ",".join(target.rule), "LEVEL": level} | of_run
    show(report.summary(states, [setting(name, one) for name, one in given.items() if one]))
    if State.UNKNOWN in states and pace.issued >= (budget.builds or math.inf):
        show(f"    fix: a larger {setting('MAX_BUILDS')}")
    if State.FAILS in states:
        return Exit.FOUND
    return Exit.CANNOT_TELL if State.UNKNOWN in states else Exit.OK
