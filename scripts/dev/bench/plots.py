"""Draws the numbers of a part as bars: an SVG without scripts, for a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

LABELS, BARS, VALUES, ROW = 380, 240, 100, 20
STYLE = """\
text { font-family: sans-serif; font-size: 12px; fill: #1f2328 }
rect { fill: #818b98 } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 } rect { fill: #7d8590 } .ours { fill: #4493f8 } }"""


@dataclass(frozen=True)
class Chart:
    """Some numbers of one kind, which a page shows beside each other.

    Attributes:
        title: What they are, with the unit.
        bars: By title of a peer, as tables have it; ours is in bold.

    """

    title: str
    bars: dict[str, float]


def svg(name: str, charts: Sequence[Chart]) -> str:
    """Return charts below each other; a bar is as long as its number, in its own chart."""
    shown = list(_shown(charts))
    width, height = LABELS + BARS + VALUES, sum(2 + len(one.bars) for one in charts) * ROW
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(name)}</title>", f"<style>{STYLE}</style>", *shown, "</svg>", "",
    ])  # fmt: skip


def _shown(charts: Sequence[Chart]) -> Iterator[str]:
    row = 0
    for chart in charts:
        row += 1
        yield f'<text x="0" y="{row * ROW}" font-weight="bold">{escape(chart.title)}</text>'
        longest = max(chart.bars.values(), default=0) or 1
        for title, value in sorted(chart.bars.items(), key=lambda one: one[1]):
            row += 1
            kind = ' class="ours"' if title.startswith("**") else ""
            length = BARS * value / longest
            plain = escape(title.replace("*", "").replace("`", ""))
            number = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}".removesuffix(".00")
            y = row * ROW
            yield f'<text x="{LABELS - 8}" y="{y}" text-anchor="end">{plain}</text>'
            yield f'<rect{kind} x="{LABELS}" y="{y - 11}" width="{length:.1f}" height="14"/>'
            yield f'<text x="{LABELS + length + 6:.1f}" y="{y}">{number}</text>'
        row += 1
