"""The pages of docs/rules, the command that prints them, and the help of each rule."""

from __future__ import annotations

import json
import os
import pydoc
import re
from pathlib import Path
from typing import Any

import pytest

from ... import cli, program
from ...contract.openapi import PATH
from ...gate import corpus
from ...payloads import STATUS, Payload
from ...problems import Exit
from ...report import rule_page
from ...rules import RULES, TRAFFIC_RULES, Level, Rule
from ...rules.client import CLIENT_RULES, ClientRule
from ...rules.evidence import EVIDENCE
from ...rules.examples import EXAMPLES
from ...rules.fixes import FIXES

PAGES = PATH.parent / "docs/rules"
INDEX = PAGES / "README.md"
PAGED = RULES | TRAFFIC_RULES


@pytest.mark.parametrize("rule", PAGED.values(), ids=PAGED)
def test_page_of_a_rule_is_what_the_code_says(rule: Rule[Any]) -> None:
    """With UPDATE_SNAPSHOTS it is written."""
    page, path = rule_page.page(rule), PAGES / f"{rule.id}.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGES.mkdir(exist_ok=True)
        path.write_text(page, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == page


def test_there_is_a_page_and_a_fix_for_each_rule_and_no_other() -> None:
    """A rule that is new, or gone, is noticed."""
    assert [*FIXES] == [*EXAMPLES] == [*PAGED]
    assert {path.stem for path in PAGES.iterdir()} == {*PAGED, INDEX.stem}


def test_index_of_the_pages_is_what_the_code_says() -> None:
    """With UPDATE_SNAPSHOTS it is written."""
    index = rule_page.index(PAGED.values())
    if os.environ.get("UPDATE_SNAPSHOTS"):
        INDEX.write_text(index, encoding="utf-8")

    assert INDEX.read_text(encoding="utf-8") == index


BASE = {
    "id": "bld_1", "imageName": "web", "imageTag": "v1", "status": "PENDING",
    "createdAt": "2026-11-24T09:00:00Z",
}  # fmt: skip
BODIES = [name for name, one in EXAMPLES.items() if one.wrong.startswith("{")]


@pytest.mark.parametrize("rule", BODIES)
def test_example_violates_its_rule_and_what_is_right_violates_none(rule: str) -> None:
    """Those of a body, which is completed to that of a build."""
    for body, expected in zip(EXAMPLES[rule], ({rule}, set()), strict=True):
        content = json.dumps(BASE | json.loads(body)).encode()
        payload = Payload(rule, STATUS, content, "application/json", False, None, None)

        [judged] = corpus.judged([], [payload])

        assert {one.id for one, _ in judged.broken} == expected


def test_evidence_is_of_a_rule_and_names_what_happened() -> None:
    """Once each: an issue or a pull request with its number."""
    defects = [one for those in EVIDENCE.values() for one in those]

    assert {*EVIDENCE} < {*RULES}
    assert len(EVIDENCE) >= 25
    assert len({(one.repository, one.number) for one in defects}) == len(defects)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", one.repository) for one in defects)
    assert all(one.number > 0 and one.what.endswith(".") for one in defects)


@pytest.mark.parametrize("rule", [*RULES, *CLIENT_RULES, *TRAFFIC_RULES])
def test_command_shows_all_about_a_rule(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In lower case, too; for make, a rule is a variable."""
    assert cli.main(["rules", rule.lower()]) == Exit.OK
    assert capsys.readouterr().out.startswith(f"# {rule} ")


def test_summary_links_to_the_pages_where_it_lies_in_the_clone(tmp_path: Path) -> None:
    """Elsewhere, as in the workspace of a job, the link would lead nowhere."""
    assert program._rule_pages(PATH.parent / "reports/junit.xml") == "../docs/rules"
    assert program._rule_pages(tmp_path / "junit.xml") == ""


def test_command_lists_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each, those of the client last."""
    assert cli.main(["rules"]) == cli.main(["rules", ""]) == Exit.OK
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert shown == [*RULES, *CLIENT_RULES, *TRAFFIC_RULES] * 2


def test_unknown_rule_ends_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    """And the nearest one."""
    assert cli.main(["rules", "T55"]) == Exit.CANNOT_TELL
    assert "use T5" in capsys.readouterr().err


EVERY_RULE = RULES | CLIENT_RULES | TRAFFIC_RULES


@pytest.mark.parametrize("rule", EVERY_RULE.values(), ids=EVERY_RULE)
def test_help_of_a_rule_shows_its_source_and_what_is_not_a_violation(
    rule: Rule[Any] | ClientRule,
) -> None:
    """What the contract states is a MUST; what is concluded from it is not."""
    shown = pydoc.plain(pydoc.render_doc(rule.judge))
    marks = r"^ *Source: (stated|derived|observed|assumed|standard)\b"
    source = re.search(marks, shown, re.MULTILINE)

    assert source
    assert (source[1] == "stated") is (rule.level is Level.MUST)
    assert (source[1] == "standard") is bool(getattr(rule, "standard", ""))
    assert re.search(r"^ *Not a violation:\s+- ", shown, re.MULTILINE)
