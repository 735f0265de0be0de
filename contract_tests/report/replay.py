"""What became of the failing exchanges of a recording, on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ..gate.again import Again, State
from ..redaction import Redaction
from . import text

_SEVERAL = {State.FAILS: "still fail", State.PASSES: "pass"}


def lines(found: Again, recorded: Redaction) -> Iterator[str]:
    """Yield what became of one exchange, and the failure where it still fails."""
    was = found.was
    field = text.hidden(was.field, recorded)
    where = text.one_line(f"{text.hidden(was.operation, recorded)} {field}")
    yield f"{found.state:<11}  {was.rule.id:<4} exchange {was.exchange.number}: {where}"
    sent = Counter(found.sent)
    if sent:
        listed = text.one_line(found.hide(", ".join(f"{one} {n}" for one, n in sent.items())))
        yield f"  sent        {listed}"
    if found.why:
        yield f"  since       {text.one_line(found.hide(recorded(found.why)))}"
    if found.left:
        yield f"  left behind {text.one_line(found.hide(', '.join(found.left)))}"
    if found.now:
        yield from text.single(found.now, found.hide).split("\n")
    yield ""


def summary(states: list[State], chosen: Sequence[str] = ()) -> str:
    """Return the last line; ``chosen`` are the settings by which the recording was judged."""
    counted = Counter(states)
    if not states:
        by = f" by {' and '.join(chosen)}" if chosen else ""
        return f"no exchange of the recording fails{by}"
    return ", ".join(
        f"{count} {_SEVERAL.get(one, one) if count > 1 else one}"
        for one in State
        if (count := counted[one])
    )
