"""Probes: requests that must be refused, each on every operation that can take it.

Each step declares how many builds and requests it costs; the plan adds them up.
"""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import quote

from ...contract.api import IMAGES
from ...contract.openapi import Operation, contract
from ..http.pace import BudgetSpent
from ..images import delete_path
from . import inputs
from .builds import BUILD, BuildScript, Issued, Step

_ID = f"{{{IMAGES.path_id}}}"
ABOUT_A_BUILD = [one for one in contract().operations.values() if _ID in one.path]
"""The operations that take the id of a build: whatever is tried as one is tried on each."""

_IMAGE = IMAGES.contract.operations[IMAGES.delete].path
_ABSENT = "no-such-build"
_START = next(one for one in ABOUT_A_BUILD if one.method == "POST")


def refuse_tokens(script: BuildScript) -> None:
    """Start and poll without a valid token; then check that nothing changed."""
    issued, spent = _some_build(script, "tokens")
    for name, authorization in inputs.tokens(script.session.tape.token).items():
        for operation in ABOUT_A_BUILD:
            _send(script, operation, issued.build_id, f"{_verb(operation)} with {name}",
                 authorization=authorization)  # fmt: skip
        script.look(issued, f"status after a start with {name}")
    if spent:
        raise spent


def refuse_tokens_to_initiate(script: BuildScript) -> None:
    """Initiate without a valid token; then send without one what is also refused with one."""
    for name, authorization in inputs.tokens(script.session.tape.token).items():
        script.session.send("POST", BUILD, f"initiate with {name}", body=inputs.NAMED,
                         authorization=authorization)  # fmt: skip
    intent = "with no token and a body that breaks the schema"
    script.session.send("POST", BUILD, f"initiate {intent}", body={}, authorization=None)
    for operation in ABOUT_A_BUILD:
        _send(script, operation, _ABSENT, f"{_verb(operation)} of an absent build with no token",
             authorization=None, is_absent=True)  # fmt: skip


def refuse_initiate_bodies(script: BuildScript) -> None:
    """Initiate with bodies that break the schema, are not JSON, too large, or of another type."""
    send = script.session.send
    for body in inputs.INVALID_INITIATE_BODIES:
        send("POST", BUILD, "initiate with a body that breaks the schema", body=body)
    for what, content in inputs.BROKEN_CONTENT.items():
        send("POST", BUILD, f"initiate with {what}", content=content)
    for kind in inputs.CONTENT_TYPES:
        send(
            "POST", BUILD, f"initiate as {kind or 'no type'}",
            content=b'{"image_name": "contract-gate"}', headers=_typed(kind),
        )  # fmt: skip


def refuse_start_bodies(script: BuildScript) -> None:
    """Start with bodies that break the schema or are not JSON; then check that nothing changed."""
    issued, spent = _some_build(script, "bodies")
    start = f"{issued.path}/start"
    intent = "start with no token and a body that breaks the schema"
    script.session.send("POST", start, intent, body={"context_uploaded": 7}, authorization=None)
    for body in inputs.INVALID_START_BODIES:
        script.session.send("POST", start, "start with a body that breaks the schema", body=body)
        script.look(issued, "status after a start with such a body")
    for what, content in inputs.BROKEN_CONTENT.items():
        script.session.send("POST", start, f"start with {what}", content=content)
        script.look(issued, f"status after a start with {what}")
    if spent:
        raise spent


def request_absent_builds(script: BuildScript) -> None:
    """Request builds that do not exist, with unusual ids, ids like an issued one, and types.

    An id like an issued one may be somebody's: nothing but its status is requested.
    """
    for build_id, operation in itertools.product(inputs.ABSENT_BUILD_IDS, ABOUT_A_BUILD):
        intent = f"{_verb(operation)} of an absent build"
        _send(script, operation, build_id, intent, is_absent=True)
    for kind in inputs.CONTENT_TYPES:
        intent = f"start of an absent build as {kind or 'no type'}"
        script.session.send("POST", f"{BUILD}/no-such-build/start", intent, content=b"{}",
                         headers=_typed(kind), is_absent=True)  # fmt: skip
    others = (*script.waiting.values(), *script.hasty.values(), *script.followed.values())
    for issued in others[:1]:
        for what, build_id in inputs.like(issued.build_id).items():
            script.look(Issued(build_id, ""), f"status of {what}")


def request_unusual_segments(script: BuildScript) -> None:
    """Request paths that are not valid ids, such as broken percent-encodings."""
    for segment, operation in itertools.product(inputs.RAW_SEGMENTS, ABOUT_A_BUILD):
        path = operation.path.replace(_ID, segment)
        script.session.send(operation.method, path, f"{_verb(operation)} of an unusual segment",
                         **_body(operation))  # fmt: skip


def send_other_methods(script: BuildScript) -> None:
    """Send methods that the contract does not have; then check that nothing changed."""
    issued, spent = _some_build(script, "methods")
    paths = dict.fromkeys(one.path for one in contract().operations.values())
    own = delete_path(script.session.own_name or inputs.NAMED["image_name"], inputs.OWN_TAG)
    for path, method in itertools.product(paths, inputs.METHODS):
        is_image = path == _IMAGE
        target = own if is_image else path.replace(_ID, quote(issued.build_id, safe=""))
        # DELETE of the URL of a status is a delete of an image named `build`.
        if IMAGES.address(method, target).operation is not None:
            continue
        # A server may route it to a delete all the same: an id that this run was just issued is no
        # name or tag of anybody's image, any other might be one.
        if method == "DELETE" and not issued.upload_url and path != BUILD:
            continue
        sends: dict[str, Any] = {"body": {}} if method in ("POST", "PUT", "PATCH") else {}
        script.session.send(
            method, target, f"{method}, which the contract does not have here", **sends
        )
        if path != BUILD and not is_image:
            script.look(issued, f"status after a {method}")
    if spent:
        raise spent


def initiate_as_listed(script: BuildScript) -> None:
    """Initiate a build with values that the contract lists, and one with a NUL in a text."""
    script.initiate("listed values", **inputs.LISTED)
    script.initiate("a NUL in the path", **inputs.NUL)


def start_early(script: BuildScript) -> None:
    """Start a build whose context was never uploaded."""
    issued = script.initiate("no upload")
    if issued is None:
        return
    started = script.start(issued, "start without an upload", {})
    rows = script.look(issued, "status after a start without an upload").rows
    is_going = started.succeeded or not started.is_answered
    is_going = is_going or (bool(rows) and rows[0].phase == "running")
    (script.hasty if is_going else script.waiting)["no upload"] = issued


def _some_build(script: BuildScript, what: str) -> tuple[Issued, BudgetSpent | None]:
    """Return a new build with a context, which must not be started.

    If the budget has no build left, or initiate fails, return one that exists, which serves most
    probes as well; if there is none, one that does not exist.
    """
    spent, issued = None, None
    try:
        issued = script.uploaded(what)
    except BudgetSpent as error:
        spent = error
    if issued is not None:
        script.waiting[what] = issued
        return issued, None
    others = (*script.waiting.values(), *script.hasty.values(), *script.followed.values())
    return next(iter(others), Issued("no-such-build", "")), spent


def _send(
    script: BuildScript, operation: Operation, build_id: str, intent: str, **more: Any
) -> None:
    path = operation.path.replace(_ID, quote(build_id, safe=""))
    script.session.send(operation.method, path, intent, **_body(operation), **more)


def _body(operation: Operation) -> dict[str, Any]:
    return {} if operation.request_schema is None else {"body": {}}


def _verb(operation: Operation) -> str:
    return "start" if operation.method == "POST" else "status"


def _typed(kind: str | None) -> dict[str, str]:
    return {} if kind is None else {"Content-Type": kind}


_TOKENS = len(inputs.tokens("a-token"))
_ABOUT = len(ABOUT_A_BUILD)
_KINDS = len(inputs.CONTENT_TYPES)
_BROKEN = len(inputs.BROKEN_CONTENT)
_INITIATES = len(inputs.INVALID_INITIATE_BODIES) + _BROKEN + _KINDS
_OTHERS = len(inputs.METHODS) - 1

COSTLESS = [
    Step("no token, and others, to initiate", 0, 0, _TOKENS + 1 + _ABOUT, refuse_tokens_to_initiate,
         made_if_accepted=_TOKENS),
    Step("invalid bodies to initiate", 0, 0, _INITIATES, refuse_initiate_bodies,
         made_if_accepted=_INITIATES),
]  # fmt: skip
"""Steps that make no build, unless the server accepts what it must refuse."""

TOKENS = Step("no token, and others", 1, 0, 2 + (_ABOUT + 1) * _TOKENS, refuse_tokens,
              started_if_accepted=1)  # fmt: skip
START_BODIES = Step(
    "invalid bodies to start", 1, 0, 3 + 2 * (len(inputs.INVALID_START_BODIES) + _BROKEN),
    refuse_start_bodies, started_if_accepted=1,
)  # fmt: skip
ABSENT = Step("absent builds, unusual ids and types", 0, 0,
              _ABOUT * len(inputs.ABSENT_BUILD_IDS) + _KINDS + len(inputs.like("id")),
              request_absent_builds)  # fmt: skip
METHODS = Step("other methods", 1, 0, 2 + 2 * _OTHERS + 2 * (_ABOUT * _OTHERS - 1),
               send_other_methods, made_if_accepted=_OTHERS, started_if_accepted=1)  # fmt: skip
LISTED = Step("values that the contract lists, and a NUL", 2, 0, 2, initiate_as_listed)
EARLY = Step("a start without an upload", 1, 1, 3, start_early)
SEGMENTS = Step(
    "unusual path segments", 0, 0, _ABOUT * len(inputs.RAW_SEGMENTS), request_unusual_segments
)
PROBES = [TOKENS, START_BODIES, ABSENT, METHODS, EARLY, LISTED, SEGMENTS]
