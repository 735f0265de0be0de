"""The verdicts on a recording, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..drivers.har.replay import Replayed
from ..usage import command, setting
from ..verdicts.judge import Outcome, Verdict
from . import text


def repeat(file: str, rule: str, level: str | None = None) -> str:
    """Return the command that judges one rule again."""
    return command("judge", HAR=file, RULE=rule, LEVEL=level)


def lines(
    file: str, level: str | None, replayed: Replayed, verdicts: dict[str, Verdict],
    of_run: Mapping[str, str],
) -> Iterator[str]:  # fmt: skip
    """Yield the violations, what was in the recording, and a verdict for each rule.

    ``of_run`` are the settings of the run that wrote it, by which it was judged.
    """
    violated = [one for one in verdicts.values() if one.outcome is Outcome.VIOLATED]
    for verdict in violated:
        again = repeat(file, verdict.rule.id, level)
        yield from text.failures(verdict, replayed.redaction, again).split("\n")
        yield ""
    yield f"recording     {file}"
    yield from by_run(of_run)
    yield from entries(replayed)
    counted = replayed.tape.successes().items()
    yield f"successes     {', '.join(f'{name} {count}' for name, count in counted)}"
    yield ""
    yield from text.table(verdicts.values())
    yield from text.advised(verdicts, replayed.redaction)
    yield ""
    if violated:
        yield f"violated: {', '.join(verdict.rule.id for verdict in violated)}"
    else:
        observed = sum(bool(verdict.observed) for verdict in verdicts.values())
        found = sum(verdict.outcome is Outcome.ADVISED for verdict in verdicts.values())
        but = f"; {found} advised" if found else ""
        yield f"{observed} of {len(verdicts)} rules were observed; none is violated{but}"


def by_run(of_run: Mapping[str, str]) -> Iterator[str]:
    """Yield by which settings of the run that wrote a recording it was judged."""
    if of_run:
        shown = " ".join(setting(*one) for one in of_run.items())
        yield f"judged by     {shown}, as the run was"


def entries(replayed: Replayed) -> Iterator[str]:
    """Yield what became of the entries of a recording."""
    left_out = sum(replayed.left_out.values())
    yield (
        f"entries       {replayed.entries}: {replayed.judged} judged, {replayed.ignored} not for "
        f"this API, {left_out} left out"
    )
    for why, count in replayed.left_out.most_common():
        yield f"  left out    {count}: {why}"
    if replayed.repeated:
        yield f"  repeated    {replayed.repeated}: listed already, alike in time and bytes"
    if replayed.bodiless:
        yield f"  no body     {replayed.bodiless}: it was not recorded as it was sent"
    if replayed.untimed:
        yield f"  no time     {replayed.untimed}: what came before and after them is not known"
