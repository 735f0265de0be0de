"""The page of a comparison: what changed, where, who is affected, and what is accepted."""

from __future__ import annotations

import datetime
from html import unescape
from pathlib import Path

import pytest

from ... import cli
from ...contract.openapi import PATH
from ...openapi_diff import KINDS, Breaks, Difference, Direction, differences, load, parse
from ...openapi_diff.accepted import Accepted, split
from ...openapi_diff.kinds import breaks
from ...problems import Exit
from ...report import comparison, html
from ...report.comparison import Compared
from ...report.html import differences as shown
from ..support import readers
from .test_compare import PAIRS, found_in

DOCUMENTS = Path(__file__).parent.parent / "support" / "compare"
SECOND, THIRD = (str(DOCUMENTS / f"{name}.yaml") for name in ("second", "third"))


def compared(base: str = SECOND, revision: str = THIRD) -> Compared:
    """Return what differs between two of the sample documents."""
    one, other = load(base), load(revision)
    return Compared(one, other, differences(one, other), [])


def test_each_difference_has_who_is_affected_and_lines_of_both_documents() -> None:
    """A field that is gone is shown with its schema, without descriptions."""
    first, *_ = found = shown.differences(compared())

    assert (first.kind, first.outcome) == ("field-removed", Breaks.CLIENTS)
    assert [one.partition(":")[0] for one in first.affected] == ["clients that read it"]
    assert [one.text for one in first.lines] == [
        "-{", '-  "type": "string",', '-  "nullable": true', "-}"
    ]  # fmt: skip
    assert found[-1].affected == []


# Where other parts of the documents differ than those that the difference is in.
ELSEWHERE = {"became-nullable", "bound-tightened", "base-path", "value-removed"}


def test_each_kind_of_difference_has_its_lines_and_who_is_affected() -> None:
    """A field that is required stands in the list of its object; a default is of what is absent."""
    kinds = set()
    for title, base, revision, _ in PAIRS:
        found = found_in(title, base, revision)
        for one in shown.differences(Compared(base, revision, found, [])):
            kinds.add(one.kind)
            about = f"{one.kind} in: {title}"
            marks = {line.text[0] for line in one.lines} & {"+", "-"}
            assert marks or one.kind in ELSEWHERE or one.kind.startswith("security-"), about
            if one.kind.startswith("field-") and one.kind.endswith(("-required", "-optional")):
                assert any('"required"' in line.text for line in one.lines), about
            if one.kind.startswith("default-"):
                assert all("left out" in text for text in one.affected), about
    assert {"field-required", "field-optional", "deprecated", "default-changed"} <= kinds


def test_change_of_one_schema_is_shown_as_lines_that_differ() -> None:
    """What is not compared is left out, but for a field of that name."""
    new = {
        "enum: [PENDING": "description: one of\n          x-note: a\n          enum: [PENDING",
        "COMPLETED,": "COMPLETED, ARCHIVED,",
        "errorMessage: {type: string, nullable: true}": (
            "more: {properties: {title: {type: string, title: a}}}\n"
            "        errorMessage: {type: string, title: a}"
        ),
    }  # fmt: skip
    text = changed = Path(SECOND).read_text()
    for old, other in new.items():
        changed = changed.replace(old, other)
    base, revision = (parse(one, "a.yaml") for one in (text, changed))
    both = Compared(base, revision, differences(base, revision), [])
    found = {one.kind: [line.text for line in one.lines] for one in shown.differences(both)}

    assert {kind: [one for one in lines if one[0] in "+-"] for kind, lines in found.items()} == {
        "value-added": ['+    "ARCHIVED",'],
        "never-null": ['-  "type": "string",', '-  "nullable": true', '+  "type": "string"'],
        "field-added": [
            "+{",
            '+  "properties": {',
            '+    "title": {',
            '+      "type": "string"',
            "+    }",
            "+  }",
            "+}",
        ],
    }


def test_accepted_difference_shows_why() -> None:
    """It comes last, and does not count."""
    both = compared()
    entry = Accepted(both.found[0].kind, both.found[0].places[0], "agreed <b>", datetime.date.max)
    found, taken = split(both.found, (entry,))
    page = html.page(html.of_comparison(Compared(both.base, both.revision, found, taken), ""))

    assert readers.html(page) is None
    assert [
        one.outcome for one in shown.differences(Compared(both.base, both.revision, found, taken))
    ][-1] == shown.ACCEPTED
    assert "until 9999-12-31: agreed <b>" in unescape(page)


def test_every_kind_of_difference_says_who_is_affected() -> None:
    """In a response, in a request, and in both."""
    base, revision = load(SECOND), load(THIRD)
    for kind in KINDS:
        ways = [way for way in Direction if KINDS[kind][list(Direction).index(way)] is not None]
        for way in ways:
            one = Difference(kind, breaks(kind, way), ("a",), "", "", "", "", "", (way,))
            [found] = shown.differences(Compared(base, revision, [one], []))

            count = {Breaks.NOBODY: 0, Breaks.BOTH: 2}.get(one.breaks, 1)
            assert len(found.affected) == count, (kind, way)


def test_page_of_many_large_differences_is_bounded() -> None:
    """Up to a number of them, each with some lines."""
    text = Path(SECOND).read_text()
    values = ", ".join(f"v{number:06}{'x' * 200}" for number in range(500))
    one, other = parse(text, "a"), parse(text.replace("COMPLETED,", f"COMPLETED, {values},"), "a")
    found = differences(one, other) * 1100
    page = html.page(html.of_comparison(Compared(one, other, found, []), ""))

    assert len(found) > shown.MOST
    assert len(page.encode()) < 10 * 2**20
    assert page.count('<article id="difference-') == shown.MOST


def test_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the verdict, and the command that compares again; the exit code is the same."""
    file = tmp_path / "a page.html"
    code = cli.main(["compare", THIRD, f"--contract={SECOND}", f"--page={file}"])

    assert code == Exit.FOUND
    assert "3 break clients" in capsys.readouterr().out
    page = file.read_text()
    assert readers.html(page) is None
    assert "<h1>Breaking</h1>" in page
    assert f"contract_tests compare {THIRD} --contract {SECOND}\n" in page


def test_command_to_compare_again() -> None:
    """Make's, where the base is the contract; a blank in a name is quoted."""
    found = [comparison.repeat(base, "a b.yaml", "x.toml") for base in (str(PATH), "base.yaml")]

    assert found == [
        "make compare UPSTREAM='a b.yaml' ACCEPTED=x.toml",
        ".venv/bin/python -m contract_tests compare 'a b.yaml' --contract base.yaml"
        " --accepted x.toml",
    ]
