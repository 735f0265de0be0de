"""L: rules about consecutive responses about a build."""

from __future__ import annotations

from datetime import timedelta
from operator import itemgetter

from ..contract.openapi import instant, naive
from ..tape.exchange import Credential, Exchange, Row
from ..tape.history import History, has_started, is_start, is_valid_start
from .base import (
    HELD,
    PLAIN,
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
from .steps import (
    Over,
    Transition,
    changes_by_itself,
    final_status,
    kept,
    kept_all,
    kept_instant,
    not_before,
    steps,
)

_BUILD = "#/components/schemas/BuildStatusResponse"
_START = "#/components/schemas/StartBuildRequest/properties/context_uploaded"
_ISSUE = "#/components/schemas/BuildImageResponse/properties"

# A build that is not found later than this may have been deleted.
AT_ONCE = timedelta(seconds=60)


@rule(
    "L1", Level.SHOULD,
    "Status never goes back: PENDING → UPLOADING → BUILDING → a terminal one.",
    source="#/components/schemas/ImageBuildStatus",
    over=steps,
    quotes=("x-derived",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def never_back(step: Transition) -> Judgement:
    """Check each step without a start in between, up to the terminal statuses.

    Source: derived from the order in which ``ImageBuildStatus`` lists the statuses.

    Not a violation:

    - a status that stays, or skips others, such as COMPLETED after PENDING;
    - FAILED or CANCELLED after any status that is not terminal;
    - a step from a terminal status (L2), after a first start (L6) or over a second one (L7);
    - an unknown status, which is S1's or S2's;
    - responses that overlap in time, which may show the build in either order.
    """
    if step.now is None or step.over is not Over.TIME:
        return None
    if step.was.api.is_terminal(step.was.status):
        return None
    return not_before(step.was, step.now)


@rule(
    "L2", Level.SHOULD,
    "A terminal status is final.",
    source="#/components/schemas/ImageBuildStatus",
    over=steps,
    quotes=("x-observed",),
    needs_memory=True,
)  # fmt: skip
def final(step: Transition) -> Judgement:
    """Check each step from a terminal status, except over a second start.

    Source: observed. The vendor's clients stop polling at COMPLETED, FAILED and CANCELLED.

    Not a violation:

    - an artifact that still runs and ends, in a group that has ended;
    - an unknown status, which is S1's or S2's;
    - a step over a second start, which is L7's, or over another initiate of its name (L13).
    """
    return None if step.over in (Over.RESTART, Over.REBUILD) else final_status(step)


@rule(
    "L3", Level.SHOULD,
    "id, imageName, imageTag and createdAt never change, and are those of initiate.",
    source=f"{_BUILD}/properties/imageName",
    over=histories,
    quotes=("description", "x-derived"),
    needs_memory=True,
)  # fmt: skip
def same_build(history: History) -> Judgements:
    """Check each response about a build that was issued, or described before.

    Source: derived. The descriptions are of the build, not of its state. L5 compares the id.

    Not a violation:

    - a name or tag with other characters than a-z, 0-9, ``.``, ``_`` and ``-`` that is returned in
      another spelling than it was sent in, as long as it then stays so;
    - the same instant with another offset or other digits, or less than a millisecond apart;
    - an instant with an offset in one response and without in another, which is T7's;
    - a missing createdAt (T1), a name of another type (P6), another id than requested (L5).
    """
    judged, names = [*_as_requested(history)], history.api.build
    for step in steps(history):
        if step.now is None:
            continue
        for key in (names.name, names.tag):
            if _is_text(step.was, key) and _is_text(step.now, key):
                judged.append(kept(step.was, step.now, key))
        if step.now.is_set(names.created):
            judged.append(kept_instant(step.was, step.now, names.created))
    return judged


@rule(
    "L4", Level.SHOULD,
    "A timestamp once set keeps its value; an artifact once listed stays listed, of its type.",
    source=f"{_BUILD}/properties/startedAt",
    over=steps,
    needs_memory=True,
)  # fmt: skip
def keeps_what_was_set(step: Transition) -> Judgements:
    """Check each step, except over a second start.

    Source: derived. Each timestamp is the time of one event, and ``artifacts`` are the group's.

    Not a violation:

    - a timestamp that is set for the first time;
    - one that replaces what the status before did not allow, which is T3's or T5's;
    - the same instant with another offset or other digits, or less than a millisecond apart;
    - an instant with an offset in one response and without in another, which is T7's;
    - artifacts in another order, or more of them;
    - a response without ``artifacts``, or with one whose id is missing: it does not show that an
      artifact is gone;
    - a type that is left out, which is CONTAINER_IMAGE, and one that is not a text, which is P6's;
    - a step over a second start, which is L7's, or over another initiate of its name (L13).
    """
    if step.over in (Over.RESTART, Over.REBUILD):
        return None
    return kept_all(step)


@rule(
    "L5", Level.SHOULD,
    "The id returned is the build_id of the request.",
    source=f"{_BUILD}/properties/id",
    over=exchanges,
    quotes=("description", "x-assumed"),
    needs_memory=True,
)  # fmt: skip
def same_id(exchange: Exchange) -> Judgement:
    """Check every start and status that returns an id.

    Source: assumed. No source states that a group's id is the build_id of its URL.

    Not a violation:

    - the id of an artifact, which is its own;
    - an id that is missing or not a string, which is P6's.
    """
    group, key = next(iter(exchange.rows), None), exchange.api.build.id
    if group is None or not _is_text(group, key):
        return None  # P6's
    if group.data[key] == exchange.build_id:
        return HELD
    return Broken(f"$.{key}", str(shown(exchange.build_id)), received(group, key))


@rule(
    "L6", Level.SHOULD,
    "A start takes effect: status then is at or past the status that start returned.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post/responses/200",
    over=steps,
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def takes_effect(step: Transition) -> Judgement:
    """Check the first response after each first start.

    Source: derived. Start returns the build as it then is, and a status does not go back.

    Not a violation:

    - any status that start itself returns, PENDING included;
    - a start that was refused;
    - a status requested before the start had returned, which may show the build as it was;
    - a step from a terminal status (L2), and an unknown status (S1 or S2).
    """
    if step.now is None or step.over is not Over.START:
        return None
    if step.was.api.is_terminal(step.was.status):
        return None  # L2's
    return not_before(step.was, step.now)


@rule(
    "L7", Level.SHOULD,
    "A second start is answered alike or refused with 4xx; it resets nothing.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}~1start/post",
    over=histories,
    quotes=("x-assumed",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def resets_nothing(history: History) -> Judgements:
    """Check each second or further start, and each response after it.

    Source: assumed. No source states what a second start does.

    Not a violation:

    - a refusal with any 4xx, or a 200 that shows the build further on;
    - a timestamp that is set for the first time, or the same instant written otherwise;
    - a 5xx, which is P5's;
    - a first start that was refused, and then another one;
    - what changes or goes back on a server where such things also change with time alone, which
      is L1's, L2's or L4's.
    """
    judged: list[Judgement] = []
    for step in steps(history):
        if step.over is Over.RESTART and not history.first_elsewhere(changes_by_itself):
            judged.append(final_status(step))
            judged.append(not_before(step.was, step.now) if step.now else None)
            judged += kept_all(step)
    last = history.last
    again = last.is_valid_start and history.first(has_started, ended=True)
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
    quotes=("x-assumed",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def needs_context(history: History) -> Judgement:
    """Check builds that were issued and started without an upload.

    Source: assumed. The contract has ``context_uploaded``, and does not state what it prevents.

    Not a violation:

    - a start that is accepted, and a build that then runs, fails or is cancelled;
    - an upload that failed with 5xx or without a response: it may have been stored;
    - a start with ``context_uploaded: false``, which is L11's;
    - anything in a recording, which may lack the upload.
    """
    last, api = history.last, history.api
    is_started = history.has(_says_uploaded)
    if not (history.is_whole and history.issue and is_started) or history.may_be_uploaded:
        return None
    group = next(iter(last.rows), None)
    if group is not None and group.phase == "succeeded":
        expected = f"not {group.status}, since no context was uploaded"
        return Broken(f"$.{api.build.status}", expected, shown(group.status))
    ended = group is not None and api.is_terminal(group.status)
    refused = last.operation == api.start and 400 <= last.response.status <= 499
    return HELD if ended or refused else None


@rule(
    "L9", Level.SHOULD,
    "Each initiate issues a build id and an upload URL of its own, and no response about one build "
    "describes another.",
    source=f"{_ISSUE}/build_id",
    over=histories,
    needs_memory=True,
)  # fmt: skip
def apart(history: History) -> Judgement:
    """Check each initiate against earlier ones, and each build and artifact against other builds.

    Source: derived. The id is what a build is followed by, so that it cannot be two builds'.

    Not a violation:

    - two builds of the same name and tag, with the same ``fullImagePath``;
    - upload URLs that differ in any part, such as the query alone;
    - the same artifact id under two builds with another createdAt;
    - an artifact that was created before the build, which may be used again;
    - a waiting build that becomes UPLOADING, FAILED or CANCELLED while another one is started;
    - in a recording, a build that runs when only another one is seen to be started;
    - an id or URL that is not a string, which is P6's.
    """
    last, names = history.last, history.api
    if body := last.issued:
        keys = (names.issued.build_id, names.issued.upload_url)
        firsts = [(history.tape.first_issue(key, body.get(key)), key) for key in keys]
        again = [(first.number, key) for first, key in firsts if first and first is not last]
        for number, key in sorted(again, key=itemgetter(0))[:1]:
            received = f"{shown(body[key])}, as in exchange {number}"
            return Broken(f"$.{key}", "a new one", received)
        return HELD
    for artifact in last.rows[1:]:
        owner = history.tape.owner(artifact)
        if owner not in (None, last.build_id) and not _is_older(artifact, last.rows[0]):
            at, its = f"{artifact.path}.{names.build.id}", artifact.data.get(names.build.id)
            received = f"{shown(its)}, an artifact of build {owner}"
            return Broken(at, "an artifact of this build", received)
    return _moved_by_another(history)


@rule(
    "L10", Level.SHOULD,
    "A build that initiate has issued, and nobody deleted, is found by status at once.",
    source=f"{_ISSUE}/build_id",
    over=histories,
    quotes=("description", "x-observed"),
    needs_memory=True,
)  # fmt: skip
def is_found(history: History) -> Judgement:
    """Check each status within a minute after the build was issued.

    Source: observed. The vendor's clients request the status with the build_id of initiate.

    Not a violation:

    - 404 or 410 more than 60 s after initiate: the build may have been deleted;
    - any response after a delete of its name and tag that was not refused;
    - any other refusal, such as 429, and a redirect;
    - a request without a valid token, or one sent before initiate had returned.
    """
    last = history.last
    if last.operation != history.api.status or last.request.credential is not Credential.VALID:
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
    quotes=("x-assumed",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def not_yet(history: History) -> Judgement:
    """Check responses about a build whose valid starts all have context_uploaded: false.

    Source: assumed. The contract has ``context_uploaded``, and does not state what it prevents.

    Not a violation:

    - a refusal of the start with any 4xx, or a 200 with a build that waits;
    - a build that fails or is cancelled;
    - a ``context_uploaded`` that is not a boolean, whatever the server reads it as;
    - anything in a recording, which may lack another start.
    """
    if not (history.is_whole and history.issue and history.has(is_valid_start)):
        return None
    if history.has(_may_be_uploaded):
        return None
    last, api = history.last, history.api
    refused = last.operation == api.start and 400 <= last.response.status <= 499
    group = next(iter(last.rows), None)
    if group is None:
        return HELD if refused else None
    if group.phase in ("running", "succeeded"):
        expected = f"not started, since {api.sent.is_uploaded} was false"
        return Broken(f"$.{api.build.status}", expected, shown(group.status))
    return HELD


def _is_older(artifact: Row, group: Row) -> bool:
    """Whether an artifact was created before a group, so that it may come from a cache."""
    key = group.api.build.created
    created = ((artifact.moment(key, read), group.moment(key, read)) for read in (instant, naive))
    return any(its is not None and own is not None and its < own for its, own in created)


def _says_uploaded(exchange: Exchange) -> bool:
    return bool(exchange.says_uploaded)


def _may_be_uploaded(exchange: Exchange) -> bool:
    """Whether it is a valid start, unless it says that nothing was uploaded."""
    return exchange.is_valid_start and exchange.says_uploaded is not False


def _is_not_get(exchange: Exchange) -> bool:
    return exchange.request.method != "GET"


def _is_accepted_start(history: History) -> bool:
    return is_start(history.last) and history.last.succeeded


def _is_text(row: Row, key: str) -> bool:
    return isinstance(row.data.get(key), str)


def _as_requested(history: History) -> list[Judgement]:
    """Compare the name and tag of an issued build with those in the request of initiate."""
    group = next(iter(history.last.rows), None)
    request = history.issue.request.json if history.issue else None
    if group is None or not isinstance(request, dict):
        return []
    judged: list[Judgement] = []
    asked, names = history.api.sent, history.api.build
    for sent, key in ((asked.name, names.name), (asked.tag, names.tag)):
        name = request.get(sent)
        if isinstance(name, str) and PLAIN.fullmatch(name) and _is_text(group, key):
            if group.data[key] == name:
                judged.append(HELD)
                continue
            expected = f"{shown(name)}, as sent to initiate"
            judged.append(Broken(f"$.{key}", expected, received(group, key)))
    return judged


def _moved_by_another(history: History) -> Judgement:
    """Check a build that waits and gets no request while another one is started."""
    group, was = next(iter(history.last.rows), None), history.shown
    if group is None or was is None or not history.is_whole or was.rows[0].phase != "waiting":
        return None
    other = history.latest(_is_not_get)
    if history.last.operation == history.api.start or (other and other.number > was.number):
        return None
    if history.first(is_valid_start, ended=True):
        return None
    started = history.latest_elsewhere(_is_accepted_start)
    if started is None or started.number <= was.number:
        return None
    if group.phase in ("running", "succeeded"):
        expected = f"{was.rows[0].status}, since only {started.build_id} was started"
        return Broken(f"$.{group.api.build.status}", expected, shown(group.status))
    return HELD
