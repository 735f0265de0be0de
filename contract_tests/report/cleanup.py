"""What came of runs that ended early, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from ..gate.cleanup import Resumed, shown
from ..gate.plan import counted


def lines(done: Resumed, *, is_dry: bool) -> Iterator[str]:
    """Yield what was deleted, what is left and why, and what was not touched; then the count."""
    for name, images in done.planned.items() if is_dry else ():
        yield f"to delete     {', '.join(shown(name, one) for one in images) or name}"
    for one in done.cleaned:
        yield f"deleted       {counted(len(one.deleted), 'image')} of {one.name}"
        yield from (
            f"left          {shown(one.name, image)}: {why}" for image, why in one.left.items()
        )
    yield from (f"not touched   {name}: its run has not ended" for name in done.running)
    if done.elsewhere:
        yield f"not touched   {counted(done.elsewhere, 'journal')} of other targets"
    deleted = sum(len(one.deleted) for one in done.cleaned)
    left = sum(len(one.left) for one in done.cleaned)
    gone = sum(len(one.gone) for one in done.cleaned)
    more = f", {gone} not there any more" if gone else ""
    planned = sum(map(len, done.planned.values()))
    count = counted(planned if is_dry else deleted, "image")
    yield f"{count} to delete" if is_dry else f"{count} deleted{more}, {left} left"
