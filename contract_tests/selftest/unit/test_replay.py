"""Recorded traffic is judged as live traffic is, whatever overlaps and whoever sent it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ...drivers.har.replay import Replayed, replay
from ...gate.target import Target
from ...rules import RULES
from ...tape.exchange import Credential
from ...tape.tape import Tape
from ...verdicts.judge import Verdict
from ..support.judging import judge_server, judge_tape
from ..support.recordings import (
    API,
    FROM_CACHE,
    NO_ANSWER,
    SAMPLES,
    TOKEN,
    Entry,
    Replay,
    entry,
    observed,
    replayer,
    start,
    status,
    status_body,
    violated,
    written,
)  # fmt: skip


@pytest.fixture
def replayed(tmp_path: Path) -> Replay:
    """Return a function that replays entries."""
    return replayer(tmp_path)


@pytest.mark.parametrize(
    ("name", "judged", "ignored", "left_out", "bodiless", "broken"),
    [
        ("chrome", 6, 1, {NO_ANSWER: 1, FROM_CACHE: 1}, 1, set()),
        ("chrome-without-content", 3, 0, {}, 3, set()),
        ("firefox", 3, 1, {}, 1, set()),
        ("safari", 2, 0, {FROM_CACHE: 1}, 0, set()),
        ("mitmproxy", 6, 0, {NO_ANSWER: 1}, 0, set()),
        ("playwright", 3, 0, {NO_ANSWER: 1}, 1, set()),
        ("charles", 3, 0, {}, 0, {"T5"}),
        ("schemathesis", 5, 0, {}, 0, set()),
    ],
)
def test_sample(
    name: str, judged: int, ignored: int, left_out: dict[str, int], bodiless: int, broken: set[str]
) -> None:
    """What each tool writes is read as it was meant."""
    made = replay(SAMPLES / f"{name}.har")

    assert (made.judged, made.ignored, dict(made.left_out)) == (judged, ignored, left_out)
    assert made.entries == judged + ignored + sum(left_out.values())
    assert (made.bodiless, made.untimed) == (bodiless, 0)
    assert violated(made) == broken


@pytest.mark.parametrize(
    ("name", "credentials"),
    [
        ("chrome", {Credential.UNKNOWN}),
        ("chrome-without-content", {Credential.VALID}),
        ("mitmproxy", {Credential.VALID, Credential.ABSENT, Credential.OTHER}),
        ("schemathesis", {Credential.UNKNOWN, Credential.ABSENT}),
    ],
)
def test_credentials_of_sample(name: str, credentials: set[Credential]) -> None:
    """What a tool leaves out or filters is unknown; the rest is known."""
    exchanges = replay(SAMPLES / f"{name}.har").tape.exchanges

    assert {one.request.credential for one in exchanges} == credentials


def test_upload_is_recognised() -> None:
    """A PUT to the URL that initiate answered is an upload of that build."""
    uploads = replay(SAMPLES / "mitmproxy.har").tape.of("upload")

    assert [one.build_id for one in uploads] == ["bld_7c1f"]


def har_of(tape: Tape, token: str) -> list[Entry]:
    """Write a tape as a tool would have recorded it."""
    shown = {Credential.VALID: f"Bearer {token}", Credential.ABSENT: None}
    entries = []
    for one in tape.exchanges:
        other = f"Bearer other-token-{one.number}"
        hidden = {"authorization": shown.get(one.request.credential, other)}
        made = {}
        for part, headers in (
            ("request", {**one.request.headers, **hidden}), ("response", one.response.headers),
        ):  # fmt: skip
            listed = [{"name": name, "value": value} for name, value in headers.items() if value]
            made[part] = {"headers": listed, "bodySize": -1}
        content = one.response.content or b""
        made["request"] |= {"method": one.request.method, "url": one.request.url}
        if one.request.content:
            made["request"]["postData"] = held(one.request.content)
        made["response"] |= {
            "status": one.response.status,
            "content": {"size": len(content), **held(content)},
        }
        took = (one.ended - one.began) / timedelta(milliseconds=1)
        entries.append({"startedDateTime": one.began.isoformat(), "time": took, **made})
    return entries


def held(content: bytes) -> dict[str, str]:
    """Hold a body as tools do: as text, or as bytes that are not plain text."""
    if content.isascii():
        return {"text": content.decode()}
    return {"text": base64.b64encode(content).decode(), "encoding": "base64"}


@pytest.mark.parametrize("name", ["chrome", "firefox", "mitmproxy", "charles", "schemathesis"])
def test_recording_listed_twice_has_the_same_verdicts(name: str, replayed: Replay) -> None:
    """Merged exports list each exchange once in each; the server answered once."""
    once = json.loads((SAMPLES / f"{name}.har").read_text(encoding="utf-8-sig"))["log"]["entries"]
    one, both = replayed(*once), replayed(*once, *once)

    assert (both.judged, both.repeated) == (one.judged, one.judged)
    first, then = (counted(judge_tape(made.tape, RULES.values())) for made in (one, both))
    assert first == then


def issued(**more: Any) -> Entry:
    """Return an initiate that issues bld_1; two of them would break L9."""
    issued = {"build_id": "bld_1", "upload_url": "https://u.example/1", "expires_in": 60}
    body = {**issued, "fullImagePath": "r.example/web:v1", "visibility": "PRIVATE"}
    return entry("POST", API, 201, body, sent={"image_name": "web", "image_tag": "v1"}, **more)


def without_body(one: Entry) -> Entry:
    """Return an entry as recorders write it that keep no bodies."""
    return {**one, "response": {**one["response"], "content": {"size": 0, "text": ""}}}


def zulu(one: Entry) -> Entry:
    """Return an entry whose time is written in another way."""
    return {**one, "startedDateTime": one["startedDateTime"].replace("+00:00", ".000Z")}


def untimed(one: Entry) -> Entry:
    """Return an entry without times."""
    return {**one, "startedDateTime": None}


ALIKE: dict[str, tuple[Entry, Entry, set[str]]] = {
    "to the letter": (issued(), issued(), set()),
    "with more keys": (issued(), {**issued(), "_tab": 7, "pageref": "page_1"}, set()),
    "time in another spelling": (issued(), zulu(issued()), set()),
    "body not kept the second time": (issued(), without_body(issued()), set()),
    "without times": (untimed(issued()), untimed(issued()), set()),
    "later": (issued(), issued(at=1), {"L9"}),
    "longer": (issued(), issued(took=0.02), {"L9"}),
}


@pytest.mark.parametrize(("one", "other", "broken"), ALIKE.values(), ids=list(ALIKE))
def test_entries_alike_in_time_and_bytes_are_one_exchange(
    one: Entry, other: Entry, broken: set[str], replayed: Replay
) -> None:
    """What differs in time or in bytes happened twice."""
    made = replayed(one, other)

    assert violated(made) == broken
    assert made.repeated == (0 if broken else 1)
    assert made.judged + made.repeated == 2


def without_sent(one: Entry) -> Entry:
    """Return an entry as recorders write it that keep no bodies of requests."""
    kept = {key: value for key, value in one["request"].items() if key != "postData"}
    return {**one, "request": kept | {"bodySize": -1}}


def without_headers(one: Entry) -> Entry:
    """Return an entry as Chrome exports it without sensitive data."""
    headers = [two for two in one["request"]["headers"] if two["name"] != "Authorization"]
    return {**one, "request": {**one["request"], "headers": headers}}


def filtered(one: Entry) -> Entry:
    """Return an entry whose token stands hidden in it."""
    hidden: Entry = json.loads(json.dumps(one).replace(TOKEN, "[Filtered]"))
    return hidden


COPIES: dict[str, Callable[[Entry], Entry]] = {
    "whole": lambda one: one,
    "no body": without_body,
    "no request body": without_sent,
    "no token": without_headers,
    "hidden token": filtered,
}


@pytest.mark.parametrize("second", COPIES)
@pytest.mark.parametrize("first", COPIES)
def test_copies_have_the_verdicts_of_the_whole(first: str, second: str, replayed: Replay) -> None:
    """What a copy lacks is taken from the others, wherever they stand."""
    whole = [
        issued(),
        status(at=1),
        entry(body=status_body("COMPLETED", completedAt=None), at=2),
        entry(status=404, body={"detail": "not found"}, token="other", at=3),  # noqa: S106
    ]
    lists = [[COPIES[how](one) for one in whole] for how in (first, second)]
    alone = replayed(*whole)
    for copies in ([*lists[0], *lists[1], *whole], [*lists[0], *whole, *lists[1]]):
        made = replayed(*copies)

        assert (made.judged, made.repeated, made.bodiless) == (4, 8, 0)
        assert credentials(made) == credentials(alone)
        assert messages(made) == messages(alone)
        assert violated(made) == violated(alone) >= {"T5"}


def messages(made: Replayed) -> list[Any]:
    """Return headers and bodies, in order."""
    both = [(one.request, one.response) for one in made.tape.exchanges]
    return [[(one.headers, one.content) for one in pair] for pair in both]


def test_copies_that_complete_each_other_are_one_exchange(replayed: Replay) -> None:
    """Neither copy has to be whole."""
    made = replayed(without_body(issued()), without_headers(without_sent(issued())))

    assert messages(made) == messages(replayed(issued()))


def test_same_instant_with_another_token_is_another_exchange(replayed: Replay) -> None:
    """A recorder with a coarse clock gives two requests one time; a copy may lack its token."""
    two = [status(), status(token="other")]  # noqa: S106
    made = replayed(status(token=None), *two)

    assert (made.judged, made.repeated) == (2, 1)
    assert credentials(made) == credentials(replayed(*two, status(token=None))) == ["valid"] * 2


def test_token_that_only_a_sanitised_copy_lacks_is_unknown(replayed: Replay) -> None:
    """Where one export was sanitised, a request is without a token if every copy of it is."""
    full, later, bare = status(), status(at=1), status(at=2, token=None)
    made = replayed(full, bare, *map(without_headers, (full, later, bare)))

    assert credentials(made) == ["valid", "unknown", "absent"]
    assert violated(made) == {"P2"}


@pytest.mark.parametrize("fault", [None, "completed-null", "json-key-twice", "other-id"])
def test_recorded_as_live(fault: str | None, tmp_path: Path) -> None:
    """The traffic of the gate, recorded and replayed, gets the verdicts that it got live."""
    run = judge_server(Target(fault=fault), fuzzing=False)
    run.tape.is_whole = False
    path = written(tmp_path / "gate.har", har_of(run.tape, run.target.token))

    made = replay(path)

    live, then = (counted(judge_tape(tape, RULES.values())) for tape in (run.tape, made.tape))
    assert made.judged == len(run.tape.exchanges)
    # That a build cannot exist, only the driver knows.
    assert {**then, "P4": None} == {**live, "P4": None}
    assert bool(live["T5"][1]) is (fault == "completed-null")
    assert sum(bool(count) for count, _ in then.values()) > 20


def counted(verdicts: dict[str, Verdict]) -> dict[str, Any]:
    """Return how often each rule was observed and broken."""
    return {one: (v.observed, len(v.violations)) for one, v in verdicts.items()}


def polled(first: tuple[float, float], second: tuple[float, float]) -> list[Entry]:
    """Return a start that answered BUILDING, and a poll that answered PENDING: (at, took)."""
    return [
        start("BUILDING", at=first[0], took=first[1]),
        status("PENDING", at=second[0], took=second[1]),
    ]


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        ((0, 1), (2, 1), {"L4", "L6"}),
        ((0, 1), (0.5, 1), set()),
        ((0, 2), (0.5, 1), set()),
        ((0.5, 1), (0, 2), set()),
    ],
    ids=["after", "while it ends", "within", "around"],
)
def test_overlap(
    first: tuple[float, float],
    second: tuple[float, float],
    broken: set[str],
    replayed: Replay,
) -> None:
    """A poll that overlapped with the start may show the build before it."""
    entries = polled(first, second)

    assert violated(replayed(*entries)) == broken
    assert violated(replayed(*reversed(entries))) == broken


@pytest.mark.parametrize(
    ("first", "second", "broken"),
    [
        ((1, 0), (1, 0), set()),
        ((1, 0), (1.001, 0), {"L1", "L4"}),
        ((0.5, 0.5), (1, 0), {"L1", "L4"}),
        ((0.5, 0.5), (1, 0.5), {"L1", "L4"}),
    ],
    ids=["one instant", "the next instant", "an instant at its end", "a time at its end"],
)
def test_exchanges_without_length_have_no_order_at_one_instant(
    first: tuple[float, float],
    second: tuple[float, float],
    broken: set[str],
    replayed: Replay,
) -> None:
    """A coarse clock shows no order, and some tools list the newest first; another end does."""
    made = replayed(
        status("BUILDING", at=first[0], took=first[1]),
        status("PENDING", at=second[0], took=second[1]),
    )

    assert violated(made) == broken


@pytest.mark.parametrize(("took", "broken"), [(3, set()), (0.5, {"L1", "L4"})])
def test_two_polls(took: float, broken: set[str], replayed: Replay) -> None:
    """Of two polls in flight the one that is answered later may have looked earlier."""
    first, second = status("BUILDING", at=1, took=took), status("PENDING", at=2, took=3)

    assert violated(replayed(first, second)) == broken


def test_order_is_by_end(replayed: Replay) -> None:
    """The exchange that ended first comes first, though it began last."""
    made = replayed(status("BUILDING", at=1, took=5), status("BUILDING", at=2, took=1))

    assert [one.intent for one in made.tape.exchanges] == ["entry 2", "entry 1"]


def test_without_times_there_is_no_order(replayed: Replay) -> None:
    """Entries that have no times may have come in any order."""
    entries = [status("BUILDING"), status("PENDING")]
    for one in entries:
        del one["startedDateTime"]
    made = replayed(*entries)

    assert made.untimed == 2
    assert violated(made) == set()


def test_order_is_by_time(replayed: Replay) -> None:
    """Entries are judged as they were answered, wherever they stand in the file."""
    made = replayed(status("COMPLETED", at=9), status("PENDING", at=1), status("BUILDING", at=5))

    assert [one.rows[0].status for one in made.tape.exchanges] == [
        "PENDING",
        "BUILDING",
        "COMPLETED",
    ]
    assert [one.intent for one in made.tape.exchanges] == ["entry 2", "entry 3", "entry 1"]
    assert violated(made) == set()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("startedDateTime", "yesterday"),
        ("startedDateTime", "2026-05-04T12:00:00"),
        ("startedDateTime", "9999-12-31T23:59:59Z"),
        ("startedDateTime", None),
        ("time", -1),
        ("time", 1e300),
        ("time", "5"),
        ("time", True),
    ],
)
def test_time_that_cannot_be_read(key: str, value: Any, replayed: Replay) -> None:
    """An entry without a time keeps its place, is judged by itself, and proves no order."""
    unreadable = status("COMPLETED", at=1)
    unreadable[key] = value
    made = replayed(status("BUILDING"), unreadable, status("BUILDING", at=2))

    assert made.untimed == 1
    assert [one.intent for one in made.tape.exchanges] == ["entry 1", "entry 2", "entry 3"]
    assert violated(made) == set()
    assert observed(made, "T5") == 3


def credentials(made: Replayed) -> list[str]:
    """Return what the requests showed, in order."""
    return [str(one.request.credential) for one in made.tape.exchanges]


def test_token_that_was_taken_is_valid(replayed: Replay) -> None:
    """A token with which something succeeded is valid, until it is refused."""
    made = replayed(
        status(at=1), entry(status=404, at=2), entry(status=401, at=3), status(at=4, token=None)
    )

    assert credentials(made) == ["valid", "valid", "unknown", "absent"]
    assert violated(made) == {"P2"}


def test_token_that_was_never_taken(replayed: Replay) -> None:
    """A token is another one only if all that it got is 401."""
    refused, limited = "refused-0d1c9b", "limited-0d1c9b"
    made = replayed(
        status(at=1),
        entry(status=401, token=refused, at=2),
        entry(status=401, token=limited, at=3),
        entry(status=429, token=limited, at=4),
    )

    assert credentials(made) == ["valid", "other", "unknown", "unknown"]


@pytest.mark.parametrize(
    "token",
    ["[Filtered]", "<redacted>", "***", "REDACTED", " ", "{{token}}", "•••", "pit_4f…", "XXXXXXXX"],
)
def test_redacted_token_is_not_known(token: str, replayed: Replay) -> None:
    """A placeholder for a token proves nothing."""
    assert credentials(replayed(status(token=token), status(at=1, token=None))) == [
        "unknown", "absent",
    ]  # fmt: skip


def test_sanitised_recording(replayed: Replay) -> None:
    """Without any Authorization header nothing is known of tokens, and nothing is absent."""
    made = replayed(status(token=None), start(at=1, token=None))

    assert credentials(made) == ["unknown", "unknown"]
    assert violated(made) == set()


def test_session_may_stand_in_a_cookie(replayed: Replay) -> None:
    """A request with a cookie, and headers that were not recorded, do not count as absent."""
    cookie, bare = status(at=1, token=None), status(at=2, token=None)
    cookie["request"]["headers"].append({"name": "cookie", "value": "s=1"})
    bare["request"]["headers"] = []
    made = replayed(status(), cookie, bare)

    assert credentials(made) == ["valid", "unknown", "unknown"]


def test_expired_token_breaks_nothing(replayed: Replay) -> None:
    """A body that breaks the schema may be refused with 401 where the token is not known."""
    sent = {"image_name": "web"}
    made = replayed(entry("POST", API, 401, sent=sent, token="[Filtered]"))  # noqa: S106

    assert violated(made) == set()


def test_no_token_is_shown(replayed: Replay) -> None:
    """Every token and cookie of the file is a secret, those of another host too."""
    elsewhere = entry(url="https://other.example/", token="other-t0ken")  # noqa: S106
    elsewhere["response"]["headers"].append(
        {"name": "Set-Cookie", "value": "s=c00kie-here; Path=/"}
    )
    leaking = entry(
        url=f"{API}/{TOKEN}", body=status_body("BUILDING", imageName="other-t0ken"), at=1
    )
    basic = {"request": {"headers": [{"name": "authorization", "value": "Basic b2RkOnRva2Vu"}]}}
    also = entry(body=status_body("BUILDING", imageTag="b2RkOnRva2Vu c00kie-here"), at=2)
    made = replayed(elsewhere, leaking, basic, also)
    bodies = "".join(one.response.text for one in made.tape.exchanges)
    shown = made.redaction(bodies) + repr(made) + repr(made.tape)

    for secret in (TOKEN, "other-t0ken", "b2RkOnRva2Vu", "c00kie-here"):
        assert secret in bodies + f"{API}/{TOKEN}"
        assert secret not in shown


@pytest.mark.parametrize("token", ["null", "BUILDING", "status", "73519", "{}"])
def test_token_that_stands_everywhere(token: str, replayed: Replay) -> None:
    """A token that is a word of the contract does not spoil the bodies."""
    made = replayed(
        entry(body=status_body("BUILDING", size=73519)),
        entry(status=401, token=token, at=1),
        start(at=2),
    )

    assert violated(made) == set()
    assert observed(made, "T5") == 2
