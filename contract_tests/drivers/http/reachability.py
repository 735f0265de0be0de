"""Decides from the exchanges so far whether the server can still be reached.

One exchange without a response is an observation. A server that takes no connection any more, or
has never sent a response, ends the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .client import Overdue, SessionError

# A server that restarts is back within these, with the pauses between them.
MOST_UNREACHED = 4
FIRST_PAUSE = 0.25
# Requests to a server that has never sent a response.
MOST_SILENT = 3
# After so many of one kind have timed out, the next are waited for a tenth of the time.
MOST_OVERDUE = 3
SHORTER = 10


class GoneError(SessionError):
    """The server cannot be reached any more, or has never sent a response."""


@dataclass
class Reachability:
    """Counts requests without a response.

    Attributes:
        has_answered: Whether any response ever came.

    """

    has_answered: bool = False
    _unreached: int = 0
    _silent: int = 0
    _overdue: Counter[str] = field(default_factory=Counter)

    @property
    def is_unreached(self) -> bool:
        """Whether no connection could be made for the last request."""
        return self._unreached > 0

    def seconds(self, kind: str, limit: float) -> float:
        """Return how long to wait for a request of a kind; shorter where others timed out."""
        return limit / SHORTER if self._overdue[kind] >= MOST_OVERDUE else limit

    def overdue(self, kind: str, failure: SessionError | None) -> None:
        """Note whether a request of a kind timed out."""
        if isinstance(failure, Overdue):
            self._overdue[kind] += 1
        elif failure is None:
            self._overdue[kind] = 0

    def note(self, failure: SessionError | None, pause: Callable[[float], None]) -> None:
        """Note the outcome of a request to the API. Raises ``GoneError`` if the server is gone."""
        if failure is None:
            self.has_answered, self._unreached, self._silent = True, 0, 0
            return
        self._silent += 1
        self._unreached = 0 if failure.is_sent else self._unreached + 1
        never = not self.has_answered and self._silent >= MOST_SILENT
        if never or self._unreached > MOST_UNREACHED:
            raise GoneError(str(failure)) from failure
        if not failure.is_sent:
            pause(FIRST_PAUSE * 2 ** (self._unreached - 1))
