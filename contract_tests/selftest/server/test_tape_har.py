"""The file with the exchanges of a run: HAR, without secrets, judged as the run was."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ... import judge
from ...contract.api import IMAGES
from ...drivers.har.replay import replay
from ...drivers.scripted import inputs
from ...gate.run import Run
from ...gate.target import Target
from ...problems import Problem
from ...report import files, har
from ...rules import RULES
from ...tape.exchange import Credential, Exchange
from ..support import taped
from ..support.judging import judge_server
from ..support.recordings import SAMPLES

TOKEN = "pit_Sv7-token/of+this==run"  # noqa: S105
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BUILD = "http://api.example/api/v1/images/build"
JSON = {
    "content-type": "application/json",
    "server": "some",
    "date": "Mon, 04 May 2026 12:00:00 GMT",
}
GROUP = {
    "id": "bld_1", "imageName": "web", "imageTag": "v1", "status": "COMPLETED",
    "createdAt": "2026-05-04T11:00:00Z", "startedAt": "2026-05-04T11:00:01Z",
    "completedAt": "2026-05-04T11:00:02Z",
}  # fmt: skip


def run_of(*bodies: bytes, token: str = TOKEN, headers: dict[str, str] | None = None) -> Run:
    """Return a run whose server returned these to status."""
    run = Run(Target(token=token, level="advice"))
    for number, body in enumerate(bodies):
        recorded(run, body, after=number, headers=headers)
    return run


def recorded(
    run: Run, body: bytes, *, url: str = f"{BUILD}/bld_1", after: float = 0, **more: Any
) -> Exchange:
    """Record a status with the valid token."""
    began = NOON + timedelta(seconds=after)
    return run.tape.record(
        driver="lifecycles", intent="status", **{
            "request": ("GET", url, {"authorization": f"Bearer {run.tape.token}"}, b""),
            "response": (200, {**JSON, **(more.pop("headers", None) or {})}, body),
            "at": (began, began + timedelta(microseconds=123)), **more,
        },
    ).last  # fmt: skip


def group(**more: Any) -> bytes:
    """Return the body of a status."""
    return json.dumps({**GROUP, **more}).encode()


def test_exchange_17_is_the_17th_entry() -> None:
    """Each report names an exchange by its number, which leads to its entry."""
    run = judge_server(Target(fault="completed-null"), fuzzing=False)
    entries = taped.entries(run)
    found = run.verdicts["T5"].violations[0].exchange

    assert [one["_contract"]["number"] for one in entries] == [*range(1, len(entries) + 1)]
    assert len(entries) == len(run.tape.exchanges)
    assert entries[found.number - 1]["comment"] == found.intent


def test_no_secret_is_in_the_file() -> None:
    """The token, cookies, queries of uploads, and headers of the user, in any encoding."""
    run = Run(Target(token=TOKEN, headers={"X-Team": "kitchen-door-code"}))
    secrets = [TOKEN, "c00kie-of-a-server", "X-Amz-Signature=0123456789abcdef", "kitchen-door-code"]
    joined = ";".join(secrets)
    forms = {
        "a": joined,
        "b": base64.b64encode(joined.encode()).decode(),
        "c": joined.encode().hex(),
    }
    issued = {"build_id": "bld_1", "upload_url": f"http://u.example/u?{secrets[2]}", **forms}
    named = json.dumps({"image_name": joined, "image_tag": joined}).encode()
    shown = {**JSON, "set-cookie": f"s={secrets[1]}", "x-echo": joined}
    sent = {"authorization": f"Bearer {TOKEN}", "x-team": secrets[3]}
    recorded(
        run, b"", request=("POST", BUILD, sent, named),
        response=(201, shown, json.dumps(issued).encode()),
    )  # fmt: skip
    recorded(run, b"\xff" + joined.encode(), url=f"{BUILD}/{TOKEN}")
    text = "".join(har.page(run))
    decoded = "".join(
        base64.b64decode(one).decode("latin-1")
        for one in re.findall(r'"encoding": "base64", "text": "([^"]*)"', text)
    )

    for secret in secrets:
        assert secret.encode().hex() not in text
        assert base64.b64encode(secret.encode()).decode()[:-4] not in text
        assert secret not in text + decoded
    assert "token-1" in text


def test_names_of_secrets_are_stable_and_apart() -> None:
    """The same secret has one name in the whole file, and each other one another name."""
    run = run_of(group(), headers={"set-cookie": "a=first-cookie; b=second-cookie"})
    recorded(run, group(imageName="first-cookie", imageTag="second-cookie"), after=1)
    recorded(run, group(imageName="first-cookie", imageTag="FIRST-COOKIE"), after=2)
    bodies = [json.loads(one["response"]["content"]["text"]) for one in taped.entries(run)]
    names = [(one["imageName"], one["imageTag"]) for one in bodies[1:]]

    assert names[0][0] == names[1][0]
    assert len({*names[0], *names[1]}) == 3
    assert all(re.fullmatch(r"cookie-\d+", one) for pair in names for one in pair)


@pytest.mark.parametrize(
    "cookie",
    [
        "COMPLETED", "completedAt", "createdAt", "application/json", "2026-05-04T11:00:00Z",
        "2026-05-04", "http://u.example/path", "api/v1/images/build", "1234567890",
        "Mon, 04 May 2026 12:00:00 GMT", "bld_1-and-more", 'x\\": \\"y-y-y-y', "a b c d e f g h",
        "\x7funprintable", "http://u.example/path?a=b",
    ],
)  # fmt: skip
def test_verdicts_do_not_depend_on_what_is_secret(cookie: str, tmp_path: Path) -> None:
    """A server may call anything a cookie: words of the contract, times, its own URLs."""
    run = run_of(
        group(), group(size=1234567890), group(completedAt=None), group(imageName=cookie),
        headers={"set-cookie": f"c={cookie}", "expires": "Mon, 04 May 2026 12:00:00 GMT"},
    )  # fmt: skip
    recorded(
        run, b"", after=9, request=("POST", BUILD, {"authorization": f"Bearer {TOKEN}"}, b"{}"),
        response=(201, {**JSON, "set-cookie": f"c={cookie}"}, json.dumps({
            "build_id": "bld_1-and-more", "expires_in": 1234567890, "fullImagePath": "r/x:1",
            "upload_url": f"http://u.example/path/{cookie}?a=b c" if " " in cookie else
            "http://u.example/path?a=b",
        }).encode()),
    )  # fmt: skip

    assert taped.places_read_back(run, tmp_path) == taped.places(run)


@pytest.mark.parametrize(
    "token", ["BUILDING", "COMPLETED", "images/build", "t", "12345678", "null"]
)
def test_any_token_will_do(token: str, tmp_path: Path) -> None:
    """A token may be a word of the contract; its header is never written."""
    run = run_of(group(), group(status="BUILDING", size=12345678), token=token)

    assert taped.places_read_back(run, tmp_path) == taped.places(run)
    for one in taped.entries(run):
        [header] = [h for h in one["request"]["headers"] if h["name"] == "authorization"]
        assert header["value"] == "Bearer token-1"


@pytest.mark.parametrize("token", ["pit_4f9a7c2e81", "a b", "t"])
def test_token_that_is_not_the_run_s_keeps_its_scheme(token: str) -> None:
    """Through the proxy, clients have tokens of their own; the curl line of a judged file works."""
    run = Run(Target(token=TOKEN))
    sent = {"authorization": f"Bearer {token}"}
    recorded(run, b"", request=("GET", f"{BUILD}/x", sent, b""), response=(401, {}, b""))
    [entry] = taped.entries(run)
    [header] = [h for h in entry["request"]["headers"] if h["name"] == "authorization"]

    assert re.fullmatch(r"Bearer token-\d+ ?", header["value"])


def test_tokens_made_from_the_valid_one_are_made_from_its_name() -> None:
    """A prefix, another case, another scheme: what was tried can be tried again."""
    run = Run(Target(token=TOKEN))
    made = inputs.tokens(TOKEN)
    for value in made.values():
        headers = {} if value is None else {"authorization": value}
        recorded(run, b"", request=("GET", f"{BUILD}/x", headers, b""), response=(401, {}, b""))
    shown = [
        {h["name"]: h["value"] for h in one["request"]["headers"]}.get("authorization")
        for one in taped.entries(run)
    ]

    assert shown == [inputs.tokens("token-1").get(name) for name in made]


UNUSUAL: dict[str, dict[str, Any]] = {
    "no response": {"failure": "no response came within 30 s", "response": (0, {}, None)},
    "304": {"response": (304, JSON, b"")},
    "no headers": {"response": (200, {}, group())},
    "not UTF-8": {"response": (200, JSON, b'{"id": "\xff\xfe"}')},
    "BOM": {"response": (200, JSON, b"\xef\xbb\xbf" + group())},
    "half of a pair of surrogates": {"response": (200, JSON, b'{"id": "\\ud800"}')},
    "a replacement character": {"response": (200, JSON, group(imageName="\ufffd"))},
    "cut JSON": {"response": (200, {**JSON, "content-length": "9"}, group()[:-9])},
    "a key twice": {"response": (200, JSON, b'{"id": "a", "id": "a"}')},
    "NUL": {"response": (200, JSON, b"\0")},
    "not recorded": {"response": (200, JSON, None)},
    "ended before it began": {"at": (NOON, NOON - timedelta(hours=1))},
    "absent": {"is_absent": True},
    "an unusual method": {"request": ("M~", f"{BUILD}/bld_1", {}, b"")},
    "another path": {"request": ("GET", "http://api.example/other", {}, b"")},
    "a status of five digits": {"response": (99999, {}, b"")},
    "an upload": {"upload_of": "bld_1", "request": ("PUT", "http://u.example/", {}, b"")},
    "a body that is not text": {"request": ("POST", BUILD, {}, b"\xff")},
    "a body that was not recorded": {"request": ("POST", BUILD, {}, None)},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_an_exchange_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    """What other tools' files leave to guesses is not guessed."""
    run = run_of(group())
    recorded(run, b"", **UNUSUAL[name])
    made = replay(taped.written(run, tmp_path))

    assert [*map(_plain, made.tape.exchanges)] == [*map(_plain, run.tape.exchanges)]
    assert made.tape.is_whole is run.tape.is_whole is True
    assert taped.read_back(run, tmp_path) == taped.findings(run)


def _plain(one: Exchange) -> tuple[Any, ...]:
    """Return all of an exchange but its token."""
    sent = {name: value for name, value in one.request.headers.items() if name != "authorization"}
    return (
        one.number, one.driver, one.intent, one.operation, one.build_id, one.began, one.ended,
        one.is_absent, one.failure, one.request.method, one.request.url, one.request.credential,
        sent, one.request.content, one.response.status, dict(one.response.headers),
        one.response.content,
    )  # fmt: skip


def test_a_file_that_lacks_entries_proves_nothing_by_that(tmp_path: Path) -> None:
    """Who cuts a file for a report of an error gets no false alarm."""
    run = judge_server(Target(), fuzzing=False)
    path = taped.written(run, tmp_path)
    document = json.loads(path.read_text())
    document["log"]["entries"] = [
        one for one in document["log"]["entries"] if one["_contract"].get("upload_of") is None
    ]
    path.write_text(json.dumps(document))
    made, verdicts, _ = judge.judged(str(path), [*RULES.values()])

    assert made.tape.is_whole is False
    assert [rule for rule, one in verdicts.items() if one.violations] == []


def test_entries_of_another_tool_beside_make_it_any_recording(tmp_path: Path) -> None:
    """What the gate does not know of all entries counts for none."""
    run = run_of(group())
    path = taped.written(run, tmp_path)
    document = json.loads(path.read_text())
    other = json.loads((SAMPLES / "firefox.har").read_text("utf-8-sig"))["log"]["entries"]
    document["log"]["entries"] += other
    path.write_text(json.dumps(document))
    made = replay(path)

    assert made.tape.is_whole is False
    assert {one.driver for one in made.tape.exchanges} == {"recording"}


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("log", "format", 2), ("log", "exchanges", "1"), ("log", "is_whole", None),
        ("entry", "number", "1"), ("entry", "credential", "none"), ("entry", "began", "noon"),
        ("entry", "ended", "2026-05-04T12:00:00"),
    ],
)  # fmt: skip
def test_fields_that_the_gate_does_not_write_are_a_problem(
    where: str, key: str, value: Any, tmp_path: Path
) -> None:
    """A guess would change verdicts."""
    path = taped.written(run_of(group()), tmp_path)
    document = json.loads(path.read_text())
    holder = document["log"] if where == "log" else document["log"]["entries"][0]
    holder["_contract"][key] = value
    path.write_text(json.dumps(document))

    with pytest.raises(Problem, match="_contract"):
        replay(path)


def test_level_is_that_of_the_run(tmp_path: Path) -> None:
    """A rule that was advised in the run is advised in its file, unless a level is given."""
    run = judge_server(Target(fault="completed-null", level="must"), fuzzing=False)
    path = str(taped.written(run, tmp_path))

    assert run.verdicts["T5"].outcome == "advised"
    assert judge.judged(path, [RULES["T5"]])[1]["T5"].outcome == "advised"
    assert judge.judged(path, [RULES["T5"]], "should")[1]["T5"].outcome == "violated"


def test_rules_are_those_of_the_run(tmp_path: Path) -> None:
    """What RULE left out of a run is not judged in its file, unless rules are given."""
    run = judge_server(
        Target(fault="completed-null", rule=("P1", "T1"), level="must"), fuzzing=False
    )
    path = str(taped.written(run, tmp_path))
    found = judge.judged(path, [])

    assert [*found.verdicts] == [*run.verdicts] == ["P1", "T1"]
    assert found.of_run == {"RULE": "P1,T1", "LEVEL": "must"}
    assert [*judge.judged(path, [RULES["T5"]]).verdicts] == ["T5"]
    assert judge.judged(path, [RULES["T5"]], "should").of_run == {}


def test_all_rules_are_all_that_there_are(tmp_path: Path) -> None:
    """A run without RULE names none, so that a rule of a later version judges its file too."""
    path = taped.written(judge_server(Target(), fuzzing=False), tmp_path)
    found = judge.judged(str(path), [])

    assert json.loads(path.read_text())["log"]["_contract"]["rules"] == []
    assert ([*found.verdicts], found.of_run) == ([*RULES], {})


def test_rules_of_another_version_are_a_problem(tmp_path: Path) -> None:
    """Without them, the file would pass by fewer rules than its run."""
    path = taped.written(run_of(group()), tmp_path)
    document = json.loads(path.read_text())
    document["log"]["_contract"]["rules"] = ["T5", "T99"]
    path.write_text(json.dumps(document))

    with pytest.raises(Problem, match="T99"):
        judge.judged(str(path), [])
    assert [*judge.judged(str(path), [RULES["T5"]]).verdicts] == ["T5"]


def test_a_large_run_leaves_bodies_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever a server returns, the file stays small, and shows what it lacks."""
    monkeypatch.setattr(har, "MOST_BYTES", 101_000)
    big = group(imageName="x" * 30_000)
    run = run_of(*[big] * 9)
    path = taped.written(run, tmp_path)
    made = replay(path)

    assert path.stat().st_size < 110_000
    assert 0 < made.bodiless < 9
    assert len(made.tape.exchanges) == 9


def test_a_run_of_many_exchanges_is_cut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Headers alone may be too large: then the last entries are left out."""
    monkeypatch.setattr(har, "MOST_BYTES", 20_000)
    run = run_of(*[group()] * 99)
    path = taped.written(run, tmp_path)
    made = replay(path)

    assert path.stat().st_size < 25_000
    assert len(made.tape.exchanges) < 99
    assert made.tape.is_whole is False


def test_reports_of_no_run_have_no_tape(tmp_path: Path) -> None:
    """A file of the run before is removed with the other reports."""
    junit = tmp_path / "junit.xml"
    files.write({junit: "old", junit.with_name(files.TAPE): ["old"]})
    files.write({junit: "new", junit.with_name(files.TAPE): None})

    assert [one.name for one in tmp_path.iterdir()] == ["junit.xml"]


def test_credentials_are_those_of_the_run(tmp_path: Path) -> None:
    """Whether a token is valid is written, and not guessed from what it got."""
    run = judge_server(Target(fault="completed-null"), fuzzing=False)
    made = replay(taped.written(run, tmp_path))
    credentials = [one.request.credential for one in made.tape.exchanges]

    assert credentials == [one.request.credential for one in run.tape.exchanges]
    assert set(credentials) == {Credential.VALID, Credential.ABSENT, Credential.OTHER}
    assert len(made.tape.of(IMAGES.initiate)) == len(run.tape.of(IMAGES.initiate))


def test_json_stays_json_or_is_left_out(tmp_path: Path) -> None:
    """A secret as a list of its bytes: a name in its place would be no JSON, and violate P8."""
    echoes = ([*TOKEN.encode()], TOKEN, [TOKEN], {TOKEN: TOKEN})
    run = run_of(*(json.dumps({**GROUP, "echo": echo}).encode() for echo in echoes))
    texts = [one["response"]["content"].get("text") for one in taped.entries(run)]
    found = judge.judged(str(taped.written(run, tmp_path)), list(RULES.values()))[1]

    assert texts[0] is None
    assert all(json.loads(one)["id"] == "bld_1" for one in texts[1:])
    assert (run.verdicts["P8"].outcome, found["P8"].outcome) == ("passed", "passed")
