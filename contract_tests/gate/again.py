"""Sends the requests of failing exchanges again, alone, and judges whether they still fail.

Ids and upload URLs are new each time, so what a failing exchange needs before it is sent too. What
that is, judging parts of the recorded tape shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote, unquote

from ..drivers.http.pace import BudgetSpent, Pace
from ..drivers.http.transport import SET_BY_CLIENTS, Endpoint
from ..drivers.images import Image, OwnImages, delete_path
from ..drivers.journal import Journal
from ..drivers.scripted import inputs
from ..drivers.scripted.builds import FIRST_PAUSE, MOST_PAUSE, Issued
from ..drivers.session import Session, SessionError
from ..redaction import Redaction
from ..tape import merge
from ..tape.exchange import OWN, UPLOAD, Credential, Exchange
from ..tape.history import is_answered_status
from ..tape.tape import Tape
from ..verdicts.judge import Judge, Outcome, Verdict, Violation
from .target import JOURNALS, Target, refused, unreached

DRIVER = "replay"
UNSTARTED = 10.0
"""Seconds for which a build is polled that was not started, and so need not end."""

_NAME_OF_SECRET = re.compile(r"(token|cookie|secret)-\d+")
_PLAIN = re.compile(r"[a-z0-9._-]+")


class State(StrEnum):
    """What became of a failing exchange."""

    FAILS = "still fails"
    PASSES = "passes"
    UNKNOWN = "cannot tell"


@dataclass
class Again:
    """One failing exchange, sent again.

    Attributes:
        was: The violation in the recording.
        hide: Hides the secrets of what was sent this time.
        why: Why nobody can tell, or an empty text.
        now: The violation that was found this time, or None.
        sent: The operations that were sent, in order.
        left: Names and tags of images that may be left behind.

    """

    was: Violation
    hide: Redaction
    state: State = State.UNKNOWN
    why: str = ""
    now: Violation | None = None
    sent: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class NotSentError(Exception):
    """A request cannot be sent again; the text says why."""


def failing(verdicts: Iterable[Verdict]) -> list[Violation]:
    """Return the first violation of each group that fails a run."""
    return [
        group.first
        for verdict in verdicts
        for group in verdict.groups.values()
        if group.outcome is Outcome.VIOLATED
    ]


def chain(tape: Tape, violation: Violation) -> list[Exchange]:
    """Return the exchanges that a violation needs before it, and its own: as few as show it.

    Those about its build; with those about one other build, where a rule compares two; or else all
    before it. Of the polls in a row only the last is kept, where the rule does not look at others.
    """
    last = violation.exchange
    before = tape.exchanges[: last.number]
    own = {last.build_id, *_deleted(before, last)} - {None}
    others = dict.fromkeys(
        one.build_id for one in reversed(before) if one.build_id not in own | {None}
    )
    for more in (set(), *({one} for one in others)):
        steps = [one for one in before if one is last or _concerns(one, own | more, before)]
        if _shows(tape, steps, violation):
            fewer = _without_polls(steps)
            return fewer if _shows(tape, fewer, violation) else steps
    return before


def send_again(
    recorded: Tape, violation: Violation, target: Target, endpoint: Endpoint, pace: Pace
) -> Again:
    """Send what a violation needs, with a name of its own for what it builds.

    A context is not in the recording. That of a build that failed is one that no builder can build;
    for a build that was not seen to end, both are tried.

    Raises ``GateError`` if the server refuses the token.
    """
    steps = chain(recorded, violation)
    ends = {one.build_id: one.rows[0].phase for one in recorded.exchanges if one.rows}
    shown = (one for one in recorded.exchanges if one.rows)
    hopeless = {one.build_id for one in shown if one.rows[0].phase == "failed"}
    found = _sent(recorded, violation, steps, hopeless, target, endpoint, pace)
    unknown = {one.build_id for one in steps if one.operation == UPLOAD} & {
        build for build, phase in ends.items() if phase in ("waiting", "running")
    }
    if found.state is State.PASSES and unknown and any(map(_starts, steps)):
        return _sent(recorded, violation, steps, hopeless | unknown, target, endpoint, pace)
    return found


def _sent(
    recorded: Tape, violation: Violation, steps: list[Exchange], hopeless: set[str | None],
    target: Target, endpoint: Endpoint, pace: Pace,
) -> Again:  # fmt: skip
    """Send exchanges; the contexts of some builds are hopeless."""
    rule = violation.rule
    tape = Tape(target.token, stuck_after=target.stuck_after)
    found = Again(violation, Redaction(tape, headers=target.headers, proxy=target.proxy))
    judge = Judge([rule], level="advice")
    tape.subscribe(judge.see)
    own = OwnImages()
    if target.url:  # after a kill, CLEANUP=only deletes what was built
        own.journal = Journal(JOURNALS, endpoint.base_url, own.name)
    session = Session(
        endpoint, tape, DRIVER, pace, headers=target.headers, upload_hosts=target.upload_hosts,
        own=own,
    )  # fmt: skip
    sender = _Sender(session, recorded, steps, hopeless, target.dockerfile or inputs.GOOD)
    verdict = judge.verdicts[rule.id]
    try:
        for at, step in enumerate(steps):
            _poll(sender, steps, at, verdict, violation)
            if _refuses(tape, step):
                raise refused(endpoint.base_url)
            if not any(one.is_answered for one in tape.exchanges):
                why = found.hide(str(tape.exchanges[-1].failure))
                raise unreached(endpoint.base_url, why)
    except (NotSentError, BudgetSpent, SessionError) as error:
        found.why = str(error)
    finally:  # also after an interrupt
        found.sent = [one.operation or one.request.method for one in tape.exchanges]
        found.left = sender.clean()
        if own.journal:
            own.journal.close(is_done=not own.made)
    found.now = _same(verdict, violation)
    seen = sum(
        n for (operation, _), n in verdict.where.items()
        if operation == violation.exchange.operation
    )  # fmt: skip
    if found.now:
        found.state = State.FAILS
    elif not found.why and seen:
        found.state = State.PASSES
    elif not found.why:
        found.why = f"{rule.id} could not be checked on what was returned this time"
    return found


class _Sender:
    """Sends recorded requests with the ids, upload URLs and names of this time."""

    def __init__(
        self, session: Session, recorded: Tape, steps: list[Exchange],
        hopeless: set[str | None], dockerfile: str,
    ) -> None:  # fmt: skip
        self.session = session
        self._hopeless, self._dockerfile = hopeless, dockerfile
        self._tokens = {one: name for name, one in inputs.tokens(recorded.token).items()}
        self._issued = {one.build_id for one in recorded.exchanges if one.issued}
        self._builds: dict[str | None, Issued] = {}
        # Only images of the own name are ever deleted.
        deleted = (one.deletes[0] for one in steps if one.deletes)
        self._names = {name: session.own_name for name in deleted if name.startswith(OWN)}
        self._initiated: set[tuple[str, str]] = set()

    def send(self, step: Exchange) -> Exchange:
        """Send one. Raises ``NotSentError`` where it would not be the same, or delete another's."""
        request, session = step.request, self.session
        if step.operation == UPLOAD:
            build = self._builds.get(step.build_id)
            if build is None:
                raise NotSentError("the build to upload to was not issued this time")
            text = inputs.HOPELESS if step.build_id in self._hopeless else self._dockerfile
            content = inputs.context(text)
            return session.upload(build.build_id, build.upload_url, content, step.intent)
        if request.content is None:
            raise NotSentError(f"the body of exchange {step.number} was not recorded")
        exchange = session.send(
            request.method, self._path(step), step.intent, content=self._content(step),
            headers=self._headers(step), authorization=self._authorization(step),
            is_absent=step.is_absent,
        )  # fmt: skip
        if step.issued and exchange.build_id and exchange.upload_url:
            self._builds[step.build_id] = Issued(exchange.build_id, exchange.upload_url)
        if exchange.issued and exchange.names:
            self._initiated.add((str(exchange.names[0]), str(exchange.names[1])))
        return exchange

    def clean(self) -> list[str]:
        """Delete the images of the own name; return those that may be left."""
        own, left = self.session.own, []
        for name, tag in sorted(self._initiated):
            is_gone = False
            if own and name == own.name:
                with suppress(BudgetSpent, SessionError):
                    path = delete_path(name, tag)
                    is_gone = self.session.send("DELETE", path, "delete what was built").has_deleted
            if is_gone and own:
                own.forget(Image(tag))
            left += [] if is_gone else [f"{name}:{tag}"]
        return left

    def _path(self, step: Exchange) -> str:
        """Return the path and query with what is new in place of what was recorded."""
        url = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "", step.request.url)
        path, mark, query = url.partition("?")
        at = path.find(step.api.base_path)
        words = path[max(at, 0) :].split("/")
        mapped = [self._word(unquote(one)) for one in words]
        if step.request.method == "DELETE" and not any(mapped):
            raise NotSentError("a delete of what this replay did not initiate is not sent")
        if step.deletes and (self.session.own_name, step.deletes[1]) not in self._initiated:
            raise NotSentError("the image to delete was not initiated this time")
        if step.build_id in self._issued and not step.issued and not any(mapped):
            raise NotSentError(f"no build stands for {step.build_id} this time")
        path = "/".join(
            one if new is None else quote(new, safe="")
            for one, new in zip(words, mapped, strict=True)
        )
        return f"{path}{mark}{query}"

    def _word(self, word: str) -> str | None:
        if word in self._builds:
            return self._builds[word].build_id
        return self._names.get(word)

    def _content(self, step: Exchange) -> bytes | None:
        """Return the body; an image is named as the others of this replay are."""
        content, body, key = step.request.content, step.request.json, step.api.sent.name
        if step.operation != step.api.initiate or not isinstance(body, dict):
            return content or None
        name = body.get(key)
        if not isinstance(name, str):
            return content
        if name not in self._names:
            own, n = self.session.own_name, len(self._names)
            taken = f"{own}-{n}" if own in self._names.values() else own
            self._names[name] = taken if _PLAIN.fullmatch(name) else f"{taken}-{name}"
        return json.dumps({**body, key: self._names[name]}).encode()

    def _headers(self, step: Exchange) -> dict[str, str]:
        given = {name.lower() for name in self.session.headers}
        return {
            name: value
            for name, value in step.request.headers.items()
            if name not in SET_BY_CLIENTS | given and not _NAME_OF_SECRET.fullmatch(value)
        }

    def _authorization(self, step: Exchange) -> str | None:
        value = step.request.headers.get("authorization")
        if step.request.credential in (Credential.VALID, Credential.UNKNOWN):
            return "valid"
        if value is None:
            return None
        made = inputs.tokens(self.session.tape.token)
        return made.get(self._tokens.get(value, ""), "Bearer not-the-token")


def _poll(
    sender: _Sender, steps: list[Exchange], at: int, verdict: Verdict, violation: Violation
) -> None:
    """Send a request. Poll until the build is where the recorded one was; at last until it ends."""
    step, pace, pause = steps[at], sender.session.pace, FIRST_PAUSE
    is_last, build_id = at == len(steps) - 1, steps[-1].build_id
    is_started = any(_starts(one) for one in steps if one.build_id == build_id)
    until = 0.0 if is_started else max(0.0, pace.left - UNSTARTED)
    if is_last and at and step.operation == step.api.status:
        pace.pause((step.began - steps[at - 1].ended).total_seconds())
    while True:
        rows = sender.send(step).rows
        is_poll = step.operation == step.api.status and step.rows and rows
        if not is_poll or _same(verdict, violation) or step.api.is_terminal(rows[0].status):
            return
        if rows[0].status == step.rows[0].status and not (is_last and is_started):
            return
        if pace.left - pause <= until:
            if is_started:
                status = rows[0].status
                raise NotSentError(f"the build was still {status} when the time was over")
            return
        pace.pause(pause)
        pause = min(pause * 1.3, MOST_PAUSE)


def _starts(exchange: Exchange) -> bool:
    return exchange.is_valid_start and exchange.says_uploaded is not False


def _without_polls(steps: list[Exchange]) -> list[Exchange]:
    """Leave out each status that another one of the same build follows at once."""
    kept: list[Exchange] = []
    following: dict[str | None, Exchange] = {}
    for one in reversed(steps):
        later = following.get(one.build_id)
        if later is None or not (is_answered_status(one) and is_answered_status(later)):
            kept.append(one)
        following[one.build_id] = one
    return kept[::-1]


def _concerns(exchange: Exchange, builds: set[str | None], before: list[Exchange]) -> bool:
    """Whether it is about one of some builds, or a delete of the name and tag of one."""
    return exchange.build_id in builds or bool(_deleted(before, exchange) & builds)


def _deleted(before: list[Exchange], exchange: Exchange) -> set[str | None]:
    """Return the builds that were initiated by the name and tag that an exchange deletes."""
    return {
        one.build_id
        for one in before
        if exchange.deletes and one.issued and one.names == exchange.deletes
    }


def _shows(tape: Tape, steps: list[Exchange], violation: Violation) -> bool:
    """Whether a part of a tape shows a violation by itself."""
    part = Tape(tape.token, tape.is_whole, tape.is_live, tape.stuck_after, api=tape.api)
    judge = Judge([violation.rule])
    part.subscribe(judge.see)
    for one in steps:
        merge.record(part, merge.entry(one, tape.token))
    found = judge.verdicts[violation.rule.id].violations
    return any(one.exchange.number == len(steps) and _is_like(one, violation) for one in found)


def _same(verdict: Verdict, violation: Violation) -> Violation | None:
    return next((one for one in verdict.violations if _is_like(one, violation)), None)


def _is_like(one: Violation, other: Violation) -> bool:
    return (one.place, one.exchange.operation) == (other.place, other.exchange.operation)


def _refuses(tape: Tape, step: Exchange) -> bool:
    """Whether the server refuses the valid token, which it did not in the recording."""
    last = tape.exchanges[-1]
    return (
        last.request.credential is Credential.VALID
        and last.response.status == 401
        and step.response.status != 401
    )
