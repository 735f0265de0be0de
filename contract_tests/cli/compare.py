"""``compare``: what differs between a published document and the contract."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from .. import usage
from ..contract.openapi import PATH
from ..escape import show
from ..openapi_diff import differences, load
from ..openapi_diff.accepted import load as load_accepted
from ..openapi_diff.accepted import split
from ..problems import Exit, Problem
from ..report import comparison, files
from .options import Command, file

ABOUT = """Compare a published OpenAPI document with the contract: what differs, and whom it breaks.

UPSTREAM is a file or a URL. Differences that are accepted in a file are listed, and do not count.

Exit codes: 0 the same, accepted, or compatible (what differs breaks nobody), 1 breaking, 4 cannot
tell.
"""


@click.command(
    cls=Command, help=ABOUT, short_help="Compare a published document with the contract."
)
@click.argument("upstream", metavar="UPSTREAM", shell_complete=file)
@click.option("--contract", metavar="FILE", default=str(PATH), shell_complete=file,
    help="The base; default the contract.")  # fmt: skip
@click.option("--accepted", metavar="FILE", shell_complete=file,
    help="Differences that are accepted for now.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "every", is_flag=True,
    help="List operations that only the revision has, too.")  # fmt: skip
@click.option("--page", metavar="FILE", help="Write the differences there as HTML.",
    shell_complete=file)  # fmt: skip
def compare(
    upstream: str, contract: str, accepted: str | None, as_json: bool, every: bool,
    page: str | None,
) -> int:  # fmt: skip
    """Compare, and show the differences."""
    if not upstream:
        fix = usage.command("compare", UPSTREAM="FILE-OR-URL")
        raise Problem("nothing to compare with", fix)
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        base, revision = load(contract), load(upstream)
        known = load_accepted(Path(accepted), today) if accepted else ()
        both = differences(base, revision, every=True)
        shown = [one for one in both if every or one.kind != "operation-added"]
        found, taken = split(shown, known)
    except RecursionError as error:
        raise Problem(
            f"{upstream} is nested too deep, or refers to itself in too many ways",
            "compare a document with less in it: the operations, and what they refer to",
        ) from error
    if as_json:
        show(comparison.as_json(base, revision, found, taken))
    else:
        parts = [
            comparison.table(found) if found else "",
            comparison.excused(taken),
            comparison.summary(found, taken, len(both) - len(shown)),
        ]
        show("\n\n".join(filter(None, parts)))
    if page:
        from ..report import html

        again = comparison.repeat(contract, revision.name, accepted)
        compared = comparison.Compared(base, revision, found, taken, len(both) - len(shown))
        files.write({Path(page): html.page(html.of_comparison(compared, again))})
    return Exit.FOUND if comparison.verdict(found, taken) == comparison.BREAKING else Exit.OK
