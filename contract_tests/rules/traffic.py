"""C7 to C10: rules about a client that show in its traffic, whatever language it is written in.

A client is known by its token and its User-Agent. The proxy applies these rules; the gate does not
apply them to its own traffic, which polls as fast as it can.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter

from ..tape.exchange import UPLOAD, Exchange
from ..tape.history import History, is_answered_status
from ..tape.tokens import carrying, token_of
from .base import HELD, Broken, Judgement, Level, histories, rule, shown

PAUSE = timedelta(seconds=10)
"""Between two polls of the vendor's clients (observed)."""

SLACK = timedelta(seconds=0.5)
"""A timer may be early by this much."""

GROWTH = 1.25
"""By which factor pauses grow at least, where the first polls are more frequent on purpose."""

SOON = timedelta(seconds=60)
"""What comes later is not a repetition or a poll by a program, but somebody's new try."""

MOST_LOOKED_AT = 100
"""Requests before a POST among which its twin is searched: as many as a client has in flight."""

MORE_LOOKS = 3
"""Polls after a terminal status that show that a client does not stop."""


@rule(
    "C7", Level.SHOULD,
    "A client never sends its token with an upload.",
    source="#/components/schemas/BuildImageResponse/properties/upload_url",
    over=histories,
    quotes=("description", "x-observed"),
    quotes_itself=True, is_of_client=True,
)  # fmt: skip
def keeps_token_from_storage(history: History) -> Judgement:
    """Check each upload to a URL that an initiate was seen to issue.

    Source: observed. The vendor's clients send no token; that the URL is presigned is stated.

    Not a violation:

    - an Authorization header with other credentials than the token of the initiate;
    - a token in the URL, which is the server's.
    """
    last, issue = history.last, history.issue
    token = token_of(issue.request.headers) if issue else ""
    if last.operation != UPLOAD or not token:
        return None
    if names := carrying(last.request.headers, token):
        return Broken(f"the header {names[0].title()}", "no token", "the token of the API")
    return HELD


@rule(
    "C8", Level.ADVICE,
    "A client does not blindly repeat a POST that may have been processed.",
    source="#/paths/~1api~1v1~1images~1build/post",
    over=histories,
    standard="RFC 9110, section 9.2.2",
    is_of_client=True,
)  # fmt: skip
def looks_before_it_repeats(history: History) -> Judgement:
    """Check each POST within a minute of one of the same operation that may have been processed.

    Source: standard. RFC 9110, section 9.2.2: a client should not automatically retry a request
    whose method is not idempotent. There is no idempotency key, so each initiate is a build.

    Not a violation:

    - a repetition after a response below 500 other than 408, after 501, or after a 503 that has
      Retry-After: the server did not process it, or invites the repetition;
    - a repetition of a start after its status was returned;
    - a POST of another body or client, or more than a minute later: somebody tries again.
    """
    last, is_relevant = history.last, False
    for one in _earlier(history) if last.request.method == "POST" else ():
        if not _may_be_processed(one) or _client(one) != _client(last):
            continue
        is_relevant = True
        if one.request.url != last.request.url or one.request.content != last.request.content:
            continue
        looked = history.latest(is_answered_status, ended=True)
        if looked is None or looked.began < one.ended:
            outcome = str(one.response.status) if one.is_answered else "no response"
            received = f"the same request again, after {outcome} to exchange {one.number}"
            return Broken("the request", "a look at what became of the first", received)
    return HELD if is_relevant else None


@rule(
    "C9", Level.ADVICE,
    "A client polls a build no faster than every 10 s.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}/get",
    over=histories,
    quotes=("x-observed",),
    quotes_itself=True, is_of_client=True,
)  # fmt: skip
def polls_slowly(history: History) -> Judgement:
    """Check each status of a build that comes after another one of the same client.

    Source: observed. The vendor's clients poll every 10 s.

    Not a violation:

    - two statuses soon after one another: polling is three in a row;
    - first polls whose pauses grow, each at least by a quarter;
    - a status after another kind of request for the build, or after a status that failed, that has
      Retry-After, or that shows the end (C10).
    """
    polls = _polls(history, 3)
    if len(polls) < 2 or not _is_calm(history, polls[1]):
        return None
    pause, *before = _pauses(polls)
    if pause >= PAUSE - SLACK:
        return HELD
    if not before or not _is_calm(history, polls[2]) or before[0] >= PAUSE - SLACK:
        return None
    if pause >= GROWTH * before[0]:
        return HELD
    expected = f"{PAUSE.total_seconds():g} s, or pauses that grow"
    received = " and ".join(f"{one.total_seconds():.1f} s" for one in (*before, pause))
    return Broken("the time between polls", expected, received)


@rule(
    "C10", Level.SHOULD,
    "A client stops polling at every terminal status.",
    source="#/components/schemas/ImageBuildStatus",
    over=histories,
    quotes=("x-observed",),
    quotes_itself=True, is_of_client=True,
)  # fmt: skip
def stops_polling(history: History) -> Judgement:
    """Check each status that shows a build that has ended.

    Source: observed. The vendor's clients stop polling at each terminal status. One that did not
    know CANCELLED polled on until its time-out.

    Not a violation:

    - two more looks, and any number that are more than a minute apart;
    - a status of an artifact that is terminal while the group runs;
    - polls after a start or a delete, and polls by another client;
    - polls after a 502 of the proxy's own, which the client got instead of the end.
    """
    last = history.last
    polls = _polls(history, MORE_LOOKS + 1)
    if len(polls) > MORE_LOOKS and _shows_end(history, polls[-1]) and max(_pauses(polls)) < SOON:
        status = shown(polls[-1].rows[0].status)
        return Broken("the request", f"no poll after the status {status}", "poll after poll")
    return HELD if _shows_end(history, last) else None


def _client(exchange: Exchange) -> tuple[str | None, str | None]:
    headers = exchange.request.headers
    return headers.get("authorization"), headers.get("user-agent")


def _earlier(history: History) -> Iterator[Exchange]:
    """Yield the last exchanges of the same operation that ended soon before the newest began."""
    last = history.last
    sent = history.tape.of(last.operation) if last.documented and last.operation else ()
    end = bisect_left(sent, last.number, key=attrgetter("number"))
    for one in reversed(sent[max(0, end - MOST_LOOKED_AT) : end]):
        if one.ended <= last.began and last.began - one.ended <= SOON:
            yield one


def _may_be_processed(exchange: Exchange) -> bool:
    status = exchange.response.status
    is_delayed = status == 503 and "retry-after" in exchange.response.headers
    is_unclear = status == 408 or (500 <= status <= 599 and status != 501 and not is_delayed)
    return not exchange.is_answered or is_unclear


def _polls(history: History, most: int) -> list[Exchange]:
    """Return the statuses of one client in a row, newest first; nothing else came in between."""
    polls = [history.last]
    if history.last.operation != history.api.status:
        return []
    while len(polls) < most:
        before = history.tape.history(polls[-1])
        one, cause = before.latest(_is_status, ended=True), before.cause
        if one is None or _client(one) != _client(polls[0]):
            break
        if cause is not None and cause.number > one.number:
            break
        polls.append(one)
    return polls


def _pauses(polls: list[Exchange]) -> list[timedelta]:
    return [new.began - old.began for new, old in pairwise(polls)]


def _is_status(exchange: Exchange) -> bool:
    return exchange.operation == exchange.api.status


def _is_calm(history: History, exchange: Exchange) -> bool:
    """Whether the next status is a poll of a build that goes on, and not a retry."""
    is_answered = exchange.succeeded and "retry-after" not in exchange.response.headers
    is_withheld = exchange.number in history.tape.withheld
    return is_answered and not is_withheld and not _shows_end(history, exchange)


def _shows_end(history: History, exchange: Exchange) -> bool:
    """Whether a client got a response that shows the end of a build."""
    if exchange.number in history.tape.withheld:
        return False
    return any(row.is_group and row.api.is_terminal(row.status) for row in exchange.rows)
