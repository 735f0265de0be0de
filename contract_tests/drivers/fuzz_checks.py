"""The checks of schemathesis' own: which are on, and what of theirs is a violation.

Each that is on has an id, ``schemathesis:<check>``, and is judged and waived as a rule is. What a
rule of ours finds on the same exchange, or lets pass on purpose, is not reported again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..contract import START, contract
from ..exchange import Credential, Exchange
from ..rules import RULES, Broken, Level, Rule
from ..tape import Tape
from ..verdict import Judge, Violation, judge

PREFIX = "schemathesis:"

OFF = {
    "not_a_server_error": "P5 judges the same responses",
    "response_schema_conformance": "P6 and the rules of single fields judge the same bodies",
    "missing_required_header": "P2 judges the same requests",
    "positive_data_acceptance": "a server may be stricter than the contract, or want payment",
    "unsupported_method": "P9 judges the same requests, and asks for no Allow header",
    "allow_header_conformance": "a server may have operations that this contract lacks",
    "use_after_free": "nothing can be deleted here",
    "object_level_authorization": "a run has one token",
    "ensure_resource_availability": "a start that is not allowed yet may be refused with 404",
    "max_response_time": "a slow server is not a wrong one",
}
"""The checks that are off, and why."""

ON: dict[str, dict[str, Any]] = {
    "status_code_conformance": {},
    "content_type_conformance": {},
    "response_headers_conformance": {},
    # Any refusal will do: its own list lacks 402, 410 and 413.
    "negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]},
    # For the requests that it sends: P2 judges the responses.
    "ignored_auth": {},
}
"""The checks that are on, and how they are set."""

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
    name: Rule(f"{PREFIX}{name}", Level.SHOULD, text, "#/paths", lambda _: (), lambda _: None)
    for name, text in _TEXT.items()
}
"""The checks as rules: what they find is added to the judge, since schemathesis runs them."""

# A limit may answer before anything else is looked at.
LIMITS = {413, 429}


@dataclass(frozen=True)
class Finding:
    """What a check of schemathesis' own found on an exchange that breaks no rule of ours."""

    check: str
    title: str = field(repr=False)
    message: str = field(repr=False)
    exchange: int


def reported(findings: Iterable[Finding], tape: Tape, judging: Judge) -> list[Finding]:
    """Keep what no rule of ours has found on the same exchange, or lets pass on purpose."""
    left = [
        one
        for one in sorted(findings, key=lambda one: one.exchange)
        if one.check in CHECKS and not _is_let_pass(tape.exchanges[one.exchange - 1], tape)
    ]
    if not left:
        return []
    # A rule that this run does not judge is not silent about what it lets pass.
    is_whole = set(RULES) <= set(judging.verdicts)
    verdicts = judging.verdicts if is_whole else judge(tape, RULES.values())
    flagged = {one.exchange.number for verdict in verdicts.values() for one in verdict.violations}
    return [one for one in left if one.exchange not in flagged]


def violations(findings: Iterable[Finding], tape: Tape) -> Iterable[tuple[Rule[Any], Violation]]:
    """Yield what was found as violations."""
    for one in findings:
        rule, exchange = CHECKS[one.check], tape.exchanges[one.exchange - 1]
        at, expected = _EXPECTED[one.check]
        broken = Broken(at, expected, _received(one, exchange))
        yield rule, Violation(rule, broken, exchange, tape.history(exchange).cause)


def _received(finding: Finding, exchange: Exchange) -> str:
    if finding.check == "content_type_conformance":
        return exchange.response.headers.get("content-type", "no content type")
    if finding.check == "response_headers_conformance":
        return " ".join(finding.message.split())
    sent = exchange.request.text  # whole: reports remove secrets before they cut it to length
    return f"{exchange.response.status}" + (f", to {sent}" if sent else "")


def _is_let_pass(exchange: Exchange, tape: Tape) -> bool:
    """Tell whether a rule lets the exchange pass on purpose; each line names it."""
    status = exchange.response.status
    if not exchange.is_answered or status in LIMITS:  # P2, P3, P9, P11
        return True
    if exchange.operation is None:  # P9: HEAD, OPTIONS and DELETE of a build, and other paths
        return True
    if exchange.is_read_leniently:  # P3: what a lenient reader takes for a boolean
        return True
    is_issued = tape.history(exchange).issue is not None
    if 300 <= status <= 399 and "{build_id}" in (exchange.template or "") and not is_issued:  # P4
        return True
    if exchange.operation == START and tape.history(exchange).is_started:  # P3: as it stands
        return True
    if exchange.operation in contract().operations and exchange.request.credential in (
        Credential.ABSENT,
        Credential.OTHER,
    ):  # P2
        return True
    return status >= 500  # P5: what it lets pass, too
