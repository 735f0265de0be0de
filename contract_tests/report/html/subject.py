"""What a page is of: a run of the gate, a recording, a client, a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ...contract.api import IMAGES
from ...contract.openapi import PATH
from ...drivers.har.replay import Replayed
from ...drivers.http.clock import SYSTEM
from ...escape import line, lines
from ...gate.corpus import Judged
from ...gate.result import Report
from ...openapi_diff import Document
from ...rules import Rule
from ...tape.tape import Tape
from ...verdicts.judge import ClientVerdict, Outcome, Verdict
from .. import client, comparison, conclusion, recording, terminal
from ..cases import END, State, cases
from ..comparison import Compared
from ..text import Hide

_SHORT = 200  # characters; of longer texts few are alike


@dataclass(frozen=True)
class Subject:
    """What a page shows. Texts are without secrets, and escaped for one line.

    Attributes:
        name: What was judged.
        verdict: What became of it, in one or two words.
        counts: How many rules came to each outcome.
        problem: Why the gate cannot tell, in lines, or an empty text.
        facts: When, how and with what it was judged: names and values.
        hints: What to do about the run itself: the profile that fits, what is left behind.
        failures: What fails beside the violations of a server, in lines each.
        notes: What was sent, cut off and left behind: one line each.
        tape: What was sent and received; None where nothing was.
        verdicts: The verdicts by rule id.
        client: The verdicts on the generated client by rule id.
        hide: Removes secrets from a text.
        label: Returns what stands for a header whose whole value is secret, or None.
        repeat: Returns the command that judges one rule again.
        bodies: The bodies of the corpus with what each judge makes of them.
        compared: Two documents with what differs, or None.

    """

    name: str
    verdict: str
    counts: tuple[str, ...]
    problem: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    hints: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tape: Tape | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    client: Mapping[str, ClientVerdict] = field(default_factory=dict)
    hide: Hide = str
    label: Callable[[str], str | None] = lambda _: None
    repeat: Callable[[Rule[Any]], str] = lambda _: ""
    bodies: Sequence[Judged] = ()
    compared: Compared | None = None

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
    failures = tuple(_failures(report))
    if run is None:
        name = report.hide(report.target.name) if report.target else "nothing"
        return Subject(
            line(name), verdict, counts, shown, failures=failures, client=report.client,
            hide=report.hide,
        )  # fmt: skip
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
    left = [*terminal.left(run)] if target.url and run.images_left_behind else []
    return Subject(
        line(run.redaction(target.name)), verdict, counts, shown,
        tuple((name, line(run.redaction(value))) for name, value in facts.items() if value),
        hints=tuple(one for one in map(line, [*terminal.fitting(run), *left]) if one),
        failures=failures,
        notes=tuple(map(line, [*run.reasons, *terminal.traffic(run), *terminal.waived(run)])),
        tape=run.tape, verdicts=run.verdicts, client=report.client,
        hide=_once(run.redaction), label=run.redaction.label, repeat=target.repeat,
    )  # fmt: skip


def _once(hide: Hide) -> Hide:
    """Search a short text for secrets once: most are on many exchanges."""
    known = cache(hide)
    return lambda text: known(text) if len(text) <= _SHORT else hide(text)


def _failures(report: Report) -> Iterator[str]:
    """Yield what fails a run beside the causes, which have the violations of a server."""
    verdicts = report.run.verdicts.values() if report.run else ()
    shown = {one.rule.id for one in verdicts if one.outcome is Outcome.VIOLATED}
    for case in cases(report):
        if case.state is State.FAILED and case.id not in shown and case.id != END:
            yield lines(case.detail)


def of_recording(
    file: str, level: str | None, replayed: Replayed, verdicts: Mapping[str, Verdict],
    of_run: Mapping[str, str],
) -> Subject:  # fmt: skip
    """Return what a page shows of a recording."""
    found = Counter(one.outcome for one in verdicts.values())
    counts = (f"{found[one]} {one}" for one in Outcome if found[one])
    exchanges, hide = replayed.tape.exchanges, replayed.redaction
    facts = {
        "exchanges": str(len(exchanges)), "level": level or of_run.get("LEVEL", ""),
        "rules": of_run.get("RULE", ""),
        "began": f"{exchanges[0].began:%Y-%m-%d %H:%M:%S %Z}" if exchanges else "",
        "contract": IMAGES.contract.version,
    }  # fmt: skip
    return Subject(
        line(hide(file)), "failed" if found[Outcome.VIOLATED] else "passed", tuple(counts),
        facts=tuple((name, value) for name, value in facts.items() if value),
        notes=tuple(line(hide(one)) for one in recording.entries(replayed)),
        tape=replayed.tape, verdicts=verdicts, hide=_once(hide), label=hide.label,
        repeat=lambda rule: recording.repeat(file, rule.id, level),
    )  # fmt: skip


def of_client(report: Report, bodies: Sequence[Judged], repeat: str) -> Subject:
    """Return what a page shows of the generated client, and of the corpus of bodies.

    ``repeat`` is the command that judges it again.
    """
    calls = max((one.calls for one in report.client.values()), default=0)
    passed = sum(one.outcome is Outcome.PASSED for one in report.client.values())
    apart = sum(not one.is_agreed for one in bodies)
    facts = {"calls": f"{calls}, sync and async", "contract": IMAGES.contract.version}
    return Subject(
        "the generated client",
        "failed" if apart or passed < len(report.client) else "passed",
        (
            f"{passed} of {len(report.client)} rules passed",
            f"{len(bodies)} bodies: the judges "
            + (f"disagree on {apart}" if apart else "agree on each"),
        ),
        facts=tuple(facts.items()),
        failures=tuple(lines(one) for one in map(client.failure, report.client.values()) if one),
        notes=(line(f"repeat        {repeat}"),),
        client=report.client, bodies=bodies,
    )  # fmt: skip


def of_comparison(compared: Compared, repeat: str) -> Subject:
    """Return what a page shows of a comparison; ``repeat`` is the command that compares again."""
    documents = {"base": compared.base, "revision": compared.revision}
    facts = {name: f"{_named(one)} {_version(one)}".strip() for name, one in documents.items()}
    return Subject(
        line(_named(compared.revision)),
        comparison.verdict(compared.found, compared.taken),
        (comparison.summary(compared.found, compared.taken, compared.hidden),),
        facts=tuple((name, line(value)) for name, value in facts.items()),
        notes=(line(f"repeat        {repeat}"),),
        compared=compared,
    )


def _named(document: Document) -> str:
    return PATH.name if document.name == str(PATH) else document.name


def _version(document: Document) -> str:
    info = document.root.get("info")
    return str(info.get("version", ""))[:100] if isinstance(info, dict) else ""
