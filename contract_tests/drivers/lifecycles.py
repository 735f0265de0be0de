"""Scripted lifecycles: the stimuli that make the rules observable, in a fixed order.

Three parts. ``open_builds`` sets builds going, side by side; ``PROBES`` ask oddly meanwhile; and
``close_builds`` waits for what is not done. Each step says what it costs, for the plan.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..contract import contract
from . import stimuli
from .pace import BudgetSpent
from .script import BUILD, Issued, Script, follow
from .wire import Wire

# A start that nothing was uploaded for may never come to an end.
HASTE = 5.0
# Seconds for which builds are polled at first; what takes longer is waited for at the end.
DENSELY = 2.0


@dataclass(frozen=True)
class Step:
    """One part of the script.

    Attributes:
        builds: Builds that it initiates.
        started: Builds that it starts, and waits for.
        requests: Requests that it sends, without those that wait for a build to end.

    """

    name: str
    builds: int
    started: int
    requests: int
    run: Callable[[Script], None]


# What is followed to its end, in the order in which budgets are spent on it.
FALSE, GOOD, HOPELESS, DEFAULT = (
    "context_uploaded: false", "a context that builds", "a context that cannot build",
    "a start with {}",
)  # fmt: skip


def open_builds(script: Script) -> None:
    """Initiate builds side by side, upload, start one after the other, and look at all of them."""
    issued: dict[str, Issued] = {}
    everything = {"platform": "linux/amd64", "visibility": "PRIVATE"}
    spent: BudgetSpent | None = None
    for number, what in enumerate((GOOD, HOPELESS, DEFAULT, FALSE), start=1):
        more = {"dockerfile_path": "Dockerfile", **everything} if what == HOPELESS else {}
        try:
            build = script.initiate(what, image_tag=f"v{number}", **more)
        except BudgetSpent as error:
            spent = error
            break
        if build is not None:
            issued[what] = build
            script.look(build, f"{what}: status at once")
    for what, build in issued.items():
        dockerfile = stimuli.HOPELESS if what == HOPELESS else script.dockerfile
        context = stimuli.context(dockerfile)
        script.wire.upload(build.build_id, build.upload_url, context, f"{what}: upload")
        script.look(build, f"{what}: status after the upload")
    _start_apart(script, issued)
    follow(script, min(script.patience, DENSELY))
    if spent:
        raise spent


def _start_apart(script: Script, issued: dict[str, Issued]) -> None:
    """Start them, first the one that is not to go; look at the others after a true start."""
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


def close_builds(script: Script) -> None:
    """Wait until all builds have ended; then see that what has ended stays so, and what waits."""
    hasty, script.hasty = script.hasty, {}
    follow(script, script.patience)
    script.hasty = hasty
    follow(script, min(script.patience, HASTE))
    if script.restarted is not None:
        script.start(script.restarted, "a start of what has ended", {"context_uploaded": True})
        script.look(script.restarted, "status after a start of what had ended")
    for what, build in (*script.followed.items(), *script.hasty.items(), *script.waiting.items()):
        script.look(build, f"{what}: status once more")


def refuse_tokens(script: Script) -> None:
    """Ask for everything without the token, and with others; then see that nothing moved."""
    issued = script.uploaded("tokens")
    if issued is None:
        return
    for name, authorization in stimuli.tokens(script.wire.tape.token).items():
        told: dict[str, Any] = {"authorization": authorization}
        start = f"{issued.path}/start"
        script.wire.send("POST", start, f"start with {name}", body={}, **told)
        script.look(issued, f"status after a start with {name}")
        script.wire.send("GET", issued.path, f"status with {name}", **told)
        body = stimuli.NAMED
        script.wire.send("POST", BUILD, f"initiate with {name}", body=body, **told)
    script.waiting["tokens"] = issued


def refuse_initiate_bodies(script: Script) -> None:
    """Initiate with bodies that break the schema, are no JSON, too large, or of another type."""
    send = script.wire.send
    for body in stimuli.WRONG_INITIATE_BODIES:
        send("POST", BUILD, "initiate with a body that breaks the schema", body=body)
    for what, content in (*stimuli.BROKEN_JSON.items(), ("1.5 MB that break it", stimuli.LARGE)):
        send("POST", BUILD, f"initiate with {what}", content=content)
    for kind in stimuli.CONTENT_TYPES:
        send(
            "POST", BUILD, f"initiate as {kind or 'no type'}",
            content=b'{"image_name": "contract-gate"}', headers=_typed(kind),
        )  # fmt: skip


def refuse_start_bodies(script: Script) -> None:
    """Start with bodies that break the schema or are no JSON; then see that nothing moved."""
    issued = script.uploaded("bodies")
    if issued is None:
        return
    start = f"{issued.path}/start"
    for body in stimuli.WRONG_START_BODIES:
        script.wire.send("POST", start, "start with a body that breaks the schema", body=body)
        script.look(issued, "status after a start with such a body")
    for what, content in stimuli.BROKEN_JSON.items():
        script.wire.send("POST", start, f"start with {what}", content=content)
        script.look(issued, f"status after a start with {what}")
    script.waiting["bodies"] = issued


def ask_for_absent_builds(script: Script) -> None:
    """Ask for builds that do not exist, by odd ids."""
    for build_id in stimuli.ABSENT_BUILD_IDS:
        path = f"{BUILD}/{quote(build_id, safe='')}"
        script.wire.send("GET", path, "status of an absent build", is_absent=True)
        if not build_id.startswith("xx") or len(build_id) > 64:
            start = f"{path}/start"
            script.wire.send("POST", start, "start of an absent build", body={}, is_absent=True)
    for segment in stimuli.RAW_SEGMENTS:
        script.wire.send("GET", f"{BUILD}/{segment}", "status of an odd segment")
        script.wire.send("POST", f"{BUILD}/{segment}/start", "start of an odd segment", body={})
    for kind in stimuli.CONTENT_TYPES:
        start = f"{BUILD}/no-such-build/start"
        told = f"start of an absent build as {kind or 'no type'}"
        script.wire.send(
            "POST", start, told, content=b"{}", headers=_typed(kind), is_absent=True
        )  # fmt: skip


def ask_by_other_methods(script: Script) -> None:
    """Ask by methods that the contract does not have; then see that nothing moved."""
    issued = script.uploaded("methods")
    known = {(one.method, one.path) for one in contract().operations.values()}
    paths = dict.fromkeys(one.path for one in contract().operations.values())
    for path, method in itertools.product(paths, stimuli.METHODS):
        if (method, path) in known:
            continue
        built = issued.build_id if issued else "no-such-build"
        asked = path.replace("{build_id}", quote(built, safe=""))
        sends: dict[str, Any] = {"body": {}} if method in ("POST", "PUT", "PATCH") else {}
        script.wire.send(method, asked, f"{method}, which the contract does not have here", **sends)
        if issued is not None and path != BUILD:
            script.look(issued, f"status after a {method}")
    if issued is not None:
        script.waiting["methods"] = issued


def start_early(script: Script) -> None:
    """Start a build whose context was never uploaded."""
    issued = script.initiate("no upload")
    if issued is None:
        return
    started = script.start(issued, "start without an upload", {})
    rows = script.look(issued, "status after a start without an upload").rows
    is_going = started.succeeded or not started.is_answered
    is_going = is_going or (bool(rows) and rows[0].phase == "running")
    (script.hasty if is_going else script.waiting)["no upload"] = issued


def _typed(kind: str | None) -> dict[str, str]:
    return {} if kind is None else {"Content-Type": kind}


_OPERATIONS = 3
_TOKENS = 10
_METHODS = 7
_KINDS = len(stimuli.CONTENT_TYPES)
_BROKEN = len(stimuli.BROKEN_JSON)

OPENING = Step("builds side by side, polled densely", 4, 3, 29, open_builds)
PROBES = [
    Step("no token, and others", 1, 0, 2 + 4 * _TOKENS, refuse_tokens),
    Step(
        "wrong bodies to initiate", 0, 0,
        len(stimuli.WRONG_INITIATE_BODIES) + _BROKEN + 1 + _KINDS, refuse_initiate_bodies,
    ),
    Step(
        "wrong bodies to start", 1, 0,
        2 + 2 * (len(stimuli.WRONG_START_BODIES) + _BROKEN), refuse_start_bodies,
    ),
    Step(
        "absent builds, odd ids and types", 0, 0,
        2 * len(stimuli.ABSENT_BUILD_IDS) - 32 + 2 * len(stimuli.RAW_SEGMENTS) + _KINDS,
        ask_for_absent_builds,
    ),
    Step("other methods", 1, 0, 2 + _OPERATIONS * (_METHODS - 1) + 2 * (_METHODS - 1),
         ask_by_other_methods),
    Step("a start without an upload", 1, 1, 3, start_early),
]  # fmt: skip
CLOSING = Step("the ends", 0, 0, 10, close_builds)


def watch_build(wire: Wire, build_id: str, tell: Callable[[str], None]) -> None:
    """Look at a build that exists until it has ended, with and without the token; start nothing.

    One that waits is not waited for: who should start it, and when, is not known.
    """
    issued = Issued(build_id, "")
    script = Script(wire, wire.pace.left, tell=tell)
    rows = script.look(issued, "status of the given build").rows
    for name, authorization in stimuli.tokens(wire.tape.token).items():
        wire.send("GET", issued.path, f"status with {name}", authorization=authorization)
    for method in ("HEAD", "OPTIONS"):
        wire.send(method, issued.path, f"{method} of the given build")
    if rows and rows[0].phase != "waiting":
        script.followed["the given build"] = issued
        follow(script, script.patience)
    script.look(issued, "the given build: status once more")
