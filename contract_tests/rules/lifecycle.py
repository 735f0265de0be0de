"""L: what holds from one response about a build to the next."""

from __future__ import annotations

import re
from datetime import timedelta

from ..contract import INITIATE, START, STATUS, contract, instant, naive
from ..exchange import Credential, Exchange, Row
from ..tape import History
from .base import (
    HELD,
    Broken,
    Judgement,
    Judgements,
    Level,
    exchanges,
    histories,
    received,
    rule,
    shown,
)
from .steps import Over, Step, is_same, steps

_BUILD = "#/components/schemas/BuildStatusResponse"
_START = "#/components/schemas/StartBuildRequest/properties/context_uploaded"
_ISSUE = "#/components/schemas/BuildImageResponse/properties"

# A build that is not found later than this may have been tidied away.
AT_ONCE = timedelta(seconds=60)
# Names that no server has a reason to spell otherwise than it was told.
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TIMES = ("startedAt", "completedAt")


@rule(
    "L1", Level.SHOULD,
    "Status never goes back: PENDING → UPLOADING → BUILDING → a terminal one.",
    source="#/components/schemas/ImageBuildStatus",
    over=steps,
)  # fmt: skip
def never_back(step: Step) -> Judgement:
    """Look at each step between which no start was sent, up to the terminal statuses."""
    if step.now is None or step.over is not Over.TIME or contract().is_terminal(step.was.status):
        return None
    return _not_before(step.was, step.now)


@rule(
    "L2", Level.SHOULD,
    "A terminal status is final.",
    source="#/components/schemas/ImageBuildStatus",
    over=steps,
)  # fmt: skip
def final(step: Step) -> Judgement:
    """Look at each step from a terminal status, except over a further start."""
    return None if step.over is Over.RESTART else _final(step)


@rule(
    "L3", Level.SHOULD,
    "id, imageName, imageTag and createdAt never change, and are those of initiate.",
    source=f"{_BUILD}/properties/imageName",
    over=histories,
)  # fmt: skip
def same_build(history: History) -> Judgements:
    """Look at each response about a build that was issued, or described before.

    A name that is not plain may be returned in another spelling. That the id is the one asked for
    is L5's; a value of another type is P6's, a missing createdAt T1's.
    """
    judged = [*_as_asked(history)]
    for step in steps(history):
        if step.now is None:
            continue
        for key in ("imageName", "imageTag"):
            if _is_text(step.was, key) and _is_text(step.now, key):
                judged.append(_kept(step.was, step.now, key))
        if step.now.is_set("createdAt"):
            judged.append(_kept_instant(step.was, step.now, "createdAt"))
    return judged


@rule(
    "L4", Level.SHOULD,
    "A timestamp once set keeps its value; an artifact once listed stays listed.",
    source=_BUILD,
    over=steps,
)  # fmt: skip
def keeps_what_was_set(step: Step) -> Judgements:
    """Look at each step except those over a further start."""
    if step.over is Over.RESTART:
        return None
    return _kept_all(step)


@rule(
    "L5", Level.SHOULD,
    "The id returned is the build_id asked for.",
    source=f"{_BUILD}/properties/id",
    over=exchanges,
)  # fmt: skip
def same_id(exchange: Exchange) -> Judgement:
    """Look at every start and status that returns an id."""
    body = exchange.response.json
    if not exchange.succeeded or exchange.operation not in (START, STATUS):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        return None  # P6's
    if body["id"] == exchange.build_id:
        return HELD
    return Broken("$.id", str(shown(exchange.build_id)), shown(body["id"]))


@rule(
    "L6", Level.SHOULD,
    "A start takes effect: status then is at or past the status that start returned.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses/200",
    over=steps,
    quotes_itself=True,
)  # fmt: skip
def takes_effect(step: Step) -> Judgement:
    """Look at the first response after each first start."""
    if step.now is None or step.over is not Over.START:
        return None
    if contract().is_terminal(step.was.status):
        return None  # L2's
    return _not_before(step.was, step.now)


@rule(
    "L7", Level.SHOULD,
    "A second start is answered alike or refused with 4xx; it resets nothing.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post",
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def resets_nothing(history: History) -> Judgements:
    """Look at each further start, and at each response after it."""
    judged: list[Judgement] = []
    for step in steps(history):
        if step.over is Over.RESTART:
            judged.append(_final(step))
            judged.append(_not_before(step.was, step.now) if step.now else None)
            judged += _kept_all(step)
    last, again = history.last, history.last.is_valid_start and history.starts
    if again and 400 <= last.response.status <= 499:
        judged.append(HELD)
    if again and last.response.status < 400 and not last.response.is_success:
        judged.append(Broken("the status code", "200 or 4xx", str(last.response.status)))
    return judged


@rule(
    "L8", Level.SHOULD,
    "A start whose context was never uploaded does not lead to COMPLETED.",
    source=_START,
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def needs_context(history: History) -> Judgement:
    """Look at builds that were issued and started without an upload.

    An upload that failed with 5xx, or without a response, may have been stored.
    """
    last = history.last
    asked = [one for one in history.exchanges if one.says_uploaded]
    if not (history.is_whole and history.issue and asked) or history.may_be_uploaded:
        return None
    group = next(iter(last.rows), None)
    if group is not None and group.phase == "succeeded":
        return Broken(
            "$.status", "not COMPLETED, since no context was uploaded", shown(group.status)
        )
    ended = group is not None and contract().is_terminal(group.status)
    refused = last.operation == START and 400 <= last.response.status <= 499
    return HELD if ended or refused else None


@rule(
    "L9", Level.SHOULD,
    "Each initiate issues a build id and an upload URL of its own, and no response about one build "
    "describes another.",
    source="#/components/schemas/BuildImageResponse",
    over=histories,
)  # fmt: skip
def apart(history: History) -> Judgement:
    """Look at initiates beside earlier ones, at builds when others are started, at artifacts.

    The same artifact id and createdAt under two builds is one artifact. An id or URL that is not a
    string is P6's.
    """
    last = history.last
    if last.operation == INITIATE and last.succeeded and isinstance(last.response.json, dict):
        told = last.response.json
        for earlier in history.elsewhere(INITIATE):
            if not earlier.succeeded or not isinstance(earlier.response.json, dict):
                continue
            for key in ("build_id", "upload_url"):
                if isinstance(told.get(key), str) and earlier.response.json.get(key) == told[key]:
                    received = f"{shown(told[key])}, as in exchange {earlier.number}"
                    return Broken(f"$.{key}", "a new one", received)
        return HELD
    for artifact in last.rows[1:]:
        owner = history.tape.owner(artifact)
        if owner not in (None, last.build_id):
            at = f"{artifact.path}.id"
            received = f"{shown(artifact.data.get('id'))}, an artifact of build {owner}"
            return Broken(at, "an artifact of this build", received)
    return _moved_by_another(history)


@rule(
    "L10", Level.SHOULD,
    "A build that initiate has issued is found by status at once.",
    source=f"{_ISSUE}/build_id",
    over=histories,
)  # fmt: skip
def is_found(history: History) -> Judgement:
    """Look at the responses of status in the minute after a build was issued."""
    last = history.last
    if last.operation != STATUS or last.request.credential is not Credential.VALID:
        return None
    if history.issue is None or last.began - history.issue.ended > AT_ONCE:
        return None
    if last.succeeded:
        return HELD
    if last.response.status in (404, 410):
        return Broken(
            "the status code", "200, since the build was issued", str(last.response.status)
        )
    return None


@rule(
    "L11", Level.SHOULD,
    "A start with context_uploaded: false does not start the build.",
    source=_START,
    over=histories,
    quotes_itself=True,
)  # fmt: skip
def not_yet(history: History) -> Judgement:
    """Look at the responses about a build that was never started in another way."""
    asked = [one for one in history.exchanges if one.is_valid_start]
    if not (history.is_whole and history.issue and asked):
        return None
    if any(one.says_uploaded is not False for one in asked):
        return None
    refused = history.last.operation == START and 400 <= history.last.response.status <= 499
    group = next(iter(history.last.rows), None)
    if group is None:
        return HELD if refused else None
    if group.phase in ("running", "succeeded"):
        return Broken(
            "$.status", "not started, since context_uploaded was false", shown(group.status)
        )
    return HELD


def _not_before(was: Row, now: Row) -> Judgement:
    before, after = contract().rank(was.status), contract().rank(now.status)
    if before is None or after is None:
        return None
    if after >= before:
        return HELD
    return Broken(f"{now.path}.status", f"{was.status} or a later status", shown(now.status))


def _final(step: Step) -> Judgement:
    """Compare a status with the terminal one before it; an unknown status is for S1, S2 and P6."""
    if step.now is None or step.now.phase is None or not contract().is_terminal(step.was.status):
        return None
    return _kept(step.was, step.now, "status")


def _kept(was: Row, now: Row, key: str) -> Judgement:
    if now.data.get(key) == was.data.get(key):
        return HELD
    expected = f"still {shown(was.data.get(key))}"
    return Broken(f"{now.path}.{key}", expected, received(now, key))


def _kept_instant(was: Row, now: Row, key: str) -> Judgement:
    """Compare two instants that both have an offset, or both have none.

    Anything else that is set is for T1, T2 and T7.
    """
    for read in (instant, naive):
        before, after = was.moment(key, read), now.moment(key, read)
        if before is not None and (after is not None or not now.is_set(key)):
            return HELD if is_same(before, after) else _kept(was, now, key)
    return None


def _kept_all(step: Step) -> list[Judgement]:
    if step.now is None:
        expected = f"still the artifact {shown(step.was.data.get('id'))}"
        return [Broken("$.artifacts", expected, "not listed")]
    return [HELD, *(_kept_instant(step.was, step.now, key) for key in _TIMES)]


def _is_text(row: Row, key: str) -> bool:
    return isinstance(row.data.get(key), str)


def _as_asked(history: History) -> list[Judgement]:
    """Compare the names of an issued build with those that initiate was asked for."""
    group = next(iter(history.last.rows), None)
    asked = history.issue.request.json if history.issue else None
    if group is None or not isinstance(asked, dict):
        return []
    judged: list[Judgement] = []
    for key, told in (("image_name", "imageName"), ("image_tag", "imageTag")):
        wanted = asked.get(key)
        if isinstance(wanted, str) and _PLAIN.fullmatch(wanted) and _is_text(group, told):
            held = group.data[told] == wanted
            expected = f"{shown(wanted)}, as initiate was asked for"
            judged.append(HELD if held else Broken(f"$.{told}", expected, shown(group.data[told])))
    return judged


def _moved_by_another(history: History) -> Judgement:
    """Judge a build that waited without a request while another one was started."""
    group = next(iter(history.last.rows), None)
    was = next((one for one in reversed(history.before) if one.rows), None)
    if group is None or was is None or not history.is_whole or was.rows[0].phase != "waiting":
        return None
    between = [one for one in history.exchanges[:-1] if one.number > was.number]
    if history.last.operation == START or any(one.request.method != "GET" for one in between):
        return None
    if any(one.is_valid_start for one in history.before):
        return None
    others = [
        one for one in history.elsewhere(START)
        if one.number > was.number and one.succeeded and one.build_id != history.last.build_id
    ]  # fmt: skip
    if not others:
        return None
    if group.phase in ("running", "succeeded"):
        expected = f"{was.rows[0].status}, since only {others[-1].build_id} was started"
        return Broken("$.status", expected, shown(group.status))
    return HELD
