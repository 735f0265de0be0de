"""What a run found, and what is found in the file that it writes of its exchanges."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...gate.run import Run
from ...judge import judged
from ...report import har
from ...verdicts.judge import Verdict

_NAME = re.compile(r"\b(token|cookie|secret)-\d+")


def findings(run: Run) -> dict[str, Any]:
    """Return what a run found by rule, with <name> for each secret."""
    return _findings(run.verdicts, har.pseudonyms(run).text)


def read_back(run: Run, folder: Path) -> dict[str, Any]:
    """Return what is found by the same rules in the file of a run, with <name> for each secret."""
    return _findings(_judged_again(run, folder), str)


def places(run: Run) -> dict[str, Any]:
    """Return where a run found what, without the texts."""
    return _places(run.verdicts)


def places_read_back(run: Run, folder: Path) -> dict[str, Any]:
    """Return where something is found in the file of a run, without the texts."""
    return _places(_judged_again(run, folder))


def written(run: Run, folder: Path) -> Path:
    """Write the file of a run; return its path."""
    path = folder / "tape.har"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(har.page(run))
    return path


def entries(run: Run) -> list[dict[str, Any]]:
    """Return the entries of the file of a run."""
    log = json.loads("".join(har.page(run)))["log"]
    found: list[dict[str, Any]] = log["entries"]
    return found


def _judged_again(run: Run, folder: Path) -> dict[str, Verdict]:
    rules = [verdict.rule for verdict in run.verdicts.values()]
    return judged(str(written(run, folder)), rules)[1]


def _findings(verdicts: dict[str, Verdict], shown: Callable[[str], str]) -> dict[str, Any]:
    places = _places(verdicts)

    def named(text: object) -> str:
        return _NAME.sub("<name>", shown(str(text)))

    return {
        rule: (places[rule], [
            [named(text) for text in (one.operation, one.expected, one.received)]
            for one in verdict.violations
        ])
        for rule, verdict in verdicts.items()
    }  # fmt: skip


def _places(verdicts: dict[str, Verdict]) -> dict[str, Any]:
    return {
        rule: (verdict.outcome, verdict.observed,
               [(one.exchange.number, one.field) for one in verdict.violations])
        for rule, verdict in verdicts.items()
    }  # fmt: skip
