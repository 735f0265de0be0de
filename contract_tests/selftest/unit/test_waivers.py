"""Waivers: what is read, what is refused, and what exactly each covers."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from ...contract.api import IMAGES, START, STATUS
from ...gate.run import Run
from ...gate.target import GateError, Target
from ...problems import Problem
from ...report import terminal
from ...rules import RULES, Broken
from ...settings import from_environment
from ...verdicts import waivers
from ...verdicts.findings import CHECKS
from ...verdicts.judge import Judge
from ...verdicts.waivers import Waiver
from ..support.snapshots import assert_message
from ..support.story import artifact, row
from .test_verdicts import recorded, seen

TODAY = datetime.date(2026, 11, 24)
LAST = datetime.date(2026, 12, 31)
WAIVER = '[[waiver]]\nrule = "T5"\nreason = "late by a second"\nexpires = 2026-12-31\n'
NAIVE = "2026-11-24T09:00:00"
BODY = row("b", "COMPLETED", artifacts=[artifact("COMPLETED"), artifact("COMPLETED", "c")])


def read(tmp_path: Path, text: str) -> tuple[Waiver, ...]:
    """Read a file of waivers."""
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    return waivers.load(path, list(RULES), TODAY, IMAGES)


def narrowed(**keys: Any) -> Waiver:
    """Return a waiver of T7, or of another rule."""
    return Waiver(**{"rule": "T7", "reason": "known", "expires": LAST, **keys})


def naive(*artifacts: int, group: bool = False) -> dict[str, Any]:
    """Return a body whose createdAt has no offset in some artifacts, and in the group."""
    rows = [
        {**one, **({"createdAt": NAIVE} if index in artifacts else {})}
        for index, one in enumerate(BODY["artifacts"])
    ]
    return {**BODY, "artifacts": rows, **({"createdAt": NAIVE} if group else {})}


def test_waivers_are_read(tmp_path: Path) -> None:
    """A date may be TOML's or a text; the last day counts."""
    text = WAIVER + WAIVER.replace("T5", "t4").replace("2026-12-31", '"2026-11-24"')

    found = read(tmp_path, text)

    assert [(one.rule, str(one.expires)) for one in found] == [
        ("T5", "2026-12-31"), ("T4", "2026-11-24"),
    ]  # fmt: skip
    assert found[0].reason == "late by a second"


@pytest.mark.parametrize(
    ("keys", "narrows"),
    [
        ('operation = "start_image_build"', (START, None, None)),
        ('operation = "upload"', ("upload", None, None)),
        ('path = "$.artifacts[*].createdAt"', (None, "$.artifacts[*].createdAt", None)),
        ('path = "$"', (None, "$", None)),
        ("status = 422", (None, None, 422)),
        ('status = "422"', (None, None, 422)),
        ('status = "4XX"', (None, None, "4XX")),
        ('status = "5xx"\noperation = "get_build_status"', (STATUS, None, "5XX")),
    ],
)
def test_a_waiver_is_narrowed(
    tmp_path: Path, keys: str, narrows: tuple[object, object, object]
) -> None:
    """By an operation, a path, a status code."""
    [found] = read(tmp_path, WAIVER + keys)

    assert (found.operation, found.path, found.status) == narrows


def test_checks_of_schemathesis_are_rules(tmp_path: Path) -> None:
    """By their ids; one that does not exist is an error that names the nearest."""
    for rule in CHECKS.values():
        [found] = read(tmp_path, WAIVER.replace("T5", rule.id))
        assert found.rule == rule.id

    check = CHECKS["status_code_conformance"].id
    with pytest.raises(Problem) as caught:
        read(tmp_path, WAIVER.replace("T5", "schemathesis:status_code_conformity"))
    assert check in caught.value.fix


REFUSED: dict[str, tuple[str, str]] = {
    "unknown rule": ("T5", "T55"),
    "rule of the generated client": ("T5", "c1"),
    "rule that is a number": ('rule = "T5"', "rule = 5"),
    "expired": ("2026-12-31", "2026-11-23"),
    "expires that is not a date": ("2026-12-31", '"someday"'),
    "blank reason": ("late by a second", " "),
    "unknown key": ("reason", "why"),
    "misspelt key": ("reason", "reson"),
    "misspelt optional key": ("expires", "paht"),
    "table instead of an array of tables": ("[[waiver]]", "[waiver]"),
    "misspelt table": ("[[waiver]]", "[[waivers]]"),
    "not TOML": ("[[waiver]]", "[[waiver"),
    "same waiver twice": (WAIVER, WAIVER + WAIVER),
    "same status twice": (WAIVER, WAIVER + "status = 422\n" + WAIVER + "status = '422'\n"),
    "unknown operation": (WAIVER, WAIVER + 'operation = "start_build"'),
    "operation that is a number": (WAIVER, WAIVER + "operation = 1"),
    "path without $": (WAIVER, WAIVER + 'path = "artifacts.createdAt"'),
    "path with an index": (WAIVER, WAIVER + 'path = "$.artifacts[0].createdAt"'),
    "path with empty brackets": (WAIVER, WAIVER + 'path = "$.artifacts[].createdAt"'),
    "unknown path": (WAIVER, WAIVER + 'path = "$.created_at"'),
    "path that is a number": (WAIVER, WAIVER + "path = 7"),
    "status of two digits": (WAIVER, WAIVER + "status = 42"),
    "status that is a boolean": (WAIVER, WAIVER + "status = true"),
    "half a status class": (WAIVER, WAIVER + 'status = "4X"'),
    "list of rules": (WAIVER, 'waiver = ["T5"]'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_invalid_file_is_refused(name: str, tmp_path: Path) -> None:
    """The problem names the entry, and the nearest valid value."""
    with pytest.raises(Problem) as caught:
        read(tmp_path, WAIVER.replace(*REFUSED[name]))

    assert_message("waiver-problems", name, str(caught.value), {tmp_path: "<folder>"})


def test_a_refused_file_ends_the_gate(tmp_path: Path) -> None:
    """As each invalid setting does."""
    path = tmp_path / "waivers.toml"
    path.write_text(WAIVER.replace("T5", "T55"))

    with pytest.raises(GateError, match="unknown rule"):
        from_environment({"CONTRACT_WAIVERS": str(path)})


def test_the_same_rule_at_two_places_is_two_waivers(tmp_path: Path) -> None:
    """Once per rule and place."""
    text = WAIVER + 'path = "$.startedAt"\n' + WAIVER + 'path = "$.completedAt"\n' + WAIVER

    assert [one.scope for one in read(tmp_path, text)] == [
        "T5 $.startedAt", "T5 $.completedAt", "T5",
    ]  # fmt: skip


# For each waiver of T7, whether it covers a naive createdAt: of an artifact in status, of an
# artifact in a start, of the group in status.
COVERS = [
    ({}, (True, True, True)),
    ({"path": "$.artifacts[*].createdAt"}, (True, True, False)),
    ({"path": "$.createdAt"}, (False, False, True)),
    ({"path": "$.artifacts[*].startedAt"}, (False, False, False)),
    ({"operation": STATUS}, (True, False, True)),
    ({"operation": START}, (False, True, False)),
    ({"status": 200}, (True, True, True)),
    ({"status": "2XX"}, (True, True, True)),
    ({"status": 422}, (False, False, False)),
    ({"status": "4XX"}, (False, False, False)),
    ({"operation": START, "path": "$.artifacts[*].createdAt", "status": 200}, (False, True, False)),
    ({"operation": STATUS, "path": "$.artifacts[*].createdAt", "status": 201},
     (False, False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "covered"), COVERS)
def test_a_waiver_covers_exactly_that(keys: dict[str, Any], covered: tuple[bool, ...]) -> None:
    """A violation of the same rule elsewhere still fails."""
    for number, (body, operation) in enumerate([
        (naive(0, 1), STATUS), (naive(1), START), (naive(group=True), STATUS),
    ]):  # fmt: skip
        judge = Judge(RULES.values(), waivers=[narrowed(**keys)])
        seen(judge, body, operation=operation)
        verdict = judge.verdicts["T7"]

        assert verdict.outcome == ("waived" if covered[number] else "violated")
        assert [one.rule.id for one in judge.violated] == ([] if covered[number] else ["T7"])


def test_a_rule_that_is_waived_in_part_is_violated() -> None:
    """Each group is waived or violated; the violated ones fail the run and are shown as such."""
    judge = Judge(RULES.values(), waivers=[narrowed(path="$.artifacts[*].createdAt")])
    for _ in range(3):
        seen(judge, naive(0, group=True))
    verdict = judge.verdicts["T7"]

    outcomes = {group.key.place: (group.outcome, group.count) for group in verdict.groups.values()}
    assert outcomes == {
        "$.artifacts[*].createdAt": ("waived", 3), "$.createdAt": ("violated", 3),
    }  # fmt: skip
    assert verdict.outcome == "violated"
    shown = terminal.failure(Run(Target()), verdict)
    assert "field     $.createdAt" in shown
    assert "artifacts[0].createdAt" not in shown.partition("  exchange  ")[0]
    assert shown.count("\n  field ") == 1


def test_counts_of_a_waiver_name_their_units() -> None:
    """A response that breaks the rule at two places is two violations, on one exchange."""
    waiver = narrowed()
    run = Run(Target(waivers=(waiver,)))
    for _ in range(3):
        recorded(run.tape, naive(0, group=True))
    recorded(run.tape, naive(0))

    assert run.verdicts["T7"].broken == 4
    assert [*terminal.waived(run)] == [
        f"waived        T7 until {LAST}: known (7 violations, on 4 exchanges)"
    ]


def test_a_status_code_divides_a_group() -> None:
    """A waived 503 does not hide a 500 of the same operation."""
    waiver = narrowed(rule="P5", status=503)
    judge = Judge(RULES.values(), waivers=[waiver])
    for status in (503, 500, 503):
        seen(judge, {}, status=status)

    groups = judge.verdicts["P5"].groups.values()
    assert [(group.outcome, group.count) for group in groups] == [("waived", 2), ("violated", 1)]


def test_the_narrower_of_two_is_named() -> None:
    """And both are needed."""
    wide, narrow = narrowed(), narrowed(path="$.createdAt")
    judge = Judge(RULES.values(), waivers=[wide, narrow])
    seen(judge, naive(group=True))
    verdict = judge.verdicts["T7"]

    assert [group.key.waiver for group in verdict.groups.values()] == [narrow]
    assert verdict.unneeded([one.exchange for one in verdict.violations]) == []


def test_a_body_of_fastapi_is_waived_for_its_status() -> None:
    """P6 alone, at ``$.errors`` of a 422; another body that does not match still fails."""
    judge = Judge(RULES.values(), waivers=[narrowed(rule="P6", status=422)])
    detail = {"detail": [{"loc": ["body"], "msg": "Field required", "type": "missing"}]}
    seen(judge, detail, operation=START, status=422)
    assert {rule: one.outcome for rule, one in judge.verdicts.items() if one.groups} == {
        "P6": "waived"
    }

    seen(judge, {**BODY, "imageTag": 7})
    assert judge.verdicts["P6"].outcome == "violated"


# Waiver, what the server returns, and whether the waiver has to be taken out.
UNNEEDED = [
    ({}, [(BODY, STATUS)], True),
    ({}, [(naive(0), STATUS)], False),
    ({}, [], False),
    ({"operation": START}, [(BODY, STATUS)], False),
    ({"operation": START}, [(BODY, STATUS), (BODY, START)], True),
    ({"operation": START}, [(naive(0), STATUS), (BODY, START)], True),
    ({"status": 422}, [(BODY, STATUS)], False),
    ({"path": "$.createdAt"}, [(naive(0), STATUS)], True),
    ({"path": "$.artifacts[*].createdAt"}, [(BODY, STATUS)], True),
    ({"path": "$.artifacts[*].createdAt"}, [(naive(group=True), STATUS)], True),
    ({"path": "$.artifacts[*].createdAt"}, [({**BODY, "artifacts": []}, STATUS)], False),
    ({"path": "$.artifacts[*].createdAt"}, [(row("b", "COMPLETED"), STATUS)], False),
    ({"path": "$.errors", "rule": "P6"}, [(BODY, STATUS)], True),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "bodies", "is_unneeded"), UNNEEDED)
def test_a_waiver_that_covers_nothing(
    keys: dict[str, Any], bodies: list[tuple[Any, str]], is_unneeded: bool
) -> None:
    """It has to be taken out where its rule was observed, on what it could have covered."""
    waiver = narrowed(**keys)
    run = Run(Target(waivers=(waiver,)))
    for number, (body, operation) in enumerate(bodies):
        recorded(run.tape, {**body, "id": f"b{number}"}, operation=operation)

    verdict = run.judge.verdicts[waiver.rule]
    assert verdict.unneeded(run.tape.exchanges) == ([waiver] if is_unneeded else [])


def test_a_check_of_schemathesis_is_waived_and_unneeded_like_a_rule() -> None:
    """What it finds is a violation; where it looked and found nothing, the waiver is taken out."""
    rule = CHECKS["status_code_conformance"]
    waiver = narrowed(rule=rule.id, operation=STATUS, status=404)
    for found_status, outcome, unneeded in ((404, "waived", []), (410, "violated", [waiver])):
        run = Run(Target(waivers=(waiver,)))
        history = recorded(run.tape, {}, status=found_status)
        recorded(run.tape, {}, status=404)
        broken = Broken("the status code", "a documented one", str(found_status))
        verdict = run.judge.take(rule)
        run.judge.add(verdict, history, [broken])
        verdict.where[STATUS, 404] += 1

        assert verdict.outcome == outcome
        assert verdict.unneeded(run.tape.exchanges) == unneeded
