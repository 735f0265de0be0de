"""A run as texts without secrets: what is shown, written, and handed from process to process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..gate.run import Run
from ..problems import Problem
from ..verdicts.judge import Verdict
from . import markdown, terminal, verdicts


@dataclass(frozen=True)
class Rendered:
    """What a run has to show.

    Attributes:
        data: The content of ``verdicts.json``.
        page: The content of ``summary.md``.
        summary: Lines for the terminal, each with the outcome of the rule that it shows, or "".
        failures: The whole failure of each rule that is violated, or waived without need.

    """

    data: dict[str, Any]
    page: str
    summary: list[tuple[str, str]]
    failures: dict[str, str]


def render(run: Run, problem: Problem | None = None) -> Rendered:
    """Render a run; ``problem`` is why the gate cannot judge it, if so."""
    return Rendered(
        data=verdicts.document(run, problem),
        page=markdown.page(run),
        summary=list(terminal.summary(run)),
        failures={rule: text for rule, one in run.verdicts.items() if (text := _failure(run, one))},
    )


def _failure(run: Run, verdict: Verdict) -> str:
    parts = [terminal.failure(run, verdict), terminal.unneeded(run, verdict)]
    return "\n\n".join(filter(None, parts))
