"""The verdicts as data, for what is not read by people: ``reports/verdicts.json``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ..gate.run import Run
from ..problems import Problem
from ..verdicts.judge import Group, Verdict
from ..verdicts.waivers import Waiver
from . import text

FORMAT = 2
"""Incremented with each incompatible change; a new key is not one."""


def page(document: dict[str, Any]) -> str:
    """Return the content of the file."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def document(run: Run | None, problem: Problem | None = None) -> dict[str, Any]:
    """Return what was judged, and each verdict.

    ``problem`` is why the gate cannot judge, if so. ``run`` is None if it could not start; the file
    then has the problem and no verdict.
    """
    if run is None:
        content: dict[str, Any] = {
            "target": None, "seed": None, "passed": False, "ended": None, "verdicts": [],
        }  # fmt: skip
    else:
        content = _document(run)
        problem = problem or run.problem
    hide = run.redaction if run else str
    if problem:
        content["passed"] = False
    return {"format": FORMAT, **content, "problem": hide(str(problem)) if problem else None}


def ended(run: Run) -> str:
    """Return how a run ended: complete, interrupted, or cut by a budget or by the server."""
    if run.is_interrupted:
        return "interrupted"
    return "complete" if run.is_finished and not run.cut else "cut"


def passed(run: Run) -> bool:
    """Return whether the run passes: no violation, unneeded waiver, missing observation or problem.

    A budget that cuts a run does not fail it; a server that cannot be reached any more does.
    """
    exchanges = run.tape.exchanges
    idle = any(one.unneeded(exchanges) for one in run.verdicts.values())
    return not (run.judge.violated or idle or run.missing or run.problem or run.is_interrupted)


def reasons(run: Run) -> list[str]:
    """Return what cut a run, and where."""
    return [run.redaction(str(one)) for one in (*run.cut, run.problem) if one]


def _document(run: Run) -> dict[str, Any]:
    return {
        "target": run.target.name,
        "seed": run.target.seed,
        "level": run.target.level,
        "passed": passed(run),
        "ended": ended(run),
        "reasons": reasons(run),
        "missing": run.missing,
        "sent": {
            driver: {"requests": requests, "seconds": round(seconds, 3)}
            for driver, (requests, seconds) in run.spent.items()
        },
        "uploads": dict(sorted(run.uploads.items())),
        "no_response": dict(sorted(run.unanswered.items())),
        "completed": run.completed,
        "cut": [*map(str, run.cut)],
        "verdicts": [
            _verdict(run, one) for one in run.verdicts.values()
        ],
    }  # fmt: skip


def _verdict(run: Run, verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    repeat = run.target.repeat(rule)
    groups = [_group(run, group, repeat) for group in verdict.groups.values()]
    return {
        "rule": rule.id,
        "level": str(rule.level),
        "text": rule.text,
        "outcome": verdict.outcome,
        "observed": verdict.observed,
        "violations": verdict.broken,
        "first": groups[0]["text"] if groups else None,
        "groups": groups,
        "waivers": [*map(_waiver, verdict.waivers)],
        "unneeded": [*map(_waiver, verdict.unneeded(run.tape.exchanges))],
    }


def _group(run: Run, group: Group, repeat: str) -> dict[str, Any]:
    first, exchange, hide = group.first, group.first.exchange, run.redaction
    return {
        "outcome": group.outcome,
        "operation": text.hidden(group.key.operation, hide),
        "place": text.hidden(group.key.place, hide),
        "status": exchange.response.status,
        "count": group.count,
        "field": text.hidden(first.field, hide),
        "expected": text.hidden(first.expected, hide),
        "received": text.hidden(str(first.received), hide),
        "source": first.source,
        "exchange": exchange.number,
        "text": text.failure(group, hide, repeat),
        "waiver": _waiver(group.key.waiver) if group.key.waiver else None,
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {**dataclasses.asdict(waiver), "expires": f"{waiver.expires}"}
