"""Waivers: rules that may be violated for now, each with a reason and an expiry date."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contract import fields
from ..contract.api import Api
from ..nearest import choice
from ..problems import Problem
from ..rules import of_client
from ..tape.exchange import UPLOAD, Exchange
from . import exemptions

OTHER = "schemathesis:"
"""The prefix of the id of schemathesis' own checks."""


@dataclass(frozen=True)
class Waiver:
    """A rule that may be violated, everywhere or at one place.

    Attributes:
        reason: Why, for those who read the report.
        expires: The last day on which it is valid.
        operation: The operation of the contract, or ``upload``; None for any.
        path: The place in the body, as a JSON path with ``[*]`` for any index; None for any.
        status: The status code of the response, or a class such as ``4XX``; None for any.

    """

    rule: str
    reason: str
    expires: datetime.date
    operation: str | None = None
    path: str | None = None
    status: int | str | None = None

    @property
    def scope(self) -> str:
        """The rule and the keys that narrow it, on one line."""
        narrowed = (self.operation, self.status, self.path)
        return " ".join([self.rule, *(str(one) for one in narrowed if one is not None)])

    @property
    def narrowness(self) -> int:
        """The number of keys that narrow it."""
        return sum(one is not None for one in (self.operation, self.path, self.status))

    def concerns(self, operation: str | None, status: int) -> bool:
        """Whether it applies to responses of that operation with that status code."""
        if self.operation not in (None, operation):
            return False
        return self.status is None or str(self.status) in (str(status), f"{status // 100}XX")

    def covers(self, operation: str | None, status: int, place: str) -> bool:
        """Whether it waives a violation of its rule at a place of such a response."""
        return self.concerns(operation, status) and self.path in (None, place)

    def could_cover(self, exchange: Exchange) -> bool:
        """Whether it applies to a response; for a path, whether the field's parent is there."""
        if not self.concerns(exchange.operation, exchange.response.status):
            return False
        if self.path is None:
            return True
        return any(
            True for _ in fields.values(exchange.response.json, fields.steps(self.path)[:-1])
        )


def load(path: Path, known: Iterable[str], today: datetime.date, api: Api) -> tuple[Waiver, ...]:
    """Read a file of waivers: TOML, an array of tables ``[[waiver]]``.

    Each has ``rule``, ``reason`` and ``expires``, and may have ``operation``, ``path`` and
    ``status``. ``known`` are the ids of the rules; operations and paths are those of ``api``.

    Raises ``Problem`` for an invalid file, an unknown key, rule, operation, path or status, an
    expired waiver, and two waivers of the same scope.
    """
    found: list[Waiver] = []
    optional = ("operation", "path", "status")
    for at, entry in exemptions.entries(path, "waiver", ("rule",), optional, today=today):
        one = Waiver(**{**entry, **_read(at, entry, list(known), api)})
        if one.scope in [other.scope for other in found]:
            raise Problem(f"{at}: {one.scope} is waived twice", "keep one")
        found.append(one)
    return tuple(found)


def _read(at: str, entry: dict[str, Any], known: list[str], api: Api) -> dict[str, Any]:
    """Return the values that narrow a waiver, checked."""
    operations = [*api.contract.operations, UPLOAD]
    read: dict[str, Any] = {"rule": _rule(at, entry["rule"], known)}
    if "operation" in entry:
        read["operation"] = _among(at, "operation", entry["operation"], operations)
    if "path" in entry:
        read["path"] = _path(at, entry["path"], api)
    if "status" in entry:
        read["status"] = _status(at, entry["status"])
    return read


def _rule(at: str, value: Any, known: list[str]) -> str:
    if isinstance(value, str) and value.lower().startswith(OTHER):
        return _among(at, "rule", value.lower(), _checks())
    value = value.upper() if isinstance(value, str) else value
    if because := of_client.excluded(str(value), known):
        raise Problem(f"{at}: {because[0]}", because[1])
    return _among(at, "rule", value, known)


def _checks() -> list[str]:
    # Importing schemathesis takes half a second, which only waivers of its checks need.
    from schemathesis import checks

    checks.load_all_checks()
    return [f"{OTHER}{name}" for name in checks.CHECKS.get_all_names()]


def _path(at: str, value: Any, api: Api) -> str:
    """Check a path; an index other than ``[*]`` is invalid, as a violation may have any index."""
    # Older servers send the error in the group.
    known = [*fields.places(api.contract), f"$.{api.build.error}"]
    return _among(at, "path", value, known)


def _status(at: str, value: Any) -> int | str:
    text = str(value).upper()
    if isinstance(value, bool) or not re.fullmatch(r"[1-5](\d\d|XX)", text):
        raise Problem(f"{at}: status is {value!r}", 'use a status code, or "4XX"')
    return text if text.endswith("XX") else int(text)


def _among(at: str, key: str, value: Any, known: list[str]) -> str:
    if value in known:
        return str(value)
    raise Problem(f"{at}: unknown {key} {value!r}", choice(str(value), known))
