"""Servers that differ from the reference server, and keep the contract, pass."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ...drivers.http.clock import VirtualClock
from ...drivers.http.in_process import in_process
from ...drivers.scripted.inputs import HOPELESS, context
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...reference.app import create_app
from ...reference.faults import Fault, Server, ServerRequest, ServerResponse
from ...report import text
from ..support.judging import judge_server
from ..support.unprovoked import UNPROVOKED

TOKEN = "test-token"  # noqa: S105
Change = Callable[[ServerRequest, ServerResponse], None]
TIMES = re.compile(r'"([a-z]+At)": ?"([^"]+)"')


def returns_build(request: ServerRequest, answer: ServerResponse) -> bool:
    """Whether a response has a build in its body."""
    return request.operation in ("start", "status") and answer.status == 200


def without_nulls(_: ServerRequest, answer: ServerResponse) -> None:
    """Leave nullable keys out, and artifacts while there are none."""
    if answer.content:
        text = answer.content.decode()
        body = json.loads(text, object_hook=lambda o: {k: v for k, v in o.items() if v is not None})
        if body.get("artifacts") == []:
            del body["artifacts"]
        answer.content = json.dumps(body).encode()


def times(write: Callable[[datetime], str]) -> Change:
    """Write every instant otherwise."""

    def change(request: ServerRequest, answer: ServerResponse) -> None:
        if returns_build(request, answer):
            answer.content = TIMES.sub(
                lambda found: f'"{found[1]}": "{write(datetime.fromisoformat(found[2]))}"',
                answer.content.decode(),
            ).encode()

    return change


def fraction(digits: int) -> Change:
    """Write so many digits of the second; what is cut off is lost, as such servers lose it."""

    def write(at: datetime) -> str:
        written = f"{at.microsecond:06}000"[:digits]
        return at.strftime("%Y-%m-%dT%H:%M:%S") + ("." + written if digits else "") + "Z"

    return times(write)


def offset(minutes: int) -> Change:
    """Write instants in another zone."""
    return times(lambda at: at.astimezone(timezone(timedelta(minutes=minutes))).isoformat())


def lower_case(request: ServerRequest, answer: ServerResponse) -> None:
    """Write t and z, as RFC 3339 lets."""
    times(lambda at: at.isoformat().replace("+00:00", "Z").lower())(request, answer)


def unknown_keys(_: ServerRequest, answer: ServerResponse) -> None:
    """Add keys that the contract does not have."""
    if answer.content:
        answer.content = json.dumps({**json.loads(answer.content), "region": {"id": 7}}).encode()


def charset(_: ServerRequest, answer: ServerResponse) -> None:
    """Name the charset in the content type."""
    headers = dict(answer.headers)
    if headers.get(b"content-type") == b"application/json":
        headers[b"content-type"] = b"application/json; charset=utf-8"
        answer.headers = list(headers.items())


def detail_where_open(_: ServerRequest, answer: ServerResponse) -> None:
    """Use a ``detail`` body, where the contract leaves the body open."""
    if answer.status in (401, 404, 405, 409, 413, 415):
        answer.content = b'{"detail": "no"}'


def refusals(status: int) -> Change:
    """Answer so where an unknown build, or the state of a known one, is the reason."""

    def change(_: ServerRequest, answer: ServerResponse) -> None:
        if answer.status in (404, 409):
            answer.status = status
            answer.content = b'{"errors": [{"param": "build_id", "details": "no"}]}'

    return change


def strict_on_names(request: ServerRequest, answer: ServerResponse) -> None:
    """Refuse names and tags that are not plain words."""
    if request.operation == "initiate" and answer.status == 201:
        body = request.json()
        for key in ("image_name", "image_tag"):
            if not re.fullmatch(r"[a-z][a-z0-9-]*", body[key]):
                body_sent = {"errors": [{"param": key, "details": "is not a plain name"}]}
                answer.status, answer.content = 422, json.dumps(body_sent).encode()


def strict_on_keys(request: ServerRequest, answer: ServerResponse) -> None:
    """Refuse keys that the contract does not have, in initiate and in start."""
    known = {"image_name", "image_tag", "dockerfile_path", "platform", "teamId", "visibility"}
    body = request.json()
    if request.operation == "initiate" and answer.status == 201 and set(body) - known:
        answer.status, answer.content = 422, b'{"errors": []}'


def lax_on_booleans(request: ServerRequest) -> None:
    """Read words and numbers as booleans, as pydantic does."""
    body = request.json()
    value = body.get("context_uploaded") if isinstance(body, dict) else None
    if request.operation == "start" and str(value).lower() in ("1", "true", "yes", "on", "1.0"):
        request.content = b'{"context_uploaded": true}'


def refuses_second_start(request: ServerRequest, answer: ServerResponse) -> None:
    """Answer 409 to a second start."""
    if request.operation == "start" and answer.status == 200:
        if request.seen.get("started"):
            answer.status, answer.content = 409, b""
        request.seen["started"] = True


async def takes_false(request: ServerRequest, server: Server) -> ServerResponse:
    """Answer a start with context_uploaded false with the build as it is."""
    body = request.json()
    answer = await server.respond(request)
    is_false = isinstance(body, dict) and body.get("context_uploaded") is False
    if request.operation == "start" and answer.status == 409 and is_false:
        return await server.send(request, "GET", request.path.decode().removesuffix("/start"))
    return answer


async def takes_any_start(request: ServerRequest, server: Server) -> ServerResponse:
    """Take a start without an upload, and let the build fail for it."""
    if request.operation == "initiate":
        answer = await server.respond(request)
        if answer.status == 201:
            issued = json.loads(answer.content)
            server.memory[issued["build_id"]]["url"] = issued["upload_url"]
        return answer
    if request.operation == "upload":
        request.seen["uploaded"] = True
    answer = await server.respond(request)
    body = request.json()
    if (
        request.operation == "start"
        and answer.status == 409
        and body in ({}, {"context_uploaded": True})
    ):
        path = request.seen["url"].partition("/uploads/")[2]
        kind = b"application/octet-stream"
        await server.send(request, "PUT", f"/uploads/{path}", context(HOPELESS), kind)
        return await server.respond(request)
    return answer


def lists_early(request: ServerRequest, answer: ServerResponse) -> None:
    """List an artifact from the start, PENDING while the group waits."""
    if returns_build(request, answer):
        body = json.loads(answer.content)
        listed = body["artifacts"] or [{"status": "PENDING", "startedAt": None}]
        for number, one in enumerate(listed):
            one |= {"id": f"art-{number}-of-{body['id']}", "createdAt": body["createdAt"]}
        answer.content = json.dumps({**body, "artifacts": listed}).encode()


def queued(request: ServerRequest, answer: ServerResponse) -> None:
    """Let a build wait for a while once it is started."""
    if not returns_build(request, answer):
        return
    body = json.loads(answer.content)
    if body["status"] == "BUILDING":
        request.seen["polls"] = polls = request.seen.get("polls", 0) + 1
        if polls <= 4:
            body |= {"status": "UPLOADING", "startedAt": None, "artifacts": []}
            answer.content = json.dumps(body).encode()


def cancels(request: ServerRequest, answer: ServerResponse) -> None:
    """Cancel what cannot be built."""
    if returns_build(request, answer):
        answer.content = answer.content.replace(b'"FAILED"', b'"CANCELLED"')


def limited(every: int, headers: list[tuple[bytes, bytes]]) -> Change:
    """Answer 429 to each so manieth request, and mean it: nothing is done."""

    def change(request: ServerRequest) -> ServerResponse | None:
        count = request.server.memory[""]["count"] = request.server.memory[""].get("count", 0) + 1
        return (
            ServerResponse(429, headers, b'{"detail": "slow down"}') if count % every == 0 else None
        )

    return change  # type: ignore[return-value]


def zipped(_: ServerRequest, answer: ServerResponse) -> None:
    """Compress, though the request does not accept it."""
    if answer.content:
        answer.content = gzip.compress(answer.content)
        answer.headers.append((b"content-encoding", b"gzip"))


def closes(_: ServerRequest, answer: ServerResponse) -> None:
    """Close the connection after each answer."""
    answer.headers.append((b"connection", b"close"))


def redirects_slashes(request: ServerRequest, answer: ServerResponse) -> None:
    """Redirect what ends in a slash, as some routers do."""
    if request.path.endswith(b"/") and answer.status == 404:
        answer.status = 307
        answer.headers.append((b"location", request.path.rstrip(b"/")))


def folds_names(request: ServerRequest, answer: ServerResponse) -> None:
    """Spell names in lower case."""
    if returns_build(request, answer):
        body = json.loads(answer.content)
        body["imageName"] = body["imageName"].lower()
        answer.content = json.dumps(body).encode()


def redirects_absent(request: ServerRequest, answer: ServerResponse) -> None:
    """Redirect to somewhere else where there is no such build."""
    if request.operation in ("start", "status") and answer.status == 404:
        answer.status, answer.content = 302, b""
        answer.headers.append((b"location", b"/"))


def deletes_builds(request: ServerRequest, answer: ServerResponse) -> None:
    """Have an operation that deletes what has the path of a build, as the vendor's API has."""
    if request.method in ("DELETE", "HEAD") and request.place == "build" and request.is_authorized:
        answer.status, answer.content = 200, b'{"success": true, "message": "gone"}'
        answer.headers = [(b"content-type", b"application/json")]


async def looks_at_the_state_first(request: ServerRequest, server: Server) -> ServerResponse:
    """Answer each start of a started build with the build, whatever its JSON body."""
    answer = await server.respond(request)
    if request.operation == "start" and request.is_authorized:
        is_broken = answer.status == 422 and request.json() is not ...
        if is_broken and request.seen.get("started"):
            return await server.send(request, "GET", request.path.decode().removesuffix("/start"))
        request.seen["started"] = request.seen.get("started") or answer.status == 200
    return answer


ANSWERED: list[Change] = [
    without_nulls, lower_case, unknown_keys, charset, detail_where_open, strict_on_names,
    strict_on_keys, refuses_second_start, lists_early, queued, cancels, zipped, closes,
    redirects_slashes, folds_names, redirects_absent, deletes_builds,
]  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "lax_on_booleans": {"request": lax_on_booleans},
    "takes_false": {"around": takes_false},
    "takes_any_start": {"around": takes_any_start},
    "looks_at_the_state_first": {"around": looks_at_the_state_first},
    "429_at_once": {"request": limited(7, [(b"retry-after", b"0")])},
    "offset_of_330": {"response": offset(330)},
    "offset_of_-720": {"response": offset(-720)},
    "offset_of_0": {"response": offset(0)},
    **{
        f"refuses_with_{code}": {"response": refusals(code)}
        for code in (400, 403, 404, 409, 410, 422)
    },
}
SCRIPTED: dict[str, dict[str, Any]] = {
    **{f"{digits}_fraction_digits": {"response": fraction(digits)} for digits in range(10)},
    "429_later": {"request": limited(60, [(b"retry-after", b"1")])},
}
VARIANTS = {one.__name__: {"response": one} for one in ANSWERED} | OTHERS


def judged(changes: dict[str, Any], *, fuzzing: bool, **app: Any) -> Run:
    """Judge a server that is changed so."""
    at = embedded(TOKEN, Fault("variant", "", "", **changes), **app)
    return judge_server(Target(token=TOKEN), fuzzing=fuzzing, at=at)


def alarms(run: Run) -> list[str]:
    """List everything reported against a server."""
    return [text.failures(one, run.redaction) for one in run.judge.violated]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(VARIANTS))
def test_conforming_server_passes(name: str) -> None:
    """No rule is violated, neither by scripted nor by generated traffic."""
    run = judged(VARIANTS[name], fuzzing=True)

    assert alarms(run) == []
    assert sum(one.outcome == "passed" for one in run.verdicts.values()) >= 28


@pytest.mark.parametrize("name", [*VARIANTS, *SCRIPTED])
def test_conforming_server_passes_the_script(name: str) -> None:
    """No rule is violated by scripted traffic."""
    assert alarms(judged((VARIANTS | SCRIPTED)[name], fuzzing=False)) == []


def unobserved(run: Run) -> set[str]:
    """Return the rules that no traffic touched; all others must have passed."""
    outcomes = {rule: verdict.outcome for rule, verdict in run.verdicts.items()}
    assert set(outcomes.values()) <= {"passed", "not observed"}
    return {rule for rule, outcome in outcomes.items() if outcome == "not observed"}


def test_the_gate_slows_down_and_goes_on() -> None:
    """A 429 is waited for as long as its Retry-After, and the request is sent again."""
    run = judged(SCRIPTED["429_later"], fuzzing=False)

    refused = [one for one in run.tape.exchanges if one.response.status == 429]
    assert len(refused) >= 4
    assert run.pace.slowed == len(refused)
    assert unobserved(run) == {"S8"}


@pytest.mark.slow
def test_a_build_that_takes_long_passes() -> None:
    """Longer than it is polled for densely: it is waited for at the end."""
    run = judged({}, fuzzing=True, build_seconds=4.0)

    assert alarms(run) == []
    assert unobserved(run) == UNPROVOKED


def test_a_clock_that_is_ahead_passes() -> None:
    """By less than the stated tolerance."""
    clock = VirtualClock()
    app = create_app(token=TOKEN, clock=lambda: clock.now() + timedelta(minutes=4))
    run = judge_server(Target(token=TOKEN), fuzzing=False, at=in_process(app, clock))

    assert alarms(run) == []
