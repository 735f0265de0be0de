"""Violations as data: how they are grouped, what each quotes, and what was received."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from scripts.ci.gate import notes

from ...contract.api import INITIATE, START, STATUS
from ...contract.openapi import contract
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...report import client, markdown, terminal, text, verdicts
from ...rules import HELD, RULES, Broken
from ...tape.call import Call
from ...tape.history import History
from ...tape.tape import Tape
from ...verdicts.judge import ClientJudge, Judge, Outcome, Violation
from ..support.story import BUILD, JSON, TOKEN, artifact, row

BODY = row("b", "COMPLETED", artifacts=[artifact("COMPLETED"), artifact("COMPLETED", "c")])


def recorded(
    tape: Tape,
    body: Any,
    *,
    operation: str = STATUS,
    status: int = 0,
) -> History:
    """Record one response."""
    paths = {STATUS: ("GET", "/b"), START: ("POST", "/b/start"), INITIATE: ("POST", "")}
    method, path = paths[operation]
    request = json.dumps({} if operation == START else {"image_name": "web", "image_tag": "v1"})
    status = status or contract().operations[operation].success
    return tape.record(
        driver="verdicts", intent="test",
        request=(method, BUILD + path, {**JSON, "authorization": f"Bearer {TOKEN}"},
                 request.encode()),
        response=(status, JSON, json.dumps(body).encode()),
    )  # fmt: skip


def seen(judge: Judge, body: Any, **more: Any) -> list[Violation]:
    """Let a judge see one response, on a tape of its own."""
    return judge.see(recorded(Tape(TOKEN), body, **more))


@pytest.fixture
def judge() -> Judge:
    """Judge by all rules."""
    return Judge(RULES.values())


def with_artifacts(**changes: Any) -> dict[str, Any]:
    """Return a sound body with the same change in each artifact."""
    rows = [{**one, **changes} for one in BODY["artifacts"]]
    return {**BODY, "artifacts": [{k: v for k, v in one.items() if v != ...} for one in rows]}


def test_the_same_field_of_two_artifacts_is_one_violation(judge: Judge) -> None:
    """Of one place; the first index is shown, and the group counts exchanges."""
    for _ in range(3):
        [violation] = seen(judge, with_artifacts(startedAt=7))

    verdict = judge.verdicts["T2"]
    [group] = verdict.groups.values()
    assert (violation.field, violation.place) == (
        "$.artifacts[0].startedAt", "$.artifacts[*].startedAt",
    )  # fmt: skip
    assert (group.key.rule, group.key.operation, group.key.place) == ("T2", STATUS, violation.place)
    assert (group.count, verdict.broken, verdict.observed) == (3, 3, 3)
    assert group.first is verdict.violations[0]


def test_two_defects_of_one_rule_are_two_groups(judge: Judge) -> None:
    """The second is not hidden by hundreds of the first, nor by the first of the same response."""
    announced: list[Violation] = []
    judge.announce = announced.append
    for _ in range(20):
        seen(judge, {**BODY, "startedAt": "x"})
    seen(judge, {**BODY, "startedAt": "x", "completedAt": "y"})
    seen(judge, {**BODY, "startedAt": "x"}, operation=START)

    verdict = judge.verdicts["T2"]
    counts = {(one.key.operation, one.key.place): one.count for one in verdict.groups.values()}
    assert counts == {
        (STATUS, "$.startedAt"): 21, (STATUS, "$.completedAt"): 1, (START, "$.startedAt"): 1,
    }  # fmt: skip
    assert verdict.broken == 22
    assert [one.place for one in announced] == ["$.startedAt", "$.completedAt"]
    shown = text.failures(verdict, str)
    assert shown.count("\n  field     ") == shown.count("\n  seen      ") == 2
    assert f"on 22 exchanges: {STATUS} 21, {START} 1" in shown


def test_bodies_of_two_statuses_are_two_groups(judge: Judge) -> None:
    """The place ``$`` is another place in each."""
    seen(judge, [], operation=START)
    seen(judge, [], operation=START, status=422)

    assert [one.status for one in judge.verdicts["P6"].groups] == [200, 422]


def test_a_status_code_is_one_group_whatever_it_is(judge: Judge) -> None:
    """P5 at each operation is one cause to look at first."""
    for status in (500, 502, 500):
        seen(judge, {}, status=status)

    [group] = judge.verdicts["P5"].groups.values()
    assert (group.key.place, group.key.status, group.count) == ("the status code", None, 3)


_MARKS = {"stated", "derived", "observed", "assumed"}
_SCHEMAS = "#/components/schemas"
_GROUP, _ARTIFACT = f"{_SCHEMAS}/BuildStatusResponse", f"{_SCHEMAS}/BuildArtifactStatusResponse"


@pytest.mark.parametrize(
    ("body", "rule", "source", "received"),
    [
        ({**BODY, "startedAt": "x"}, "T2", f"{_GROUP}/properties/startedAt", '"x"'),
        ({**BODY, "completedAt": 7}, "T2", f"{_GROUP}/properties/completedAt", "7"),
        (with_artifacts(startedAt=[]), "T2", f"{_ARTIFACT}/properties/startedAt", "[]"),
        (with_artifacts(completedAt=""), "T2", f"{_ARTIFACT}/properties/completedAt", '""'),
        (with_artifacts(createdAt=None), "T1", f"{_ARTIFACT}/properties/createdAt", "null"),
        (with_artifacts(createdAt=...), "T1", f"{_ARTIFACT}/properties/createdAt", "no such key"),
        ({**BODY, "completedAt": None}, "T5", f"{_GROUP}/properties/completedAt", "null"),
        (with_artifacts(status="Q"), "S2", f"{_ARTIFACT}/properties/status", '"Q"'),
        ({**BODY, "imageTag": {"v": 1}}, "P6", f"{_GROUP}/properties/imageTag", '{"v": 1}'),
        ({**BODY, "artifacts": None}, "P6", f"{_GROUP}/properties/artifacts", "null"),
    ],
)  # fmt: skip
def test_the_field_that_failed_is_quoted(
    judge: Judge, body: Any, rule: str, source: str, received: str
) -> None:
    """The contract's words for that field, and the value that was received there."""
    [violation] = seen(judge, body)

    assert violation.rule.id == rule
    assert violation.source == source
    assert str(violation.received) == received
    assert f"(openapi.yaml{source}" in text.single(violation, str) or "$ref" in contract().node(
        source
    )


@pytest.mark.parametrize(
    ("there", "received"),
    [
        ({}, "no such key"), ({"other": "createdAt", "create": 1}, "no such key"),
        ({"created_at": None}, "no such key; there is created_at"),
        ({"CreatedAt": 7}, "no such key; there is CreatedAt"),
        ({"created-at": "x", "createdat": 1}, "no such key; there is created-at"),
        ({"data": {"createdAt": "x"}}, "no such key; there is data.createdAt"),
        ({"a" * 10_000: {"createdAt": 1}}, f"no such key; there is {'a' * 100}"),
        ({"data": {"created_at": "x"}, "of": ["createdAt"]}, "no such key"),
        ({"created\u017fat": 1, "c\nreatedat": 1}, "no such key"),
    ],
)  # fmt: skip
def test_a_missing_key_is_named_as_it_is_spelt(
    judge: Judge, there: dict[str, Any], received: str
) -> None:
    """Whoever writes created_at, or puts all into an envelope, sees it at once."""
    body = {key: value for key, value in BODY.items() if key != "createdAt"}
    [violation] = seen(judge, {**there, **body})

    assert (violation.rule.id, str(violation.received)) == ("T1", received)


@pytest.mark.parametrize(
    ("status", "body", "is_shown"),
    [
        (422, {"detail": [{"loc": ["body"]}], "code": 7}, '{"detail": […], "code": 7}'),
        (200, {"data": {"id": "b", "x": 1}}, '{"data": {"id": "b", …}}'),
        (422, {"errors": [{"param": "x", "message": "y"}, {}]},
         '{"errors": [{"param": "x", "message": "y"}, …]}'),
        (422, {"errors": "all", "code": 7}, '{"errors": "all", …}'),
    ],
)  # fmt: skip
def test_what_is_there_instead_of_a_missing_key_is_shown(
    judge: Judge, status: int, body: Any, is_shown: str
) -> None:
    """Of a value that is wrong nothing but what leads to it."""
    [first, *_] = [one for one in seen(judge, body, status=status) if one.rule.id == "P6"]

    assert f"  response  {is_shown}\n" in text.single(first, str)


@pytest.mark.parametrize(
    ("operation", "status", "body", "field", "expected", "received"),
    [
        (STATUS, 422, {"detail": []}, "$.errors", "an array", "no such key"),
        (STATUS, 422, "no", "$", "an ErrorResponse", '"no"'),
        (STATUS, 422, {"errors": ["no"]}, "$.errors[0]", "an ErrorDetail", '"no"'),
        (STATUS, 200, [], "$", "a BuildStatusResponse", "[]"),
        (STATUS, 200, {**BODY, "imageName": None}, "$.imageName", "a string", "null"),
        (STATUS, 200, with_artifacts(errorMessage=7), "$.artifacts[0].errorMessage",
         "a string or null", "7"),
        (INITIATE, 201, {"build_id": "b", "upload_url": "https://u.test/b", "expires_in": "60",
                         "fullImagePath": "x", "visibility": "PRIVATE"},
         "$.expires_in", "an integer", '"60"'),
        (INITIATE, 201, {"build_id": "b", "upload_url": "https://u.test/b", "expires_in": 60,
                         "fullImagePath": "x", "visibility": "INHERIT"},
         "$.visibility", "one of PRIVATE, PUBLIC", '"INHERIT"'),
    ],
)  # fmt: skip
def test_p6_shows_expected_and_received(
    judge: Judge, operation: str, status: int, body: Any, field: str, expected: str, received: str
) -> None:
    """In words of the schema, without the validator's message."""
    [violation] = [
        one for one in seen(judge, body, operation=operation, status=status)
        if one.rule.id == "P6"
    ]  # fmt: skip

    assert violation.field == field
    assert violation.expected == expected
    assert str(violation.received) == received


def test_p6_reports_every_error(judge: Judge) -> None:
    """Not the first alone."""
    seen(judge, {**with_artifacts(id=7), "imageName": 1, "imageTag": 2})

    assert [one.place for one in judge.verdicts["P6"].groups] == [
        "$.imageName", "$.imageTag", "$.artifacts[*].id",
    ]  # fmt: skip


def test_a_violation_of_another_judge_is_counted_like_ours(judge: Judge) -> None:
    """What is found elsewhere gets a verdict of its own."""
    history = recorded(Tape(TOKEN), {**BODY, "startedAt": "x"})
    rule = RULES["P6"]
    other = type(rule)("other:check", rule.level, "text", rule.source, rule.over, rule.judge)
    verdict, broken = judge.take(other), Broken("$.startedAt", "a", "b")

    assert judge.add(verdict, history, [broken]) == [
        Violation(other, broken, history.last, history.cause)
    ]
    assert judge.add(verdict, history, [HELD]) == []
    assert judge.take(other) is verdict is judge.verdicts["other:check"]
    assert (verdict.outcome, verdict.observed, verdict.broken) == ("violated", 2, 1)


def test_groups_are_in_the_json() -> None:
    """Each with its place, its count, and the first violation as data."""
    run = Run(Target(rule=("T2",)))
    seen(run.judge, {**BODY, "startedAt": "x", "completedAt": "y"})
    [verdict] = json.loads(verdicts.page(verdicts.document(Report(run=run))))["verdicts"]
    first, second = verdict["groups"]

    assert (verdict["outcome"], verdict["violations"], verdict["first"]) == (
        "violated", 1, first["text"],
    )  # fmt: skip
    assert {key: first[key] for key in ("operation", "place", "field", "status", "count")} == {
        "operation": STATUS, "place": "$.startedAt", "field": "$.startedAt", "status": 200,
        "count": 1,
    }  # fmt: skip
    assert (second["received"], second["source"]) == ('"y"', f"{_GROUP}/properties/completedAt")


def test_every_report_shows_each_group() -> None:
    """The terminal, the page of Markdown and the annotations of a job."""
    run = Run(Target(rule=("T2",)))
    for _ in range(9):
        seen(run.judge, {**BODY, "startedAt": "x"})
    seen(run.judge, {**BODY, "startedAt": "x", "completedAt": "y"})
    [verdict] = run.judge.violated
    [note] = notes(verdicts.document(Report(run=run)))

    for report in (terminal.failure(run, verdict), markdown.page(Report(run=run)), note[2]):
        fields = re.findall(r"^  field +(.+)$", report, re.M)
        counts = re.findall(r"^  seen +(.+)$", report, re.M)
        assert fields == ["$.startedAt", "$.completedAt"]
        assert counts == [f"on 10 exchanges, {STATUS}", f"once, {STATUS}"]


def call(returned: Any, body: Any, operation: str = STATUS) -> Call:
    """Return a call of a client that was answered with a body, and what it made of it."""
    exchange = recorded(Tape(TOKEN), body, operation=operation).last
    return Call("test", operation, exchange, returned)


def test_each_field_that_a_client_loses_is_shown() -> None:
    """By operation and place, with the value that was sent and the one that was kept."""
    changed = {**BODY, "imageTag": "v2"}
    gone = {key: value for key, value in BODY.items() if key != "startedAt"}
    calls = [call(changed, BODY), call(changed, BODY), call(gone, BODY), call(gone, BODY, START)]
    tape, judge = Tape(TOKEN), ClientJudge()
    tape.subscribe(judge.see)
    for one in calls:
        tape.record_call(one)

    verdict = judge.verdicts["C2"]
    assert (verdict.outcome, verdict.calls, verdict.observed) == (Outcome.VIOLATED, 4, 4)
    assert judge.verdicts["C4"].outcome == Outcome.NOT_OBSERVED
    shown = client.failure(verdict).split("\n\n")
    lines = [dict(line.split(maxsplit=1) for line in one.split("\n")[1:]) for one in shown]
    assert [(one["field"], one["received"], one["seen"]) for one in lines] == [
        ("$.imageTag", '"v2"', "on 2 calls"),
        ("$.startedAt", "no such key", "once"),
        ("$.startedAt", "no such key", "once"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({**BODY, "completedAt": "x"}, {"stated": '"format: date-time" (… a-document)'}),
        ({**BODY, "completedAt": None}, {"stated": '"theirs" (… a-document)', "derived": '"ours"'}),
        ({**BODY, "startedAt": None}, {"derived": 'from "theirs" (… a-document)'}),
    ],
)
def test_each_word_is_quoted_by_how_it_is_known(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, body: Any, expected: dict[str, str]
) -> None:
    """What is ours never as the vendor's; a rule quotes only the words that it comes from."""
    properties = contract().schema("BuildStatusResponse")["properties"]
    source = {"mark": "stated", "in": "a-document"}
    ours: dict[str, Any] = {"x-derived": "ours", "x-observed": "seen", "x-source": source}
    for key, values in {"completedAt": ours, "startedAt": {"x-source": source}}.items():
        plain = {k: v for k, v in properties[key].items() if not k.startswith("x-")}
        monkeypatch.setitem(properties, key, {**plain, "description": "theirs", **values})
    [violation] = seen(judge, body)

    lines = [line.split() for line in text.single(violation, str).split("\n")]
    quoted = {line[0]: " ".join(line[1:]) for line in lines if line[0] in _MARKS}
    assert {mark: re.sub(r"\(\S+", "(…", words) for mark, words in quoted.items()} == expected


class Screen(io.StringIO):
    """A stream that is a terminal, or is not."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.is_terminal


def test_progress() -> None:
    """One line that is overwritten, or one every few seconds; with the seconds that are over."""
    run = Run(Target(), at=embedded("a"))
    now = 0.0
    live, log = Screen(is_terminal=True), Screen(is_terminal=False)
    shows = [terminal.progress(run, screen, lambda: now) for screen in (live, log)]
    for what in ("polling\x1b[31m", "waiting", "waiting", ""):
        now += terminal.SELDOM * 0.6
        for show in shows:
            show(what)

    assert live.getvalue().count("\n") == 1
    assert live.getvalue().endswith("\r\x1b[2K")
    assert " s, 0 requests, 0 builds: polling\\u001b[31m" in live.getvalue()
    assert "\x1b" not in live.getvalue().replace("\r\x1b[2K", "")
    assert log.getvalue() == "12 s, 0 requests, 0 builds: waiting\n"
