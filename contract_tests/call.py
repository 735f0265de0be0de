"""A call: what a client was asked to do, what it sent, what came back, and what it made of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .exchange import Exchange


@dataclass(frozen=True)
class Call:
    """One call of a client under test, and its end.

    Attributes:
        intent: What the driver meant by it, in a few words.
        operation: The operation that was called.
        exchange: What went over the wire, or None if nothing was sent.
        returned: What it returned, as JSON values; None if it raised.
        raised: The class of what it raised, or None.
        message: The text of what it raised.
        is_typed: Whether what it raised is one of the client's own exceptions.
        leaks: Where the token was found in what it returned, raised or shows of itself.

    """

    intent: str
    operation: str
    exchange: Exchange | None
    returned: Any = field(default=None, repr=False)
    raised: str | None = None
    message: str = field(default="", repr=False)
    is_typed: bool = False
    leaks: tuple[str, ...] = ()
