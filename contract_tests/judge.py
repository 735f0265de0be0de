"""Judges recorded traffic: ``python -m contract_tests.judge FILE``."""

from __future__ import annotations

import io
import sys
from typing import Any

from . import process, settings
from .arguments import Parser
from .drivers.har.replay import Replayed, replay
from .front import command
from .problems import Exit, Problem
from .report import recording
from .rules import Rule
from .verdicts.judge import Judge, Verdict

PROGRAM = "python -m contract_tests.judge"


def parser(prog: str = PROGRAM) -> Parser:
    """Say what the command line takes."""
    made = Parser(
        prog=prog,
        description="Judge recorded traffic. Exit codes: 0 all observed rules hold, 1 one is "
        "violated, 4 it cannot be judged.",
    )
    made.add_argument("file", help="a HAR file, as browsers and proxies save it")
    made.add_argument("--level", default="", help="must: only what the contract states")
    made.add_argument("--rule", default="", help="ids of rules, for example T5,T4")
    return made


def main(arguments: list[str] | None = None, prog: str = PROGRAM) -> int:
    """Judge a file; return the exit code: 0 holds, 1 violated, 4 cannot judge."""
    options = parser(prog).parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a recording may hold what no terminal can show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        replayed, verdicts = judged(options.file, settings.rules(options.rule, options.level))
    except Problem as error:
        print(f"cannot judge\n{recording.printable(str(error))}", file=sys.stderr)  # noqa: T201
        return Exit.CANNOT_TELL
    level = options.level.strip().lower() or "should"
    for line in recording.lines(options.file, level, replayed, verdicts):
        print(recording.printable(line))  # noqa: T201
    is_violated = any(verdict.violations for verdict in verdicts.values())
    return Exit.FOUND if is_violated else Exit.OK


def judged(file: str, rules: list[Rule[Any]]) -> tuple[Replayed, dict[str, Verdict]]:
    """Judge a file by some rules.

    Raises ``Problem`` if it cannot be judged, or no rule could be observed in it.
    """
    if not file:
        raise Problem("no recording was named", command("judge", HAR="FILE"))
    judge = Judge(rules)
    replayed, verdicts = replay(file, judge.see), judge.verdicts
    if not any(verdict.observed for verdict in verdicts.values()):
        raise Problem(
            f"nothing to judge: none of {len(verdicts)} rules could be observed on "
            f"{replayed.judged} exchanges",
            "record a build from initiate to its end, with content; ask for more rules",
        )
    return replayed, verdicts


if __name__ == "__main__":
    process.run(main)
