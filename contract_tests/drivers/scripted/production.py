"""Traffic for a server that others use: two builds at most, polled as the vendor's clients poll.

One build that ends well and one that cannot be built, so that nothing is left waiting. What must be
refused is sent to the build that is started last: a server that accepts it starts a build that is
started in any case. Nothing that must be refused is sent to initiate, where it would cost a build.
"""

from __future__ import annotations

from ..http.pace import BudgetSpent
from . import inputs
from .builds import MOST_PAUSE, BuildScript, Issued, Step, rounds
from .scenarios import GOOD, HOPELESS, longest, wait

MOST_BUILDS = 2
_TAGS = {GOOD: "v1", HOPELESS: "v2"}
_TOKENS = (None, "Bearer not-the-token")


def build(script: BuildScript) -> None:
    """Initiate, upload, start and poll; never the status of a build twice within 10 s."""
    issued, spent = _initiated(script)
    for what, one in issued.items():
        content = inputs.HOPELESS if what == HOPELESS else script.dockerfile
        context = inputs.context(content)
        script.session.upload(one.build_id, one.upload_url, context, f"{what}: upload")
    if issued:
        _refuse(script, [*issued.values()][-1])
        _look(script, issued, "status after what must be refused")
    for what, one in issued.items():
        started = script.start(one, f"{what}: start", {"context_uploaded": True})
        kept = script.followed if started.succeeded else script.waiting
        (kept if started.is_answered else script.hasty)[what] = one
    script.session.pace.pause(MOST_PAUSE)
    going = wait(script, MOST_PAUSE)
    _look(script, issued, "status once more")
    if spent:
        raise spent
    script.session.pace.give_up(going)


def _initiated(script: BuildScript) -> tuple[dict[str, Issued], BudgetSpent | None]:
    issued: dict[str, Issued] = {}
    for what, tag in _TAGS.items():
        try:
            one = script.initiate(what, image_tag=tag, visibility="PRIVATE")
        except BudgetSpent as error:
            return issued, error
        if one is not None:
            issued[what] = one
            script.look(one, f"{what}: status at once")
    return issued, None


def _refuse(script: BuildScript, one: Issued) -> None:
    """Send what must be refused and costs no build, even if it is accepted."""
    for authorization in _TOKENS:
        intent = "start without a valid token"
        script.session.send(
            "POST", f"{one.path}/start", intent, body={}, authorization=authorization
        )
        script.session.send(
            "GET", one.path, "status without a valid token", authorization=authorization
        )
    script.start(one, "start with a body that breaks the schema", {"context_uploaded": "maybe"})


def _look(script: BuildScript, issued: dict[str, Issued], intent: str) -> None:
    script.session.pace.pause(MOST_PAUSE)
    for what, one in issued.items():
        script.look(one, f"{what}: {intent}")


STEPS = [
    Step("a build that ends well and one that cannot, polled every 10 s", MOST_BUILDS, MOST_BUILDS,
         MOST_BUILDS * 6 + 2 * len(_TOKENS) + 1, build,
         polls=lambda patience, stuck: MOST_BUILDS
         * rounds(min(patience, longest(stuck)), MOST_PAUSE)),
]  # fmt: skip
"""No generated requests, since most of them would initiate or start builds; and no delete, since
the clean-up is one."""
