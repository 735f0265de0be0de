"""Scripted lifecycles: the stimuli that make the rules observable, in a fixed order.

Four parts. ``open_builds`` starts builds, side by side; the steps of ``probes`` send what must be
refused meanwhile; ``close_builds`` waits for what has not ended; and ``delete_own`` deletes one of
the images, beside others.
"""

from __future__ import annotations

from collections.abc import Callable

from ...contract.api import IMAGES
from ...tape.exchange import Exchange
from ..http.pace import BudgetSpent
from ..session import Session
from . import inputs, probes
from .builds import FIRST_PAUSE, MOST_PAUSE, BuildScript, Issued, Step, follow, rounds

# Seconds. A build that was started without an upload may never end.
HASTE = 5.0
# Seconds of dense polling right after the starts; longer builds are polled again at the end.
DENSELY = 2.0
# Seconds after its end in which a group may still list an artifact that waits or runs (S5).
LAG = 61.0


# What is followed to its end, in the order in which budgets are spent on it.
FALSE, GOOD, HOPELESS, DEFAULT = (
    "context_uploaded: false", "a context that builds", "a context that cannot build",
    "a start with {}",
)  # fmt: skip


def open_builds(script: BuildScript) -> None:
    """Initiate several builds, upload, start them one by one, and poll all of them."""
    issued: dict[str, Issued] = {}
    everything = {"platform": "linux/amd64", "visibility": "PRIVATE"}
    spent: BudgetSpent | None = None
    for number, what in enumerate((GOOD, HOPELESS, DEFAULT, FALSE), start=1):
        more = {"dockerfile_path": "Dockerfile", **everything} if what == HOPELESS else {}
        tag = inputs.OWN_TAG if what == GOOD else f"v{number}"
        try:
            build = script.initiate(what, image_tag=tag, **more)
        except BudgetSpent as error:
            spent = error
            break
        if build is not None:
            issued[what] = build
            script.own = build if what == GOOD and script.session.own_name else script.own
            script.look(build, f"{what}: status at once")
    for what, build in issued.items():
        dockerfile = inputs.HOPELESS if what == HOPELESS else script.dockerfile
        context = inputs.context(dockerfile)
        script.session.upload(build.build_id, build.upload_url, context, f"{what}: upload")
        script.look(build, f"{what}: status after the upload")
    _start_apart(script, issued)
    follow(script, min(script.patience, DENSELY))
    if spent:
        raise spent


def _start_apart(script: BuildScript, issued: dict[str, Issued]) -> None:
    """Start the builds, the one with context_uploaded false first; poll all after each start."""
    if FALSE in issued:
        script.waiting[FALSE] = issued[FALSE]
        script.start(issued[FALSE], f"{FALSE}: start", {"context_uploaded": False})
        script.look(issued[FALSE], f"{FALSE}: status after the start")
    bodies = {GOOD: {"context_uploaded": True}, HOPELESS: {"context_uploaded": True}, DEFAULT: {}}
    for what, body in bodies.items():
        if what not in issued:
            continue
        started = script.start(issued[what], f"{what}: start", body)
        # A start that was refused is nothing to wait for; one without a response may be going.
        kept = script.followed if started.succeeded else script.waiting
        (kept if started.is_answered else script.hasty)[what] = issued[what]
        for other, build in issued.items():
            if what == GOOD or other == what:
                script.look(build, f"{other}: status after the start of {what}")
    if DEFAULT in script.followed:
        script.restarted = issued[DEFAULT]
        script.start(issued[DEFAULT], "a second start while it runs", {"context_uploaded": True})
        script.look(issued[DEFAULT], "status after a second start")


def longest(stuck_after: float | None) -> float:
    """Return the seconds after which a build that has not ended is not waited for any more."""
    return (stuck_after or IMAGES.sandbox_ends_within) + 2 * MOST_PAUSE


def wait(script: BuildScript, pause: float = FIRST_PAUSE) -> int:
    """Poll until all builds have ended, or for longer than L14 allows.

    Returns how many had not ended when the time of the run was over.
    """
    enough = longest(script.session.tape.stuck_after)
    going = follow(script, min(script.patience, enough), pause)
    return going if script.patience <= enough else 0


def close_builds(script: BuildScript) -> None:
    """Wait until all builds have ended; then check that no status changes any more."""
    hasty, script.hasty = script.hasty, {}
    going = wait(script)
    script.hasty = hasty
    follow(script, min(script.patience, HASTE))
    if script.restarted is not None:
        script.start(script.restarted, "a start of what has ended", {"context_uploaded": True})
        script.look(script.restarted, "status after a start of what had ended")
        _upload_again(script, script.restarted)
    if (failed := script.followed.get(HOPELESS)) is not None:
        script.start(failed, "a start of what has failed", {"context_uploaded": True})
        script.look(failed, "status after a start of what had failed")
    spent = _rebuild(script)
    every = {**script.followed, **script.hasty, **script.waiting}
    shown = {what: script.look(build, f"{what}: status once more") for what, build in every.items()}
    if lagging := [what for what, seen in shown.items() if _lags(seen)]:
        script.report(f"waiting for the artifacts of {len(lagging)} builds that have ended")
        script.session.pace.pause(LAG)
        for what in lagging:
            script.look(every[what], f"{what}: status a minute after its end")
    if spent:
        raise spent
    script.session.pace.give_up(going)


def _upload_again(script: BuildScript, build: Issued) -> None:
    """Upload once more to a build that has ended; whatever the response, nothing changes."""
    content = inputs.context(script.dockerfile)
    script.session.upload(build.build_id, build.upload_url, content, "a second upload")
    script.look(build, "status after a second upload")


def _rebuild(script: BuildScript) -> BudgetSpent | None:
    """Initiate a build of the name and tag of one that has ended, and look at the new one."""
    if script.restarted is None:
        return None
    names = script.look(script.restarted, "status before a rebuild").names
    if names is None:
        return None
    try:
        build = script.initiate("a rebuild", image_name=names[0], image_tag=names[1])
    except BudgetSpent as error:
        return error
    if build is not None:
        script.look(build, "a rebuild: status at once")
    return None


def _lags(seen: Exchange) -> bool:
    """Whether a build has ended, and an artifact of it is shown waiting or running."""
    is_over = bool(seen.rows) and seen.api.is_terminal(seen.rows[0].status)
    return is_over and any(one.phase in ("waiting", "running") for one in seen.rows[1:])


def delete_own(script: BuildScript) -> None:
    """Delete the image that was built first, beside one of another tag.

    Nothing is sent if that image was not seen to be COMPLETED, or once the server shows that it has
    no such operation. Other tokens are tried on the other tag.
    """
    own, spent, kept = script.own, None, None
    if own is None:
        return
    rows = script.look(own, "delete: status before").rows
    if not rows or rows[0].phase != "succeeded":
        return
    try:
        kept = script.initiate("another tag", image_tag=inputs.KEPT_TAG)
    except BudgetSpent as error:
        spent = error
    if kept is not None:
        script.look(kept, "another tag: status before a delete")
    deleted = script.delete(inputs.OWN_TAG, "delete")
    script.look(own, "status after the delete")
    if kept is not None:
        script.look(kept, "another tag: status after the delete")
    if deleted.succeeded:
        script.delete(inputs.OWN_TAG, "delete of what is deleted")
        for name, authorization in inputs.tokens(script.session.tape.token).items():
            script.delete(inputs.KEPT_TAG, f"delete with {name}", authorization)
            if kept is not None:
                script.look(kept, f"status after a delete with {name}")
        if kept is not None:
            script.delete(inputs.KEPT_TAG, "delete of another tag")
    if spent:
        raise spent


def _closing_polls(patience: float, stuck_after: float | None) -> int:
    # The four that may run, in both waits; and each build of the steps before, where it lags.
    waits = rounds(min(patience, longest(stuck_after))) + rounds(min(patience, HASTE))
    return 4 * waits + _OPENED + len([one for one in probes.PROBES if one.builds])


_OPENED = 4
OPENING = Step(
    "builds side by side, polled densely", _OPENED, 3, 29, open_builds, started_if_accepted=1,
    polls=lambda patience, _: _OPENED * rounds(min(patience, DENSELY)),
)  # fmt: skip
CLOSING = Step("the ends, and a rebuild", 1, 0, 17, close_builds, polls=_closing_polls)
DELETING = Step(
    "delete, of an image of this run alone", 1, 0, 8 + 2 * len(inputs.tokens("a-token")), delete_own
)


def steps(*, is_limited: bool) -> list[Step]:
    """Return the steps in order, without the last two.

    With a small MAX_BUILDS, requests that must be refused go first: they cost no build, unless
    the server accepts them.
    """
    if is_limited:
        return [*probes.COSTLESS, OPENING, *probes.PROBES]
    return [OPENING, *probes.COSTLESS, *probes.PROBES]


def watching(build_id: str) -> Step:
    """Return what ``watch_build`` costs."""
    return Step(
        f"status of {build_id}, until it has ended", 0, 0, 4 + len(inputs.tokens("a-token")),
        lambda _: None, polls=lambda patience, _: rounds(patience),
    )  # fmt: skip


def watch_build(session: Session, build_id: str, report: Callable[[str], None]) -> None:
    """Poll an existing build until it has ended, with and without the token; start nothing.

    A build that waits for its start is polled once: nobody may ever start it.
    """
    issued = Issued(build_id, "")
    script = BuildScript(session, session.pace.left, report=report)
    rows = script.look(issued, "status of the given build").rows
    for name, authorization in inputs.tokens(session.tape.token).items():
        session.send("GET", issued.path, f"status with {name}", authorization=authorization)
    for method in ("HEAD", "OPTIONS"):
        session.send(method, issued.path, f"{method} of the given build")
    going = 0
    if rows and rows[0].phase != "waiting":
        script.followed["the given build"] = issued
        going = follow(script, script.patience)
    script.look(issued, "the given build: status once more")
    session.pace.give_up(going)
