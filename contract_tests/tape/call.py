"""A call of a client under test: the operation, what went over the wire, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..contract.api import IMAGES, Api
from .exchange import Exchange


@dataclass(frozen=True)
class Call:
    """One call of a client under test, and its outcome.

    Attributes:
        intent: The purpose of the call, in a few words.
        operation: The operation that was called.
        exchange: What went over the wire, or None if nothing was sent.
        returned: The return value, as JSON values; None if it raised.
        raised: The class of the exception that it raised, or None.
        message: The text of that exception.
        is_typed: Whether that exception is one of the client's own.
        leaks: Where the token was found in what it returned, raised or shows of itself.
        api: The API that was called.

    """

    intent: str
    operation: str
    exchange: Exchange | None
    returned: Any = field(default=None, repr=False)
    raised: str | None = None
    message: str = field(default="", repr=False)
    is_typed: bool = False
    leaks: tuple[str, ...] = ()
    api: Api = field(default=IMAGES, repr=False, compare=False)
