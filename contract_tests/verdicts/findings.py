"""Judges what schemathesis' own checks found: which of it is a violation.

Each check has an id, ``schemathesis:<check>``, and is judged and waived like a rule. What a rule of
this project reports on the same exchange, or lets pass on purpose, is not reported again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..rules import HELD, Broken, Level, Rule
from ..rules.base import LIMITS
from ..tape.exchange import Check, Credential
from ..tape.history import History
from ..tape.tape import Tape
from .judge import Judge
from .waivers import OTHER

_EXPECTED = {
    "status_code_conformance": ("the status code", "one that the contract documents"),
    "content_type_conformance": ("the content type", "one that the contract documents"),
    "response_headers_conformance": ("the headers", "as the contract documents them"),
    "negative_data_rejection": ("the status code", "4xx, since the request breaks the contract"),
}
_TEXT = {
    "status_code_conformance": "A response has a documented status code.",
    "content_type_conformance": "A response has a documented content type.",
    "response_headers_conformance": "The headers of a response are as documented.",
    "negative_data_rejection": "A generated request that breaks the contract is refused.",
}
CHECKS: dict[str, Rule[Any]] = {
    name: Rule(f"{OTHER}{name}", Level.SHOULD, text, "#/paths", lambda _: (), lambda _: None)
    for name, text in _TEXT.items()
}
"""The checks as rules, by name. They check nothing themselves: ``judge`` adds the findings."""


def judge(judging: Judge, tape: Tape, checks: Iterable[Check]) -> None:
    """Add what checks found on a tape to the verdicts of a judge that has seen the tape.

    The judge must have all rules, since a rule's verdict decides what is not reported again.
    """
    flagged = {
        violation.exchange.number
        for verdict in judging.verdicts.values()
        for violation in verdict.violations
    }
    verdicts = {name: judging.take(rule) for name, rule in CHECKS.items()}
    for check in sorted(checks, key=lambda one: one.exchange.number):
        if check.name in CHECKS:
            history = tape.history(check.exchange)
            is_silent = check.exchange.number in flagged or _is_let_pass(history)
            broken = [] if is_silent else _broken(check)
            judging.add(verdicts[check.name], history, broken or [HELD])


def _broken(check: Check) -> list[Broken]:
    at, expected = _EXPECTED[check.name]
    return [Broken(at, expected, _received(check, message)) for message in check.failures]


def _received(check: Check, message: str) -> str:
    exchange = check.exchange
    if check.name == "content_type_conformance":
        return exchange.response.headers.get("content-type", "no content type")
    if check.name == "response_headers_conformance":
        return " ".join(message.split())
    sent = exchange.request.text  # whole: reports remove secrets before they cut it to length
    return f"{exchange.response.status}" + (f", to {sent}" if sent else "")


def _is_let_pass(history: History) -> bool:
    """Return whether a rule lets the newest exchange pass on purpose; each line names it."""
    exchange = history.last
    status, template = exchange.response.status, exchange.template or ""
    if not exchange.is_answered or status in LIMITS:  # P2, P3, P9, P11
        return True
    if exchange.operation is None:  # P9: HEAD, OPTIONS and DELETE of a build, and other paths
        return True
    if exchange.is_read_leniently:  # P3: what a lenient reader takes for a boolean
        return True
    by_id = f"{{{history.api.path_id}}}" in template
    if 300 <= status <= 399 and by_id and history.issue is None:  # P4
        return True
    if exchange.operation == history.api.start and history.is_started:  # P3: as it stands
        return True
    if exchange.documented and exchange.request.credential in (
        Credential.ABSENT,
        Credential.OTHER,
    ):  # P2
        return True
    return status >= 500  # P5: what it lets pass, too
