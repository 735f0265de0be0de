"""Judges a whole server, or a whole tape, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...drivers.http.transport import Endpoint
from ...gate import drive
from ...gate.run import Run
from ...gate.target import Target
from ...rules.base import Rule
from ...tape.tape import Tape
from ...verdicts.judge import Judge, Verdict


def judge_server(target: Target, *, fuzzing: bool = True, at: Endpoint | None = None) -> Run:
    """Judge a server. Raises ``GateError`` as ``drive.drive`` does."""
    run = Run(target, at=at)
    drive.drive(run, fuzzing=fuzzing)
    return run


def judge_tape(tape: Tape, rules: Iterable[Rule[Any]]) -> dict[str, Verdict]:
    """Check a whole tape against rules; return the verdicts by rule id."""
    judge = Judge(rules)
    for history in tape.timeline.items:
        judge.see(history)
    return judge.verdicts
