"""What the gate found: the one value that every report is a view of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..problems import Exit, Problem
from ..redaction import Redaction
from ..verdicts.judge import ClientVerdict, Outcome
from .cleanup import Resumed
from .run import Run
from .server_log import ServerLog
from .target import Target


@dataclass
class Report:
    """What the gate found of the generated client and of a server.

    Attributes:
        target: What was to be judged; None where the settings do not say.
        run: The run over the server, with its verdicts; None where none began.
        client: The verdicts on the calls of the client by rule id; empty where it was not judged.
        log: What the server printed that the gate has started, or None.
        resumed: What came of runs that ended early; None where they were not cleaned up after.
        problem: Why the gate cannot tell, or None.
        is_interrupted: Whether somebody stopped it.

    """

    target: Target | None = None
    run: Run | None = None
    client: Mapping[str, ClientVerdict] = field(default_factory=dict)
    log: ServerLog | None = None
    resumed: Resumed | None = None
    problem: Problem | None = None
    is_interrupted: bool = False

    @property
    def code(self) -> Exit:
        """The exit code."""
        if self.is_interrupted:
            return Exit.INTERRUPTED
        if self.problem:
            return Exit.CANNOT_TELL
        if self.resumed and self.resumed.left:
            return Exit.FOUND
        is_sound = all(one.outcome is Outcome.PASSED for one in self.client.values())
        return Exit.OK if is_sound and (self.run is None or self.run.passed) else Exit.FOUND

    @property
    def ended(self) -> str | None:
        """How it ended: complete, interrupted or cut; None where nothing was run."""
        if self.is_interrupted:
            return "interrupted"
        return self.run.ended if self.run else None

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many rules came to each outcome, of the client and of the server."""
        server = self.run.verdicts.values() if self.run else ()
        return Counter(one.outcome for one in (*self.client.values(), *server))

    def hide(self, text: str) -> str:
        """Return a text without the secrets of the run, or of its settings where none began."""
        if self.run:
            return self.run.redaction(text)
        target = self.target
        if target is None:
            return text
        return Redaction(token=target.token, headers=target.headers, proxy=target.proxy)(text)
