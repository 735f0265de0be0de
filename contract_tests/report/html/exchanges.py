"""The exchanges of a page: all in one line each, some of them whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from ...escape import line
from ...tape.exchange import UPLOAD, Exchange, Message
from ...verdicts.judge import Outcome
from ..text import MOST as MOST_SEARCHED
from ..text import Hide, hidden
from .body import Line, body, cut
from .subject import Subject

MOST = 10_000
"""Exchanges that are listed."""

MOST_WHOLE, MOST_BROKEN = 200, 400
"""Exchanges without a violation that are shown whole, from the first on; and those with one."""

MOST_CHARACTERS = 2_000_000
"""Characters of all messages that are shown."""

MOST_HEADERS, MOST_TEXT = 100, 200
"""Headers of a message that are shown, and characters of what stands on the line of an exchange."""


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
        size = _size(exchange.request) + _size(exchange.response)
        is_whole = (bad if rules else sound) > 0 and size < left
        if is_whole:
            left -= size
            bad, sound = bad - bool(rules), sound - (not rules)
        found.append(_shown(subject, exchange, rules, marks[exchange.number], is_whole))
    return found


def _size(message: Message) -> int:
    """Return about how many characters of a message are shown."""
    headers = sum(len(name) + len(value) for name, value in message.headers.items())
    content = len(message.content or b"")
    return min(content, 2 * MOST_SEARCHED) + min(headers, MOST_HEADERS * MOST_SEARCHED)


def short(value: str, hide: Hide) -> str:
    """Return a text without secrets for a line that has others, too: of a long one, both ends."""
    shown = line(hidden(value, hide))
    return shown if len(shown) <= MOST_TEXT else f"{shown[: MOST_TEXT - 40]}…{shown[-39:]}"


def _shown(
    subject: Subject, exchange: Exchange, rules: list[str], marks: set[str], is_whole: bool
) -> Shown:
    hide = subject.hide
    url = urlsplit(exchange.request.url)
    path = url.path if exchange.operation != UPLOAD else f"{url.netloc}{url.path}"
    return Shown(
        exchange.number,
        exchange.driver,
        short(exchange.intent, hide),
        exchange.operation or "other",
        short(f"{exchange.request.method} {path}", hide),
        str(exchange.response.status) if exchange.is_answered else "no response",
        (exchange.ended - exchange.began).total_seconds() * 1000,
        short(exchange.build_id or "", hide),
        rules,
        _part(subject, exchange.request) if is_whole else None,
        _part(subject, exchange.response, marks) if is_whole else None,
    )


def _part(subject: Subject, message: Message, marks: Collection[str] = ()) -> Part:
    hide = subject.hide
    headers = [
        (cut(line(hidden(name, hide))), cut(line(subject.label(name) or hidden(value, hide))))
        for name, value in islice(message.headers.items(), MOST_HEADERS)
    ]
    if more := len(message.headers) - len(headers):
        headers.append(("…", f"{more} more"))
    is_text = (message.content or b"")[:2] != b"\x1f\x8b"  # a context
    size = len(message.content or b"")
    lines = body(message.text, hide, marks) if is_text else [Line(f"{size} bytes, gzip")]
    return Part(headers, lines)
