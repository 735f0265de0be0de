"""What a page is of: a run of the gate, a recording, traffic behind a proxy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...contract.api import IMAGES
from ...drivers.har.replay import Replayed
from ...drivers.http.clock import SYSTEM
from ...escape import line
from ...gate.result import Report
from ...rules import Rule
from ...tape.tape import Tape
from ...verdicts.judge import ClientVerdict, Outcome, Verdict
from .. import conclusion, recording, terminal
from ..text import Hide


@dataclass(frozen=True)
class Subject:
    """What a page shows. Texts are without secrets, and escaped for one line.

    Attributes:
        name: What was judged.
        verdict: What became of it, in one or two words.
        counts: How many rules came to each outcome.
        problem: Why the gate cannot tell, in lines, or an empty text.
        facts: When, how and with what it was judged: names and values.
        notes: What was sent, cut off and left behind: one line each.
        tape: What was sent and received; None where nothing was.
        verdicts: The verdicts by rule id.
        client: The verdicts on the generated client by rule id.
        hide: Removes secrets from a text.
        repeat: Returns the command that judges one rule again.

    """

    name: str
    verdict: str
    counts: tuple[str, ...]
    problem: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    tape: Tape | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    client: Mapping[str, ClientVerdict] = field(default_factory=dict)
    hide: Hide = str
    repeat: Callable[[Rule[Any]], str] = lambda _: ""

    @property
    def is_virtual(self) -> bool:
        """Whether its clock is its own, so that it says nothing of speed."""
        return ("clock", "virtual") in self.facts


def of_gate(report: Report) -> Subject:
    """Return what a page shows of a run of the gate."""
    run, problem = report.run, report.problem or (report.run.problem if report.run else None)
    shown = report.hide(str(problem)) if problem else ""
    counts = tuple(conclusion.counts(report))
    verdict = conclusion.verdict(report)
    if run is None:
        name = report.hide(report.target.name) if report.target else "nothing"
        return Subject(line(name), verdict, counts, shown, client=report.client, hide=report.hide)
    target, exchanges = run.target, run.tape.exchanges
    issued = sum(bool(one.issued) for one in exchanges)
    facts = {
        "target": target.name, "ended": report.ended or "", "profile": target.profile,
        "level": target.level, "seed": str(target.seed) if run.fuzzed else "",
        "requests": str(run.pace.sent or len(exchanges)), "builds": str(run.pace.issued or issued),
        "began": f"{exchanges[0].began:%Y-%m-%d %H:%M:%S %Z}" if exchanges else "",
        "clock": "virtual" if run.endpoint.clock is not SYSTEM else "",
        "contract": IMAGES.contract.version,
    }  # fmt: skip
    return Subject(
        line(run.redaction(target.name)), verdict, counts, shown,
        tuple((name, line(run.redaction(value))) for name, value in facts.items() if value),
        tuple(map(line, [*run.reasons, *terminal.traffic(run), *terminal.waived(run)])),
        run.tape, run.verdicts, report.client, run.redaction, target.repeat,
    )  # fmt: skip


def of_recording(
    file: str, level: str | None, replayed: Replayed, verdicts: Mapping[str, Verdict]
) -> Subject:
    """Return what a page shows of a recording."""
    found = Counter(one.outcome for one in verdicts.values())
    counts = (f"{found[one]} {one}" for one in Outcome if found[one])
    exchanges, hide = replayed.tape.exchanges, replayed.redaction
    facts = {
        "exchanges": str(len(exchanges)), "level": level or "",
        "began": f"{exchanges[0].began:%Y-%m-%d %H:%M:%S %Z}" if exchanges else "",
        "contract": IMAGES.contract.version,
    }  # fmt: skip
    return Subject(
        line(hide(file)), "failed" if found[Outcome.VIOLATED] else "passed", tuple(counts), "",
        tuple((name, value) for name, value in facts.items() if value),
        tuple(line(hide(one)) for one in recording.entries(replayed)),
        replayed.tape, verdicts, {}, hide,
        lambda rule: recording.repeat(file, rule.id, level),
    )  # fmt: skip
