"""The verdict as a badge: the JSON that an endpoint badge of shields reads."""

from __future__ import annotations

from ..escape import as_json
from ..gate.result import Report
from ..problems import Exit
from ..verdicts.judge import Outcome
from . import conclusion

_COLOURS = {Exit.OK: "brightgreen", Exit.FOUND: "red"}


def page(report: Report) -> str:
    """Return the content of the file: how many rules passed, or what became of the run instead."""
    found = report.outcomes
    message = conclusion.verdict(report)
    if report.code is Exit.OK:
        message = f"{found[Outcome.PASSED]} rules passed"
    elif found[Outcome.VIOLATED] and report.code is Exit.FOUND:
        message = f"{found[Outcome.VIOLATED]} violated"
    colour = _COLOURS.get(report.code, "lightgrey")
    return as_json(
        {"schemaVersion": 1, "label": "contract", "message": message, "color": colour}, indent=1
    ) + "\n"  # fmt: skip
