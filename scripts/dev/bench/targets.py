"""What the numbers of a part are to reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A measured number, and the most that it may be.

    Attributes:
        what: What is measured, with the unit.
        why: Why it may be missed, as a sentence without its end; shown only then.

    """

    what: str
    measured: float
    most: float
    why: str

    def row(self) -> str:
        """Return a row of the table of targets."""
        verdict = "met" if self.measured <= self.most else f"**missed**: {self.why}"
        return f"| {self.what} | {self.measured:.2f} | {self.most:g} | {verdict} |"
