"""The verdicts as data, for what is not read by people: ``reports/verdicts.json``."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..escape import as_json, line
from ..gate import fits, hollow
from ..gate.result import Report
from ..gate.run import Run
from ..verdicts.judge import Group, Verdict
from ..verdicts.waivers import Waiver
from . import text

FORMAT = 2
"""Incremented with each incompatible change; a new key is not one."""


def page(document: dict[str, Any]) -> str:
    """Return the content of the file."""
    return as_json(document, indent=1) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return what was judged, each verdict on the server, and why the gate cannot judge.

    Where no run began, as for a setting that was refused, there is no verdict.
    """
    run = report.run
    problem = report.problem or (run.problem if run else None)
    if run is None:
        content: dict[str, Any] = {
            "target": None, "seed": None, "passed": False, "ended": report.ended, "verdicts": [],
        }  # fmt: skip
    else:
        content = _document(run) | {"ended": report.ended}
    if problem or report.is_interrupted:
        content["passed"] = False
    shown = report.hide(str(problem)) if problem else None
    return {"format": FORMAT, **content, "problem": shown}


def _document(run: Run) -> dict[str, Any]:
    better = fits.better(run)
    return {
        "target": run.target.name,
        "seed": run.target.seed,
        "profile": run.target.profile,
        "fits": better.profile if better else None,
        "fits_reason": run.redaction(line(f"{better.fix}: {better.what}")) if better else None,
        "level": run.target.level,
        "passed": run.passed,
        "ended": run.ended,
        "reasons": run.reasons,
        "missing": run.missing,
        "exceeded": run.exceeded,
        "sent": {
            driver: {"requests": requests, "seconds": round(seconds, 3)}
            for driver, (requests, seconds) in run.spent.items()
        },
        "uploads": dict(sorted(run.uploads.items())),
        "not_uploaded": hollow.not_uploaded(run) or None,
        "not_deleted": run.not_deleted,
        "deleted": len(run.cleaned.deleted) if run.cleaned else 0,
        "left_behind": [
            {"image": run.redaction(image), "reason": run.redaction(why)}
            for image, why in run.images_left_behind.items()
        ],
        "clean_up": run.redaction(run.clean_up) or None,
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
        "not_applicable": verdict.not_applicable or None,
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
