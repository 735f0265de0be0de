"""The page of HTML: what it shows of a run, and what it leaves out of a large one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from ...contract.api import IMAGES, STATUS
from ...drivers.images import Image
from ...gate.result import Report
from ...gate.run import Run
from ...gate.target import Target, embedded
from ...problems import Problem
from ...report import badge, html
from ...report.html import body, charts, exchanges
from ...tape.call import Call
from ...tape.tape import Tape
from ...verdicts.judge import ClientJudge, Outcome
from ..support import readers
from ..support.recordings import status_body

API = "https://builds.example/api/v1/images/build"
TOKEN = "token-of-the-run"  # noqa: S105


def run_of(
    *bodies: dict[str, Any], build: str = "bld_1", rule: tuple[str, ...] = ("T5", "P6")
) -> Run:
    """Return a run that has seen these answers of status."""
    run = Run(Target("https://builds.example", TOKEN, rule=rule), at=embedded(TOKEN))
    for one in bodies:
        record(run.tape, one, build)
    return run


def record(tape: Tape, content: dict[str, Any], build: str = "bld_1") -> None:
    """Put an answer of status onto a tape."""
    tape.record(
        driver="test", intent="status", request=("GET", f"{API}/{build}", {}, b""),
        response=(200, {"Content-Type": "application/json"}, json.dumps(content).encode()),
    )  # fmt: skip


def page_of(run: Run) -> str:
    """Return the page of a run."""
    return html.page(html.of_gate(Report(target=run.target, run=run)))


BROKEN = status_body("COMPLETED", completedAt=None)


def test_what_breaks_a_rule_is_marked() -> None:
    """The field first, with its lines of the response; and a link to the exchange."""
    page = page_of(run_of(status_body("BUILDING"), BROKEN))

    assert readers.html(page) is None
    assert re.search(r'<mark>.*"completedAt": null', unescape(page))
    assert '<article class="cause violated" data-rule="T5"' in page
    assert 'href="#exchange-2"' in page
    assert 'id="exchange-2"' in page


def test_one_cause_for_all_operations() -> None:
    """A rule that is broken at one place of two operations is one cause to fix."""
    run = run_of(BROKEN)
    run.tape.record(
        driver="test", intent="start", request=("POST", f"{API}/bld_1/start", {}, b"{}"),
        response=(200, {"Content-Type": "application/json"}, json.dumps(BROKEN).encode()),
    )  # fmt: skip
    page = page_of(run)

    assert "1 cause to fix" in page
    assert "get_build_status \u00d71, start_image_build \u00d71" in page


def test_what_fails_beside_the_causes_is_shown() -> None:
    """What is required and was not observed, and a rule of the client, each whole."""
    run = run_of(status_body("BUILDING"))
    run = Run(replace(run.target, require=("delete_image",)), at=run.endpoint)
    record(run.tape, BROKEN)
    client = ClientJudge()
    client.see(Call("a call", STATUS, None, leaks=("the <b>result",)))
    page = html.page(html.of_gate(Report(target=run.target, run=run, client=client.verdicts)))

    assert readers.html(page) is None
    assert "1 cause to fix, " in page
    assert "REQUIRE: not observed: delete_image" in page
    assert "field     the &lt;b&gt;result" in page
    assert "Usual fix</strong> C5" not in page


def test_first_screen_shows_what_is_left_behind() -> None:
    """As the terminal does; whose name it is stays text."""
    run = run_of(status_body("BUILDING"))
    run.own.made[Image("v<1>")] = ["b1"]
    page = page_of(run)

    head = page.partition("<nav")[0]
    assert readers.html(page) is None
    assert "left behind" in head
    assert "v&lt;1&gt;" in head
    assert "(not tried)" in head


def test_no_server_was_judged() -> None:
    """A page without a run says why."""
    page = html.page(html.of_gate(Report(problem=Problem("the server refused it", "see why"))))

    assert readers.html(page) is None
    assert "refused it" in page


def test_a_build_that_goes_back_comes_first() -> None:
    """Whatever the number of builds before it."""
    run = run_of()
    for number in range(charts.MOST_BUILDS + 5):
        record(run.tape, status_body("BUILDING"), f"b{number}")
    for status in ("BUILDING", "PENDING"):
        record(run.tape, status_body(status), "backwards")
    ways = charts.timelines(html.of_gate(Report(target=run.target, run=run)))

    assert [one.build for one in ways if one.is_back] == ["backwards"]
    assert ways[0].said == "BUILDING → PENDING"
    assert len(ways) == charts.MOST_BUILDS


def test_the_matrix_knows_what_is_forbidden() -> None:
    """As T3 to T5 do; an artifact is judged as a group is."""
    run = run_of(BROKEN, status_body("BUILDING"))
    matrices = charts.matrices(html.of_gate(Report(target=run.target, run=run)))
    cells = {
        (matrix.row, status, *times): square
        for matrix in matrices
        for status, squares in matrix.lines
        for times, square in zip(matrix.columns, squares, strict=True)
    }

    assert len(cells) == 2 * len(IMAGES.statuses) * 9
    for row in ("group", "artifact"):
        kinds = {key[1:]: one.kind for key, one in cells.items() if key[0] == row}
        legal = {key for key, kind in kinds.items() if kind in ("seen", "legal")}
        assert ("COMPLETED", "set", "set") in legal
        assert ("FAILED", "null", "set") in legal
        assert ("PENDING", "null", "absent") in legal
        assert not any(key[0] in ("PENDING", "UPLOADING") and "set" in key for key in legal)
        assert not any(key[0] == "COMPLETED" and key[1:] != ("set", "set") for key in legal)
    assert cells["group", "COMPLETED", "set", "null"] == charts.Square(1, "broken")


MARKS = {
    "$.a": '"a": 1', "$.b[1]": "2", "$.c.d": '"d": {}', "$.c.missing": '"c": {', "$.b[9]": '"b": [',
    "$": "{", "status code": "", "$.no.such.way": "{",
}  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_marked_line(mark: str) -> None:
    """The value itself, or what is around it where it is missing."""
    content = json.dumps({"a": 1, "b": [1, 2], "c": {"d": {}}})
    marked = [one.text.strip(" ,") for one in body.body(content, str, [mark]) if one.is_marked]

    assert marked == ([MARKS[mark]] if MARKS[mark] else [])


CONTENTS = (
    "", "not JSON", "{", "[" * 5000, '{"a": ' * 900 + "1" + "}" * 900, "x" * 5_000_000,
    json.dumps(["y" * 5_000_000]), json.dumps([{}] * 100_000), json.dumps({"\u202e\x1b": "\0"}),
    '"text"', "1e999", '{"a": 1, "a": 2}', "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(CONTENTS)))
def test_any_body_is_shown_within_bounds(number: int) -> None:
    """As lines that a reader sees, and not too many."""
    lines = body.body(CONTENTS[number], str, ["$.a"])

    assert len(lines) <= body.MOST_LINES
    assert sum(len(one.text) for one in lines) < 300_000
    assert all(one.text.isprintable() for one in lines)


def test_body_is_shown_as_it_was_sent() -> None:
    """A key that stands twice is shown twice, and a number with its digits."""
    lines = body.body('{"a": 1.50, "a": {}, "b": 1e999, "c": [NaN, []]}', str, ["$.a"])

    assert [one.text.strip() for one in lines] == [
        "{", '"a": 1.50,', '"a": {},', '"b": 1e999,', '"c": [', "NaN,", "[]", "]", "}"
    ]  # fmt: skip
    assert [one.text.strip() for one in lines if one.is_marked] == ['"a": 1.50,', '"a": {},']


@pytest.mark.slow
def test_a_large_run_is_a_page_of_ten_megabytes_at_most() -> None:
    """All of its exchanges are listed up to a number, the violating ones whole first."""
    run = run_of(rule=("T5",))
    large = status_body("COMPLETED", errorMessage="e" * 20_000, completedAt=None)
    for number in range(exchanges.MOST + 10):
        record(run.tape, large if number % 3 == 0 else BROKEN, f"b{number % 50}")
    page = page_of(run)

    assert len(page.encode()) <= 10 * 2**20
    assert page.count('<li id="exchange-') == exchanges.MOST
    assert '<details><summary><span class="number">1<' in page


def test_outcomes_have_a_style() -> None:
    """A badge of each outcome is named in the style, or looks as what was not judged."""
    named = {one for one in Outcome if f".badge.{str(one).replace(' ', '-')}" in html.page(
        html.Subject("x", "passed", ())
    )}  # fmt: skip

    assert named == set(Outcome) - {Outcome.NOT_OBSERVED, Outcome.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("report", "message", "colour"),
    [
        (lambda: Report(run=run_of(status_body("BUILDING"))), "2 rules passed", "brightgreen"),
        (lambda: Report(run=run_of(BROKEN)), "1 violated", "red"),
        (lambda: Report(problem=Problem("unreachable", "")), "cannot judge", "lightgrey"),
        (lambda: Report(is_interrupted=True, run=run_of(BROKEN)), "interrupted", "lightgrey"),
    ],
)
def test_badge(report: Callable[[], Report], message: str, colour: str) -> None:
    """As shields reads it: a message and a colour."""
    shown = json.loads(badge.page(report()))

    assert (shown["schemaVersion"], shown["label"]) == (1, "contract")
    assert (shown["message"], shown["color"]) == (message, colour)
