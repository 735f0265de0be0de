"""The exchanges of a page: all in one line each, some of them whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...escape import line
from ...redaction import Redaction
from ...tape.exchange import UPLOAD, Exchange, Message
from ...verdicts.judge import Outcome
from ..text import Hide, hidden
from .body import Line, body
from .subject import Subject

MOST = 10_000
"""Exchanges that are listed."""

MOST_WHOLE, MOST_BROKEN = 200, 400
"""Exchanges without a violation that are shown whole, from the first on; and those with one."""

MOST_CHARACTERS = 2_000_000
"""Characters of all messages that are shown."""


@dataclass(frozen=True)
class Part:
    """A request or a response, whole."""

    headers: list[tuple[str, str]]
    body: list[Line]


@dataclass(frozen=True)
class Shown:
    """One exchange. Texts are without secrets, and escaped for one line.

    Attributes:
        number: Its place on the tape, from 1.
        target: Method and path.
        status: The status code, or that there was no response.
        milliseconds: How long it took.
        build: The id of its build, or an empty text.
        rules: The ids of the rules that it breaks.
        request: None where the exchange is not shown whole.

    """

    number: int
    driver: str
    intent: str
    operation: str
    target: str
    status: str
    milliseconds: float
    build: str
    rules: list[str]
    request: Part | None
    response: Part | None


def shown(subject: Subject) -> list[Shown]:
    """Return the exchanges of a page."""
    if subject.tape is None:
        return []
    broken: defaultdict[int, dict[str, None]] = defaultdict(dict)
    marks: defaultdict[int, set[str]] = defaultdict(set)
    for verdict in subject.verdicts.values():
        for one in verdict.violations:
            if one.outcome is not Outcome.WAIVED:
                broken[one.exchange.number][one.rule.id] = None
                marks[one.exchange.number].add(one.field)
    left, sound, bad = MOST_CHARACTERS, MOST_WHOLE, MOST_BROKEN
    found = []
    for exchange in subject.tape.exchanges[:MOST]:
        rules = list(broken.get(exchange.number, ()))
        size = len(exchange.request.content or b"") + len(exchange.response.content or b"")
        is_whole = (bad if rules else sound) > 0 and min(size, 3 * 8192) < left
        if is_whole:
            left -= min(size, 3 * 8192)
            bad, sound = bad - bool(rules), sound - (not rules)
        found.append(_shown(exchange, rules, marks[exchange.number], subject.hide, is_whole))
    return found


def _shown(
    exchange: Exchange, rules: list[str], marks: set[str], hide: Hide, is_whole: bool
) -> Shown:
    url = urlsplit(exchange.request.url)
    path = url.path if exchange.operation != UPLOAD else f"{url.netloc}{url.path}"
    return Shown(
        exchange.number,
        exchange.driver,
        line(hidden(exchange.intent, hide)),
        exchange.operation or "other",
        line(hidden(f"{exchange.request.method} {path}", hide)),
        str(exchange.response.status) if exchange.is_answered else "no response",
        (exchange.ended - exchange.began).total_seconds() * 1000,
        line(hidden(exchange.build_id or "", hide)),
        rules,
        _part(exchange.request, hide) if is_whole else None,
        _part(exchange.response, hide, marks) if is_whole else None,
    )


def _part(message: Message, hide: Hide, marks: frozenset[str] | set[str] = frozenset()) -> Part:
    headers = [
        (line(name), line(_header(name, value, hide))) for name, value in message.headers.items()
    ]
    is_text = (message.content or b"")[:2] != b"\x1f\x8b"  # a context
    size = len(message.content or b"")
    lines = body(message.text, hide, marks) if is_text else [Line(f"{size} bytes, gzip")]
    return Part(headers, lines)


def _header(name: str, value: str, hide: Hide) -> str:
    """Return the value of a header as it may be shown."""
    return hide.header(name, value) if isinstance(hide, Redaction) else hidden(value, hide)
