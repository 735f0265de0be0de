"""What a proxy saw, as a run: somebody else's traffic, judged by the rules for both sides."""

from __future__ import annotations

from collections.abc import Mapping

from ..problems import Problem
from ..tape.tape import Tape
from .run import Run


class ProxyRun(Run):
    """A run whose requests are a client's, so that what they lack proves nothing."""

    title = "traffic"

    def new_tape(self) -> Tape:
        """Return a tape that may be a part of what happened."""
        is_live, stuck_after = not self.target.is_stateless, self.target.stuck_after
        return Tape("", is_whole=False, is_live=is_live, stuck_after=stuck_after)

    @property
    def not_deleted(self) -> str | None:
        """None: what a client deletes is its own affair."""
        return None

    @property
    def left_behind(self) -> tuple[list[str], list[str]]:
        """Nothing: what a client makes is its own affair."""
        return [], []

    @property
    def images_left_behind(self) -> dict[str, str]:
        """Nothing, as ``left_behind``."""
        return {}

    def refuse_if_empty(self, unsent: Mapping[str, int]) -> None:
        """Raise ``Problem`` where no rule was observed: nothing can be said.

        ``unsent`` has why requests were not sent on, and how often.
        """
        if any(one.observed for one in self.verdicts.values()):
            return
        raise Problem(
            f"nothing was judged: no rule was observed on {len(self.tape.exchanges)} exchanges",
            "let a client build an image through the proxy before you stop it",
            details=[f"not sent on: {count}, {why}" for why, count in unsent.items()],
        )
