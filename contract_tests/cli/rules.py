"""``rules``: what each rule checks, and the usual fix of a server that violates it."""

from __future__ import annotations

import click

from ..escape import show
from ..nearest import unknown
from ..report import rule_page
from ..rules import RULES, TRAFFIC_RULES
from ..rules.client import CLIENT_RULES
from .options import Command, among

KNOWN = RULES | CLIENT_RULES | TRAFFIC_RULES
ABOUT = """Show each rule, or all about one.

Exit codes: 0 shown, 4 there is no such rule.
"""


@click.command(cls=Command, help=ABOUT, short_help="Show each rule, or all about one.")
@click.argument("rule", metavar="[RULE]", default="", shell_complete=among(KNOWN))
def rules(rule: str) -> None:
    """Show the list, or the page of a rule."""
    if rule:
        if (name := rule.upper()) not in KNOWN:
            raise unknown("rule", name, KNOWN)
        show(rule_page.page(KNOWN[name]).rstrip())
    else:
        show("\n".join(map(rule_page.line, KNOWN.values())))
