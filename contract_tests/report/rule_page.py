"""What there is to know of a rule: the page in docs/rules, and what ``rules T5`` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from ..contract.openapi import contract
from ..gate.target import STATELESS
from ..reference.faults import FAULTS
from ..rules import Rule
from ..rules.client import CLIENT_RULES, ClientRule
from ..rules.evidence import EVIDENCE
from ..rules.examples import EXAMPLES
from ..rules.fixes import FIXES
from ..usage import command, setting
from .text import quoted

_MORE = {"L14": {"STUCK_AFTER": "600"}}
"""What else a command needs: by default the gate stops polling before a build counts as stuck."""

_LEVELS = """The levels: MUST is what the published contract or a standard states, SHOULD what is
[derived, observed or assumed](../known.md), ADVICE what is worth knowing. By default MUST and
SHOULD rules fail a run, and ADVICE is shown; [`LEVEL`](../gate.md#settings) changes that."""
"""What the column of levels means."""


def line(rule: Rule[Any] | ClientRule) -> str:
    """Return id, level and sentence."""
    return f"{rule.id:<3} {rule.level:<6}  {rule.text}"


def page(rule: Rule[Any] | ClientRule) -> str:
    """Return everything about a rule, as Markdown."""
    return "\n".join(_lines(rule)) + "\n"


def index(rules: Iterable[Rule[Any]]) -> str:
    """Return the list of the rules that have a page, as Markdown."""
    about = "where it comes from, what is not a violation, an example, the usual fix"
    own = f"Those of the generated client, {', '.join(CLIENT_RULES)}, have no page"
    lines = ["# The rules", "", f"Each has a page: {about}.", ""]
    lines += [f"{own}: `make rules` lists them, `make rules RULE=C1` shows one.", ""]
    lines += [_LEVELS, ""]
    lines += ["| rule | level | what it checks |", "|---|---|---|"]
    lines += [f"| [{one.id}]({one.id}.md) | {one.level} | {one.text} |" for one in rules]
    return "\n".join(lines) + "\n"


def to_see(rule: Rule[Any]) -> dict[str, str]:
    """Return the settings of the gate with which the first fault of a rule fails a run."""
    first = next(one for one in FAULTS.values() if one.rule == rule.id)
    level = {} if rule.level.fails("should") else {"LEVEL": "advice"}
    return {"RULE": rule.id, **level, "FAULT": first.name, **_MORE.get(rule.id, {})}


def _lines(rule: Rule[Any] | ClientRule) -> Iterator[str]:
    yield f"# {rule.id} {rule.level}: {rule.text}"
    yield from ("", (inspect.getdoc(rule.judge) or "").replace("``", "`"))
    if isinstance(rule, ClientRule):
        return
    if rule.needs_memory:
        skips = f"{setting('PROFILE', STATELESS)} skips it"
        yield from ("", f"It needs memory of earlier requests: {skips}.")
    words = list(quoted(rule, contract(), rule.source))
    if words and not rule.standard:  # which the docstring names
        yield from ("", "The words that it comes from:", "")
        yield from (f"- {mark}: {one}" + (f" (`{at}`)" if at else "") for mark, one, at in words)
    example = EXAMPLES[rule.id]
    yield from ("", "## Example", "", "```text", f"violates  {example.wrong}")
    yield from (f"right     {example.right}", "```")
    yield from ("", "## The usual fix", "", FIXES[rule.id])
    if rule.is_of_client:
        yield from ("", "## To check a client", "", "```sh", command("proxy", RULE=rule.id), "```")
        return
    broken = [one for one in FAULTS.values() if one.rule == rule.id]
    yield from ("", "## How it is violated", "", "Faults of the reference server, each caught:", "")
    yield from (f"- `{one.name}`: {one.summary}" for one in broken)
    yield from ("", "To see the first:", "", "```sh", command("gate", **to_see(rule)), "```")
    if defects := EVIDENCE.get(rule.id):
        yield from ("", "## Seen elsewhere", "", "Public defects that it would have caught:", "")
        yield from (f"- {one.what} [{one.repository}#{one.number}]({one.url})" for one in defects)
