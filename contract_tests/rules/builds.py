"""L12 to L14: what was requested of a build, a later build of the same name, and an end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..tape.exchange import Row
from ..tape.history import History, has_started, returns_build
from .base import HELD, Broken, Judgement, Level, histories, received, rule, shown
from .steps import Over, changes_by_itself, final_status, kept_all, steps

_ISSUE = "#/components/schemas/BuildImageResponse"


@rule(
    "L12", Level.SHOULD,
    "What was requested to be PRIVATE, and a new tag by default, is not PUBLIC.",
    source=f"{_ISSUE}/properties/visibility",
    over=histories,
    needs_memory=True,
)  # fmt: skip
def stays_private(history: History) -> Judgement:
    """Check each success of initiate that requested PRIVATE, or of a new tag INHERIT or nothing.

    Source: derived. The response has the visibility that takes effect, and the vendor states that
    with INHERIT, the default, a new tag is PRIVATE.

    Not a violation:

    - PUBLIC that was requested and is narrowed to PRIVATE, as a policy may require;
    - any visibility of a tag that may have existed, where INHERIT or none was requested: all but
      those of the names that a run makes up, once each;
    - a response without visibility, which means PRIVATE;
    - a value that is not documented, which is P6's.
    """
    last, names = history.last, history.api
    sent = last.request.json
    if not last.issued or not isinstance(sent, dict):
        return None
    requested = sent.get(names.sent.visibility, names.inherit)
    if requested == names.private:
        why = "as requested"
    elif requested == names.inherit and history.is_new_image:
        why = "since the tag is new"
    else:
        return None
    key = names.issued.visibility
    effective = last.issued.get(key, names.private)
    if effective == names.private:
        return HELD
    if effective != names.public:
        return None
    return Broken(f"$.{key}", f"{names.private}, {why}", shown(effective))


@rule(
    "L13", Level.SHOULD,
    "A new build of a name and tag begins waiting, and leaves an ended one as it was.",
    source="#/paths/~1api~1v1~1images~1build/post",
    over=histories,
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def leaves_the_old_one(history: History) -> Iterator[Judgement]:
    """Check an ended build after another initiate of its name and tag, and that other build.

    Source: derived. Initiate makes a build of its own, with an id of its own.

    Not a violation:

    - an older build that waits or runs and then ends, since the new one may supersede it;
    - the new build once anything was sent to it, an upload or a start, whatever its status;
    - an image path or a message that changes, and anything after a delete of the name and tag;
    - what changes on a server where such things also change with time alone, which is L2's or L4's.
    """
    group = next(iter(history.last.rows), None)
    if group is None:
        return
    is_untouched = history.issue is not None and history.cause is history.issue
    is_first = history.first(returns_build) is None and history.last.operation == history.api.status
    if is_first and is_untouched and history.is_rebuild and history.is_whole:
        yield _waits(group)
    for step in steps(history):
        if step.over is Over.REBUILD and not history.first_elsewhere(changes_by_itself):
            yield final_status(step)
            yield from kept_all(step)


@rule(
    "L14", Level.ADVICE,
    "A build that was started ends.",
    source="#/paths/~1api~1v1~1images~1build~1{build_id}/get",
    over=histories,
    quotes=("x-observed",),
    quotes_itself=True,
    needs_memory=True,
)  # fmt: skip
def comes_to_an_end(history: History) -> Judgement:
    """Check each response about a build that was seen to be started.

    Source: observed. The vendor's clients wait 1,800 s for a build, 3,000 s where it lists a
    VM_SANDBOX; ``STUCK_AFTER`` sets another time. The gate's own ``DEADLINE`` of 1,800 s ends a run
    before that, so by default this passes on the builds that were seen to end.

    Not a violation:

    - a build that ends, however late it is seen;
    - a build that waits or runs for less than that;
    - a build of which no start was seen, or whose start was refused.
    """
    group, start = next(iter(history.last.rows), None), history.first(has_started, ended=True)
    if group is None or start is None or group.phase is None:
        return None
    if group.api.is_terminal(group.status):
        return HELD
    seconds = history.tape.stuck_after
    if seconds is None:
        has_sandbox = any(one.kind == one.api.sandbox_kind for one in group.artifacts)
        seconds = group.api.sandbox_ends_within if has_sandbox else group.api.ends_within
    if history.last.began - start.ended < timedelta(seconds=seconds):
        return None
    expected = f"a terminal status, {seconds:g} s after its start"
    return Broken(f"$.{group.api.build.status}", expected, received(group, group.api.build.status))


def _waits(group: Row) -> Judgement:
    if group.phase is None:
        return None
    key = group.api.build.status
    if group.phase in ("waiting", "failed", "cancelled"):
        return HELD
    return Broken(f"$.{key}", "a build that waits, since it was not started", shown(group.status))
